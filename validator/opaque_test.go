package validator_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestOpaqueToken: one question, the facts of its answer, and no other question
// until exp, exactly.
func TestOpaqueToken(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now, Lifetime: 10 * time.Minute})
	c := configure(ask(s))
	c.Clock = clock.Now
	var seen recorder
	c.Observer = seen.observer()
	v := build(t, c)
	raw := s.OpaqueToken(validatortest.Scope("orders.read"), validatortest.Subject("jane"), validatortest.Claim("tenant", "acme"))

	token := accept(t, v, raw)
	assert.Equal(t, validator.OriginIntrospection, token.Origin())
	assert.True(t, clock.Now().Equal(token.IntrospectedAt()))
	assert.Equal(t, validator.Identity{Issuer: s.Issuer(), Subject: "jane"}, token.Identity())
	assert.Equal(t, client, token.ClientID())
	assert.Equal(t, []string{"orders.read"}, token.Scopes())
	assert.Equal(t, audience, token.MatchedAudience())
	assert.True(t, clock.Now().Add(10*time.Minute).Equal(token.Expiry()))
	assert.Empty(t, token.KeyID())
	tenant, _ := token.Claim("tenant")
	assert.Equal(t, "acme", tenant)
	active, _ := token.Claim("active")
	assert.Equal(t, true, active, "the claims are those of the answer")
	assert.False(t, seen.last().Cached)

	clock.Advance(10*time.Minute - time.Second)
	assert.Same(t, token, accept(t, v, strings.Clone(raw)))
	assert.True(t, seen.last().Cached)
	assert.Equal(t, 1, s.IntrospectionRequests())

	clock.Advance(time.Second)
	reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonInactive)
	assert.Zero(t, s.KeyRequests(), "nothing of it concerns keys")
}

// TestAnswersExpireWithoutLeeway: what is kept of an answer ends at exp, not at exp
// and leeway, and so does an answer that says active beyond it.
func TestAnswersExpireWithoutLeeway(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now, Lifetime: time.Minute})
	o := newOracle(t)
	c := configure(ask(s, o.at))
	c.Clock, c.Leeway = clock.Now, time.Minute
	v := build(t, c)
	o.says(answer(map[string]any{"exp": clock.Now().Add(time.Minute).Unix()}))
	accept(t, v, "opaque-token")
	clock.Advance(time.Minute - time.Nanosecond*1000)
	accept(t, v, "opaque-token")
	assert.Equal(t, 1, o.times())
	clock.Advance(time.Nanosecond * 1000)
	e := reject(t, v, "opaque-token", validator.ErrInvalidToken, validator.ReasonExpired)
	assert.Equal(t, 2, o.times())
	assert.True(t, e.Verified)
}

// TestInactiveIsRememberedBriefly: an opaque token that its issuer called inactive
// stays so for 10 s without asking again, and not longer.
func TestInactiveIsRememberedBriefly(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	o := newOracle(t)
	c := configure(ask(s, o.at))
	c.Clock = clock.Now
	v := build(t, c)
	o.says(`{"active":false}`)
	for range 3 {
		e := reject(t, v, "opaque-token", validator.ErrInvalidToken, validator.ReasonInactive)
		assert.False(t, e.Verified)
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	_, err := v.Validate(left, "opaque-token")
	refused(t, err, validator.ErrInvalidToken, validator.ReasonInactive) // that takes nobody's time
	assert.Equal(t, 1, o.times())
	reject(t, v, "another-token", validator.ErrInvalidToken, validator.ReasonInactive)
	assert.Equal(t, 2, o.times())

	o.says(answer(map[string]any{"exp": clock.Now().Add(time.Hour).Unix()}))
	clock.Advance(10*time.Second - time.Millisecond)
	reject(t, v, "opaque-token", validator.ErrInvalidToken, validator.ReasonInactive)
	clock.Advance(time.Millisecond)
	accept(t, v, "opaque-token")
}

// TestErrorsAreNeverRemembered: the next request asks again.
func TestErrorsAreNeverRemembered(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(ask(s)))
	raw := s.OpaqueToken()
	s.SetMode(validatortest.ModeError)
	reject(t, v, raw, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	s.SetMode(validatortest.ModeUp)
	accept(t, v, raw)
}

// TestWhatIsNoJWS: what is introspected, and what is a bad JWT for good.
func TestWhatIsNoJWS(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	o.says(`{"active":false}`)
	v := build(t, configure(ask(s, o.at)))
	head := func(header string) string { return base64URL(header) }
	for name, tc := range map[string]struct {
		raw   string
		asked bool
	}{
		"no dot":                     {strings.Repeat("a", 43), true},
		"one dot":                    {"ory_at_abc.def", true},
		"two dots, no header":        {"abc.def.ghi", true},
		"two dots, header no JSON":   {head("{no") + ".def.ghi", true},
		"two dots, header an array":  {head(`["alg"]`) + ".def.ghi", true},
		"two dots, no alg":           {head(`{"typ":"x"}`) + ".def.ghi", true},
		"two dots, enc":              {head(`{"alg":"dir","enc":"A256GCM"}`) + ".def.ghi", true},
		"a JWE":                      {head(`{"alg":"dir","enc":"A256GCM"}`) + "..def.ghi.jkl", true},
		"five parts, a JWS's header": {head(`{"alg":"RS256"}`) + ".a.b.c.d", false}, // for whom split loosely
		"a JWS and a dot":            {s.AccessToken() + ".", false},
		"a JWS and more dots":        {s.AccessToken() + "...", false},
		"a JWS's first parts":        {s.AccessToken()[:30], true}, // without a dot
		"a JWS's header and a dot":   {head(`{"alg":"RS256"}`) + ".", false},
		"a header with blanks":       {head(" {no") + ".def.ghi", true},
		"a JWS, payload no JSON":     {head(`{"alg":"ES256"}`) + ".def.ghi", false},
		"a JWS without signature":    {head(`{"alg":"ES256"}`) + "." + head(`{"iss":"`+s.Issuer()+`"}`) + ".", false},
		"a JWS with duplicate alg":   {head(`{"alg":"ES256","alg":"ES256"}`) + ".def.ghi", false},
		"a JWS of a foreign issuer":  {s.AccessToken(validatortest.Claim("iss", "https://other.example")), false},
		"a JWS with alg none":        {s.AccessToken(validatortest.HeaderParam("alg", "none")), false},
		"an expired JWS":             {s.AccessToken(validatortest.Expiry(time.Now().Add(-time.Hour))), false},
		"a JWS for another audience": {s.AccessToken(validatortest.Audience("api://other")), false},
		"an ID token":                {s.IDToken(client), false},
		"a forged JWS":               {forged(s.AccessToken()), false},
		"an unlisted kid":            {s.AccessToken(validatortest.HeaderParam("kid", "nobody")), false},
		"not the alphabet":           {"opaque token", false},
		"not the alphabet, NUL":      {"opaque\x00token", false},
		"too long":                   {strings.Repeat("a", validator.MaxTokenSize+1), false},
		"empty":                      {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			before := o.times()
			_, err := v.Validate(t.Context(), tc.raw)
			if tc.asked {
				refused(t, err, validator.ErrInvalidToken, validator.ReasonInactive)
				assert.Equal(t, before+1, o.times())
				return
			}
			require.Error(t, err)
			assert.NotEqual(t, validator.ReasonInactive, reasonOf(err))
			assert.NotErrorIs(t, err, validator.ErrUnavailable)
			assert.Equal(t, before, o.times(), "a refusal is final")
		})
	}
}

// forged has another signature of the same form.
func forged(raw string) string {
	at := strings.LastIndexByte(raw, '.') + 1
	return raw[:at] + strings.Repeat("A", len(raw)-at)
}

// TestOpaqueFormat: what does not look like one of the issuer's tokens is refused
// without asking, and the owner's function is heard on every request.
func TestOpaqueFormat(t *testing.T) {
	s := start(t, validatortest.Options{OpaquePrefix: "ory_at_"})
	revoked := map[string]bool{}
	v := build(t, configure(ask(s, func(is *validator.Issuer) {
		is.Introspection.Format = introspect.Format{
			Prefix: "ory_at_", MinLength: 50, MaxLength: 50,
			Check: func(token string) bool { return !revoked[token] },
		}
	})))
	raw := s.OpaqueToken()
	require.Len(t, raw, 50)
	accept(t, v, raw)
	for _, junk := range []string{"ory_rt_" + raw[7:], raw + "a", raw[:49], "ORY_AT_" + raw[7:], raw[7:], "x"} {
		e := reject(t, v, junk, validator.ErrInvalidToken, validator.ReasonOpaqueFormat)
		assert.False(t, e.Verified)
	}
	assert.Equal(t, 1, s.IntrospectionRequests())
	revoked[raw] = true
	reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonOpaqueFormat)
}

// TestOpaqueTokensGoToOneServer: by prefix, or by the owner's function; a token of
// one issuer is never shown to another, and facts of one never serve another.
func TestOpaqueTokensGoToOneServer(t *testing.T) {
	one, two := start(t, validatortest.Options{OpaquePrefix: "one_"}), start(t, validatortest.Options{OpaquePrefix: "two_"})
	prefixed := func(prefix string) func(*validator.Issuer) {
		return func(is *validator.Issuer) { is.Introspection.Format.Prefix = prefix }
	}
	v := build(t, configure(ask(one, prefixed("one_")), ask(two, prefixed("two_"))))
	mine, yours := one.OpaqueToken(), two.OpaqueToken()
	assert.Equal(t, one.Issuer(), accept(t, v, mine).Issuer())
	assert.Equal(t, two.Issuer(), accept(t, v, yours).Issuer())
	reject(t, v, "three_"+mine, validator.ErrInvalidToken, validator.ReasonOpaqueFormat)
	assert.Equal(t, 1, one.IntrospectionRequests())
	assert.Equal(t, 1, two.IntrospectionRequests())

	whose := "second"
	named := func(name string) func(*validator.Issuer) { return func(is *validator.Issuer) { is.Name = name } }
	c := configure(ask(one, named("first")), ask(two, named("second")))
	c.OpaqueIssuer = func(string) string { return whose }
	v = build(t, c)
	assert.Equal(t, "second", accept(t, v, yours).IssuerName())
	whose = two.Issuer()
	assert.Equal(t, "second", accept(t, v, yours).IssuerName())
	whose = "first"
	reject(t, v, yours, validator.ErrInvalidToken, validator.ReasonInactive) // not by what the second said
	for _, whose = range []string{"", "third"} {
		reject(t, v, mine, validator.ErrInvalidToken, validator.ReasonOpaqueFormat)
	}
	assert.Equal(t, 2, one.IntrospectionRequests())
	assert.Equal(t, 2, two.IntrospectionRequests())

	c.OpaqueIssuer = validator.NoOpaqueTokens
	reject(t, build(t, c), mine, validator.ErrInvalidToken, validator.ReasonOpaqueFormat)
}

// TestIssuerThatIsNotAsked: with another one beside it that is, its tokens are
// verified locally, and no opaque token is taken for its own.
func TestIssuerThatIsNotAsked(t *testing.T) {
	local, asked := start(t, validatortest.Options{}), start(t, validatortest.Options{})
	v := build(t, configure(trust(local), ask(asked)))
	accept(t, v, local.AccessToken())
	reject(t, v, local.OpaqueToken(), validator.ErrInvalidToken, validator.ReasonInactive)
	assert.Equal(t, 1, asked.IntrospectionRequests())
	assert.Zero(t, local.IntrospectionRequests())
}

// TestOpaqueOnly: no keys are fetched, the issuer is ready without them, and a JWT
// that names it is refused without asking anybody.
func TestOpaqueOnly(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(ask(s, func(is *validator.Issuer) { is.OpaqueOnly = true })))
	require.NoError(t, v.Ready(t.Context()))
	accept(t, v, s.OpaqueToken())
	reject(t, v, s.AccessToken(), validator.ErrInvalidToken, validator.ReasonUnknownKey)
	assert.Zero(t, s.KeyRequests())
	assert.Equal(t, 1, s.IntrospectionRequests())
}

// TestPoliciesHoldForOpaqueTokens: scopes and issuers, bound tokens, on the first
// request as on a hit.
func TestPoliciesHoldForOpaqueTokens(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(ask(s)))
	raw := s.OpaqueToken(validatortest.Scope("orders.read"))
	bound := s.OpaqueToken(validatortest.Claim("cnf", map[string]any{"jkt": thumbprint}))
	for range 2 {
		_, err := v.ValidateWith(t.Context(), raw, validator.Requirements{Policy: &validator.Policy{Scopes: []string{"orders.write"}}})
		assert.True(t, refused(t, err, validator.ErrInsufficientScope, validator.ReasonInsufficientScope).Verified)
		_, err = v.ValidateWith(t.Context(), raw, validator.Requirements{Policy: &validator.Policy{Scopes: []string{"orders.read"}}})
		assert.NoError(t, err)
		reject(t, v, bound, validator.ErrInvalidProof, validator.ReasonProofMissing)
		proven := validator.Requirements{Proofs: []validator.Proof{fixedProof{proven: validator.Confirmation{JKT: thumbprint}}}}
		_, err = v.ValidateWith(t.Context(), bound, proven)
		assert.NoError(t, err)
	}
	assert.Equal(t, 2, s.IntrospectionRequests())
}
