package validator_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// newAskedRevocable is a revocable whose issuer is asked about tokens.
func newAskedRevocable(t testing.TB, edits ...func(*validator.Issuer)) *revocable {
	t.Helper()
	r := &revocable{clock: newClock()}
	r.Server = start(t, validatortest.Options{Clock: r.clock.Now, Lifetime: lifetime})
	is := ask(r.Server, edits...)
	is.MaxTokenLifetime = lifetime
	r.config = configure(is)
	r.config.Clock, r.config.Revocations = r.clock.Now, newRevocations(t, validator.RevocationsConfig{})
	r.validator, r.revocations = build(t, r.config), r.config.Revocations
	return r
}

func sub(subject string) validator.Revocation { return validator.Revocation{Subject: subject} }

// TestMarkMeansAskAgain: where the decision rests on the issuer's answer, a mark puts
// it out of date, once. What the issuer says then counts.
func TestMarkMeansAskAgain(t *testing.T) {
	for _, kind := range []string{"opaque", "JWT"} {
		t.Run(kind, func(t *testing.T) {
			r := newAskedRevocable(t, always)
			raw := tokens(r.Server)[kind]
			first := accept(t, r.validator, raw)
			r.clock.Advance(time.Minute)
			r.revoke(t, sub("user"))
			second := accept(t, r.validator, raw)
			assert.Equal(t, 2, r.IntrospectionRequests())
			assert.True(t, second.IntrospectedAt().After(first.IntrospectedAt()))
			assert.Same(t, second, accept(t, r.validator, raw))
			r.revoke(t, sub("nobody"))
			assert.Same(t, second, accept(t, r.validator, raw))
			assert.Equal(t, 2, r.IntrospectionRequests(), "of others, or known: no reason to ask")

			// A clock that is set back makes no answer newer than a mark.
			r.clock.Advance(-time.Minute)
			r.revoke(t, sub("user"))
			accept(t, r.validator, raw)
			assert.Equal(t, 3, r.IntrospectionRequests())

			r.revoke(t, sub("user"))
			r.Revoke(raw)
			reject(t, r.validator, raw, validator.ErrInvalidToken, validator.ReasonInactive)
		})
	}
}

// TestNewestMarkCounts: an answer that knows of one mark does not know of another.
func TestNewestMarkCounts(t *testing.T) {
	for _, marks := range [][]validator.Revocation{{sub("user"), {ClientID: client}}, {{ClientID: client}, sub("user")}} {
		r := newAskedRevocable(t)
		raw := r.OpaqueToken()
		for i, x := range marks {
			r.revoke(t, x)
			accept(t, r.validator, raw)
			assert.Equal(t, i+1, r.IntrospectionRequests())
		}
	}
}

// TestNewerTokensAreNotAskedAbout: a mark does not concern what was issued after it.
func TestNewerTokensAreNotAskedAbout(t *testing.T) {
	r := newAskedRevocable(t)
	raw := r.OpaqueToken()
	accept(t, r.validator, raw)
	r.apply(t, sub("user"), r.clock.Now().Add(-time.Second))
	accept(t, r.validator, raw)
	assert.Equal(t, 1, r.IntrospectionRequests())
	r.apply(t, sub("user"), r.clock.Now())
	accept(t, r.validator, raw)
	assert.Equal(t, 2, r.IntrospectionRequests())
}

// TestMarkedWithoutIssueTime: many servers' answers have no iat. Such a token is older
// than every mark that matches.
func TestMarkedWithoutIssueTime(t *testing.T) {
	r := newAskedRevocable(t)
	r.SetAnswer(func(_ string, answer map[string]any) { delete(answer, "iat") })
	raw := r.OpaqueToken()
	accept(t, r.validator, raw)
	r.apply(t, sub("user"), r.clock.Now().Add(-lifetime/2))
	accept(t, r.validator, raw)
	accept(t, r.validator, raw)
	assert.Equal(t, 2, r.IntrospectionRequests())
	r.apply(t, sub("user"), r.clock.Now().Add(-lifetime*3/4)) // another event: the table holds a later one
	accept(t, r.validator, raw)
	assert.Equal(t, 3, r.IntrospectionRequests())
	r.apply(t, sub("nobody"), r.clock.Now())
	accept(t, r.validator, raw)
	assert.Equal(t, 3, r.IntrospectionRequests())
	var mistake *validator.ConfigError
	require.ErrorAs(t, r.revocations.Apply(validator.Watermark{Revocation: r.with(sub("user"))}), &mistake)
	assert.Equal(t, "Watermark.At", mistake.Field)
	accept(t, r.validator, raw)
	assert.Equal(t, 3, r.IntrospectionRequests(), "a mark of no time is none")
}

// TestMarkThatLeftMeansAskAgain: whoever was not asked about while a mark was held is
// asked about after.
func TestMarkThatLeftMeansAskAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		at     time.Duration
		passes time.Duration
		held   int // marks of others
	}{"left": {0, lifetime + validator.DefaultLeeway, 0}, "came too late": {-lifetime - validator.DefaultLeeway, 0, 1}} {
		t.Run(name, func(t *testing.T) {
			r := newAskedRevocable(t)
			r.SetAnswer(func(_ string, answer map[string]any) { delete(answer, "iat") })
			raw := r.OpaqueToken(validatortest.Expiry(r.clock.Now().Add(24 * time.Hour)))
			r.apply(t, sub("nobody"), r.clock.Now().Add(-time.Minute))
			accept(t, r.validator, raw)
			r.apply(t, sub("user"), r.clock.Now().Add(tc.at))
			r.clock.Advance(tc.passes)
			assert.Equal(t, tc.held, r.revocations.Status().Marks)
			accept(t, r.validator, raw)
			assert.Equal(t, 2, r.IntrospectionRequests())
			accept(t, r.validator, raw)
			assert.Equal(t, 2, r.IntrospectionRequests())
		})
	}
}

// TestMarkWhileTheIssuerIsDown: nobody knows, so nobody passes, whatever may stand in
// otherwise.
func TestMarkWhileTheIssuerIsDown(t *testing.T) {
	for _, kind := range []string{"opaque", "JWT"} {
		t.Run(kind, func(t *testing.T) {
			r := newAskedRevocable(t, always, maxAge(time.Minute), staleIfError(lifetime))
			raw := tokens(r.Server)[kind]
			accept(t, r.validator, raw)
			r.SetIntrospectionMode(validatortest.ModeDown)
			r.clock.Advance(2 * time.Minute)
			accept(t, r.validator, raw)
			r.revoke(t, sub("nobody"))
			accept(t, r.validator, raw)
			r.revoke(t, sub("user"))
			reject(t, r.validator, raw, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
			r.SetIntrospectionMode(validatortest.ModeUp)
			accept(t, r.validator, raw)
		})
	}
}

// TestMarkWhileTheQuestionIsUnderWay: the answer says what was true before it.
func TestMarkWhileTheQuestionIsUnderWay(t *testing.T) {
	o := newOracle(t)
	r := newAskedRevocable(t, o.at)
	raw := r.OpaqueToken()
	o.does(func(w http.ResponseWriter, _ *http.Request) {
		r.revoke(t, sub("jane"))
		o.says(with("sub", "jane"))
		fmt.Fprint(w, with("sub", "jane"))
	})
	accept(t, r.validator, raw)
	assert.Equal(t, 2, o.times())
	accept(t, r.validator, raw)
	assert.Equal(t, 2, o.times())

	// And what it says in the end counts, not what it said first.
	other := r.OpaqueToken()
	o.does(func(w http.ResponseWriter, _ *http.Request) {
		r.revoke(t, sub("jane"))
		o.says(`{"active":false}`)
		fmt.Fprint(w, with("sub", "jane"))
	})
	reject(t, r.validator, other, validator.ErrInvalidToken, validator.ReasonInactive)
	assert.Equal(t, 4, o.times())
}

// TestVerifiedTokensAreJudgedByTheirOwnTime: a call that does not ask the issuer says
// the same whether another call did or not (design rule 2).
func TestVerifiedTokensAreJudgedByTheirOwnTime(t *testing.T) {
	r := newAskedRevocable(t)
	raw := r.AccessToken()
	accept(t, r.validator, raw)
	r.revoke(t, sub("user"))
	for range 2 {
		reject(t, r.validator, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
		_, err := r.validator.ValidateWith(t.Context(), raw, now())
		assert.NoError(t, err, "its issuer says that it is good")
	}
	reject(t, r.fresh(t), raw, validator.ErrInvalidToken, validator.ReasonRevoked)
}

// TestMarkedFallback: a token that its issuer vouched for while its keys were down is
// asked about again, and judged by itself as soon as the keys are back.
func TestMarkedFallback(t *testing.T) {
	r := newAskedRevocable(t)
	r.SetKeysMode(validatortest.ModeDown)
	raw := r.AccessToken()
	accept(t, r.validator, raw)
	r.revoke(t, sub("user"))
	accept(t, r.validator, raw)
	assert.Equal(t, 2, r.IntrospectionRequests())
	r.Revoke(raw)
	accept(t, r.validator, raw)
	r.revoke(t, sub("user"))
	reject(t, r.validator, raw, validator.ErrInvalidToken, validator.ReasonInactive)

	other := r.AccessToken()
	accept(t, r.validator, other)
	r.SetKeysMode(validatortest.ModeUp)
	r.clock.Advance(10 * time.Second) // the backoff
	accept(t, r.validator, r.AccessToken(validatortest.Subject("joe")))
	reject(t, r.validator, other, validator.ErrInvalidToken, validator.ReasonRevoked)
}

// TestMarkedFallbackByItsOwnClaims: an answer need not say sid, jti or sub (RFC 7662
// 2.2). What the token says itself is then what it is revoked by, though nobody could
// verify it: it leads to no more than asking again.
func TestMarkedFallbackByItsOwnClaims(t *testing.T) {
	for name, x := range map[string]validator.Revocation{"sid": {Session: "s1"}, "jti": {TokenID: "t1"}, "sub": sub("user")} {
		t.Run(name, func(t *testing.T) {
			r := newAskedRevocable(t)
			r.SetAnswer(func(_ string, answer map[string]any) {
				for _, name := range []string{"sid", "jti", "sub"} {
					delete(answer, name)
				}
			})
			r.SetKeysMode(validatortest.ModeDown)
			raw := r.AccessToken(sid("s1"), validatortest.Claim("jti", "t1"))
			token := accept(t, r.validator, raw)
			assert.Empty(t, token.Subject()+token.ID(), "what was not verified is nobody's")
			stream, stop := token.Watch(t.Context())
			defer stop()
			r.revoke(t, validator.Revocation{Session: "s2"})
			assert.Same(t, token, accept(t, r.validator, raw))
			assert.NoError(t, stream.Err())

			r.Revoke(raw)
			r.revoke(t, x)
			ended(t, stream)
			reject(t, r.validator, raw, validator.ErrInvalidToken, validator.ReasonInactive)
		})
	}
}
