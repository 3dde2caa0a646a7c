package validator_test

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestACRValues (RFC 9470): the token's acr is one of those asked for, to the
// letter, or the client is told which they are.
func TestACRValues(t *testing.T) {
	s, _, v := still(t, 0)
	p := validator.Policy{Scopes: strs{"read"}, ACRValues: strs{"gold", "silver"}}
	claim := validatortest.Claim
	tests := map[string]struct {
		edits     []validatortest.Edit
		permitted bool
	}{
		"the first":         {[]validatortest.Edit{claim("acr", "gold")}, true},
		"the second":        {[]validatortest.Edit{claim("acr", "silver")}, true},
		"beside auth_time":  {[]validatortest.Edit{claim("acr", "gold"), claim("auth_time", "malformed, and nobody asked")}, true},
		"another":           {[]validatortest.Edit{claim("acr", "bronze")}, false},
		"none":              {nil, false},
		"empty":             {[]validatortest.Edit{claim("acr", "")}, false},
		"other case":        {[]validatortest.Edit{claim("acr", "Gold")}, false},
		"both":              {[]validatortest.Edit{claim("acr", "gold silver")}, false},
		"a list":            {[]validatortest.Edit{claim("acr", strs{"gold"})}, false},
		"a number":          {[]validatortest.Edit{claim("acr", 1)}, false},
		"null":              {[]validatortest.Edit{claim("acr", nil)}, false},
		"name in capitals":  {[]validatortest.Edit{claim("ACR", "gold")}, false},
		"two that look it":  {[]validatortest.Edit{claim("acr", "gold"), claim("Acr", "bronze")}, false},
		"Cyrillic a":        {[]validatortest.Edit{claim("acr", "gold"), claim("\u0430cr", "bronze")}, false},
		"in another object": {[]validatortest.Edit{claim("user", map[string]any{"acr": "gold"})}, false},
	}
	for name, tc := range tests {
		for kind, mint := range kinds(s) {
			t.Run(name+"/"+kind, func(t *testing.T) {
				if tc.permitted {
					permitted(t, v, mint(tc.edits...), p)
					return
				}
				e := denied(t, v, mint(tc.edits...), p, validator.ErrInsufficientAuthentication, validator.ReasonACRInsufficient)
				assert.Equal(t, validator.Challenge{
					Code: "insufficient_user_authentication", Description: "A different authentication is required",
					ACRValues: strs{"gold", "silver"},
				}, e.Challenge)
			})
		}
	}
}

// TestMaxAuthAge (RFC 9470): auth_time is at most so long ago, leeway included.
func TestMaxAuthAge(t *testing.T) {
	for name, leeway := range map[string]time.Duration{"default": 0, "none": validator.NoLeeway} {
		granted := validator.DefaultLeeway
		if leeway == validator.NoLeeway {
			granted = 0
		}
		s, clock, v := still(t, leeway)
		for kind, mint := range kinds(s) {
			t.Run(name+"/"+kind, func(t *testing.T) {
				p := validator.Policy{AnyToken: true, MaxAuthAge: 5 * time.Minute}
				at := func(d time.Duration) string { return mint(ago(clock, "auth_time", d)) }
				permitted(t, v, at(0), p)
				permitted(t, v, at(5*time.Minute+granted), p)
				permitted(t, v, at(-granted), p)
				permitted(t, v, mint(ago(clock, "auth_time", 0), validatortest.Claim("acr", 7)), p) // nobody asked
				seconds := clock.Now().Unix()
				for what, raw := range map[string]string{
					"older":      at(5*time.Minute + granted + time.Millisecond),
					"to come":    at(-granted - time.Millisecond),
					"absent":     mint(),
					"null":       mint(validatortest.Claim("auth_time", nil)),
					"text":       mint(validatortest.Claim("auth_time", clock.Now().Format(time.RFC3339))),
					"quoted":     mint(validatortest.Claim("auth_time", strconv.FormatInt(seconds, 10))),
					"negative":   mint(validatortest.Claim("auth_time", -seconds)),
					"zero":       mint(validatortest.Claim("auth_time", 0)),
					"huge":       mint(validatortest.Claim("auth_time", json.RawMessage("1e400"))),
					"look-alike": mint(validatortest.Claim("Auth_Time", seconds)),
					"two, after": mint(validatortest.Claim("auth_time", seconds), validatortest.Claim("auth_tim\u0435", seconds)), // a Cyrillic e
					"two":        mint(validatortest.Claim("auth_time", seconds), validatortest.Claim("AUTH_TIME", seconds)),
				} {
					t.Run(what, func(t *testing.T) {
						e := denied(t, v, raw, p, validator.ErrInsufficientAuthentication, validator.ReasonAuthenticationTooOld)
						assert.Equal(t, validator.Challenge{
							Code: "insufficient_user_authentication", Description: "A different authentication is required",
							MaxAge: 5 * time.Minute,
						}, e.Challenge)
					})
				}
			})
		}
	}
}

// TestAuthenticationAtZero: nobody authenticated in 1970, however long ago may be.
func TestAuthenticationAtZero(t *testing.T) {
	s, clock, v := still(t, 0)
	p := validator.Policy{AnyToken: true, MaxAuthAge: 100 * 365 * 24 * time.Hour}
	permitted(t, v, s.AccessToken(ago(clock, "auth_time", 50*365*24*time.Hour)), p)
	denied(t, v, s.AccessToken(validatortest.Claim("auth_time", 0)), p, validator.ErrInsufficientAuthentication, validator.ReasonAuthenticationTooOld)
}

// TestStepUpSaysWhatWasFound: in the log, not to the client.
func TestStepUpSaysWhatWasFound(t *testing.T) {
	s, clock, v := still(t, 0)
	detail := func(p validator.Policy, reason validator.Reason, edits ...validatortest.Edit) string {
		p.AnyToken = true
		return denied(t, v, s.AccessToken(edits...), p, validator.ErrInsufficientAuthentication, reason).Detail
	}
	acr, age := validator.Policy{ACRValues: strs{"gold"}}, validator.Policy{MaxAuthAge: time.Minute}
	assert.Equal(t, `the policy asks for acr one of ["gold"], found "bronze"`, detail(acr, validator.ReasonACRInsufficient, validatortest.Claim("acr", "bronze")))
	assert.Contains(t, detail(acr, validator.ReasonACRInsufficient, validatortest.Claim("acr", 1)), "wrong JSON type: acr")
	old := detail(age, validator.ReasonAuthenticationTooOld, ago(clock, "auth_time", time.Hour))
	assert.Equal(t, "the policy asks for auth_time at most 1m0s ago, found 2026-11-01T11:00:00Z", old)
	for _, value := range []any{"x", -1} {
		assert.Contains(t, detail(age, validator.ReasonAuthenticationTooOld, validatortest.Claim("auth_time", value)), "wrong JSON type: auth_time")
	}
}

// TestAuthenticationGrowsOld: from memory too.
func TestAuthenticationGrowsOld(t *testing.T) {
	s, clock, v := still(t, validator.NoLeeway)
	p := validator.Policy{Scopes: strs{"read"}, MaxAuthAge: time.Minute}
	raw := s.AccessToken(ago(clock, "auth_time", 0))
	token := accept(t, v, raw)
	clock.Advance(time.Minute)
	assert.NoError(t, held(t, v, raw, p))
	clock.Advance(time.Millisecond)
	refused(t, held(t, v, raw, p), validator.ErrInsufficientAuthentication, validator.ReasonAuthenticationTooOld)
	refused(t, p.Check(t.Context(), token), validator.ErrInsufficientAuthentication, validator.ReasonAuthenticationTooOld)
}

// TestStepUpAsksForAllOfIt: whatever is missing, the challenge has both demands: the
// next authentication must satisfy both.
func TestStepUpAsksForAllOfIt(t *testing.T) {
	s, clock, v := still(t, 0)
	p := validator.Policy{Scopes: strs{"read"}, ACRValues: strs{"gold"}, MaxAuthAge: time.Minute}
	gold, recent := validatortest.Claim("acr", "gold"), ago(clock, "auth_time", 0)
	permitted(t, v, s.AccessToken(gold, recent), p)
	for reason, raws := range map[validator.Reason]strs{
		validator.ReasonACRInsufficient:      {s.AccessToken(recent), s.AccessToken(), s.AccessToken(validatortest.Claim("acr", 1), recent)},
		validator.ReasonAuthenticationTooOld: {s.AccessToken(gold), s.AccessToken(gold, ago(clock, "auth_time", time.Hour))},
	} {
		for _, raw := range raws {
			e := denied(t, v, raw, p, validator.ErrInsufficientAuthentication, reason)
			assert.Equal(t, strs{"gold"}, e.Challenge.ACRValues)
			assert.Equal(t, time.Minute, e.Challenge.MaxAge)
			e.Challenge.ACRValues[0] = "none" // the caller's own copy
		}
	}
	assert.Equal(t, strs{"gold"}, p.ACRValues)
}

// TestStepUpIsTheLastThingMissing: nobody authenticates again in order to learn that
// they may not.
func TestStepUpIsTheLastThingMissing(t *testing.T) {
	s, clock, v := still(t, 0)
	demand := func(p validator.Policy) validator.Policy {
		p.ACRValues, p.MaxAuthAge = strs{"gold"}, time.Minute
		return p
	}
	raw := s.AccessToken(ago(clock, "iat", time.Hour))
	e := denied(t, v, raw, demand(validator.Policy{Scopes: strs{"admin"}}), validator.ErrInsufficientScope, validator.ReasonInsufficientScope)
	assert.Empty(t, e.Challenge.ACRValues)
	assert.Zero(t, e.Challenge.MaxAge)
	denied(t, v, raw, demand(validator.Policy{AnyToken: true, MaxTokenAge: time.Minute}), validator.ErrInvalidToken, validator.ReasonTokenTooOld)
	rule := validator.Detail("payment", func(struct{}) bool { return true })
	denied(t, v, raw, demand(validator.Policy{AuthorizationDetails: []validator.DetailRule{rule}}),
		validator.ErrInsufficientScope, validator.ReasonDetailsInsufficient)
}
