package validator_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// stands asserts that Recheck finds the token good, for so long at most.
func stands(t *testing.T, v *validator.Validator, token *validator.Token, left time.Duration) {
	t.Helper()
	got, err := v.Recheck(token)
	require.NoError(t, err)
	assert.Equal(t, left, got)
}

// ends asserts that Recheck refuses for that reason, as verified.
func ends(t *testing.T, v *validator.Validator, token *validator.Token, reason validator.Reason) {
	t.Helper()
	left, err := v.Recheck(token)
	assert.Zero(t, left)
	assert.True(t, refused(t, err, validator.ErrInvalidToken, reason).Verified)
}

// TestRecheckEndsWhenValidateDoes, to the millisecond.
func TestRecheckEndsWhenValidateDoes(t *testing.T) {
	for name, tc := range map[string]struct {
		edits []func(*validator.Issuer)
		mint  func(*validatortest.Server) string
		left  time.Duration
		then  validator.Reason // of Validate
	}{
		"JWT":              {nil, func(s *validatortest.Server) string { return s.AccessToken() }, time.Hour + validator.DefaultLeeway, validator.ReasonExpired},
		"opaque":           {nil, func(s *validatortest.Server) string { return s.OpaqueToken() }, time.Hour, validator.ReasonInactive},
		"JWT that is both": {[]func(*validator.Issuer){always}, func(s *validatortest.Server) string { return s.AccessToken() }, time.Hour, validator.ReasonExpired},
	} {
		t.Run(name, func(t *testing.T) {
			s, clock, v, seen := standing(t, tc.edits...)
			raw := tc.mint(s)
			token := accept(t, v, raw)
			stands(t, v, token, tc.left)
			clock.Advance(tc.left - time.Millisecond)
			stands(t, v, token, time.Millisecond)
			accept(t, v, raw)
			heard := len(seen.decisions)
			clock.Advance(time.Millisecond)
			ends(t, v, token, validator.ReasonExpired)
			assert.Len(t, seen.decisions, heard, "the observer hears of it through Refused")
			reject(t, v, raw, validator.ErrInvalidToken, tc.then)
		})
	}
}

// TestRecheckAnswerWithoutExpiry: what the issuer does not say leaves exp as it is.
func TestRecheckAnswerWithoutExpiry(t *testing.T) {
	s, _, v, _ := standing(t, always)
	s.SetAnswer(func(_ string, answer map[string]any) { delete(answer, "exp") })
	stands(t, v, accept(t, v, s.AccessToken()), time.Hour+validator.DefaultLeeway)
}

// TestRecheckFarExpiry: what no Duration can hold is the longest.
func TestRecheckFarExpiry(t *testing.T) {
	s, _, v, _ := standing(t)
	left, err := v.Recheck(accept(t, v, s.AccessToken(validatortest.Claim("exp", int64(253402300799)))))
	require.NoError(t, err)
	assert.Equal(t, time.Duration(1<<63-1), left)
}

// TestRecheckLooksAtTheClock in both directions.
func TestRecheckLooksAtTheClock(t *testing.T) {
	s, clock, v, _ := standing(t)
	token := accept(t, v, s.AccessToken())
	later := accept(t, v, s.AccessToken(validatortest.Claim("nbf", clock.Now().Unix()), validatortest.NoClaim("iat")))
	clock.Advance(-time.Minute)
	ends(t, v, token, validator.ReasonIssuedInFuture)
	ends(t, v, later, validator.ReasonNotYetValid)
	clock.Advance(time.Minute)
	stands(t, v, token, time.Hour+validator.DefaultLeeway)
}

// TestRecheckLooksAtTheKey: one that was withdrawn ends what it vouched for, one
// that was moved within the set does not.
func TestRecheckLooksAtTheKey(t *testing.T) {
	s, _, v, _ := standing(t)
	token, old := accept(t, v, s.AccessToken()), s.KID()
	s.Rotate("ES256")
	s.Reorder()
	accept(t, v, s.AccessToken()) // fetches the new set
	stands(t, v, token, time.Hour+validator.DefaultLeeway)
	s.Withdraw(old)
	stands(t, v, token, time.Hour+validator.DefaultLeeway) // as Validate has it, until the next fetch
	s.Rotate("ES256")
	accept(t, v, s.AccessToken())
	ends(t, v, token, validator.ReasonUnknownKey)
}

// TestRecheckAsksNobody, however old the issuer's answer.
func TestRecheckAsksNobody(t *testing.T) {
	s, clock, v, _ := standing(t, maxAge(time.Minute))
	token := accept(t, v, s.OpaqueToken())
	clock.Advance(2 * time.Minute)
	s.SetMode(validatortest.ModeDown)
	stands(t, v, token, time.Hour-2*time.Minute)
	assert.Equal(t, 1, s.IntrospectionRequests())
}

// TestRecheckLooksAtMarks: at those that concern the token, whatever its verdict rests
// on. One that its issuer vouched for after a mark stands until the next.
func TestRecheckLooksAtMarks(t *testing.T) {
	for name, tc := range map[string]struct {
		edits []func(*validator.Issuer)
		kind  string
		fresh bool // the call wants its issuer to be asked
		left  time.Duration
	}{
		"JWT":                       {nil, "JWT", false, lifetime + validator.DefaultLeeway},
		"opaque":                    {nil, "opaque", false, lifetime},
		"JWT that is asked about":   {[]func(*validator.Issuer){always}, "JWT", false, lifetime},
		"JWT that one call vouched": {nil, "JWT", true, lifetime},
	} {
		t.Run(name, func(t *testing.T) {
			r := newAskedRevocable(t, tc.edits...)
			raw := tokens(r.Server)[tc.kind]
			decide := func() *validator.Token {
				require := validator.Requirements{}
				if tc.fresh {
					require.Fresh = validator.IntrospectedNow()
				}
				token, err := r.validator.ValidateWith(t.Context(), raw, require)
				assert.NoError(t, err)
				return token
			}
			token := decide()
			r.revoke(t, sub("nobody"))
			stands(t, r.validator, token, tc.left)
			r.revoke(t, sub("user"))
			for range 2 {
				ends(t, r.validator, token, validator.ReasonRevoked)
			}
			ends(t, r.fresh(t), token, validator.ReasonRevoked)
			if tc.kind == "JWT" && tc.edits == nil && !tc.fresh {
				return // it is judged by its own time, for good
			}
			again := decide()
			stands(t, r.validator, again, tc.left)
			ends(t, r.validator, token, validator.ReasonRevoked)
			r.revoke(t, sub("user"))
			ends(t, r.validator, again, validator.ReasonRevoked)
			assert.Equal(t, 2, r.IntrospectionRequests(), "Recheck asks nobody")
		})
	}
}

// TestRecheckLooksAtTheTenant that the owner has shut out.
func TestRecheckLooksAtTheTenant(t *testing.T) {
	var shut atomic.Bool
	s := entraTenants(t, templateV2, validator.Tenants{Permit: func(string) bool { return !shut.Load() }})
	v := s.validator(t)
	token := accept(t, v, s.token(t, contoso, nil))
	_, err := v.Recheck(token)
	require.NoError(t, err)
	shut.Store(true)
	ends(t, v, token, validator.ReasonTenantNotAllowed)
}

// TestRecheckOfStaleKeys: nobody has withdrawn them, so nothing is called bad.
func TestRecheckOfStaleKeys(t *testing.T) {
	a := newAging(t, keyAges(time.Hour, 2*time.Hour))
	token := accept(t, a.v, a.AccessToken())
	a.SetMode(validatortest.ModeDown)
	a.clock.Advance(2 * time.Hour)
	stands(t, a.v, token, 22*time.Hour+validator.DefaultLeeway)
	require.Error(t, a.land(t))
	a.clock.Advance(time.Minute)
	_, err := a.v.Recheck(token)
	assert.True(t, refused(t, err, validator.ErrUnavailable, validator.ReasonKeysUnavailable).Verified)
	assert.Equal(t, 2, a.KeyRequests(), "Recheck waits for nobody")
	a.SetMode(validatortest.ModeUp)
	a.clock.Advance(time.Minute)
	accept(t, a.v, a.AccessToken())
	stands(t, a.v, token, 22*time.Hour-2*time.Minute+validator.DefaultLeeway)
}

func TestRecheckNoToken(t *testing.T) {
	_, _, v, _ := standing(t)
	for _, token := range []*validator.Token{nil, new(validator.Token)} {
		_, err := v.Recheck(token)
		refused(t, err, validator.ErrNoToken, validator.ReasonNoToken)
	}
}
