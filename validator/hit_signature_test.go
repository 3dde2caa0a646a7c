package validator_test

import (
	"crypto/sha256"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// signers are one algorithm for each way in which the end of a token is found: at 86 and
// at 342 characters, and by looking for dots.
var signers = []string{"ES256", "EdDSA", "RS256", "ES384", "ES512"}

// signedBy is a server with a key for the algorithm, and a validator that allows it.
func signedBy(t *testing.T, algorithm string) (*validatortest.Server, *validator.Validator) {
	t.Helper()
	s := start(t, validatortest.Options{Algorithm: algorithm})
	c := configure(trust(s))
	c.Issuers[0].Algorithms = []string{algorithm}
	return s, build(t, c)
}

// TestHitNeedsTheSignature: what is known of a token is not known of its claims under
// another signature, however long signatures are, or of other claims under its own.
func TestHitNeedsTheSignature(t *testing.T) {
	for _, algorithm := range signers {
		t.Run(algorithm, func(t *testing.T) {
			s, v := signedBy(t, algorithm)
			one, two := s.AccessToken(validatortest.Subject("one")), s.AccessToken(validatortest.Subject("two"))
			for _, raw := range []string{one, two} {
				known := accept(t, v, raw)
				assert.Same(t, known, accept(t, v, strings.Clone(raw)), "it is known")
			}
			first, second := strings.Split(one, "."), strings.Split(two, ".")
			other := "A" + first[2][1:]
			if other == first[2] {
				other = "Q" + first[2][1:]
			}
			middle := len(first[2]) / 2
			for name, raw := range map[string]string{
				"another beginning":      first[0] + "." + first[1] + "." + other,
				"halves exchanged":       first[0] + "." + first[1] + "." + first[2][middle:] + first[2][:middle],
				"of the other token":     first[0] + "." + first[1] + "." + second[2],
				"under the other claims": second[0] + "." + second[1] + "." + first[2],
			} {
				token, err := v.Validate(t.Context(), raw)
				assert.Nil(t, token, name)
				require.ErrorIs(t, err, validator.ErrInvalidToken, name)
				// Halves of 43 characters leave bits set that nothing uses.
				assert.Contains(t, []validator.Reason{validator.ReasonBadSignature, validator.ReasonMalformedToken}, reasonOf(err), name)
			}
		})
	}
}

// TestTokenIsLookedUpOnce: a hit is one, and a miss is one, or the numbers of CacheStats
// say nothing. What is no JWS is not looked up.
func TestTokenIsLookedUpOnce(t *testing.T) {
	for _, algorithm := range signers {
		t.Run(algorithm, func(t *testing.T) {
			s, v := signedBy(t, algorithm)
			reject(t, v, s.OpaqueToken(), validator.ErrInvalidToken, validator.ReasonNotJWT)
			assert.Equal(t, cache.Stats{}, v.CacheStats())

			raw := s.AccessToken()
			accept(t, v, raw)
			assert.Equal(t, cache.Stats{Misses: 1, Entries: 1}, v.CacheStats())
			accept(t, v, raw)
			assert.Equal(t, cache.Stats{Hits: 1, Misses: 1, Entries: 1}, v.CacheStats())

			reject(t, v, forged(raw), validator.ErrInvalidToken, validator.ReasonBadSignature)
			assert.Equal(t, cache.Stats{Hits: 1, Misses: 2, Entries: 1}, v.CacheStats())
			reject(t, v, raw[:strings.LastIndexByte(raw, '.')+1], validator.ErrInvalidToken, validator.ReasonMalformedToken)
			assert.Equal(t, cache.Stats{Hits: 1, Misses: 3, Entries: 1}, v.CacheStats(), "one without a signature")
		})
	}
}

// TestSignatureBehindADot: claims and signature together may be as long as signatures
// are. What an issuer vouches for is found by the signature alone even so.
func TestSignatureBehindADot(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	exp := time.Now().Add(time.Hour).Unix()
	o.says(answer(map[string]any{"exp": exp}))
	v := build(t, configure(ask(s, o.at)))
	s.SetKeysMode(validatortest.ModeDown) // then the length of a signature is not looked at
	const signature = "AAA"
	raw := ""
	for pad := ""; len(pad) < 300; pad += "x" {
		claims := []validatortest.Edit{validatortest.Subject("jane"), validatortest.Scope("read"), validatortest.Claim("exp", exp), validatortest.Claim("pad", pad)}
		parts := strings.Split(s.AccessToken(claims...), ".")
		if len(parts[1])+1+len(signature) == 342 {
			raw = parts[0] + "." + parts[1] + "." + signature
			break
		}
	}
	require.NotEmpty(t, raw)
	known := accept(t, v, raw)
	assert.Equal(t, validator.OriginIntrospection, known.Origin())
	assert.Same(t, known, accept(t, v, strings.Clone(raw)))
	assert.Equal(t, 1, o.times())

	found := map[string]bool{}
	walk(reflect.ValueOf(v), map[uintptr]bool{}, func(text string) { found[text] = true })
	digest := sha256.Sum256([]byte(signature))
	assert.True(t, found[string(digest[:])])
}
