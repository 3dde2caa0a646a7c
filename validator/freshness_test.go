package validator_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func now() validator.Requirements {
	return validator.Requirements{Fresh: validator.IntrospectedNow()}
}

func within(d time.Duration) validator.Requirements {
	return validator.Requirements{Fresh: validator.IntrospectedWithin(d)}
}

// standing is a server, a clock that stands still, and a validator that asks.
func standing(t *testing.T, edits ...func(*validator.Issuer)) (*validatortest.Server, *testClock, *validator.Validator, *recorder) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	c := configure(ask(s, edits...))
	seen := &recorder{}
	c.Clock, c.Observer = clock.Now, seen.observer()
	return s, clock, build(t, c), seen
}

func maxAge(d time.Duration) func(*validator.Issuer) {
	return func(is *validator.Issuer) { is.IntrospectionMaxAge = d }
}

func staleIfError(d time.Duration) func(*validator.Issuer) {
	return func(is *validator.Issuer) { is.StaleIfError = d }
}

// tokens are one of each kind.
func tokens(s *validatortest.Server) map[string]string {
	return map[string]string{"opaque": s.OpaqueToken(), "JWT": s.AccessToken()}
}

// TestAlways: a JWT is verified, then asked about, once; a revoked one is refused.
func TestAlways(t *testing.T) {
	s, clock, v, seen := standing(t, always)
	raw := s.AccessToken(validatortest.Claim("tenant", "acme"))
	token := accept(t, v, raw)
	assert.Equal(t, validator.OriginLocal, token.Origin())
	assert.Equal(t, s.KID(), token.KeyID())
	assert.True(t, clock.Now().Equal(token.IntrospectedAt()))
	_, ok := token.Claim("active")
	assert.False(t, ok, "the claims are the token's own")
	assert.False(t, seen.last().Cached)
	clock.Advance(time.Minute)
	assert.Same(t, token, accept(t, v, raw))
	assert.True(t, seen.last().Cached)
	assert.Equal(t, 1, s.IntrospectionRequests())

	revoked := s.AccessToken()
	s.Revoke(revoked)
	for range 2 {
		e := reject(t, v, revoked, validator.ErrInvalidToken, validator.ReasonInactive)
		assert.True(t, e.Verified)
		assert.NotNil(t, seen.last().Token)
	}
	assert.Equal(t, 3, s.IntrospectionRequests(), "refusals of JWTs are not remembered")
	reject(t, v, forged(raw), validator.ErrInvalidToken, validator.ReasonBadSignature)
	assert.Equal(t, 3, s.IntrospectionRequests(), "local first")
	s.SetIntrospectionMode(validatortest.ModeDown)
	reject(t, v, s.AccessToken(), validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	accept(t, v, raw)
}

// TestVerifiedTokensCompleteTheirAnswers: what an answer about a JWT leaves out, the
// JWT says; what it says is checked, and other kinds of tokens are refused.
func TestVerifiedTokensCompleteTheirAnswers(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at, always)))
	o.says(`{"active":true}`)
	accept(t, v, s.AccessToken())
	for body, reason := range map[string]validator.Reason{
		`{"active":true,"aud":"api://other"}`:             validator.ReasonAudienceMismatch,
		`{"active":true,"client_id":"other"}`:             validator.ReasonClientMismatch,
		`{"active":true,"exp":1}`:                         validator.ReasonExpired,
		`{"active":true,"token_use":"refresh_token"}`:     validator.ReasonNotAccessToken,
		`{"active":true,"token_type":"N_A"}`:              validator.ReasonNotAccessToken,
		`{"active":true,"token_type":"DPoP"}`:             validator.ReasonConfirmationMissing,
		`{"active":true,"nbf":9999999999}`:                validator.ReasonNotYetValid,
		`{"active":true,"scope":"a","scp":["b"]}`:         validator.ReasonScopeConflict,
		`{"active":true,"cnf":{"x5t":"x"}}`:               validator.ReasonConfirmationUnknown,
		`{"active":false,"token_type":"Bearer","aud":[]}`: validator.ReasonInactive,
	} {
		o.says(body)
		reject(t, v, s.AccessToken(), validator.ErrInvalidToken, reason)
	}
}

// TestAlwaysHonoursTheEarlierEnd: the answer's exp holds without leeway, where it
// has one; a withdrawn key ends a token whatever was said of it.
func TestAlwaysHonoursTheEarlierEnd(t *testing.T) {
	s, clock, v, _ := standing(t, always)
	exp := clock.Now().Add(time.Minute).Unix()
	raw := s.AccessToken(validatortest.Claim("exp", exp))
	accept(t, v, raw)
	clock.Advance(time.Minute)
	reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonExpired)

	s.SetAnswer(func(_ string, answer map[string]any) { delete(answer, "exp") })
	raw = s.AccessToken(validatortest.Claim("exp", clock.Now().Add(time.Minute).Unix()))
	accept(t, v, raw)
	clock.Advance(time.Minute)
	accept(t, v, raw) // by the token's own exp, and leeway

	old := s.KID()
	s.Rotate("ES256")
	s.Withdraw(old)
	accept(t, v, s.AccessToken())
	reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonUnknownKey)
}

// TestMaxAge: an answer counts for as long as the issuer's setting says, from when
// it was asked for.
func TestMaxAge(t *testing.T) {
	for _, kind := range []string{"opaque", "JWT"} {
		t.Run(kind, func(t *testing.T) {
			s, clock, v, seen := standing(t, maxAge(time.Minute), always)
			raw := tokens(s)[kind]
			first := accept(t, v, raw)
			clock.Advance(time.Minute)
			assert.Same(t, first, accept(t, v, raw))
			assert.Equal(t, 1, s.IntrospectionRequests())
			clock.Advance(time.Millisecond)
			second := accept(t, v, raw)
			assert.True(t, second.IntrospectedAt().After(first.IntrospectedAt()))
			assert.False(t, seen.last().Cached)
			assert.Equal(t, 2, s.IntrospectionRequests())

			s.Revoke(raw)
			clock.Advance(time.Minute)
			accept(t, v, raw) // within the setting
			clock.Advance(time.Millisecond)
			reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonInactive)
			clock.Advance(-30 * time.Second)
			reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonInactive)
		})
	}
}

// TestClockSetBack: answers from the future are asked for again.
func TestClockSetBack(t *testing.T) {
	s, clock, v, _ := standing(t, maxAge(time.Hour))
	raw := s.OpaqueToken()
	accept(t, v, raw)
	clock.Advance(-time.Second)
	accept(t, v, raw)
	assert.Equal(t, 2, s.IntrospectionRequests())
}

// TestIntrospectedWithin: the call's own bound, or the issuer's if that is less.
func TestIntrospectedWithin(t *testing.T) {
	for _, kind := range []string{"opaque", "JWT"} {
		t.Run(kind, func(t *testing.T) {
			s, clock, v, _ := standing(t, maxAge(time.Hour))
			exp := validatortest.Claim("exp", clock.Now().Add(10*time.Hour).Unix())
			raw := map[string]string{"opaque": s.OpaqueToken(exp), "JWT": s.AccessToken(exp)}[kind]
			for _, step := range []struct {
				advance, within time.Duration
				asked           int
			}{
				{0, time.Minute, 1}, {time.Minute, time.Minute, 1}, {time.Millisecond, time.Minute, 2},
				{2 * time.Minute, 3 * time.Minute, 2}, {0, time.Minute, 3}, {time.Hour, 24 * time.Hour, 3}, {time.Millisecond, 24 * time.Hour, 4},
			} {
				clock.Advance(step.advance)
				token, err := v.ValidateWith(t.Context(), raw, within(step.within))
				require.NoError(t, err)
				assert.LessOrEqual(t, clock.Now().Sub(token.IntrospectedAt()), step.within)
				assert.Equal(t, step.asked, s.IntrospectionRequests(), "%+v", step)
			}
		})
	}
}

// TestIntrospectedNow: always asked, whatever is known; what it learns counts for
// everybody.
func TestIntrospectedNow(t *testing.T) {
	for _, kind := range []string{"opaque", "JWT"} {
		for name, require := range map[string]validator.Requirements{"now": now(), "within zero": within(0), "within less": within(-1)} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				s, _, v, seen := standing(t, always)
				raw := tokens(s)[kind]
				for asked := range 3 {
					_, err := v.ValidateWith(t.Context(), raw, require)
					assert.NoError(t, err)
					assert.Equal(t, asked+1, s.IntrospectionRequests())
				}
				s.Revoke(raw)
				accept(t, v, raw)
				assert.True(t, seen.last().Cached)
				_, err := v.ValidateWith(t.Context(), raw, require)
				refused(t, err, validator.ErrInvalidToken, validator.ReasonInactive)
				reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonInactive)
			})
		}
	}
}

// TestFreshnessOfAnIssuerThatIsNotAsked: no answer rather than a wrong one, hit or miss.
func TestFreshnessOfAnIssuerThatIsNotAsked(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	raw := s.AccessToken()
	for range 2 {
		for _, require := range []validator.Requirements{now(), within(time.Hour), {Fresh: validator.IntrospectedNow().OrIfDown(time.Hour)}} {
			_, err := v.ValidateWith(t.Context(), raw, require)
			e := refused(t, err, validator.ErrUnavailable, validator.ReasonFreshnessUnavailable)
			assert.True(t, e.Verified)
		}
		accept(t, v, raw)
	}
}

// TestStaleIfError: while the issuer cannot be asked, an older answer does, up to
// the issuer's bound and no further; never where the issuer answers.
func TestStaleIfError(t *testing.T) {
	for _, kind := range []string{"opaque", "JWT"} {
		t.Run(kind, func(t *testing.T) {
			s, clock, v, seen := standing(t, always, maxAge(time.Minute), staleIfError(5*time.Minute))
			raw := tokens(s)[kind]
			first := accept(t, v, raw)
			s.SetIntrospectionMode(validatortest.ModeError)
			clock.Advance(time.Minute)
			accept(t, v, raw)
			assert.False(t, seen.last().Stale, "it is fresh")
			clock.Advance(time.Millisecond)
			assert.Same(t, first, accept(t, v, raw))
			assert.True(t, seen.last().Stale)
			assert.Equal(t, 2, s.IntrospectionRequests())
			clock.Advance(4*time.Minute - time.Millisecond)
			accept(t, v, raw)
			clock.Advance(time.Millisecond)
			reject(t, v, raw, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)

			s.SetIntrospectionMode(validatortest.ModeUp)
			accept(t, v, raw)
			clock.Advance(2 * time.Minute)
			s.SetIntrospectionMode(validatortest.ModeGarbage) // it answers
			reject(t, v, raw, validator.ErrUnavailable, validator.ReasonIntrospectionMalformed)
			s.SetIntrospectionMode(validatortest.ModeUp)
			s.Revoke(raw)
			reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonInactive)
			s.SetIntrospectionMode(validatortest.ModeError)
			// What it called inactive is not accepted when it is down.
			if kind == "opaque" {
				reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonInactive)
			} else {
				reject(t, v, raw, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
			}
		})
	}
}

// TestStaleNeedsAnAnswer: a token that was never asked about is not accepted while
// the issuer is down, and by default no older answer is.
func TestStaleNeedsAnAnswer(t *testing.T) {
	s, clock, v, _ := standing(t, always, maxAge(time.Minute))
	raw := s.AccessToken()
	accept(t, v, raw)
	s.SetIntrospectionMode(validatortest.ModeDown)
	clock.Advance(2 * time.Minute)
	reject(t, v, raw, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)

	s, _, v, _ = standing(t, always, maxAge(time.Minute), staleIfError(time.Hour))
	s.SetIntrospectionMode(validatortest.ModeDown)
	for range 2 { // the second finds it verified in the cache
		reject(t, v, s.AccessToken(), validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	}
}

// TestStaleIsStillExamined: exp, policy and possession hold for a stale answer too.
func TestStaleIsStillExamined(t *testing.T) {
	s, clock, v, _ := standing(t, maxAge(time.Minute), staleIfError(time.Hour))
	raw := s.OpaqueToken(validatortest.Claim("exp", clock.Now().Add(10*time.Minute).Unix()), validatortest.Scope("read"))
	accept(t, v, raw)
	s.SetIntrospectionMode(validatortest.ModeDown)
	clock.Advance(9 * time.Minute)
	accept(t, v, raw)
	_, err := v.ValidateWith(t.Context(), raw, validator.Requirements{Policy: &validator.Policy{Scopes: []string{"write"}}})
	refused(t, err, validator.ErrInsufficientScope, validator.ReasonInsufficientScope)
	clock.Advance(time.Minute)
	reject(t, v, raw, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
}

// TestStaleEndsWithTheAnswer: a token that expires while its issuer fails to answer has
// expired: what an answer said is granted no leeway (RFC 7662 4), a stale one no more.
func TestStaleEndsWithTheAnswer(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	o := newOracle(t)
	c := configure(ask(s, o.at, always, maxAge(time.Minute), staleIfError(time.Hour)))
	c.Clock, c.Leeway = clock.Now, time.Minute
	v := build(t, c)
	exp := clock.Now().Add(10 * time.Minute).Unix()
	raw := s.AccessToken(validatortest.Claim("exp", exp))
	o.says(answer(map[string]any{"exp": exp, "sub": nil, "scope": nil}))
	known := accept(t, v, raw)
	takes := time.Second - time.Millisecond
	o.does(func(w http.ResponseWriter, _ *http.Request) {
		clock.Advance(takes)
		w.WriteHeader(http.StatusInternalServerError)
	})
	clock.Advance(10*time.Minute - time.Second)
	assert.Same(t, known, accept(t, v, raw))
	takes = time.Millisecond
	reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonExpired)
}

// TestCallsThatNameAFreshness are not softened by the issuer's setting, unless they
// say so, and then only up to that setting.
func TestCallsThatNameAFreshness(t *testing.T) {
	s, clock, v, seen := standing(t, staleIfError(5*time.Minute))
	raw := s.OpaqueToken()
	accept(t, v, raw)
	clock.Advance(2 * time.Minute)
	s.SetIntrospectionMode(validatortest.ModeError)
	for _, tc := range []struct {
		name     string
		fresh    validator.Freshness
		accepted bool
	}{
		{"now", validator.IntrospectedNow(), false},
		{"within", validator.IntrospectedWithin(time.Minute), false},
		{"now, or if down", validator.IntrospectedNow().OrIfDown(2 * time.Minute), true},
		{"within, or if down", validator.IntrospectedWithin(time.Minute).OrIfDown(2 * time.Minute), true},
		{"now, or if down, less", validator.IntrospectedNow().OrIfDown(2*time.Minute - 1), false},
		{"now, or if down, nonsense", validator.IntrospectedNow().OrIfDown(-time.Hour), false},
		{"the issuer's setting", validator.Freshness{}, true},
	} {
		_, err := v.ValidateWith(t.Context(), raw, validator.Requirements{Fresh: tc.fresh})
		if tc.accepted {
			assert.NoError(t, err, tc.name)
			continue
		}
		refused(t, err, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	}
	clock.Advance(3*time.Minute + time.Millisecond)
	_, err := v.ValidateWith(t.Context(), raw, validator.Requirements{Fresh: validator.IntrospectedNow().OrIfDown(time.Hour)})
	refused(t, err, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	accept(t, v, raw)
	assert.False(t, seen.last().Stale, "until exp is the issuer's setting")
}

// TestAgeIsThatOfTheQuestion: an answer that took long is as old as its question.
func TestAgeIsThatOfTheQuestion(t *testing.T) {
	s, clock, v, _ := standing(t, maxAge(time.Minute))
	raw := s.OpaqueToken()
	release := s.HoldIntrospection()
	done := make(chan *validator.Token)
	go func() {
		token, _ := v.Validate(context.Background(), raw)
		done <- token
	}()
	require.NoError(t, s.WaitIntrospectionRequests(t.Context(), 1))
	sent := clock.Now()
	clock.Advance(time.Minute)
	release()
	token := <-done
	require.NotNil(t, token)
	assert.True(t, sent.Equal(token.IntrospectedAt()))
	assert.Same(t, token, accept(t, v, raw))
	clock.Advance(time.Millisecond)
	accept(t, v, raw)
	assert.Equal(t, 2, s.IntrospectionRequests())
}

// TestLocalTokensNeedNoAnswer: an issuer that is asked about opaque tokens only is
// not asked about its JWTs, whatever its setting, even after a call that did.
func TestLocalTokensNeedNoAnswer(t *testing.T) {
	s, clock, v, _ := standing(t, maxAge(time.Minute))
	raw := s.AccessToken()
	accept(t, v, raw)
	assert.Zero(t, s.IntrospectionRequests())
	_, err := v.ValidateWith(t.Context(), raw, now())
	require.NoError(t, err)
	clock.Advance(time.Hour + validator.DefaultLeeway - time.Millisecond)
	accept(t, v, raw) // its own exp, with leeway, as if nobody had asked
	assert.Equal(t, 1, s.IntrospectionRequests())
}

// TestKeyWithdrawnWhileTheIssuerIsAsked: what verified before the question is looked
// at again after it, as on a hit.
func TestKeyWithdrawnWhileTheIssuerIsAsked(t *testing.T) {
	s, _, v, _ := standing(t, always)
	raw, old := s.AccessToken(), s.KID()
	require.NoError(t, v.Ready(t.Context()))
	release := s.HoldIntrospection()
	done := make(chan error, 1)
	go func() { _, err := v.Validate(context.Background(), raw); done <- err }()
	require.NoError(t, s.WaitIntrospectionRequests(t.Context(), 1))
	s.Rotate("ES256")
	s.Withdraw(old)
	other := make(chan error, 1)
	go func() { _, err := v.Validate(context.Background(), s.AccessToken()); other <- err }() // fetches the new set
	require.NoError(t, s.WaitIntrospectionRequests(t.Context(), 2))
	release()
	assert.NoError(t, <-other)
	refused(t, <-done, validator.ErrInvalidToken, validator.ReasonUnknownKey)
}

// TestNotAskedIsNotObserved: what the queue or the circuit refuses was no question.
func TestNotAskedIsNotObserved(t *testing.T) {
	s := start(t, validatortest.Options{})
	c := configure(ask(s))
	questions, decisions := 0, 0
	c.Observer.Introspection = func(validator.Introspection) { questions++ }
	c.Observer.Decision = func(context.Context, validator.Decision) { decisions++ }
	v := build(t, c)
	s.SetMode(validatortest.ModeError)
	for range 5 {
		reject(t, v, s.OpaqueToken(), validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	}
	reject(t, v, s.OpaqueToken(), validator.ErrUnavailable, validator.ReasonIntrospectionSuspended)
	assert.Equal(t, 5, questions)
	assert.Equal(t, 6, decisions)
}
