package validator_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

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

	// When it expires is nobody's secret.
	expires := time.Unix(1_900_000_000, 0).UTC()
	o.says(answer(map[string]any{"sub": nil, "scope": nil, "exp": expires.Unix() + 60}))
	raw = s.AccessToken(validatortest.Expiry(expires))
	c := explained(t, v.Explain(t.Context(), raw), "answer agrees")
	assert.Equal(t, strs{"failed", `an answer with the token's exp, "2030-03-17T17:46:40Z"`, "2030-03-17T17:47:40Z"}, strs{string(c.State), c.Expected, c.Actual})

	// An answer that quotes the token in a claim that is wrong.
	raw = "an-opaque-token-0123456789"
	o.says(answer(map[string]any{"aud": raw}))
	x = v.Explain(t.Context(), raw)
	assert.Equal(t, "answer aud", agrees(t, x, raw, x.Err).Name)
	assert.NotContains(t, x.Err.Error(), raw)

	// A function that quotes it, and parts of it, from twelve characters on.
	o.says(answer(nil))
	x = v.ExplainWith(t.Context(), raw, validator.Requirements{Policy: &validator.Policy{Permit: func(context.Context, *validator.Token) error {
		return errors.New(raw[:12] + " " + raw[len(raw)-12:] + " " + raw[:11] + " <" + raw + "> " + raw[1:])
	}}})
	assert.Equal(t, "[redacted] [redacted] an-opaque-t <[redacted]> [redacted]", agrees(t, x, raw, refusalOf(x)).Actual)
}

// TestExplainCutsWhatIsLong: after 200 characters of what was found, whole ones.
func TestExplainCutsWhatIsLong(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	for n, want := range map[int]string{200: strings.Repeat("é", 200), 201: strings.Repeat("é", 200) + "…"} {
		raw := s.AccessToken(validatortest.Audience(strings.Repeat("é", n)))
		assert.Equal(t, want, explained(t, v.Explain(t.Context(), raw), "aud").Actual)
	}
}
