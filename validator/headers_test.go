package validator_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestManyHeaders: each token is held to its own header, whichever were good before
// and in whatever order; and what is kept of a token is what it said.
func TestManyHeaders(t *testing.T) {
	s := start(t, validatortest.Options{Style: validatortest.StyleGeneric})
	v := build(t, configure(trust(s)))
	good := func(i int) string {
		return s.AccessToken(validatortest.HeaderParam("x", i), validatortest.Subject(fmt.Sprint("user-", i)), validatortest.Scope(fmt.Sprint("s", i)))
	}
	for round := range 2 {
		for i := range 100 { // more than are remembered
			token := accept(t, v, good(i))
			assert.Equal(t, fmt.Sprint("user-", i), token.Subject())
			assert.Equal(t, strs{fmt.Sprint("s", i)}, token.Scopes())
			x := validatortest.HeaderParam("x", i)
			reject(t, v, s.AccessToken(x, validatortest.HeaderParam("typ", "logout+jwt")), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
			reject(t, v, s.AccessToken(x, validatortest.HeaderParam("crit", strs{"x"})), validator.ErrInvalidToken, validator.ReasonCriticalHeader)
			if round == 0 && i%10 == 0 {
				reject(t, v, s.AccessToken(x, validatortest.HeaderParam("alg", "none")), validator.ErrInvalidToken, validator.ReasonAlgorithmNotAllowed)
			}
		}
	}
}
