package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// Bounds of RSA moduli, in bits: smaller ones are broken (RFC 7518 3.3), larger
// ones let whoever publishes a key set burn our processor.
const (
	MinRSABits = 2048
	MaxRSABits = 8192
)

// Errors of NewKey and Verify.
var (
	ErrKeyType = errors.New("key type cannot verify signatures here")
	ErrKeySize = errors.New("RSA modulus outside 2048 to 8192 bits")
	// ErrKeyRSA: with e = 1 anything is its own signature; an even e or modulus is
	// no RSA key.
	ErrKeyRSA = errors.New("RSA exponent or modulus is even, or the exponent is 1")
	// ErrKeyOrder: with such a point, one signature is good for many messages.
	ErrKeyOrder  = errors.New("Ed25519 point of small order")
	ErrKeyAlg    = errors.New("alg of the key does not go with its type")
	ErrSignature = errors.New("signature does not verify")
)

// PublicKey is a public key with the algorithms it may verify: those of its
// type and curve, or the single one that its JWK names. It is immutable.
type PublicKey struct {
	key        crypto.PublicKey
	algorithms Algorithms
}

// NewPublicKey binds key to its algorithms. alg is the JWK's alg member; empty
// when it has none.
func NewPublicKey(key crypto.PublicKey, alg string) (*PublicKey, error) {
	fitting, err := fittingAlgorithms(key)
	if err != nil {
		return nil, err
	}
	if alg != "" {
		// RFC 7517 4.4: the algorithm intended for use with the key.
		a, ok := ParseAlgorithm(alg)
		if !ok || !fitting.Has(a) {
			return nil, ErrKeyAlg
		}
		if a != EdDSA && a != Ed25519 { // two names of the same thing for this curve (RFC 9864 2.2)
			fitting = NewAlgorithms(a)
		}
	}
	return &PublicKey{key: key, algorithms: fitting}, nil
}

func fittingAlgorithms(key crypto.PublicKey) (Algorithms, error) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < MinRSABits || bits > MaxRSABits {
			return 0, ErrKeySize
		}
		if k.E < 3 || k.E%2 == 0 || k.N.Bit(0) == 0 {
			return 0, ErrKeyRSA
		}
		return NewAlgorithms(RS256, RS384, RS512, PS256, PS384, PS512), nil
	case *ecdsa.PublicKey:
		if _, err := k.Bytes(); err != nil {
			return 0, ErrKeyType // not a point of its curve
		}
		// Each ES algorithm has one curve (RFC 7518 3.4).
		switch k.Curve.Params().BitSize {
		case 256:
			return NewAlgorithms(ES256), nil
		case 384:
			return NewAlgorithms(ES384), nil
		case 521:
			return NewAlgorithms(ES512), nil
		}
	case ed25519.PublicKey:
		if smallOrder(k) {
			return 0, ErrKeyOrder
		}
		return NewAlgorithms(EdDSA, Ed25519), nil
	}
	return 0, ErrKeyType
}

// smallOrder reports whether 8 times the point is the neutral element: then anybody
// can sign for it. There are eight such points; these are their y coordinates, in every
// encoding that decodes (RFC 8032 5.1.3).
func smallOrder(key ed25519.PublicKey) bool {
	var y [ed25519.PublicKeySize]byte
	copy(y[:], key)
	y[31] &= 0x7f // the sign of x
	return slices.Contains(smallOrders, y)
}

var smallOrders = func() (list [][ed25519.PublicKeySize]byte) {
	for _, text := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000", // order 4
		"0100000000000000000000000000000000000000000000000000000000000000", // the neutral element
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", // order 8
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // order 8
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p - 1: order 2
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p: 0 again
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p + 1: 1 again
	} {
		y, err := hex.DecodeString(text)
		if err != nil {
			panic(err)
		}
		list = append(list, [ed25519.PublicKeySize]byte(y))
	}
	return list
}()

// Fits reports whether the key may verify signatures of a.
func (k *PublicKey) Fits(a Algorithm) bool { return k.algorithms.Has(a) }

// Algorithms is what the key may verify.
func (k *PublicKey) Algorithms() Algorithms { return k.algorithms }

// Verify checks signature over signed. An algorithm that the key is not bound
// to is refused whatever the caller checked before (RFC 8725 3.1).
func (k *PublicKey) Verify(a Algorithm, signed string, signature []byte) error {
	if !k.Fits(a) {
		return ErrKeyAlg
	}
	if methods[a].Verify(signed, signature, k.key) != nil {
		return ErrSignature
	}
	return nil
}

// Thumbprint is the SHA-256 JWK thumbprint of RFC 7638 (RFC 8037 2 for OKP).
// It is computed from the key itself, so that two spellings of one key agree.
func (k *PublicKey) Thumbprint() [sha256.Size]byte {
	encode := base64.RawURLEncoding.EncodeToString
	var canonical string
	switch key := k.key.(type) {
	case *rsa.PublicKey:
		canonical = fmt.Sprintf(`{"e":"%s","kty":"RSA","n":"%s"}`, encode(big.NewInt(int64(key.E)).Bytes()), encode(key.N.Bytes()))
	case *ecdsa.PublicKey:
		point, err := key.Bytes() // 4 || x || y
		if err != nil {
			panic("jose: NewPublicKey let a point through that is not on its curve")
		}
		half := len(point[1:]) / 2
		canonical = fmt.Sprintf(`{"crv":"%s","kty":"EC","x":"%s","y":"%s"}`, key.Curve.Params().Name, encode(point[1:1+half]), encode(point[1+half:]))
	case ed25519.PublicKey:
		canonical = fmt.Sprintf(`{"crv":"Ed25519","kty":"OKP","x":"%s"}`, encode(key))
	}
	return sha256.Sum256([]byte(canonical))
}
