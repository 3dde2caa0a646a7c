package validator_test

import (
	"testing"
	"time"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestMarksOfServers: each spelling of what an answer is about, with and without
// token_type beside it.
func TestMarksOfServers(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at)))
	n := 0
	said := func(members map[string]any) string {
		n++
		o.says(answer(members))
		return "opaque-token-" + string(rune('a'+n))
	}
	for _, name := range []string{"token_use", "typ"} {
		for _, mark := range []string{"access_token", "access", "bearer", "dpop", "Access", "DPoP"} {
			accept(t, v, said(map[string]any{"token_type": nil, name: mark, "client_id": client}))
		}
		for _, form := range []string{"jwt", "JWT", "at+jwt"} { // how it is written
			accept(t, v, said(map[string]any{name: form}))
			reject(t, v, said(map[string]any{"token_type": nil, name: form}), bad, validator.ReasonNotAccessToken)
		}
	}
}

// TestAnswersLiveNoLonger: MaxTokenLifetime holds for what an answer says, as far as it
// says it.
func TestAnswersLiveNoLonger(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at, func(is *validator.Issuer) { is.MaxTokenLifetime = time.Hour })))
	now := time.Now()
	lives := func(iat, exp any) { o.says(answer(map[string]any{"iat": iat, "exp": exp})) }
	lives(now.Unix(), now.Add(time.Hour).Unix())
	accept(t, v, "an-hour")
	lives(now.Unix(), now.Add(time.Hour).Unix()+1)
	reject(t, v, "a-second-more", bad, validator.ReasonLifetimeTooLong)
	lives(nil, now.Add(24*time.Hour).Unix())
	accept(t, v, "of-unknown-age")
}

// TestAnswerMaySayMore: what only one of token and answer says is no contradiction.
func TestAnswerMaySayMore(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	is := ask(s, o.at)
	is.IntrospectAlways = true
	v := build(t, configure(is))
	now := time.Now()
	claims := []validatortest.Edit{validatortest.Claim("exp", now.Add(time.Hour).Unix()), validatortest.Claim("iat", now.Unix())}
	for _, name := range []string{"sub", "jti", "nbf", "scp", "scope"} {
		claims = append(claims, validatortest.NoClaim(name))
	}
	o.says(answer(map[string]any{"exp": now.Add(time.Hour).Unix(), "iat": nil, "nbf": now.Add(-time.Minute).Unix(), "jti": "j", "sub": "s", "scope": "read"}))
	accept(t, v, s.AccessToken(claims...))
}
