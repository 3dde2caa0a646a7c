package jwks_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/jwks"
)

// Go's crypto/rsa refuses these keys at every verification: listed, they would
// turn "no usable key" into "bad signature". An exponent beyond an int is even
// read as another one.
func TestRSAKeyThatCanVerifyNothingIsSkipped(t *testing.T) {
	rsa := rsaKey(t, "bad", 2048)
	n, _ := b64.DecodeString(rsa["n"].(string))
	n[len(n)-1] &^= 1
	for name, bad := range map[string]jwk{
		"even modulus":                rsa.with("n", b64.EncodeToString(n)),
		"exponent of 32 bits":         rsa.with("e", b64.EncodeToString([]byte{0x80, 0, 0, 1})),
		"exponent of 65 bits, 2^64+3": rsa.with("e", b64.EncodeToString([]byte{1, 0, 0, 0, 0, 0, 0, 0, 3})),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSubject(t, jwks.Config{URL: "https://as.example/keys", HTTPClient: serving(setOf(bad, es256(t, "good"))).client()})
			s.known(t, "good", "ES256")
			assert.Equal(t, 1, s.fetches.last(t).Keys)
			assert.Len(t, s.fetches.last(t).Skipped, 1)
		})
	}
}
