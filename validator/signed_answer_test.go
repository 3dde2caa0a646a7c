package validator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func signed(is *validator.Issuer) { is.Introspection.Signed = true }

// TestSignedAnswers (RFC 9701): asked for, verified by the issuer's keys, and the
// facts are those inside.
func TestSignedAnswers(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(ask(s, signed)))
	raw := s.OpaqueToken(validatortest.Scope("orders.read"))
	token := accept(t, v, raw)
	assert.Equal(t, []string{"orders.read"}, token.Scopes())
	_, ok := token.Claim("token_introspection")
	assert.False(t, ok)
	accept(t, v, raw)
	assert.Equal(t, 1, s.IntrospectionRequests())
	s.Revoke(raw)
	_, err := v.ValidateWith(t.Context(), raw, now())
	refused(t, err, validator.ErrInvalidToken, validator.ReasonInactive)

	s.Rotate("ES256")
	accept(t, v, s.OpaqueToken()) // by the new key, fetched for the answer
	s.SetKeysMode(validatortest.ModeDown)
	s.Rotate("ES256")
	reject(t, v, s.OpaqueToken(), validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
}

// TestHostileSignedAnswers differ from a good one in one thing each.
func TestHostileSignedAnswers(t *testing.T) {
	s, other := start(t, validatortest.Options{}), start(t, validatortest.Options{})
	o := newOracle(t)
	unlisted := s.Prepare("ES256")
	type edit = func(header, claims map[string]any)
	make := func(by *validatortest.Server, kid string, edits ...edit) string {
		header := map[string]any{"typ": "token-introspection+jwt", "alg": "ES256", "kid": s.KID()}
		claims := map[string]any{"iss": s.Issuer(), "aud": apiID, "iat": time.Now().Unix(), "token_introspection": json.RawMessage(answer(nil))}
		for _, e := range edits {
			e(header, claims)
		}
		h, _ := json.Marshal(header)
		c, _ := json.Marshal(claims)
		return by.Sign(kid, h, c)
	}
	header := func(name string, value any) edit { return func(h, _ map[string]any) { h[name] = value } }
	claim := func(name string, value any) edit { return func(_, c map[string]any) { c[name] = value } }
	without := func(name string) edit {
		return func(h, c map[string]any) { delete(h, name); delete(c, name) }
	}
	good := make(s, "")
	parts := strings.Split(good, ".")
	behind := func(more string) string { // the same claims, and more behind them
		return s.Sign("", []byte(decoded(t, parts[0])), []byte(strings.TrimSuffix(decoded(t, parts[1]), "}")+more))
	}
	for _, tc := range []struct {
		name, body string
		accepted   bool
	}{
		{"good", good, true},
		{"with a line feed", good + "\n", true},
		{"typ as a media type", make(s, "", header("typ", "application/token-introspection+jwt")), true},
		{"aud a list", make(s, "", claim("aud", []string{"other", apiID})), true},
		{"exp to come", make(s, "", claim("exp", time.Now().Add(time.Minute).Unix())), true},
		{"claims of no interest", make(s, "", claim("jti", "j"), claim("zz", map[string]any{"active": false})), true},
		{"nothing more behind it", behind("}"), true},

		{"plain JSON", answer(nil), false},
		{"empty", "", false},
		{"two parts", good[:strings.LastIndexByte(good, '.')], false},
		{"no signature", good[:strings.LastIndexByte(good, '.')+1], false},
		{"forged", forged(good), false},
		{"an access token", s.AccessToken(), false},
		{"an ID token", s.IDToken(apiID), false},
		{"no typ", make(s, "", without("typ")), false},
		{"typ at+jwt", make(s, "", header("typ", "at+jwt")), false},
		{"typ JWT", make(s, "", header("typ", "JWT")), false},
		{"alg none", make(s, "", header("alg", "none")), false},
		{"alg of another key", make(s, "", header("alg", "RS256")), false},
		{"crit", make(s, "", header("crit", []string{"x"})), false},
		{"b64", make(s, "", header("b64", false)), false},
		{"duplicate header", s.Sign("", []byte(`{"typ":"token-introspection+jwt","alg":"ES256","alg":"ES256"}`), []byte(decoded(t, parts[1]))), false},
		{"a payload that is none", parts[0] + "." + parts[1] + "~." + parts[2], false},
		{"a duplicate behind all", behind(`,"iat":1}`), false},
		{"a text for a date behind all", behind(`,"exp":"1"}`), false},
		{"text behind all", behind("}x"), false},
		{"a look-alike behind all", behind(`,"token_introspectiоn":{"active":false}}`), false}, // a Cyrillic о
		{"another server's signature", make(other, ""), false},
		{"an unlisted key", make(s, unlisted, header("kid", unlisted)), false},
		{"no iss", make(s, "", without("iss")), false},
		{"another iss", make(s, "", claim("iss", other.Issuer())), false},
		{"no aud", make(s, "", without("aud")), false},
		{"another aud", make(s, "", claim("aud", "other-api")), false},
		{"the token's aud", make(s, "", claim("aud", audience)), false},
		{"no iat", make(s, "", without("iat")), false},
		{"iat a string", make(s, "", claim("iat", "1")), false},
		{"an old answer", make(s, "", claim("iat", time.Now().Add(-time.Minute).Unix())), false},
		{"one to come", make(s, "", claim("iat", time.Now().Add(time.Minute).Unix())), false},
		{"expired", make(s, "", claim("exp", time.Now().Add(-time.Minute).Unix())), false},
		{"exp 0", make(s, "", claim("exp", 0)), false},
		{"no token_introspection", make(s, "", without("token_introspection")), false},
		{"token_introspection a string", make(s, "", claim("token_introspection", answer(nil))), false},
		{"active outside", make(s, "", claim("token_introspection", map[string]any{"sub": "x"}), claim("active", true)), false},
		{"Token_introspection beside", make(s, "", claim("Token_introspection", map[string]any{"active": true})), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := build(t, configure(ask(s, signed, o.at)))
			o.says(tc.body)
			if tc.accepted {
				accept(t, v, "opaque-token")
				return
			}
			reject(t, v, "opaque-token", validator.ErrUnavailable, validator.ReasonIntrospectionMalformed)
		})
	}
	t.Run("the audience by name", func(t *testing.T) {
		v := build(t, configure(ask(s, signed, o.at, func(is *validator.Issuer) { is.Introspection.SignedAudiences = []string{audience} })))
		o.says(make(s, "", claim("aud", audience)))
		accept(t, v, "opaque-token")
		o.says(good)
		reject(t, v, "another", validator.ErrUnavailable, validator.ReasonIntrospectionMalformed)
	})
	t.Run("a bearer token's caller", func(t *testing.T) {
		is := ask(s, signed, o.at)
		is.Introspection.Auth = introspect.BearerToken(introspect.StaticSecret("t"))
		is.Introspection.SignedAudiences = []string{apiID}
		o.says(good)
		accept(t, build(t, configure(is)), "opaque-token")
	})
	t.Run("not signed where nobody asks for it", func(t *testing.T) {
		v := build(t, configure(ask(s, o.at)))
		o.says(good)
		reject(t, v, "opaque-token", validator.ErrUnavailable, validator.ReasonIntrospectionMalformed)
	})
}

// TestAnswerSkew: iat may be a little older than the question: it has whole seconds,
// and clocks differ by the leeway.
func TestAnswerSkew(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	o := newOracle(t)
	c := configure(ask(s, signed, o.at))
	c.Clock, c.Leeway = clock.Now, 10*time.Second
	v := build(t, c)
	for offset, fits := range map[int64]bool{-13: false, -12: true, 0: true, 12: true, 13: false} {
		claims, _ := json.Marshal(map[string]any{
			"iss": s.Issuer(), "aud": apiID, "iat": clock.Now().Unix() + offset,
			"token_introspection": json.RawMessage(answer(map[string]any{"exp": clock.Now().Add(time.Hour).Unix()})),
		})
		o.does(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, s.Sign("", []byte(`{"typ":"token-introspection+jwt","alg":"ES256"}`), claims))
		})
		_, err := v.ValidateWith(t.Context(), "opaque-token", now())
		if fits {
			assert.NoError(t, err, offset)
			continue
		}
		refused(t, err, validator.ErrUnavailable, validator.ReasonIntrospectionMalformed)
	}
}

// TestSignedAnswerExpires at its exp, but for the leeway.
func TestSignedAnswerExpires(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	o := newOracle(t)
	c := configure(ask(s, signed, o.at))
	c.Clock, c.Leeway = clock.Now, 10*time.Second
	v := build(t, c)
	for offset, fits := range map[int64]bool{-10: false, -9: true} {
		claims, _ := json.Marshal(map[string]any{
			"iss": s.Issuer(), "aud": apiID, "iat": clock.Now().Unix(), "exp": clock.Now().Unix() + offset,
			"token_introspection": json.RawMessage(answer(map[string]any{"exp": clock.Now().Add(time.Hour).Unix()})),
		})
		o.says(s.Sign("", []byte(`{"typ":"token-introspection+jwt","alg":"ES256"}`), claims))
		_, err := v.ValidateWith(t.Context(), "opaque-token", now())
		if fits {
			assert.NoError(t, err, offset)
			continue
		}
		refused(t, err, validator.ErrUnavailable, validator.ReasonIntrospectionMalformed)
	}
}
