package validator_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// explained is the check of that name.
func explained(t testing.TB, x *validator.Explanation, name string) validator.ExplainedCheck {
	t.Helper()
	for _, c := range x.Checks {
		if c.Name == name {
			return c
		}
	}
	require.Fail(t, "there is no check "+name)
	return validator.ExplainedCheck{}
}

// failures are the names of the checks that failed.
func failures(x *validator.Explanation) (list []string) {
	for _, c := range x.Checks {
		if c.State == validator.CheckFailed {
			list = append(list, c.Name)
		}
	}
	return list
}

// TestExplainAnswers: the same as Validate for every answer of an issuer, about opaque
// tokens and about JWTs that it is asked about besides, on a miss and again.
func TestExplainAnswers(t *testing.T) {
	s := start(t, validatortest.Options{})
	for _, c := range slices.Concat(s.Answers(client), s.JWTAnswers(client)) {
		t.Run(string(c.Family)+" "+c.Name, func(t *testing.T) {
			defer c.Arrange(s)()
			is := ask(s, always)
			is.Algorithms = s.Algorithms()
			one, other := build(t, configure(is)), build(t, configure(is))
			for range 2 {
				_, err := one.Validate(t.Context(), c.Token)
				x := other.Explain(t.Context(), c.Token)
				agrees(t, x, c.Token, err)
				require.NotNil(t, x.Introspection)
				assert.True(t, x.Introspection.Asked)
				for _, text := range texts(t, x) {
					assert.NotContains(t, text, validatortest.DefaultSubject)
				}
				if x.Err != nil && x.Err.RetryAfter > 0 {
					return // nobody is asked before
				}
			}
		})
	}
}

// TestExplainGoesOn: all that can be seen without the issuer is told at once; the verdict
// is that of the first.
func TestExplainGoesOn(t *testing.T) {
	s := start(t, validatortest.Options{Style: validatortest.StyleGeneric})
	past := validatortest.Expiry(time.Now().Add(-time.Hour))
	far, stranger := validatortest.Audience("api://other"), validatortest.ClientID("stranger")
	none := validatortest.HeaderParam("alg", "none")
	policy := validator.Requirements{Policy: &validator.Policy{Scopes: strs{"root"}, ClientIDs: strs{client}, ACRValues: strs{"gold"}, MaxAuthAge: time.Minute}}
	for name, tc := range map[string]struct {
		raw    string
		checks strs
		call   validator.Requirements
	}{
		"two":         {s.AccessToken(past, far), strs{"exp", "aud"}, validator.Requirements{}},
		"alg first":   {s.AccessToken(none, past, far, stranger), strs{"alg", "exp", "aud", "client"}, validator.Requirements{}},
		"no issuer":   {s.AccessToken(validatortest.Claim("iss", "https://other.example"), past, far), strs{"iss", "exp"}, validator.Requirements{}},
		"policy too":  {s.AccessToken(far), strs{"aud", "policy scopes", "policy acr", "policy auth_time"}, policy},
		"the client":  {s.AccessToken(stranger), strs{"client", "policy clients", "policy scopes", "policy acr", "policy auth_time"}, policy},
		"policy only": {s.AccessToken(), strs{"policy scopes", "policy acr", "policy auth_time"}, policy},
		"no reader":   {s.AccessToken(past) + "\n", strs{"alphabet"}, validator.Requirements{}},
	} {
		t.Run(name, func(t *testing.T) {
			v := build(t, configure(trust(s)))
			_, err := v.ValidateWith(t.Context(), tc.raw, tc.call)
			keys := s.KeyRequests()
			x := v.ExplainWith(t.Context(), tc.raw, tc.call)
			assert.Equal(t, tc.checks[0], agrees(t, x, tc.raw, err).Name)
			assert.Equal(t, tc.checks, strs(failures(x)))
			assert.Equal(t, keys, s.KeyRequests(), "a fetch that Validate would not make")
			if !x.Verified {
				assert.NotEqual(t, validator.CheckPassed, explained(t, x, "signature").State)
			}
		})
	}
}

// TestExplainTellsTheKind: a token that is no access token is shown by all that says
// so, and a claim typ is not taken for the header's.
func TestExplainTellsTheKind(t *testing.T) {
	for _, tc := range []struct {
		style   validatortest.Style
		profile validator.Profile
		says    string
	}{
		{validatortest.StyleOkta, validator.Okta(), "no header typ, of another kind of token: at_hash nonce"},
		{validatortest.StyleKeycloak, validator.Keycloak(), "header typ jwt, claim typ id, of another kind of token: at_hash nonce typ"},
		{validatortest.StyleCognito, validator.Cognito(), "no header typ, claim token_use id, of another kind of token: at_hash nonce token_use"},
	} {
		s := start(t, validatortest.Options{Style: tc.style})
		is := trust(s)
		is.Profile = tc.profile
		x := build(t, configure(is)).Explain(t.Context(), s.IDToken(client))
		assert.Equal(t, validator.ReasonNotAccessToken, x.Reason)
		assert.Equal(t, tc.says, explained(t, x, "typ").Actual)
	}
}

// TestExplainAsksNobody: what Validate refuses without network is explained without.
func TestExplainAsksNobody(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at, always)))
	x := v.Explain(t.Context(), s.AccessToken(validatortest.Audience("api://other")))
	assert.Equal(t, validator.ReasonAudienceMismatch, x.Reason)
	assert.Zero(t, s.KeyRequests()+s.MetadataRequests()+o.times())
	for _, name := range []string{"key", "signature", "introspection", "answer exp"} {
		assert.Equal(t, validator.CheckNotReached, explained(t, x, name).State, name)
	}
	assert.Equal(t, &validator.ExplainedKey{ID: s.KID(), Algorithm: "ES256"}, x.Key)
	assert.Equal(t, &validator.ExplainedIntrospection{}, x.Introspection)
	assert.Equal(t, validator.ExplainedCache{}, x.Cache)
	assert.True(t, explained(t, x, "aud").Unverified)
	assert.False(t, x.Verified)
}

// TestExplainState: the key and its age, the cache, and when the issuer was asked, by
// the injected clock.
func TestExplainState(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	o := newOracle(t)
	c := configure(ask(s, o.at, always, func(is *validator.Issuer) { is.IntrospectionMaxAge, is.StaleIfError = time.Minute, time.Hour }))
	c.Clock, c.CacheCap = clock.Now, 10*time.Minute
	v, began := build(t, c), clock.Now()
	o.says(answer(map[string]any{"sub": nil, "scope": nil, "exp": nil}))
	raw := s.AccessToken(validatortest.Subject("jane"))

	x := v.Explain(t.Context(), raw)
	agrees(t, x, raw, nil)
	assert.Equal(t, began, x.At)
	assert.True(t, x.Key.Verified && x.Key.Listed)
	assert.Len(t, x.Key.Thumbprint, 43)
	assert.Equal(t, began, x.Key.Fetched.UTC())
	assert.False(t, x.Cache.Cached)
	assert.Equal(t, began, x.Cache.Kept.UTC())
	assert.Equal(t, began.Add(10*time.Minute), x.Cache.Until.UTC())
	assert.Equal(t, began, x.Introspection.At.UTC())
	assert.Equal(t, "passed", string(explained(t, x, "answer aud").State))

	clock.Advance(30 * time.Second)
	x = v.Explain(t.Context(), raw)
	agrees(t, x, raw, nil)
	half := 30 * time.Second
	assert.Equal(t, strs{"true", "30s", "30s", "30s", "false"},
		strs{fmt.Sprint(x.Cache.Cached), x.Cache.Age.String(), x.Key.Age.String(), x.Introspection.Age.String(), fmt.Sprint(x.Introspection.Stale)})
	assert.Equal(t, began, x.Cache.Kept.UTC())
	assert.Equal(t, half, x.At.Sub(began))

	o.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	clock.Advance(time.Minute)
	x = v.Explain(t.Context(), raw)
	agrees(t, x, raw, nil)
	assert.True(t, x.Introspection.Stale && x.Introspection.Asked && x.Cache.Cached)
	assert.Equal(t, 90*time.Second, x.Introspection.Age)

	clock.Advance(time.Hour)
	x = v.Explain(t.Context(), raw)
	assert.Equal(t, validator.ReasonExpired, x.Reason)
	assert.Equal(t, validator.ExplainedCache{}, x.Cache)
	assert.True(t, x.Key.Listed)
	assert.False(t, x.Key.Verified)

	s.SetMode(validatortest.ModeDown)
	x = v.Explain(t.Context(), s.AccessToken(validatortest.HeaderParam("kid", "another")))
	assert.Equal(t, validator.ReasonIntrospectionUnavailable, x.Reason)
	assert.True(t, x.Undecided())
	assert.False(t, x.Key.Listed)
	assert.Equal(t, validator.CheckDoesNotApply, explained(t, x, "key").State, "the issuer was asked in its place")
	assert.Nil(t, x.Introspection.At)
}

// TestExplainIsNotHeard: no decision is counted, but the fetch of keys is.
func TestExplainIsNotHeard(t *testing.T) {
	s := start(t, validatortest.Options{})
	var decisions, fetches atomic.Int32
	c := configure(trust(s))
	c.Observer = validator.Observer{
		Decision: func(context.Context, validator.Decision) { decisions.Add(1) },
		KeyFetch: func(validator.KeyFetch) { fetches.Add(1) },
	}
	x := build(t, c).Explain(t.Context(), s.AccessToken())
	assert.True(t, x.Accepted)
	assert.Equal(t, []int32{0, 1}, []int32{decisions.Load(), fetches.Load()})
}

// TestExplainNearIssuer: a slash too much is the commonest mistake.
func TestExplainNearIssuer(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	iss := func(iss string) validator.ExplainedCheck {
		return explained(t, v.Explain(t.Context(), s.AccessToken(validatortest.Claim("iss", iss))), "iss")
	}
	assert.Equal(t, strconv.Quote(s.Issuer())+", byte for byte", iss(s.Issuer()+"/").Expected)
	assert.Equal(t, "one of ["+strconv.Quote(s.Issuer())+"]", iss("https://other.example").Expected)
}

// TestExplainGenuine: what refuses a token whose signature verified is told apart,
// although three checks can say "revoked" or name a tenant.
func TestExplainGenuine(t *testing.T) {
	p := publish(t, func(c *validator.Config) {
		c.Issuers[0].MaxTokenLifetime = time.Hour
		c.Revocations = newRevocations(t, validator.RevocationsConfig{})
	})
	p.says(p.list(2, []byte{0b1110_0100}, nil, nil)) // valid, invalid, suspended, anything else
	revoked := p.token(0, validatortest.Subject("revoked"))
	require.NoError(t, p.config.Revocations.Revoke(validator.Revocation{Issuer: p.Issuer(), Subject: "revoked"}))
	for name, tc := range map[string]struct {
		raw, check string
		reason     validator.Reason
	}{
		"good":       {p.token(0), "", ""},
		"revoked":    {revoked, "revocation", validator.ReasonRevoked},
		"invalid":    {p.token(1), "status_list", validator.ReasonRevoked},
		"suspended":  {p.token(2), "status_list", validator.ReasonSuspended},
		"of its own": {p.token(3), "status_list", validator.ReasonStatusUnknown},
		"no list":    {p.token(99), "status_list", validator.ReasonStatusUnknown},
		"elsewhere":  {p.AccessToken(validatortest.Claim("status", members{"other": 1})), "status", validator.ReasonStatusUnknown},
	} {
		for _, round := range []string{"miss", "hit"} {
			_, err := p.validator.Validate(t.Context(), tc.raw)
			require.Equal(t, tc.reason, reasonOf(err), name)
			other, rebuilt := p.validator.WithConfig(p.config)
			require.NoError(t, rebuilt)
			for _, v := range []*validator.Validator{p.validator, other} {
				x := v.Explain(t.Context(), tc.raw)
				assert.Equal(t, tc.check, agrees(t, x, tc.raw, err).Name, "%s, %s", name, round)
				assert.Equal(t, name == "good", explained(t, x, "status_list").State == validator.CheckPassed, name)
				if tc.check != "status" {
					assert.Equal(t, validator.CheckPassed, explained(t, x, "signature").State)
					assert.True(t, x.Verified && x.Key.Verified)
				}
			}
		}
	}
}

// TestExplainTenant: the two looks at a tenant are told apart.
func TestExplainTenant(t *testing.T) {
	allowed := 1
	s := entraTenants(t, templateV2, validator.Tenants{Permit: func(string) bool { allowed--; return allowed >= 0 }})
	v, raw := s.validator(t), s.token(t, contoso, nil)
	x := v.Explain(t.Context(), raw) // the second time it is asked it says no
	assert.Equal(t, validator.ReasonTenantNotAllowed, x.Reason)
	assert.Equal(t, "tenant", agrees(t, x, raw, x.Err).Name)
	assert.True(t, x.Verified)
	x = v.Explain(t.Context(), s.token(t, fabrikam, nil))
	assert.Equal(t, "tid", agrees(t, x, raw, x.Err).Name)
	assert.False(t, x.Verified)
}

// TestExplainOpaque: of an opaque token there is only what its issuer says.
func TestExplainOpaque(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	o := newOracle(t)
	c := configure(ask(s, o.at))
	c.Clock = clock.Now
	v, raw := build(t, c), "opaque-token-of-some-length"
	o.says(answer(map[string]any{"exp": clock.Now().Add(time.Minute).Unix(), "cnf": map[string]any{"jkt": thumbprint}}))
	proof := validator.Requirements{Proofs: []validator.Proof{fixedProof{proven: validator.Confirmation{JKT: thumbprint}}}}
	x := v.ExplainWith(t.Context(), raw, proof)
	agrees(t, x, raw, nil)
	for name, want := range map[string][2]string{
		"form": {"passed", "opaque"}, "claims": {"does_not_apply", ""}, "exp": {"does_not_apply", ""}, "signature": {"does_not_apply", ""},
		"answer aud": {"passed", audience}, "answer client": {"passed", client}, "answer exp": {"passed", "2026-11-01T12:01:00Z"},
		"answer iat": {"does_not_apply", ""}, "answer agrees": {"does_not_apply", ""}, "proof": {"passed", "bound to a key (jkt)"},
	} {
		got := explained(t, x, name)
		assert.Equal(t, want, [2]string{string(got.State), got.Actual}, name)
	}
	assert.Nil(t, x.Key)
	_, err := v.Validate(t.Context(), raw)
	x = v.Explain(t.Context(), raw)
	assert.Equal(t, "proof", agrees(t, x, raw, err).Name)
	assert.True(t, x.Verified && x.Cache.Cached)

	// The issuer's own word is remembered for a while, and expiry is by its answer.
	clock.Advance(time.Minute)
	o.says(`{"active":false}`)
	for range 2 {
		x = v.Explain(t.Context(), raw)
		c := agrees(t, x, raw, x.Err)
		assert.Equal(t, strs{"introspection", "inactive"}, strs{c.Name, string(x.Reason)})
		assert.Equal(t, &validator.ExplainedIntrospection{Asked: true}, x.Introspection)
	}
	assert.Equal(t, 2, o.times())
}
