package validatortest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/golang-jwt/jwt/v5"
)

// key is one signing key. Copies share the material, which never changes.
type key struct {
	kid, alg string
	signer   crypto.Signer
	listed   bool // in the key set
	encrypts bool // it says that it is not for signatures

	certificate func() []byte // self-signed, made when it is first asked for
}

// sign signs input by the key's own algorithm.
func (k key) sign(input string) []byte { return signAs(k.signs(), k.signer, input) }

// signs is the algorithm that the key signs by. One for encryption does so by
// mistake.
func (k key) signs() string {
	if k.encrypts {
		return "RS256"
	}
	return k.alg
}

// signAs signs input by any asymmetric algorithm the material allows.
func signAs(alg string, signer crypto.Signer, input string) []byte {
	sig, err := jwt.GetSigningMethod(alg).Sign(input, signer)
	if err != nil {
		panic(fmt.Sprintf("validatortest: %s: %v", alg, err))
	}
	return sig
}

// ring holds the keys of a server, in the order of the key set.
type ring struct {
	keys     []key
	current  string                   // kid of the one that signs
	made     int                      // numbers the kids
	named    func(key, string) string // what a kid is called; nil: as counted
	borrowed []*rsa.PrivateKey
}

// add takes in a new key and returns its kid, such as "es256-2".
func (r *ring) add(alg string, signer crypto.Signer, listed bool) string {
	r.made++
	k := key{kid: fmt.Sprintf("%s-%d", strings.ToLower(alg), r.made), alg: alg, listed: listed}
	r.take(&k, signer)
	if r.named != nil {
		k.kid = r.named(k, k.kid)
	}
	r.keys = append(r.keys, k)
	return k.kid
}

// rekey gives a key its material.
func (r *ring) rekey(kid string, signer crypto.Signer) { r.take(r.find(kid), signer) }

func (r *ring) take(k *key, signer crypto.Signer) {
	k.signer = signer
	k.certificate = sync.OnceValue(func() []byte { return selfSigned(signer) })
	if private, ok := signer.(*rsa.PrivateKey); ok {
		r.borrowed = append(r.borrowed, private)
	}
}

// find returns the key called kid, the current one for "".
func (r *ring) find(kid string) *key {
	if kid == "" {
		kid = r.current
	}
	i := slices.IndexFunc(r.keys, func(k key) bool { return k.kid == kid })
	if i < 0 {
		panic(fmt.Sprintf("validatortest: no key %q", kid))
	}
	return &r.keys[i]
}

// algorithms of the listed keys, each once.
func (r *ring) algorithms() []string {
	var algs []string
	for _, k := range r.keys {
		if k.listed && !k.encrypts && !slices.Contains(algs, k.alg) {
			algs = append(algs, k.alg)
		}
	}
	return algs
}

// giveBack leaves the RSA keys to later servers.
func (r *ring) giveBack() {
	rsaKeys.give(r.borrowed)
	r.borrowed = nil
}

// newSigner makes a private key for alg (RFC 7518 section 3.1, RFC 8037). It
// is slow for RSA, so call it without a lock.
func newSigner(alg string) (crypto.Signer, error) {
	switch alg {
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
		return rsaKeys.take()
	case "ES256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "EdDSA":
		_, k, err := ed25519.GenerateKey(rand.Reader)
		return k, err
	}
	return nil, fmt.Errorf("validatortest: cannot sign with the algorithm %q", alg)
}

func mustSigner(alg string) crypto.Signer {
	signer, err := newSigner(alg)
	if err != nil {
		panic(err)
	}
	return signer
}
