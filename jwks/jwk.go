package jwks

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/MicahParks/jwkset"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// rawKey is a JWK as listed, with the member in which Entra ID names the issuer
// whose tokens the key signs.
type rawKey struct {
	jwkset.JWKMarshal
	Issuer jsontext.Value `json:"issuer"`
}

// parseKey reads one member of a key set. Without a key, skipped says why.
func parseKey(text jsontext.Value) (k *Key, skipped Skipped) {
	var raw rawKey
	// Strictly: a duplicate member or a kid that is no string makes this key unusable.
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, Skipped{Why: "not a JWK"}
	}
	issuer, why := raw.issuer()
	if why == "" {
		k, why = newKey(raw.JWKMarshal, issuer)
	}
	if why != "" {
		return nil, Skipped{KeyID: raw.KID[:min(len(raw.KID), jose.MaxKeyID)], Why: why}
	}
	return k, Skipped{}
}

// issuer reads the issuer member. What is there and says nothing must not pass for
// a key that no issuer is named for.
func (raw *rawKey) issuer() (issuer, why string) {
	if raw.Issuer == nil {
		return "", ""
	}
	if json.Unmarshal(raw.Issuer, &issuer) != nil || issuer == "" { // null reads as ""
		return "", "issuer is not the name of one"
	}
	return issuer, ""
}

// newKey turns a JWK into a key that may verify tokens, or says why it may not.
func newKey(raw jwkset.JWKMarshal, issuer string) (k *Key, why string) {
	switch {
	case len(raw.KID) > jose.MaxKeyID:
		return nil, "kid is too long"
	case raw.KTY == jwkset.KtyOct:
		return nil, "symmetric" // whoever can read the set could sign with it
	case raw.D != "" || raw.P != "" || raw.Q != "" || raw.DP != "" || raw.DQ != "" || raw.QI != "" || raw.K != "" || len(raw.OTH) > 0:
		return nil, "private members" // published: anybody can sign with it
	case raw.USE != "" && raw.USE != jwkset.UseSig:
		return nil, "use is not sig" // RFC 7517 4.2
	case raw.KEYOPS != nil && !slices.Contains(raw.KEYOPS, jwkset.KeyOpsVerify):
		return nil, "key_ops without verify" // RFC 7517 4.3
	}
	jwk, err := jwkset.NewJWKFromMarshal(raw, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{
		SkipKeyOps: true, SkipX5UScheme: true, // judged above; never followed
	})
	if err != nil {
		return nil, "unusable: " + err.Error()
	}
	public, err := jose.NewPublicKey(jwk.Key(), string(raw.ALG))
	if err != nil {
		return nil, err.Error()
	}
	k = &Key{
		public: public, material: jwk.Key(), thumbprint: public.Thumbprint(), issuer: issuer,
		meta: jwkset.JWKMetadataOptions{KID: raw.KID, ALG: raw.ALG, USE: raw.USE, KEYOPS: raw.KEYOPS},
	}
	k.identity = k.identify()
	return k, ""
}

// identify hashes what makes a key itself: kid, material, alg, use, the issuer that
// it is listed for, and key_ops. The issuer of the source is not in it because no
// identity is ever compared across sources.
func (k *Key) identify() [sha256.Size]byte {
	h := sha256.New()
	h.Write(k.thumbprint[:])
	for _, text := range append([]string{k.meta.KID, string(k.meta.ALG), string(k.meta.USE), k.issuer}, operations(k.meta.KEYOPS)...) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(text))))
		h.Write([]byte(text))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func operations(list []jwkset.KEYOPS) (names []string) {
	for _, op := range list {
		names = append(names, string(op))
	}
	slices.Sort(names)
	return names
}

// jwk is the key as jwkset has it, rebuilt from the material: nothing of the text
// that was fetched is kept. It names no alg, but for EdDSA.
func (k *Key) jwk() (jwkset.JWK, error) {
	return jwkset.NewJWKFromKey(k.material, jwkset.JWKOptions{
		Metadata: jwkset.JWKMetadataOptions{KID: k.meta.KID, USE: k.meta.USE, KEYOPS: k.meta.KEYOPS},
		Validate: jwkset.JWKValidateOptions{SkipAll: true}, // newKey has
	})
}
