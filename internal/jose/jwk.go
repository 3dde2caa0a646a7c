package jose

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"math/big"
	"slices"
)

// Errors of ParseJWK, besides those of Object and NewPublicKey.
var (
	ErrKeyPrivate  = errors.New("JWK has private members")
	ErrKeyUse      = errors.New("JWK is not for verifying signatures (use, key_ops)")
	ErrKeyMaterial = errors.New("JWK has no well-formed public key")
)

// keyNames are those of RFC 7517 4 and RFC 7518 6 that say what a key is, or that it
// is no public key.
var keyNames = NewNames("kty", "use", "key_ops", "alg", "kid", "crv", "x", "y", "n", "e", "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv")

// jwk is what a JWK says.
type jwk struct {
	kty, crv, alg, kid string
	x, y, n, e         string
	private            bool
	foreign            bool // use or key_ops say that it is for something else
}

// ParseJWK reads one public JWK that somebody unknown wrote, such as the jwk in the
// header of a DPoP proof (RFC 9449 4.2). Each key has one spelling here: members as
// Object reads them, numbers in the one form of RFC 7518 2 and 6. Certificates and
// addresses in it (x5c, x5u) are not looked at.
func ParseJWK(text string) (*PublicKey, error) {
	o := ReadObject(text, keyNames)
	defer o.Close()
	var k jwk
	for o.Next() {
		k.read(o)
	}
	switch err := o.Err(); {
	case err != nil:
		return nil, err
	case k.private:
		// It is no secret any more, so whoever shows it proves nothing (RFC 9449 4.3, 7).
		return nil, ErrKeyPrivate
	case k.foreign:
		return nil, ErrKeyUse
	case len(k.kid) > MaxKeyID:
		return nil, ErrKeyIDSize
	}
	switch k.kty {
	case "EC":
		return k.ec()
	case "OKP":
		return k.okp()
	case "RSA":
		return k.rsa()
	}
	return nil, ErrKeyType // oct among them: whoever can verify with it can sign
}

func (k *jwk) read(o *Object) {
	switch o.Name() {
	case "kty":
		k.kty = o.String()
	case "crv":
		k.crv = o.String()
	case "alg":
		if k.alg = o.String(); k.alg == "" {
			o.Refuse() // present and empty is not absent
		}
	case "kid":
		k.kid = o.String()
	case "x":
		k.x = o.String()
	case "y":
		k.y = o.String()
	case "n":
		k.n = o.String()
	case "e":
		k.e = o.String()
	case "use":
		k.foreign = o.String() != "sig" || k.foreign // RFC 7517 4.2
	case "key_ops":
		k.foreign = !slices.Contains(o.Strings(), "verify") || k.foreign // RFC 7517 4.3
	case "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv":
		k.private = true
	}
}

// ec is a point of the named curve. Coordinates have the full size of the curve
// (RFC 7518 6.2.1.2).
func (k *jwk) ec() (*PublicKey, error) {
	curve, ok := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[k.crv]
	if !ok {
		return nil, ErrKeyType
	}
	size := (curve.Params().BitSize + 7) / 8
	point := slices.Concat([]byte{4}, decode(k.x, size), decode(k.y, size)) // SEC 1 2.3.3
	key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil { // not on the curve, or less than two whole coordinates
		return nil, ErrKeyMaterial
	}
	return NewPublicKey(key, k.alg)
}

// okp is Ed25519 (RFC 8037 2).
func (k *jwk) okp() (*PublicKey, error) {
	if k.crv != "Ed25519" {
		return nil, ErrKeyType
	}
	x := decode(k.x, ed25519.PublicKeySize)
	if len(x) != ed25519.PublicKeySize {
		return nil, ErrKeyMaterial
	}
	return NewPublicKey(ed25519.PublicKey(x), k.alg)
}

func (k *jwk) rsa() (*PublicKey, error) {
	n, e := decode(k.n, MaxRSABits/8), decode(k.e, 4)
	// Base64urlUInt: no leading zeros (RFC 7518 2 and 6.3.1). An exponent fits in 31
	// bits, as everywhere in crypto/rsa.
	if len(n) == 0 || len(e) == 0 || n[0] == 0 || e[0] == 0 || len(e) == 4 && e[0] > 127 {
		return nil, ErrKeyMaterial
	}
	return NewPublicKey(&rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, k.alg)
}

// decode returns the bytes of a base64url text; nil for one that is not canonical, is
// empty, or stands for more than limit bytes.
func decode(text string, limit int) []byte {
	if len(text) > (limit*8+5)/6 { // before anything is made of it
		return nil
	}
	data, err := AppendSegment(nil, text)
	if err != nil {
		return nil
	}
	return data
}
