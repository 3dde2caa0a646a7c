package validator_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// permitted asserts that a token that v has not seen yet satisfies the policy, on a
// miss, on a hit and by Check.
func permitted(t testing.TB, v *validator.Validator, raw string, p validator.Policy) {
	t.Helper()
	for _, err := range everyWay(t, v, raw, p) {
		assert.NoError(t, err)
	}
}

// denied asserts that it does not, and returns the last refusal.
func denied(t testing.TB, v *validator.Validator, raw string, p validator.Policy, class error, reason validator.Reason) (e *validator.Error) {
	t.Helper()
	for _, err := range everyWay(t, v, raw, p) {
		e = refused(t, err, class, reason)
		assert.True(t, e.Verified)
	}
	return e
}

func everyWay(t testing.TB, v *validator.Validator, raw string, p validator.Policy) []error {
	t.Helper()
	miss, hit := held(t, v, raw, p), held(t, v, raw, p)
	return []error{miss, hit, p.Check(t.Context(), accept(t, v, raw))}
}

// held is the verdict on a token under a policy.
func held(t testing.TB, v *validator.Validator, raw string, p validator.Policy) error {
	t.Helper()
	token, err := v.ValidateWith(t.Context(), raw, validator.Requirements{Policy: &p})
	assert.Equal(t, err == nil, token != nil, "one of the two")
	return err
}

// still is a server and a validator with one clock, which stands still.
func still(t testing.TB, leeway time.Duration) (*validatortest.Server, *testClock, *validator.Validator) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now, Style: validatortest.StyleGeneric, Lifetime: 24 * time.Hour})
	c := configure(ask(s))
	c.Clock, c.Leeway = clock.Now, leeway
	return s, clock, build(t, c)
}

// kinds mint a token of each kind: for the claims of a policy it does not matter
// who vouches for them.
func kinds(s *validatortest.Server) map[string]func(...validatortest.Edit) string {
	return map[string]func(...validatortest.Edit) string{"JWT": s.AccessToken, "opaque": s.OpaqueToken}
}

// ago is a date claim.
func ago(clock *testClock, name string, d time.Duration) validatortest.Edit {
	return validatortest.Claim(name, float64(clock.Now().Add(-d).UnixMilli())/1000)
}

// TestMaxTokenAge: iat is at most so long ago, leeway included, on a miss, on a hit
// and by Check.
func TestMaxTokenAge(t *testing.T) {
	for name, leeway := range map[string]time.Duration{"default": 0, "none": validator.NoLeeway} {
		granted := validator.DefaultLeeway
		if leeway == validator.NoLeeway {
			granted = 0
		}
		s, clock, v := still(t, leeway)
		for kind, mint := range kinds(s) {
			t.Run(name+"/"+kind, func(t *testing.T) {
				p := validator.Policy{Scopes: strs{"read"}, MaxTokenAge: 10 * time.Minute}
				permitted(t, v, mint(ago(clock, "iat", 0)), p)
				permitted(t, v, mint(ago(clock, "iat", 10*time.Minute+granted)), p)
				e := denied(t, v, mint(ago(clock, "iat", 10*time.Minute+granted+time.Millisecond)), p,
					validator.ErrInvalidToken, validator.ReasonTokenTooOld)
				assert.Equal(t, validator.Challenge{Code: "invalid_token", Description: "The access token is invalid"}, e.Challenge)
				denied(t, v, mint(validatortest.NoClaim("iat")), p, validator.ErrInvalidToken, validator.ReasonTokenTooOld)
				denied(t, v, mint(validatortest.Claim("iat", 0)), p, validator.ErrInvalidToken, validator.ReasonTokenTooOld)

				permitted(t, v, mint(validatortest.NoClaim("iat")), validator.Policy{Scopes: strs{"read"}})
				permitted(t, v, mint(ago(clock, "iat", 0)), validator.Policy{AnyToken: true, MaxTokenAge: 10 * time.Minute})
				permitted(t, v, mint(ago(clock, "iat", time.Hour)), validator.Policy{AnyToken: true, MaxTokenAge: time.Hour})
			})
		}
	}
}

// TestTokenGrowsOld: one that was fresh enough is too old later, from memory too.
func TestTokenGrowsOld(t *testing.T) {
	s, clock, v := still(t, validator.NoLeeway)
	p := validator.Policy{Scopes: strs{"read"}, MaxTokenAge: time.Minute}
	raw := s.AccessToken()
	token := accept(t, v, raw)
	clock.Advance(time.Minute)
	assert.NoError(t, held(t, v, raw, p))
	assert.NoError(t, p.Check(t.Context(), token))
	clock.Advance(time.Millisecond)
	refused(t, held(t, v, raw, p), validator.ErrInvalidToken, validator.ReasonTokenTooOld)
	refused(t, p.Check(t.Context(), token), validator.ErrInvalidToken, validator.ReasonTokenTooOld)
	accept(t, v, raw)
}

// TestTokenOfTheFutureIsOld: after a clock was set back nobody knows how old a token
// is. A call refuses it anyway; a Token that is held already, Check does.
func TestTokenOfTheFutureIsOld(t *testing.T) {
	s, clock, v := still(t, 0)
	p := validator.Policy{AnyToken: true, MaxTokenAge: time.Hour}
	raw := s.AccessToken()
	token := accept(t, v, raw)
	clock.Advance(-validator.DefaultLeeway)
	assert.NoError(t, p.Check(t.Context(), token))
	assert.NoError(t, held(t, v, raw, p))
	clock.Advance(-time.Millisecond)
	refused(t, p.Check(t.Context(), token), validator.ErrInvalidToken, validator.ReasonTokenTooOld)
	refused(t, held(t, v, raw, p), validator.ErrInvalidToken, validator.ReasonIssuedInFuture)
}

// TestTokenAgeComesAfterItsOriginAndBeforeItsScopes: the client learns first what
// no new token cures, and what an old token says of the rest is not looked at.
func TestTokenAgeComesAfterItsOriginAndBeforeItsScopes(t *testing.T) {
	s, clock, v := still(t, 0)
	old := s.AccessToken(ago(clock, "iat", time.Hour))
	demand := func(p validator.Policy) validator.Policy {
		p.MaxTokenAge, p.Scopes = time.Minute, strs{"admin"}
		return p
	}
	denied(t, v, old, demand(validator.Policy{Issuers: strs{"x"}}), validator.ErrInsufficientScope, validator.ReasonIssuerNotAllowed)
	denied(t, v, old, demand(validator.Policy{Audiences: strs{"x"}}), validator.ErrInsufficientScope, validator.ReasonAudienceNotAllowed)
	denied(t, v, old, demand(validator.Policy{ClientIDs: strs{"x"}}), validator.ErrInsufficientScope, validator.ReasonClientNotAllowed)
	denied(t, v, old, demand(validator.Policy{}), validator.ErrInvalidToken, validator.ReasonTokenTooOld)
	denied(t, v, s.AccessToken(), demand(validator.Policy{}), validator.ErrInsufficientScope, validator.ReasonInsufficientScope)
}
