package validator_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// ticking is a clock that goes on by a step whenever it is read.
type ticking struct {
	mu   sync.Mutex
	now  time.Time
	step time.Duration
}

func (c *ticking) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now
	c.now = c.now.Add(c.step)
	return now
}

// TestExplainWhileTimePasses: the verdict was reached later than the explanation began,
// and holds.
func TestExplainWhileTimePasses(t *testing.T) {
	begin := newClock().Now()
	s := start(t, validatortest.Options{Clock: func() time.Time { return begin }})
	o := newOracle(t)
	asked := ask(s, o.at)
	names := map[string]bool{}
	for seconds := range 40 {
		c := configure(asked)
		c.Clock, c.Leeway = (&ticking{now: begin, step: time.Second}).Now, validator.NoLeeway
		v, raw := build(t, c), fmt.Sprint("an-opaque-token-", seconds)
		o.says(answer(map[string]any{"exp": begin.Add(time.Duration(seconds) * time.Second).Unix()}))
		x := v.Explain(t.Context(), raw)
		name := agrees(t, x, raw, refusalOf(x)).Name
		require.Contains(t, []string{"", "answer exp"}, name, "exp of an opaque token is that of the answer")
		if x.Accepted {
			assert.Zero(t, x.Introspection.Age, "asked after the call began")
			assert.Zero(t, x.Cache.Age, "and kept after that")
		}
		names[fmt.Sprint(name, x.Verified, x.Cache.Kept != nil)] = true
	}
	assert.Equal(t, map[string]bool{"true true": true, "answer exptrue false": true, "answer exptrue true": true}, names,
		"accepted; bad by the answer; good by it, and expired before the verdict")

	c := configure(trust(s))
	c.Clock, c.Leeway = (&ticking{now: begin, step: time.Second}).Now, validator.NoLeeway
	raw := s.AccessToken(validatortest.Claim("nbf", begin.Add(time.Second).Unix()))
	x := build(t, c).Explain(t.Context(), raw)
	agrees(t, x, raw, nil)
	assert.Equal(t, validator.CheckPassed, explained(t, x, "nbf").State)
}

// refusalOf is Err, but nil where there is none.
func refusalOf(x *validator.Explanation) error {
	if x.Err == nil {
		return nil
	}
	return x.Err
}

// TestExplainFailuresApart: each check behind the one that decided is judged by itself.
func TestExplainFailuresApart(t *testing.T) {
	s, second := start(t, validatortest.Options{}), start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at), trust(second)))
	far := validatortest.Audience("api://other")
	state := func(x *validator.Explanation, name string) string {
		c := explained(t, x, name)
		return strings.TrimSpace(string(c.State) + " " + string(c.Reason))
	}
	x := v.ExplainWith(t.Context(), s.AccessToken(far, validatortest.ClientID("stranger"), validatortest.NoClaim("exp"), validatortest.HeaderParam("alg", "none")),
		validator.Requirements{Fresh: validator.IntrospectedNow(), Policy: &validator.Policy{
			ClientIDs: strs{"stranger"}, Scopes: strs{"read"}, MaxAuthAge: time.Minute, AnyTrustedIssuer: true,
			Permit: func(context.Context, *validator.Token) error { panic("nobody asks") },
		}})
	for name, want := range map[string]string{
		"alg": "failed algorithm_not_allowed", "exp": "failed expiry_missing", "iat": "passed", "aud": "failed audience_mismatch", "client": "failed client_mismatch",
		"scope": "passed", "key": "not_reached", "signature": "not_reached", "introspection": "not_reached", "answer aud": "not_reached",
		"policy": "passed", "policy clients": "passed", "policy scopes": "passed", "policy auth_time": "failed authentication_too_old",
		"policy issuers": "does_not_apply", "policy permit": "not_reached", "revocation": "does_not_apply", "proof": "does_not_apply",
	} {
		assert.Equal(t, want, state(x, name), name)
	}
	x = v.ExplainWith(t.Context(), s.AccessToken(far), validator.Requirements{Policy: &validator.Policy{}})
	assert.Equal(t, "failed policy_invalid", state(x, "policy"))
	assert.Equal(t, "does_not_apply", state(x, "introspection"))

	large := s.AccessToken(far, validatortest.Claim("x", strings.Repeat("x", validator.MaxTokenSize)))
	x = v.Explain(t.Context(), large)
	assert.Equal(t, "size", agrees(t, x, large, refusalOf(x)).Name)
	assert.Equal(t, "not_reached", state(x, "aud"), "it is too long to be read")
}

// TestExplainExpiredAnswer: a JWS that verified, whose issuer said that it ends sooner.
func TestExplainExpiredAnswer(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now, Lifetime: lifetime})
	o := newOracle(t)
	c := configure(ask(s, o.at, always, func(is *validator.Issuer) {
		is.AllowMissingExpiry, is.MaxTokenLifetime, is.AllowUnknownStatus = time.Minute, lifetime, true
	}))
	c.Clock, c.Revocations = clock.Now, newRevocations(t, validator.RevocationsConfig{})
	v := build(t, c)
	raw := s.AccessToken(validatortest.Subject("jane"), validatortest.Scope("read"),
		validatortest.Expiry(clock.Now().Add(30*time.Minute)), validatortest.Claim("status", members{"other": 1}))
	o.says(answer(map[string]any{"exp": nil}))
	x := v.Explain(t.Context(), raw)
	agrees(t, x, raw, nil)
	assert.Equal(t, validator.CheckDoesNotApply, explained(t, x, "revocation").State, "the issuer is asked itself")
	assert.Equal(t, validator.CheckDoesNotApply, explained(t, x, "status_list").State)
	assert.Equal(t, validator.CheckPassed, explained(t, x, "status").State)

	o.says(answer(map[string]any{"exp": nil}))
	x = v.Explain(t.Context(), "an-opaque-token-0123456789")
	agrees(t, x, "an-opaque-token-0123456789", nil)
	assert.Equal(t, "2026-11-01T12:01:00Z", explained(t, x, "answer exp").Actual, "by AllowMissingExpiry")

	o.says(answer(map[string]any{"exp": nil}))
	x = v.ExplainWith(t.Context(), "another-opaque-token-0123456789", validator.Requirements{Policy: &validator.Policy{Scopes: strs{"admin"}}})
	refused(t, refusalOf(x), validator.ErrInsufficientScope, validator.ReasonInsufficientScope)
	assert.Equal(t, validator.CheckPassed, explained(t, x, "answer exp").State, "though the token is refused")

	// The answer ends before the token: a hit then is a token that verified and expired.
	brief := s.AccessToken(validatortest.Subject("jane"), validatortest.Scope("read"))
	o.says(answer(map[string]any{"exp": dated(t, brief).Unix()}))
	require.NoError(t, refusalOf(v.Explain(t.Context(), brief)))
	clock.Advance(lifetime) // within the leeway, which the token has and the answer has not
	x = v.Explain(t.Context(), brief)
	assert.Equal(t, "exp", agrees(t, x, brief, refusalOf(x)).Name)
	assert.True(t, x.Verified && x.Key.Verified && x.Cache.Cached)
	assert.Equal(t, validator.CheckPassed, explained(t, x, "signature").State)
}

// dated is exp of a JWT.
func dated(t *testing.T, raw string) time.Time {
	t.Helper()
	var claims struct{ Exp int64 }
	decodePayload(t, raw, &claims)
	return time.Unix(claims.Exp, 0)
}

// TestExplainUnkeptAnswers: answers that are not kept, not given, or cannot be read.
func TestExplainUnkeptAnswers(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v, raw := build(t, configure(ask(s, o.at))), "an-opaque-token-0123456789"
	o.says(answer(map[string]any{"note": raw}))
	x := v.Explain(t.Context(), raw)
	agrees(t, x, raw, nil)
	assert.Equal(t, validator.ExplainedCache{}, x.Cache, "it quotes the token")

	o.says(answer(map[string]any{"aud": raw}))
	x = v.Explain(t.Context(), raw)
	assert.Equal(t, "the answer quotes the token, and is not quoted here", agrees(t, x, raw, refusalOf(x)).Actual)

	left, leave := context.WithCancel(t.Context())
	o.does(func(w http.ResponseWriter, _ *http.Request) { leave(); w.WriteHeader(http.StatusServiceUnavailable) })
	x = v.Explain(left, raw)
	require.Equal(t, validator.ReasonCallerLeft, x.Reason)
	assert.Equal(t, "introspection", agrees(t, x, raw, refusalOf(x)).Name)
	assert.True(t, x.Undecided())

	policy := validator.Policy{Permit: func(context.Context, *validator.Token) error { return fmt.Errorf("no %s", raw) }}
	o.says(answer(nil))
	raw = "another-opaque-token-0123456789" // about the first one a question may be on its way still
	x = v.ExplainWith(t.Context(), raw, validator.Requirements{Policy: &policy})
	assert.Equal(t, "no [redacted]", agrees(t, x, raw, refusalOf(x)).Actual)

	entra := start(t, validatortest.Options{Style: validatortest.StyleEntraV2, Algorithm: "RS256"})
	is := ask(entra, o.at)
	is.Profile = validator.EntraV2(validator.Tenants{})
	o.says(answer(map[string]any{"Tid": "x"}))
	x = build(t, configure(is)).Explain(t.Context(), raw)
	require.Equal(t, validator.ReasonMalformedClaims, x.Reason)
	assert.Equal(t, "answer", agrees(t, x, raw, refusalOf(x)).Name)
}

// TestExplainPrints: by every verb, and by value, what String says and no more.
func TestExplainPrints(t *testing.T) {
	v := build(t, configure(trust(start(t, validatortest.Options{}))))
	x := v.Explain(t.Context(), "a b")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		assert.Equal(t, x.String(), fmt.Sprintf(verb, x), verb)
		assert.Equal(t, x.String(), fmt.Sprintf(verb, *x), verb)
	}
	assert.Contains(t, x.String(), "introspection, answer, status_list, proof, policy\n") // and their parts by them
	assert.NotContains(t, x.String(), "answer exp")
	assert.Equal(t, "nothing is kept", validator.ExplainedCache{Cached: true}.String())
}

// TestExplainWhileBehind: what may be missing of the revocations is told apart from what
// the issuer said.
func TestExplainWhileBehind(t *testing.T) {
	revocations, feed, _ := following(t, validator.RevocationsConfig{WhileBehind: validator.RefuseWhileBehind})
	r := newRevocable(t)
	is := ask(r.Server)
	is.MaxTokenLifetime = lifetime
	r.config.Issuers, r.config.Revocations = []validator.Issuer{is}, revocations
	v := build(t, r.config)
	feed.Behind("the line is cut", 2*time.Second)
	for raw, introspection := range map[string]validator.CheckState{
		r.AccessToken(): validator.CheckDoesNotApply, r.OpaqueToken(): validator.CheckPassed,
	} {
		for range 2 {
			x := v.Explain(t.Context(), raw)
			require.Equal(t, validator.ReasonRevocationsBehind, x.Reason)
			assert.Equal(t, "revocation", agrees(t, x, raw, refusalOf(x)).Name)
			for _, name := range []string{"introspection", "answer", "answer aud", "answer cnf"} {
				assert.Equal(t, introspection, explained(t, x, name).State, name)
			}
		}
	}
}
