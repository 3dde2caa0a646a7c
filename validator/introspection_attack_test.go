package validator_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestMarksOfOtherTokens: what says that a token is none for access is not forgotten
// for another claim that ID tokens have, under any profile and in any order.
func TestMarksOfOtherTokens(t *testing.T) {
	o := newOracle(t)
	for _, style := range styles {
		s := start(t, validatortest.Options{Style: style.style, Path: style.path})
		if strings.Contains(s.Issuer(), "{tenantid}") {
			continue // is never asked: it is not one issuer
		}
		is := ask(s, func(is *validator.Issuer) { is.Introspection.Endpoint = o.URL + "/oauth2/default/v1/introspect" })
		is.Profile = style.profile
		v := build(t, configure(is))
		for i, mark := range []string{`"token_use":"refresh_token"`, `"typ":"Refresh"`, `"typ":"ID"`} {
			for j, members := range []string{mark, mark + `,"nonce":"n"`, `"nonce":"n",` + mark, mark + `,"events":{}`} {
				o.says(raw(members))
				reject(t, v, fmt.Sprintf("token-%d-%d", i, j), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
			}
		}
	}
}

// TestStaleIsWhatIsKeptNow: older facts do not stand in once another call has
// learned that the token is inactive.
func TestStaleIsWhatIsKeptNow(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	o := newOracle(t)
	c := configure(ask(s, o.at, staleIfError(time.Hour)))
	c.Clock = clock.Now
	v := build(t, c)
	o.says(answer(map[string]any{"exp": clock.Now().Add(time.Hour).Unix()}))
	accept(t, v, "opaque-token")

	arrived, gate := make(chan struct{}, 2), make(chan struct{})
	var asked atomic.Int32
	o.does(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		if asked.Add(1) == 1 {
			<-gate
			_, _ = w.Write([]byte(`{"active":false}`))
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	fresh := validator.Requirements{Fresh: validator.IntrospectedNow().OrIfDown(time.Hour)}
	errs := make(chan error, 2)
	call := func() {
		_, err := v.ValidateWith(context.Background(), "opaque-token", fresh)
		errs <- err
	}
	go call()
	<-arrived
	go call() // wants a question of its own; joins the next one, or begins it
	close(gate)
	got := []validator.Reason{reasonOf(<-errs), reasonOf(<-errs)}
	slices.Sort(got)
	assert.Equal(t, []validator.Reason{validator.ReasonInactive, validator.ReasonIntrospectionUnavailable}, got)
}

// TestFullQueueIsNoOutage: who has a revoked token cannot have it accepted by
// filling the queue.
func TestFullQueueIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls, told atomic.Int64
		slow := asleep(time.Second, &calls, answer(map[string]any{"exp": time.Now().Add(time.Hour).Unix()}))
		v := wired(t, slow, func(c *validator.Config) {
			is := &c.Issuers[0]
			is.IntrospectionMaxAge, is.StaleIfError = time.Minute, time.Hour
			is.Introspection.MaxInFlight, is.Introspection.MaxWaiting = 1, 1
			c.Observer.Introspection = func(validator.Introspection) { told.Add(1) }
		})
		accept(t, v, "opaque-token")
		<-time.After(2 * time.Minute)
		for i := range 2 {
			go func() { _, _ = v.Validate(context.Background(), fmt.Sprint("junk-", i)) }()
		}
		synctest.Wait()
		reject(t, v, "opaque-token", validator.ErrUnavailable, validator.ReasonIntrospectionBusy)
		assert.EqualValues(t, 1, told.Load(), "what was not asked is no outcome of a question")
		<-time.After(time.Minute) // until the junk is answered
	})
}

// TestFallbackDoesNotComeBack: once the keys have decided, a later outage of theirs
// brings back nothing of what was said before.
func TestFallbackDoesNotComeBack(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	c := configure(ask(s))
	c.Clock = clock.Now
	landed := make(chan struct{}, 100)
	c.Observer.KeyFetch = func(validator.KeyFetch) { landed <- struct{}{} }
	v := build(t, c)
	unlisted := s.MintWith(s.Prepare("ES256"))
	s.SetKeysMode(validatortest.ModeError)
	accept(t, v, unlisted)
	<-landed
	s.SetKeysMode(validatortest.ModeUp)
	clock.Advance(time.Minute)
	accept(t, v, unlisted) // has the fetch begin
	<-landed
	reject(t, v, unlisted, validator.ErrInvalidToken, validator.ReasonUnknownKey)

	s.Revoke(unlisted)
	s.SetKeysMode(validatortest.ModeError)
	clock.Advance(time.Minute)
	reject(t, v, unlisted, validator.ErrInvalidToken, validator.ReasonInactive)
}

// TestLateAnswer: what a deaf transport returns after everybody was told that there
// is no answer is not kept: a later question may have been answered.
func TestLateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		good := answer(map[string]any{"exp": time.Now().Add(time.Hour).Unix()})
		v := wired(t, wire(func(r *http.Request) (*http.Response, error) {
			if calls.Add(1) == 1 {
				<-time.After(40 * time.Second) // deaf to its context
				return reply(r, http.StatusOK, good), nil
			}
			return reply(r, http.StatusOK, `{"active":false}`), nil
		}))
		reject(t, v, "opaque-token", validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
		reject(t, v, "opaque-token", validator.ErrInvalidToken, validator.ReasonInactive)
		<-time.After(time.Minute)
		reject(t, v, "opaque-token", validator.ErrInvalidToken, validator.ReasonInactive)
	})
}

// TestFallbackWithoutExpiry: where exp may be missing in the answer, the token's own
// and what is allowed both end it.
func TestFallbackWithoutExpiry(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	c := configure(ask(s, func(is *validator.Issuer) { is.AllowMissingExpiry = 10 * time.Minute }))
	c.Clock = clock.Now
	s.SetAnswer(func(_ string, answer map[string]any) { delete(answer, "exp") })
	s.SetKeysMode(validatortest.ModeDown)
	v := build(t, c)
	for lifetime, want := range map[time.Duration]time.Duration{time.Hour: 10 * time.Minute, time.Minute: time.Minute} {
		token := accept(t, v, s.AccessToken(validatortest.Expiry(clock.Now().Add(lifetime))))
		assert.True(t, clock.Now().Add(want).Equal(token.Expiry()), "%v", lifetime)
	}
}

// TestVerifiedTokenDoesNotTakeAFallbacksAnswer: a question that was asked for a JWS
// without its key is not shared with one that verified it meanwhile, and what came
// of it does not stand in for that one's own answer.
func TestVerifiedTokenDoesNotTakeAFallbacksAnswer(t *testing.T) {
	for name, second := range map[string]int{"answered": http.StatusOK, "down": http.StatusServiceUnavailable} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			s := start(t, validatortest.Options{Clock: clock.Now})
			o := newOracle(t)
			c := configure(ask(s, o.at, always, staleIfError(time.Hour)))
			c.Clock = clock.Now
			v := build(t, c)
			raw := s.AccessToken(validatortest.Scope())
			said := answer(map[string]any{"exp": claimOf(t, raw, "exp"), "sub": nil, "scope": "admin"})
			arrived, gate := make(chan struct{}, 2), make(chan struct{})
			var asked atomic.Int32
			o.does(func(w http.ResponseWriter, _ *http.Request) {
				arrived <- struct{}{}
				if asked.Add(1) == 1 {
					<-gate
				} else {
					w.WriteHeader(second)
				}
				_, _ = io.WriteString(w, said)
			})
			s.SetKeysMode(validatortest.ModeError)
			fallback, own := make(chan error, 1), make(chan error, 1)
			var token *validator.Token
			go func() { _, err := v.Validate(context.Background(), raw); fallback <- err }()
			<-arrived
			s.SetKeysMode(validatortest.ModeUp)
			clock.Advance(time.Minute)
			require.NoError(t, v.Ready(t.Context()))
			joined := make(chan struct{})
			go func() {
				close(joined)
				var err error
				token, err = v.Validate(context.Background(), raw)
				own <- err
			}()
			<-joined
			close(gate)
			require.NoError(t, <-fallback)
			err := <-own
			if second != http.StatusOK {
				refused(t, err, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, validator.OriginLocal, token.Origin())
			assert.Empty(t, token.Scopes())
		})
	}
}

// TestFallbackFollowsTheSettings: while the keys are down, an answer is as good as
// the issuer's setting and the call have it, and no older.
func TestFallbackFollowsTheSettings(t *testing.T) {
	s, clock, v, _ := standing(t, maxAge(time.Minute))
	raw := s.AccessToken()
	s.SetKeysMode(validatortest.ModeDown)
	accept(t, v, raw)
	clock.Advance(time.Minute)
	accept(t, v, raw)
	assert.Equal(t, 1, s.IntrospectionRequests())
	clock.Advance(time.Millisecond)
	assert.Equal(t, validator.OriginIntrospection, accept(t, v, raw).Origin())
	assert.Equal(t, 2, s.IntrospectionRequests())
	_, err := v.ValidateWith(t.Context(), raw, now())
	require.NoError(t, err)
	assert.Equal(t, 3, s.IntrospectionRequests())

	// What could not be decided takes nothing away.
	s.SetIntrospectionMode(validatortest.ModeDown)
	_, err = v.ValidateWith(t.Context(), raw, now())
	refused(t, err, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	accept(t, v, raw)
	s.SetIntrospectionMode(validatortest.ModeUp)
	s.Revoke(raw)
	_, err = v.ValidateWith(t.Context(), raw, now())
	refused(t, err, validator.ErrInvalidToken, validator.ReasonInactive)
	reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonInactive)
}

// TestStaleWhileSuspended: not asking a server that does not answer is an outage.
func TestStaleWhileSuspended(t *testing.T) {
	s, clock, v, seen := standing(t, maxAge(time.Minute), staleIfError(time.Hour))
	raw := s.OpaqueToken()
	accept(t, v, raw)
	clock.Advance(2 * time.Minute)
	s.SetIntrospectionMode(validatortest.ModeError)
	for range 5 {
		reject(t, v, s.OpaqueToken(), validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	}
	reject(t, v, s.OpaqueToken(), validator.ErrUnavailable, validator.ReasonIntrospectionSuspended)
	accept(t, v, raw)
	assert.True(t, seen.last().Stale)
}

// TestClockThatRunsBackwards: a call ends, with a question too many at most.
func TestClockThatRunsBackwards(t *testing.T) {
	s := start(t, validatortest.Options{})
	c := configure(ask(s, maxAge(time.Minute)))
	var ticks atomic.Int64
	begin := time.Now().Round(0)
	c.Clock = func() time.Time { return begin.Add(-time.Duration(ticks.Add(1)) * time.Millisecond) }
	accept(t, build(t, c), s.OpaqueToken())
	assert.LessOrEqual(t, s.IntrospectionRequests(), 2)
}

// TestActiveAgain: an answer of now ends what was remembered as inactive.
func TestActiveAgain(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at)))
	o.says(`{"active":false}`)
	reject(t, v, "opaque-token", validator.ErrInvalidToken, validator.ReasonInactive)
	o.says(answer(nil))
	_, err := v.ValidateWith(t.Context(), "opaque-token", now())
	require.NoError(t, err)
	accept(t, v, "opaque-token")
	_, err = v.ValidateWith(t.Context(), "opaque-token", validator.Requirements{Fresh: validator.IntrospectedWithin(time.Nanosecond)})
	require.NoError(t, err)
	assert.Equal(t, 3, o.times())
}

// TestOrIfDownBoundsTheIssuersSetting, too.
func TestOrIfDownBoundsTheIssuersSetting(t *testing.T) {
	s, clock, v, _ := standing(t, maxAge(time.Minute), staleIfError(time.Hour))
	raw := s.OpaqueToken()
	accept(t, v, raw)
	s.SetIntrospectionMode(validatortest.ModeError)
	clock.Advance(30 * time.Minute)
	for ifDown, accepted := range map[time.Duration]bool{2 * time.Minute: false, 0: false, 30 * time.Minute: true, 2 * time.Hour: true} {
		_, err := v.ValidateWith(t.Context(), raw, validator.Requirements{Fresh: validator.Freshness{}.OrIfDown(ifDown)})
		if accepted {
			assert.NoError(t, err, ifDown)
			continue
		}
		refused(t, err, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	}
}

// TestStaleNeedsASetting: by default no answer stands in, not even one of the same
// instant.
func TestStaleNeedsASetting(t *testing.T) {
	s, _, v, _ := standing(t)
	raw := s.OpaqueToken()
	accept(t, v, raw)
	s.SetIntrospectionMode(validatortest.ModeError)
	_, err := v.ValidateWith(t.Context(), raw, validator.Requirements{Fresh: validator.IntrospectedNow().OrIfDown(time.Hour)})
	refused(t, err, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
}

// TestExpiredIsNotAskedAbout: a token that is known to have ended needs no answer.
func TestExpiredIsNotAskedAbout(t *testing.T) {
	s, clock, v, _ := standing(t, always)
	raw := s.AccessToken()
	accept(t, v, raw)
	clock.Advance(time.Hour + 10*time.Second) // within leeway of its own exp, beyond the answer's
	_, err := v.ValidateWith(t.Context(), raw, now())
	refused(t, err, validator.ErrInvalidToken, validator.ReasonExpired)
	assert.Equal(t, 1, s.IntrospectionRequests())
}

// TestEverlastingSettings: the longest durations there are do not wrap around.
func TestEverlastingSettings(t *testing.T) {
	s, clock, v, _ := standing(t, maxAge(math.MaxInt64), staleIfError(math.MaxInt64))
	raw := s.OpaqueToken()
	accept(t, v, raw)
	clock.Advance(time.Minute)
	accept(t, v, raw)
	assert.Equal(t, 1, s.IntrospectionRequests())
}

// TestAnswerThatQuotesTheToken: it is neither repeated in an error nor kept.
func TestAnswerThatQuotesTheToken(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at)))
	const token = "opaque-token-of-some-length"
	for member, value := range map[string]any{"aud": token, "client_id": token, "iss": token, "token_type": token, "exp": token} {
		o.says(with(member, value))
		_, err := v.Validate(t.Context(), token)
		require.NotEmpty(t, reasonOf(err))
		assert.NotContains(t, err.Error(), token[:16])
	}
	o.says(with("access_token", token))
	before := o.times()
	for range 2 {
		accept(t, v, token)
	}
	assert.Equal(t, before+2, o.times(), "a dump of the cache yields no token")
	accept(t, v, "short")
	o.says(with("sub", "short"))
	accept(t, v, "short")
	assert.Equal(t, before+3, o.times())
}

// TestLongLists: an answer with more audiences or scopes than anybody has is none.
func TestLongLists(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at)))
	list := append(make([]string, 4095), audience)
	o.says(with("aud", list))
	accept(t, v, "one")
	o.says(with("aud", append(list, "")))
	reject(t, v, "two", validator.ErrUnavailable, validator.ReasonIntrospectionMalformed)
	o.says(with("scope", strings.Repeat("s ", 4096)))
	accept(t, v, "three")
	o.says(with("scope", strings.Repeat("s ", 4097)))
	reject(t, v, "four", validator.ErrUnavailable, validator.ReasonIntrospectionMalformed)
}

// TestTokensOfTwoIssuersDoNotRunTogether: where one issuer's URL is the beginning of
// another's, a token's first letters are not taken for the rest of it.
func TestTokensOfTwoIssuersDoNotRunTogether(t *testing.T) {
	var calls atomic.Int64
	v := wired(t, wire(func(r *http.Request) (*http.Response, error) {
		calls.Add(1)
		return reply(r, http.StatusOK, answer(nil)), nil
	}), func(c *validator.Config) {
		other := c.Issuers[0]
		c.Issuers[0].URL, other.URL = "https://as.example/x", "https://as.example/xy"
		c.Issuers = append(c.Issuers, other)
		c.OpaqueIssuer = func(raw string) string { return "https://as.example/x" + strings.Repeat("y", 5-len(raw)) }
	})
	assert.Equal(t, "https://as.example/x", accept(t, v, "ytok"+"e").Issuer())
	assert.Equal(t, "https://as.example/xy", accept(t, v, "toke").Issuer())
	assert.EqualValues(t, 2, calls.Load())
}
