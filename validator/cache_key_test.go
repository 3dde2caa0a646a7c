package validator_test

import (
	"crypto/sha256"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestCacheKeysAreWholeHashes: a token is found by the whole SHA-256 of its signature's
// text, and an opaque one by that of its issuer and all of it. Of a part of a hash there
// are second preimages: a signature by nobody, to the claims of a known token, would be a
// hit.
func TestCacheKeysAreWholeHashes(t *testing.T) {
	for _, algorithm := range []string{"ES256", "RS256", "PS512"} {
		t.Run(algorithm, func(t *testing.T) {
			s := start(t, validatortest.Options{Algorithm: algorithm})
			is := ask(s)
			is.Profile, is.Algorithms = validator.Profile{}, []string{algorithm}
			v := build(t, configure(is))
			signed, opaque := s.AccessToken(), s.OpaqueToken()
			accept(t, v, signed)
			accept(t, v, opaque)
			found := map[string]bool{}
			walk(reflect.ValueOf(v), map[uintptr]bool{}, func(text string) { found[text] = true })
			key := func(text string) string {
				digest := sha256.Sum256([]byte(text))
				return string(digest[:])
			}
			assert.True(t, found[key(signed[strings.LastIndexByte(signed, '.')+1:])], "of the signature")
			assert.True(t, found[key(s.Issuer()+"\x00"+opaque)], "of the opaque token")
			assert.False(t, found[key(signed)], "whose text is not the token's identity")
		})
	}
}
