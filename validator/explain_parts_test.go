package validator_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"reflect"
	"strconv"
	"strings"
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
	o := newOracle(t)
	jwt := s.AccessToken(validatortest.Subject("jane"), validatortest.Scope("read"))
	for _, tc := range hostileAnswers(s.Issuer()) {
		t.Run(tc.name, func(t *testing.T) {
			o.says(tc.body)
			for _, raw := range []string{"opaque-token-of-some-length", jwt} {
				one, other := build(t, configure(ask(s, o.at, always))), build(t, configure(ask(s, o.at, always)))
				for range 2 {
					_, err := one.Validate(t.Context(), raw)
					x := other.Explain(t.Context(), raw)
					agrees(t, x, raw, err)
					require.NotNil(t, x.Introspection)
					assert.True(t, x.Introspection.Asked)
					for _, text := range texts(t, x) {
						assert.NotContains(t, text, "jane")
					}
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

// calls counts the calls of all functions that an owner can supply.
type calls struct{ tenants, permit, details, proof, router int }

func (n *calls) requirements() validator.Requirements {
	return validator.Requirements{
		Policy: &validator.Policy{
			Permit:               func(context.Context, *validator.Token) error { n.permit++; return nil },
			AuthorizationDetails: []validator.DetailRule{validator.Detail("pay", func(struct{}) bool { n.details++; return true })},
		},
		Proofs: []validator.Proof{fixedProof{seen: func(string, *validator.Token) { n.proof++ }}},
	}
}

// TestExplainCallsNothingMore: functions of the owner's are called as often as by
// Validate, whether a token is accepted or where it is refused.
func TestExplainCallsNothingMore(t *testing.T) {
	s := start(t, validatortest.Options{Style: validatortest.StyleEntraV2, Path: "/{tenantid}/v2.0", Algorithm: "RS256"})
	pay := validatortest.Claim("authorization_details", []map[string]any{{"type": "pay"}})
	for name, tc := range map[string]struct {
		raw  string
		want calls
	}{
		"accepted":  {s.AccessToken(pay), calls{tenants: 2, permit: 1, details: 1, proof: 1, router: 0}},
		"typ":       {s.AccessToken(pay, validatortest.NoClaim("azp")), calls{}},
		"alg":       {s.AccessToken(pay, validatortest.HeaderParam("alg", "none")), calls{tenants: 1}},
		"signature": {s.AccessToken(pay)[:400] + "AAAA", calls{}},
		"details":   {s.AccessToken(), calls{tenants: 2, proof: 1}},
		"opaque":    {"an-opaque-token", calls{router: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var validated, explained calls
			for _, n := range []*calls{&validated, &explained} {
				is := styles["Entra v2, all"].issuer(s)
				is.Profile = validator.EntraV2(validator.Tenants{Permit: func(string) bool { n.tenants++; return true }})
				opaque := ask(start(t, validatortest.Options{}))
				c := configure(is, opaque)
				c.OpaqueIssuer = func(string) string { n.router++; return "" }
				v, require := build(t, c), n.requirements()
				require.Policy.AnyTrustedIssuer = true
				if n == &validated {
					_, _ = v.ValidateWith(t.Context(), tc.raw, require)
					continue
				}
				v.ExplainWith(t.Context(), tc.raw, require)
			}
			assert.Equal(t, validated, explained)
			if name != "signature" {
				assert.Equal(t, tc.want, explained)
			}
		})
	}
}

// TestExplainOrderOfPolicies: the checks of a policy stand in the order in which it
// evaluates them, and each field that demands something has one.
func TestExplainOrderOfPolicies(t *testing.T) {
	s, second := start(t, validatortest.Options{}), start(t, validatortest.Options{})
	v := build(t, configure(trust(s), func() validator.Issuer { is := trust(second); is.Audiences = strs{"api://second"}; return is }()))
	no := errors.New("no")
	unmet := validator.Policy{
		Scopes: strs{"root"}, AnyScope: strs{"root"}, Issuers: strs{second.Issuer()}, Audiences: strs{"api://second"}, ClientIDs: strs{"stranger"},
		MaxTokenAge: time.Second, ACRValues: strs{"gold"}, MaxAuthAge: time.Minute,
		AuthorizationDetails: []validator.DetailRule{validator.Detail("pay", func(struct{}) bool { return false })},
		Permit:               func(context.Context, *validator.Token) error { return no },
	}
	fields := []struct {
		field, check string
	}{
		{"Issuers", "policy issuers"}, {"Audiences", "policy audiences"}, {"ClientIDs", "policy clients"}, {"MaxTokenAge", "policy token age"},
		{"Scopes", "policy scopes"}, {"AnyScope", "policy scopes"}, {"AuthorizationDetails", "policy authorization_details"},
		{"ACRValues", "policy acr"}, {"MaxAuthAge", "policy auth_time"}, {"Permit", "policy permit"},
	}
	known := map[string]bool{"AnyTrustedIssuer": true, "AnyToken": true, "Fresh": true, "PermitName": true} // demand nothing, or of the answer
	raw := s.AccessToken(validatortest.Claim("iat", time.Now().Add(-time.Hour).Unix()))
	for _, f := range fields {
		known[f.field] = true
		_, err := v.ValidateWith(t.Context(), raw, validator.Requirements{Policy: &unmet})
		x := v.ExplainWith(t.Context(), raw, validator.Requirements{Policy: &unmet})
		assert.Equal(t, f.check, agrees(t, x, raw, err).Name, f.field)
		reflect.ValueOf(&unmet).Elem().FieldByName(f.field).SetZero()
		if f.field == "Issuers" {
			unmet.AnyTrustedIssuer = false
			unmet.Issuers = strs{s.Issuer()} // else it leaves open whose
		}
	}
	for field := range reflect.TypeFor[validator.Policy]().Fields() {
		assert.True(t, known[field.Name], "Policy.%s: which check of an explanation is it?", field.Name)
	}
}

// TestExplainPermitAndProof: whatever reason they give, it is theirs.
func TestExplainPermitAndProof(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	raw := s.AccessToken()
	for _, reason := range []validator.Reason{validator.ReasonInsufficientScope, validator.ReasonACRInsufficient, validator.ReasonPermitUnavailable} {
		call := validator.Requirements{Policy: &validator.Policy{Permit: func(_ context.Context, _ *validator.Token) error {
			return validator.NewError(reason, "it quotes "+raw+" and "+raw[:40])
		}}}
		_, err := v.ValidateWith(t.Context(), raw, call)
		c := agrees(t, v.ExplainWith(t.Context(), raw, call), raw, err)
		assert.Equal(t, "policy permit", c.Name)
		assert.Equal(t, "it quotes [redacted] and [redacted]", c.Actual)
	}
	for _, reason := range []validator.Reason{validator.ReasonExpired, validator.ReasonRevoked, validator.ReasonProofNonce} {
		call := validator.Requirements{Proofs: []validator.Proof{fixedProof{err: validator.NewError(reason, "")}}}
		_, err := v.ValidateWith(t.Context(), raw, call)
		assert.Equal(t, "proof", agrees(t, v.ExplainWith(t.Context(), raw, call), raw, err).Name)
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	for name, call := range map[string]validator.Requirements{
		"proof":         {Proofs: []validator.Proof{fixedProof{err: context.Canceled}}},
		"policy permit": {Policy: &validator.Policy{Permit: func(context.Context, *validator.Token) error { return context.Canceled }}},
	} {
		x := v.ExplainWith(left, raw, call)
		assert.Equal(t, validator.ReasonCallerLeft, x.Reason)
		assert.Equal(t, strs{name}, strs(failures(x)))
	}
}

// TestExplainShowsNoSecrets: what a token, an answer or a function quotes, and what a
// terminal would obey, is taken out.
func TestExplainShowsNoSecrets(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at, always)))
	stranger := start(t, validatortest.Options{}).AccessToken()
	raw := s.AccessToken(validatortest.Claim("iss", "\x1b[31m\u202e"+stranger), validatortest.Claim("jti", "the-secret-jti"),
		validatortest.Subject("jane"), validatortest.Claim("note", "a-secret-claim"))
	x := v.Explain(t.Context(), raw)
	assert.Equal(t, "iss", agrees(t, x, raw, x.Err).Name)
	silent(t, x, stranger)
	assert.Equal(t, "�[31m�[redacted]", explained(t, x, "iss").Actual)
	for _, text := range texts(t, x) {
		for _, secret := range []string{"\x1b", "\u202e", "jane", "the-secret-jti", "a-secret-claim"} {
			assert.NotContains(t, text, secret)
		}
	}

	// An answer that disagrees in whom the token is about.
	for _, claim := range []string{"sub", "jti"} {
		o.says(answer(map[string]any{"sub": nil, "scope": nil, "exp": nil, claim: "mary"}))
		raw = s.AccessToken(validatortest.Claim(claim, "jane"))
		x = v.Explain(t.Context(), raw)
		c := explained(t, x, "answer agrees")
		assert.Equal(t, strs{"failed", "an answer with the token's " + claim, "another one"}, strs{string(c.State), c.Expected, c.Actual})
		for _, text := range texts(t, x) {
			assert.NotContains(t, text, "jane")
			assert.NotContains(t, text, "mary")
		}
	}

	// An answer that quotes the token in a claim that is wrong.
	raw = "an-opaque-token-0123456789"
	o.says(answer(map[string]any{"aud": raw}))
	x = v.Explain(t.Context(), raw)
	assert.Equal(t, "answer aud", agrees(t, x, raw, x.Err).Name)
	assert.NotContains(t, x.Err.Error(), raw)

	long := s.AccessToken(validatortest.Audience(strings.Repeat("api://long ", 100)))
	assert.Less(t, len(explained(t, v.Explain(t.Context(), long), "aud").Actual), 220)
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

// TestEveryReasonHasAdvice: one plain sentence or two, and no two reasons the same.
func TestEveryReasonHasAdvice(t *testing.T) {
	seen := map[string]string{}
	for name, reason := range allReasons(t) {
		advice := reason.Advice()
		assert.Regexp(t, `^[A-Z].*[^.]\.$`, advice, name)
		assert.Empty(t, seen[advice], "%s and %s", name, seen[advice])
		seen[advice] = name
	}
	assert.Greater(t, len(seen), 70)
	assert.Empty(t, validator.Reason("mine").Advice())
}

// allReasons are the constants of errors.go by name.
func allReasons(t *testing.T) map[string]validator.Reason {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	require.NoError(t, err)
	reasons := map[string]validator.Reason{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if of, ok := spec.Type.(*ast.Ident); ok && of.Name == "Reason" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			reasons[spec.Names[0].Name] = validator.Reason(text)
		}
		return true
	})
	return reasons
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
