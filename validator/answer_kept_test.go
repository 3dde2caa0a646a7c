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

// TestAnswerThatQuotesTheTokenEscaped is no better: some servers write '/' as "\/", and '+'
// as "\u002B". Whoever writes other things so is believed for as long as ever.
func TestAnswerThatQuotesTheTokenEscaped(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at)))
	const token = "aaaaaaaaaaaaaaa/bbbbbbbb+cc"
	escape := strings.NewReplacer("/", `\/`, "+", `\u002B`).Replace
	for name, test := range map[string]struct {
		body  string
		times int // asked
	}{
		"in a value":    {raw(`"note":"about ` + escape(token) + `"`), 2},
		"in a name":     {raw(`"` + escape(token) + `":1`), 2},
		"deep":          {raw(`"note":[{"about":["` + escape(token) + `"]}]`), 2},
		"twice":         {raw(`"note":{"a":1,"` + escape(token) + `":1}`), 2},
		"another":       {raw(`"note":"` + escape(token)[1:] + `"`), 1},
		"without a one": {raw(`"note":"a\/b"`), 1},
	} {
		own := build(t, configure(ask(s, o.at)))
		before := o.times()
		o.says(test.body)
		accept(t, own, token)
		accept(t, own, token)
		assert.Equal(t, test.times, o.times()-before, name)
	}
	o.says(strings.Replace(answer(nil), `"`+audience+`"`, `"`+escape(token)+`"`, 1))
	e := reject(t, v, token, bad, validator.ReasonAudienceMismatch)
	assert.NotContains(t, e.Error(), token)
}
