package jwks

import (
	"crypto"
	"crypto/sha256"
	"sync/atomic"

	"github.com/MicahParks/jwkset"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// Key is one public key of one authorization server. Its method set is safe for
// concurrent use; the same Key stays in use for as long as its set lists it
// unchanged.
type Key struct {
	meta       jwkset.JWKMetadataOptions // kid, alg, use and key_ops, as listed
	issuer     string
	public     *jose.PublicKey
	material   crypto.PublicKey // what public verifies with
	thumbprint [sha256.Size]byte
	identity   [sha256.Size]byte // of (kid, thumbprint, alg, use, key_ops, issuer)
	retired    atomic.Bool       // set once: a key that is listed again is another Key

	// The algorithms for which the last known set answers with this key: to its
	// kid, and to a token without one. Another key can make either ambiguous.
	byID, alone atomic.Uint32
}

// ID is the key's kid; empty when it has none.
func (k *Key) ID() string { return k.meta.KID }

// Issuer is the key's issuer member, by which Entra ID says whose tokens the key
// signs (a template, in a set for all tenants); empty when it has none. Nobody
// here compares it with anything.
func (k *Key) Issuer() string { return k.issuer }

// Thumbprint is the key's SHA-256 JWK thumbprint (RFC 7638).
func (k *Key) Thumbprint() [sha256.Size]byte { return k.thumbprint }

// Trusted reports whether the authorization server's last known key set lists
// this key, with this very material and purpose.
func (k *Key) Trusted() bool { return !k.retired.Load() }

// TrustedFor reports whether Source.Key would still answer with this key: kid is
// the one that was asked for, the key's own or empty.
func (k *Key) TrustedFor(kid, algorithm string) bool {
	alg, _ := jose.ParseAlgorithm(algorithm)
	answers := &k.byID
	if kid == "" {
		answers = &k.alone
	}
	return jose.Algorithms(answers.Load()).Has(alg) // #nosec G115 -- only an Algorithms is stored there
}

// Verify checks a JWS signature over signed, the signing input. The algorithm
// must be one that the key is bound to.
func (k *Key) Verify(algorithm, signed string, signature []byte) error {
	alg, _ := jose.ParseAlgorithm(algorithm) // no key fits the zero Algorithm
	return k.public.Verify(alg, signed, signature)
}
