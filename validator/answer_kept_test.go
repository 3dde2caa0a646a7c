package validator_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestStaleAnswerIsJudgedWhenItIsUsed: time passes while the issuer is asked in vain.
func TestStaleAnswerIsJudgedWhenItIsUsed(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	o := newOracle(t)
	c := configure(ask(s, o.at, maxAge(time.Minute), staleIfError(5*time.Minute)))
	c.Clock = clock.Now
	v := build(t, c)
	o.says(answer(map[string]any{"exp": clock.Now().Add(time.Hour).Unix()}))
	accept(t, v, "opaque-token")
	clock.Advance(5*time.Minute - time.Second)
	o.does(func(w http.ResponseWriter, _ *http.Request) {
		clock.Advance(2 * time.Second)
		w.WriteHeader(http.StatusBadGateway)
	})
	reject(t, v, "opaque-token", validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	assert.Equal(t, 2, o.times())
}

// TestStaleAnswerSaysThatItIsOne: to the observer, after a fallback too.
func TestStaleAnswerSaysThatItIsOne(t *testing.T) {
	s, clock, v, seen := standing(t, maxAge(time.Minute), staleIfError(time.Hour))
	raw := s.AccessToken()
	s.SetKeysMode(validatortest.ModeDown)
	accept(t, v, raw)
	assert.False(t, seen.last().Cached)
	accept(t, v, raw)
	assert.True(t, seen.last().Cached)
	assert.False(t, seen.last().Stale)
	s.SetIntrospectionMode(validatortest.ModeDown)
	clock.Advance(2 * time.Minute)
	accept(t, v, raw)
	assert.True(t, seen.last().Cached)
	assert.True(t, seen.last().Stale)
}

// TestStaleAnswerIsOfTheVeryToken: one with another header, and the same claims and
// signature, is another token, for which nobody has vouched.
func TestStaleAnswerIsOfTheVeryToken(t *testing.T) {
	s, _, v, _ := standing(t, maxAge(time.Minute), staleIfError(time.Hour))
	raw := s.AccessToken()
	s.SetKeysMode(validatortest.ModeDown)
	accept(t, v, raw)
	s.SetIntrospectionMode(validatortest.ModeDown)
	accept(t, v, raw)
	_, rest, _ := strings.Cut(raw, ".")
	for _, header := range []string{`{"alg":"ES256","kid":"` + s.KID() + `","typ":"at+jwt","x":1}`, `{"alg":"ES256","kid":"other","typ":"at+jwt"}`} {
		reject(t, v, base64URL(header)+"."+rest, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	}
}

// TestClockSetBackDuringAQuestion: an answer to a question that began after the call is
// one, whatever the clock says meanwhile.
func TestClockSetBackDuringAQuestion(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	o := newOracle(t)
	c := configure(ask(s, o.at, maxAge(time.Minute)))
	c.Clock = clock.Now
	v := build(t, c)
	body := answer(map[string]any{"exp": clock.Now().Add(time.Hour).Unix()})
	o.does(func(w http.ResponseWriter, _ *http.Request) {
		clock.Advance(-time.Hour)
		_, _ = w.Write([]byte(body))
	})
	accept(t, v, "opaque-token")
	assert.LessOrEqual(t, o.times(), 2)
	_, err := v.ValidateWith(t.Context(), "opaque-token", validator.Requirements{Fresh: validator.IntrospectedNow()})
	assert.NoError(t, err)
}

// TestAnswerThatQuotesTheTokenIsNotKept, unless the token is so short that its text says
// nothing: a dump of the cache must yield none.
func TestAnswerThatQuotesTheTokenIsNotKept(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at)))
	for length, times := range map[int]int{15: 1, 16: 2, 17: 2} {
		raw := strings.Repeat("x", length-2) + "-" + string(rune('a'+length-15))
		before := o.times()
		o.says(with("note", "about "+raw))
		accept(t, v, raw)
		accept(t, v, raw)
		assert.Equal(t, times, o.times()-before, length)
	}
}
