package validator_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestPolicyHitIsAMiss (design rule 2): at every instant, clocks set back included, a
// validator that has seen the token says under each policy what one says that has
// not.
func TestPolicyHitIsAMiss(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now, Lifetime: 2 * time.Hour})
	c := configure(ask(s))
	c.Clock = clock.Now
	seen := build(t, c)
	raws := map[string]string{}
	for kind, mint := range kinds(s) {
		raws[kind+", plain"] = mint()
		raws[kind+", gold"] = mint(validatortest.Claim("acr", "gold"), ago(clock, "auth_time", 0), details(`[{"type":"payment","amount":7}]`))
		raws[kind+", old gold"] = mint(validatortest.Claim("acr", "gold"), ago(clock, "auth_time", time.Hour), details(`[{"type":"payment","amount":7}]`))
	}
	noon := clock.Now()
	policies := map[string]validator.Policy{
		"age":       {AnyToken: true, MaxTokenAge: 10 * time.Minute},
		"acr":       {AnyToken: true, ACRValues: strs{"gold"}},
		"auth_time": {AnyToken: true, MaxAuthAge: 5 * time.Minute},
		"both":      {Scopes: strs{"read"}, ACRValues: strs{"gold"}, MaxAuthAge: time.Hour, MaxTokenAge: time.Hour},
		"details":   detailed(small),
		"permit": {Permit: func(context.Context, *validator.Token) error {
			if clock.Now().After(noon.Add(time.Minute)) {
				return errors.New("after noon")
			}
			return nil
		}},
		"now": {AnyToken: true, Fresh: validator.IntrospectedNow()},
	}
	accepted, refusals := 0, map[validator.Reason]int{}
	for _, step := range []time.Duration{
		0, 5 * time.Minute, 30 * time.Second, time.Second, 5 * time.Minute, -11 * time.Minute, 10*time.Minute + 30*time.Second, time.Second,
		50 * time.Minute, -2 * time.Hour, time.Hour, 3 * time.Hour,
	} {
		clock.Advance(step)
		unseen, err := seen.WithConfig(c) // same keys, empty cache
		require.NoError(t, err)
		for what, raw := range raws {
			for name, p := range policies {
				for range 2 {
					hit, miss := held(t, seen, raw, p), held(t, unseen, raw, p)
					assert.Equal(t, reasonOf(miss), reasonOf(hit), "%s, %s at %v", what, name, clock.Now())
					if hit == nil {
						accepted++
					} else {
						refusals[reasonOf(hit)]++
					}
				}
			}
		}
	}
	assert.Greater(t, accepted, 100)
	for _, reason := range []validator.Reason{
		validator.ReasonTokenTooOld, validator.ReasonACRInsufficient, validator.ReasonAuthenticationTooOld,
		validator.ReasonDetailsInsufficient, validator.ReasonNotPermitted, validator.ReasonExpired,
	} {
		assert.Positive(t, refusals[reason], reason)
	}
}

// TestScopePolicyAllocatesNothing: on a hit, which is what most requests are.
func TestScopePolicyAllocatesNothing(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	raw := s.AccessToken()
	accept(t, v, raw)
	p := validator.Policy{
		Scopes: strs{"read"}, AnyScope: strs{"x", "read"}, Issuers: strs{s.Issuer()}, Audiences: strs{audience}, ClientIDs: strs{client},
		MaxTokenAge: time.Hour,
	}
	require.NoError(t, v.CheckPolicy(p))
	ctx := context.Background()
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := v.ValidateWith(ctx, raw, validator.Requirements{Policy: &p}); err != nil {
			t.Fatal(err)
		}
	}))
}
