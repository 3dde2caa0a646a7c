package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

// FuzzRoutes: without a token a request reaches what is public, is redirected to
// what is public, or gets the one answer that says nothing; and a token of no
// worth reaches no more.
func FuzzRoutes(f *testing.F) {
	for _, seed := range []string{"/", "//admin", "/public/../admin", "/public/..%2fadmin", "/files/..%2f", "/secret", "*", "", "/public", "/tree/a//b", "http://admin.example.com/x"} {
		f.Add("GET", seed)
		f.Add("CONNECT", seed)
	}
	s, g := newGuard(f)
	routes, raw := pathRoutes(g), s.AccessToken()
	f.Fuzz(func(t *testing.T, method, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		try := func(authorization string) *httptest.ResponseRecorder {
			r := &http.Request{
				Method: method, URL: u, Host: u.Host, RequestURI: target,
				Header: http.Header{"Authorization": {authorization}}, ProtoMajor: 1, ProtoMinor: 1,
			}
			w := httptest.NewRecorder()
			routes.ServeHTTP(w, r.WithContext(t.Context()))
			return w
		}
		w := try("")
		pattern, location := w.Header().Get("X-Reached"), w.Header().Get("Location")
		public := strings.HasPrefix(pattern, "/public/ ") || strings.HasPrefix(pattern, "GET /{$} ")
		if !public && location != "/" && !strings.HasPrefix(location, "/?") && !strings.HasPrefix(location, "/public/") {
			assert.Empty(t, location)
			answered(t, w.Result(), 401, bare)
		}
		w = try("Bearer " + raw) // which lacks admin
		pattern, location = w.Header().Get("X-Reached"), w.Header().Get("Location")
		for _, closed := range []string{"/admin", "/secret/", "/both/", "admin.", "CONNECT proxy."} {
			assert.False(t, strings.HasPrefix(pattern, closed) || strings.HasPrefix(location, closed), closed)
		}
	})
}

// FuzzChallenge: whatever a refusal says, a reader of RFC 9110 11.6.1 finds in the
// challenge the parameters that were meant, and no others.
func FuzzChallenge(f *testing.F) {
	f.Add("invalid_token", "The access token expired", "read", "gold", int64(300))
	f.Add(`a"b`, `\`, "", `x", realm="y`, int64(0))
	f.Add("\r\n", "é", "\x7f", "", int64(-1))
	_, v := newServer(f)
	g, err := middleware.New(v, middleware.Config{Realm: `or"ders\`})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, code, description, scope, acr string, age int64) {
		e := validator.NewError(validator.ReasonACRInsufficient, "")
		e.Challenge = validator.Challenge{
			Code: code, Description: description, Scope: []string{scope}, ACRValues: []string{acr}, MaxAge: time.Duration(age),
		}
		w := httptest.NewRecorder()
		g.Refuse(w, e)
		got := parameters(t, w.Header().Get("WWW-Authenticate"))
		delete(got, "max_age")
		want := map[string]string{"realm": `or"ders\`}
		for name, value := range map[string]string{"error": code, "error_description": description, "scope": scope, "acr_values": acr} {
			if value != "" && !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
				want[name] = value
			}
		}
		assert.Equal(t, want, got)
	})
}

// parameters reads a challenge whose values are quoted-strings (RFC 9110 5.6.4).
func parameters(t *testing.T, challenge string) map[string]string {
	rest, ok := strings.CutPrefix(challenge, "Bearer ")
	require.True(t, ok)
	found := map[string]string{}
	for rest != "" {
		name, after, ok := strings.Cut(rest, `="`)
		require.True(t, ok)
		var value strings.Builder
		for after[0] != '"' {
			if after[0] == '\\' {
				after = after[1:]
			}
			value.WriteByte(after[0])
			after = after[1:]
		}
		require.NotContains(t, found, name)
		found[name] = value.String()
		rest = strings.TrimPrefix(after[1:], ", ")
	}
	return found
}
