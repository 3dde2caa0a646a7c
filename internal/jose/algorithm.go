package jose

import (
	"crypto/rsa"
	_ "crypto/sha256" // the hashes that golang-jwt looks up by number
	_ "crypto/sha512"

	"github.com/golang-jwt/jwt/v5"
)

// Algorithm is an asymmetric JWS signature algorithm (RFC 7518 3.1, RFC 8037,
// RFC 9864). "none" and the HMAC family have no value: they cannot be named,
// configured or verified (RFC 8725 2.1 and 3.1).
type Algorithm uint8

// The algorithms, in the order in which Algorithms lists them.
const (
	RS256 Algorithm = iota + 1
	RS384
	RS512
	PS256
	PS384
	PS512
	ES256
	ES384
	ES512
	EdDSA
	Ed25519
	algorithmEnd
)

var algorithmNames = [algorithmEnd]string{"", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}

var methods = [algorithmEnd]jwt.SigningMethod{
	RS256: jwt.SigningMethodRS256, RS384: jwt.SigningMethodRS384, RS512: jwt.SigningMethodRS512,
	PS256: strictPSS(jwt.SigningMethodPS256), PS384: strictPSS(jwt.SigningMethodPS384), PS512: strictPSS(jwt.SigningMethodPS512),
	ES256: jwt.SigningMethodES256, ES384: jwt.SigningMethodES384, ES512: jwt.SigningMethodES512,
	EdDSA: jwt.SigningMethodEdDSA, Ed25519: jwt.SigningMethodEdDSA,
}

// strictPSS demands the salt length of RFC 7518 3.5 (that of the hash), where
// golang-jwt accepts any.
func strictPSS(m *jwt.SigningMethodRSAPSS) jwt.SigningMethod {
	return &jwt.SigningMethodRSAPSS{
		SigningMethodRSA: m.SigningMethodRSA,
		Options:          &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash},
	}
}

// ParseAlgorithm returns the algorithm of that exact name.
func ParseAlgorithm(name string) (a Algorithm, ok bool) {
	switch name { // every hit asks
	case "RS256":
		a = RS256
	case "RS384":
		a = RS384
	case "RS512":
		a = RS512
	case "PS256":
		a = PS256
	case "PS384":
		a = PS384
	case "PS512":
		a = PS512
	case "ES256":
		a = ES256
	case "ES384":
		a = ES384
	case "ES512":
		a = ES512
	case "EdDSA":
		a = EdDSA
	case "Ed25519":
		a = Ed25519
	}
	return a, a != 0
}

func (a Algorithm) String() string { return algorithmNames[a] }

// Algorithms is a set of algorithms.
type Algorithms uint16

// AllAlgorithms is every algorithm of this package.
const AllAlgorithms Algorithms = 1<<algorithmEnd - 1<<RS256

// NewAlgorithms returns the set of the given algorithms.
func NewAlgorithms(list ...Algorithm) (set Algorithms) {
	for _, a := range list {
		set |= 1 << a
	}
	return set
}

// Has reports whether a is in the set.
func (s Algorithms) Has(a Algorithm) bool { return s&(1<<a) != 0 }

// Names lists the set.
func (s Algorithms) Names() (names []string) {
	for a := RS256; a < algorithmEnd; a++ {
		if s.Has(a) {
			names = append(names, a.String())
		}
	}
	return names
}
