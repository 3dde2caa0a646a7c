package validator_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestPolicyFresh: a policy asks the issuer as a call does, for JWTs and opaque
// tokens, on a miss and on a hit.
func TestPolicyFresh(t *testing.T) {
	for _, kind := range []string{"opaque", "JWT"} {
		t.Run(kind, func(t *testing.T) {
			s, clock, v, _ := standing(t)
			raw := tokens(s)[kind]
			pay := validator.Policy{Scopes: strs{"read"}, Fresh: validator.IntrospectedNow()}
			read := validator.Policy{Scopes: strs{"read"}, Fresh: validator.IntrospectedWithin(time.Minute)}
			for asked := range 2 {
				assert.NoError(t, held(t, v, raw, pay))
				assert.Equal(t, asked+1, s.IntrospectionRequests())
			}
			assert.NoError(t, held(t, v, raw, read))
			clock.Advance(time.Minute)
			assert.NoError(t, held(t, v, raw, read))
			assert.Equal(t, 2, s.IntrospectionRequests())
			clock.Advance(time.Millisecond)
			assert.NoError(t, held(t, v, raw, read))
			assert.Equal(t, 3, s.IntrospectionRequests())
			s.Revoke(raw)
			assert.NoError(t, held(t, v, raw, read))
			refused(t, held(t, v, raw, pay), validator.ErrInvalidToken, validator.ReasonInactive)
		})
	}
}

// TestStricterFreshnessHolds: of the call's and the policy's, whichever it is.
func TestStricterFreshnessHolds(t *testing.T) {
	now, minute, hour := validator.IntrospectedNow(), validator.IntrospectedWithin(time.Minute), validator.IntrospectedWithin(time.Hour)
	for _, kind := range []string{"opaque", "JWT"} {
		for _, tc := range []struct {
			name     string
			one, two validator.Freshness
			asked    [3]int // after 0 s, 1 min 1 s, 1 h 1 s more
		}{
			{"neither", validator.Freshness{}, validator.Freshness{}, [3]int{0, 0, 0}},
			{"one", minute, validator.Freshness{}, [3]int{0, 1, 2}},
			{"minute and hour", minute, hour, [3]int{0, 1, 2}},
			{"hour", hour, validator.Freshness{}, [3]int{0, 0, 1}},
			{"now and hour", now, hour, [3]int{1, 2, 3}},
			{"now and now", now, now, [3]int{1, 2, 3}},
			{"an outage alone demands nothing", minute, validator.Freshness{}.OrIfDown(time.Hour), [3]int{0, 1, 2}},
		} {
			for order, pair := range map[string][2]validator.Freshness{"policy": {tc.one, tc.two}, "call": {tc.two, tc.one}} {
				t.Run(kind+"/"+tc.name+"/"+order, func(t *testing.T) {
					s, clock, v, _ := standing(t)
					exp := validatortest.Claim("exp", clock.Now().Add(10*time.Hour).Unix())
					raw := kinds(s)[kind](exp)
					_, err := v.ValidateWith(t.Context(), raw, validator.Requirements{Fresh: now})
					require.NoError(t, err)
					first := s.IntrospectionRequests()
					p := validator.Policy{AnyToken: true, Fresh: pair[0]}
					for i, step := range []time.Duration{0, time.Minute + time.Second, time.Hour + time.Second} {
						clock.Advance(step)
						_, err := v.ValidateWith(t.Context(), raw, validator.Requirements{Policy: &p, Fresh: pair[1]})
						require.NoError(t, err)
						assert.Equal(t, tc.asked[i], s.IntrospectionRequests()-first, "step %d", i)
					}
				})
			}
		}
	}
}

// TestPolicyFreshInAnOutage: an older answer does only as far as both allow.
func TestPolicyFreshInAnOutage(t *testing.T) {
	s, clock, v, _ := standing(t, staleIfError(5*time.Minute))
	raw := s.OpaqueToken()
	accept(t, v, raw)
	clock.Advance(2 * time.Minute)
	s.SetIntrospectionMode(validatortest.ModeError)
	now := validator.IntrospectedNow()
	for name, tc := range map[string]struct {
		policy, call validator.Freshness
		accepted     bool
	}{
		"policy":                  {now.OrIfDown(2 * time.Minute), validator.Freshness{}, true},
		"call":                    {validator.Freshness{}, now.OrIfDown(2 * time.Minute), true},
		"both":                    {now.OrIfDown(2 * time.Minute), now.OrIfDown(3 * time.Minute), true},
		"policy less":             {now.OrIfDown(time.Minute), now.OrIfDown(3 * time.Minute), false},
		"call less":               {now.OrIfDown(3 * time.Minute), now.OrIfDown(time.Minute), false},
		"policy none":             {now, now.OrIfDown(3 * time.Minute), false},
		"call none":               {now.OrIfDown(3 * time.Minute), validator.IntrospectedWithin(time.Minute), false},
		"fresh by both":           {validator.IntrospectedWithin(time.Hour), validator.IntrospectedWithin(2 * time.Minute), true},
		"neither, by the issuer":  {validator.Freshness{}, validator.Freshness{}, true},
		"policy bounds a call":    {validator.Freshness{}.OrIfDown(time.Minute), now.OrIfDown(3 * time.Minute), false},
		"call bounds a policy":    {now.OrIfDown(3 * time.Minute), validator.Freshness{}.OrIfDown(time.Minute), false},
		"bounds, and enough":      {validator.Freshness{}.OrIfDown(2 * time.Minute), now.OrIfDown(3 * time.Minute), true},
		"bounds a call with none": {validator.Freshness{}.OrIfDown(time.Hour), now, false},
	} {
		p := validator.Policy{AnyToken: true, Fresh: tc.policy}
		_, err := v.ValidateWith(t.Context(), raw, validator.Requirements{Policy: &p, Fresh: tc.call})
		if tc.accepted {
			assert.NoError(t, err, name)
			continue
		}
		refused(t, err, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	}
}

// TestTwoBoundsForAnOutage, and no demand: the smaller bounds the issuer's setting.
func TestTwoBoundsForAnOutage(t *testing.T) {
	s, clock, v, _ := standing(t, maxAge(time.Minute), staleIfError(time.Hour))
	raw := s.OpaqueToken()
	accept(t, v, raw)
	clock.Advance(2 * time.Minute)
	s.SetIntrospectionMode(validatortest.ModeError)
	bound := func(policy, call time.Duration) error {
		p := validator.Policy{AnyToken: true, Fresh: validator.Freshness{}.OrIfDown(policy)}
		_, err := v.ValidateWith(t.Context(), raw, validator.Requirements{Policy: &p, Fresh: validator.Freshness{}.OrIfDown(call)})
		return err
	}
	assert.NoError(t, bound(2*time.Minute, 3*time.Minute))
	refused(t, bound(time.Minute, 3*time.Minute), validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	refused(t, bound(3*time.Minute, time.Minute), validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
}

// TestCheckAsksNobody: it refuses a Token whose answer is not fresh enough, and does
// not call that a fault of the token.
func TestCheckAsksNobody(t *testing.T) {
	s, clock, v, _ := standing(t)
	check := func(token *validator.Token, fresh validator.Freshness) error {
		return validator.Policy{AnyToken: true, Fresh: fresh}.Check(t.Context(), token)
	}
	stale := func(token *validator.Token, fresh validator.Freshness) {
		t.Helper()
		e := refused(t, check(token, fresh), validator.ErrUnavailable, validator.ReasonFreshnessUnavailable)
		assert.True(t, e.Verified)
		assert.Empty(t, e.Challenge)
	}
	token := accept(t, v, s.OpaqueToken())
	clock.Advance(time.Minute)
	assert.NoError(t, check(token, validator.IntrospectedWithin(time.Minute)))
	stale(token, validator.IntrospectedWithin(time.Minute-time.Millisecond))
	stale(token, validator.IntrospectedNow())
	stale(token, validator.IntrospectedNow().OrIfDown(time.Hour))
	stale(token, validator.IntrospectedWithin(time.Second).OrIfDown(time.Hour))
	assert.NoError(t, check(token, validator.Freshness{}))
	assert.Equal(t, 1, s.IntrospectionRequests())

	local := accept(t, v, s.AccessToken())
	stale(local, validator.IntrospectedWithin(time.Hour))
	assert.NoError(t, check(local, validator.Freshness{}))
	clock.Advance(-time.Hour)
	stale(token, validator.IntrospectedWithin(time.Hour))

	// What the issuer's setting demands is no matter of the policy.
	s, clock, v, _ = standing(t, always, maxAge(time.Minute))
	for _, raw := range tokens(s) {
		token := accept(t, v, raw)
		clock.Advance(2 * time.Minute)
		assert.NoError(t, check(token, validator.Freshness{}))
		assert.NoError(t, check(token, validator.Freshness{}.OrIfDown(0)))
		stale(token, validator.IntrospectedWithin(time.Hour))
	}
}

// TestFreshnessIsForTheIssuersOfThePolicy: a token of another one is refused, and
// nobody is asked about it; that nobody could be does not make the refusal a 503.
func TestFreshnessIsForTheIssuersOfThePolicy(t *testing.T) {
	staff, partners, legacy := start(t, validatortest.Options{}), start(t, validatortest.Options{OpaquePrefix: "p_"}), start(t, validatortest.Options{})
	one, two, three := ask(staff), ask(partners), trust(legacy)
	one.Name, one.Introspection.Format.Prefix, two.Introspection.Format.Prefix = "staff", "s_", "p_"
	v := build(t, configure(one, two, three))
	pay := validator.Policy{AnyToken: true, Issuers: strs{"staff"}, Fresh: validator.IntrospectedNow()}
	require.NoError(t, v.CheckPolicy(pay))
	assert.NoError(t, held(t, v, staff.AccessToken(), pay))
	assert.Equal(t, 1, staff.IntrospectionRequests())
	for range 2 {
		for _, raw := range []string{partners.AccessToken(), legacy.AccessToken()} {
			denied(t, v, raw, pay, validator.ErrInsufficientScope, validator.ReasonIssuerNotAllowed)
		}
	}
	assert.Zero(t, partners.IntrospectionRequests())
	denied(t, v, partners.OpaqueToken(), pay, validator.ErrInsufficientScope, validator.ReasonIssuerNotAllowed)
	assert.Equal(t, 1, partners.IntrospectionRequests(), "nothing else is known of an opaque one")
	// The call's own demand is for all of them.
	_, err := v.ValidateWith(t.Context(), legacy.AccessToken(), validator.Requirements{Policy: &pay, Fresh: validator.IntrospectedNow()})
	refused(t, err, validator.ErrUnavailable, validator.ReasonFreshnessUnavailable)
	// Where any issuer will do, one that cannot be asked will not.
	anybody := validator.Policy{AnyToken: true, AnyTrustedIssuer: true, Fresh: validator.IntrospectedNow()}
	assert.NoError(t, held(t, v, partners.AccessToken(), anybody))
	refused(t, held(t, v, legacy.AccessToken(), anybody), validator.ErrUnavailable, validator.ReasonFreshnessUnavailable)
}

// TestPolicyFreshWithoutKeys: a JWT whose key cannot be had is asked about, and the
// policy's demand holds there too.
func TestPolicyFreshWithoutKeys(t *testing.T) {
	s, _, v, _ := standing(t)
	s.SetKeysMode(validatortest.ModeDown)
	raw := s.AccessToken()
	pay := validator.Policy{Scopes: strs{"read"}, Fresh: validator.IntrospectedNow()}
	accept(t, v, raw)
	accept(t, v, raw)
	assert.Equal(t, 1, s.IntrospectionRequests())
	assert.NoError(t, held(t, v, raw, pay))
	assert.NoError(t, held(t, v, raw, pay))
	assert.Equal(t, 3, s.IntrospectionRequests())
}
