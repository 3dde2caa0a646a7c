package validator_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestExplainWhose: the issuer is the one that the token names, or none.
func TestExplainWhose(t *testing.T) {
	s, second := start(t, validatortest.Options{}), start(t, validatortest.Options{})
	named := func(is validator.Issuer, name string) validator.Issuer { is.Name = name; return is }
	v := build(t, configure(named(ask(s), "first"), named(trust(second), "second")))
	for raw, want := range map[string]string{
		s.AccessToken(): "first", second.AccessToken(): "second",
		s.AccessToken(validatortest.Claim("iss", "https://other.example")): "", "": "",
	} {
		x := v.Explain(t.Context(), raw)
		assert.Equal(t, want, x.Issuer)
		assert.Equal(t, want != "", x.Profile == "generic", x.Profile)
		assert.Equal(t, want != "", x.Key != nil)
		assert.Equal(t, want == "first", x.Introspection != nil)
		assert.False(t, x.Undecided())
	}
}

// TestExplainTheLongestToken: what is as long as a token may be is read, and nothing
// longer.
func TestExplainTheLongestToken(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	long := func(n int) string {
		for header := range 4 { // base64url has no text of 4n+1 characters
			for filler := n/4*3 - 700; filler < n; filler++ {
				raw := s.AccessToken(validatortest.Audience("api://other"), validatortest.ClientID("stranger"),
					validatortest.Claim("x", strings.Repeat("x", filler)), validatortest.HeaderParam("x", strings.Repeat("x", header)))
				if len(raw) == n {
					return raw
				}
				if len(raw) > n {
					break
				}
			}
		}
		require.Fail(t, "no token of that length")
		return ""
	}
	assert.Equal(t, strs{"aud", "client"}, strs(failures(v.Explain(t.Context(), long(validator.MaxTokenSize)))))
	assert.Equal(t, strs{"size"}, strs(failures(v.Explain(t.Context(), long(validator.MaxTokenSize+1)))))
}

// TestExplainOpaqueOfThreeParts: two dots make no JWS, nor does what looks like JSON before
// them.
func TestExplainOpaqueOfThreeParts(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	o.says(answer(nil))
	raw := base64URL("{an opaque token}") + ".of.three-parts"
	x := build(t, configure(ask(s, o.at))).Explain(t.Context(), raw)
	agrees(t, x, raw, nil)
	for name, want := range map[string][2]string{
		"form": {"passed", "opaque"}, "header": {"does_not_apply", ""}, "claims": {"does_not_apply", ""}, "exp": {"does_not_apply", ""},
		"signature": {"does_not_apply", ""}, "answer agrees": {"does_not_apply", ""}, "answer aud": {"passed", audience},
	} {
		got := explained(t, x, name)
		assert.Equal(t, want, [2]string{string(got.State), got.Actual}, name)
	}
}

// TestExplainBoundByTheAnswer: what binds a token may be its issuer's word alone.
func TestExplainBoundByTheAnswer(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	o.says(answer(map[string]any{"sub": nil, "scope": nil, "exp": nil, "cnf": map[string]any{"jkt": thumbprint}}))
	raw := s.AccessToken()
	x := build(t, configure(ask(s, o.at, always))).ExplainWith(t.Context(), raw, validator.Requirements{
		Proofs: []validator.Proof{fixedProof{proven: validator.Confirmation{JKT: thumbprint}}},
	})
	agrees(t, x, raw, nil)
	assert.Equal(t, "bound to a key (jkt)", explained(t, x, "proof").Actual)
}

// TestExplainTenantsApart: behind a failure the tenant is judged by the list, and not by
// a function of the owner's; everything else is judged beside either.
func TestExplainTenantsApart(t *testing.T) {
	changes := object{"ver": "1.0", "azp": "stranger", "aud": "api://other"}
	for name, tc := range map[string]struct {
		tenants validator.Tenants
		failed  strs
		tid     validator.CheckState
		tenant  validator.CheckState
	}{
		"a list": {validator.Tenants{Allowed: strs{contoso}}, strs{"typ", "tid", "aud", "client"}, validator.CheckFailed, validator.CheckDoesNotApply},
		"a function": {
			validator.Tenants{Permit: func(string) bool { panic("nobody asks") }}, strs{"typ", "aud", "client"},
			validator.CheckNotReached, validator.CheckNotReached,
		},
	} {
		s := entraTenants(t, templateV2, tc.tenants)
		raw := s.token(t, fabrikam, changes)
		x := s.validator(t).Explain(t.Context(), raw)
		assert.Equal(t, "typ", agrees(t, x, raw, refusalOf(x)).Name, name)
		assert.Equal(t, tc.failed, strs(failures(x)), name)
		assert.Equal(t, tc.tid, explained(t, x, "tid").State, name)
		assert.Equal(t, tc.tenant, explained(t, x, "tenant").State, name)
	}
	s := entraTenants(t, templateV2, validator.Tenants{Allowed: strs{contoso}})
	raw := s.token(t, contoso, object{"aud": "api://other"})
	x := s.validator(t).Explain(t.Context(), raw)
	agrees(t, x, raw, refusalOf(x))
	assert.Equal(t, "tid "+contoso, explained(t, x, "tid").Actual)
}

// TestExplainInPlaceOfTheKey: a JWS that its issuer vouched for while its key could not be
// had was not verified here, and says so.
func TestExplainInPlaceOfTheKey(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	o.says(answer(map[string]any{"sub": nil, "scope": nil, "exp": nil}))
	s.SetKeysMode(validatortest.ModeDown)
	v, raw := build(t, configure(ask(s, o.at, func(is *validator.Issuer) { is.AllowMissingExpiry = time.Minute }))), s.AccessToken()
	for _, cached := range []bool{false, true} {
		x := v.Explain(t.Context(), raw)
		agrees(t, x, raw, nil)
		assert.Equal(t, &validator.ExplainedKey{ID: s.KID(), Algorithm: "ES256"}, x.Key)
		assert.Equal(t, cached, x.Cache.Cached)
		assert.True(t, x.Introspection.Asked)
		for _, name := range []string{"key", "signature"} {
			assert.Equal(t, validator.CheckDoesNotApply, explained(t, x, name).State, name)
		}
		assert.Equal(t, validator.CheckPassed, explained(t, x, "answer agrees").State)
	}
}

// TestExplainAKeyThatIsWithdrawnMeanwhile: what vouched for the token is not what is listed
// now, though it has the same name.
func TestExplainAKeyThatIsWithdrawnMeanwhile(t *testing.T) {
	s := start(t, validatortest.Options{})
	v, raw := build(t, configure(trust(s))), s.AccessToken()
	before := v.Explain(t.Context(), raw).Key
	x := v.ExplainWith(t.Context(), raw, validator.Requirements{Policy: &validator.Policy{Permit: func(ctx context.Context, _ *validator.Token) error {
		s.Rekey(s.KID())
		return v.RefreshKeys(ctx)
	}}})
	agrees(t, x, raw, nil)
	assert.True(t, x.Key.Verified)
	assert.False(t, x.Key.Listed)
	assert.Equal(t, before.Thumbprint, x.Key.Thumbprint)
}

// TestExplainSharedAnswer: what another replica learned is kept here from when it was
// found.
func TestExplainSharedAnswer(t *testing.T) {
	r := newReplicas(t, 2)
	raw := r.OpaqueToken()
	accept(t, r.all[0].Validator, raw)
	sent := r.clock.Now()
	r.advance(10 * time.Second)
	x := r.all[1].Explain(t.Context(), raw)
	agrees(t, x, raw, nil)
	require.NotNil(t, x.Cache.Kept)
	assert.Equal(t, sent.Add(10*time.Second), x.Cache.Kept.UTC())
	assert.Equal(t, sent.Add(-validator.DefaultMaxSkew), x.Introspection.At.UTC())
	assert.Equal(t, 10*time.Second+validator.DefaultMaxSkew, x.Introspection.Age)
}
