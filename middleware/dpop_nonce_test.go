package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestDPoPNonces: without one, a proof is refused with one (RFC 9449 9); every success
// brings a fresh one, on every kind of route that asks for a token, and may not be kept.
func TestDPoPNonces(t *testing.T) {
	b := newBound(t, middleware.Config{}, withNonces)
	routes := b.guard.Routes()
	caching := func(w http.ResponseWriter, r *http.Request) {
		tell(w, r)
		if r.URL.RawQuery == "cache" {
			w.Header().Set("Cache-Control", "private, max-age=5")
		}
	}
	routes.Handle("GET /orders", scoped("read"), http.HandlerFunc(caching))
	routes.Handle("/tree/", scoped("read"), http.HandlerFunc(tell))
	routes.Optional("/optional", scoped("read"), http.HandlerFunc(tell))
	routes.Public("/public", http.HandlerFunc(tell))
	required := b.guard.Require(scoped("read"))(http.HandlerFunc(tell))
	for name, tc := range map[string]struct {
		handler        http.Handler
		method, target string
		status         int
	}{
		"handle": {routes, "GET", "/orders", 200}, "optional": {routes, "GET", "/optional", 200}, "require": {required, "GET", "/", 200},
		"redirect": {routes, "GET", "/tree", 307}, "other method": {routes, "POST", "/orders", 405},
	} {
		t.Run(name, func(t *testing.T) {
			b.heard.take()
			response := serve(tc.handler, b.request(tc.method, tc.target, b.token))
			told(t, response, 401, useNonce, bare)
			nonce := response.Header.Get("DPoP-Nonce")
			require.NotEmpty(t, nonce)
			response = serve(tc.handler, b.request(tc.method, tc.target, b.token, validatortest.Claim("nonce", nonce)))
			assert.Equal(t, tc.status, response.StatusCode)
			assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
			fresh := response.Header.Get("DPoP-Nonce")
			require.NotEmpty(t, fresh)
			assert.Equal(t, tc.status, serve(tc.handler, b.request(tc.method, tc.target, b.token, validatortest.Claim("nonce", fresh))).StatusCode)
			assert.Equal(t, []validator.Reason{validator.ReasonProofNonce, "accepted", "accepted"}, b.heard.take())
		})
	}
	nonce := serve(routes, b.request("GET", "/orders", b.token)).Header.Get("DPoP-Nonce")
	// A handler has the last word about caches.
	response := serve(routes, b.request("GET", "/orders?cache", b.token, validatortest.Claim("nonce", nonce)))
	assert.Equal(t, "private, max-age=5", response.Header.Get("Cache-Control"))
	// Nobody else gets one: it would be for nobody's key.
	for name, r := range map[string]*http.Request{
		"no token":  httptest.NewRequest("GET", "/orders", nil),
		"bad token": b.request("GET", "/orders", b.token+"x"),
		"no proof":  b.request("GET", "/orders", b.token),
		"public":    b.request("GET", "/public", b.token),
		"anonymous": httptest.NewRequest("GET", "/optional", nil),
		"Bearer":    b.request("GET", "/orders", b.token),
	} {
		switch name {
		case "no proof":
			r.Header.Del("DPoP")
		case "Bearer":
			r.Header.Set("Authorization", "Bearer "+b.server.AccessToken())
		}
		response := serve(routes, r)
		assert.Empty(t, response.Header.Get("DPoP-Nonce"), name)
		if response.StatusCode == 200 {
			assert.Empty(t, response.Header.Get("Cache-Control"), name)
		}
	}
	// Nor has a refusal that comes after the proof a challenge that asks for one.
	weak := b.server.AccessToken(b.key.Bind(), validatortest.Scope("x"))
	response = serve(routes, b.request("GET", "/orders", weak, validatortest.Claim("nonce", nonce)))
	told(t, response, 403, tooLittle)
	assert.Empty(t, response.Header.Get("DPoP-Nonce"))
}

// TestDPoPAuthenticate: the same without a handler: the error is enough to answer, and
// the token to give a nonce.
func TestDPoPAuthenticate(t *testing.T) {
	b := newBound(t, middleware.Config{}, withNonces)
	_, err := b.guard.Authenticate(b.request("GET", "/", b.token))
	refused(t, err, validator.ErrInvalidProof, validator.ReasonProofNonce)
	e := err.(*validator.Error)
	assert.Equal(t, validator.SchemeDPoP, e.Challenge.Scheme)
	w := httptest.NewRecorder()
	b.guard.Refuse(w, err)
	told(t, w.Result(), 401, useNonce, bare)
	assert.Equal(t, e.Challenge.Nonce, w.Header().Get("DPoP-Nonce"))
	token, err := b.guard.Authenticate(b.request("GET", "/", b.token, validatortest.Claim("nonce", e.Challenge.Nonce)))
	require.NoError(t, err)
	w = httptest.NewRecorder()
	b.guard.SetNonce(w, token)
	assert.NotEmpty(t, w.Header().Get("DPoP-Nonce"))
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	// Of a policy's error nobody knows the scheme: both have it.
	w = httptest.NewRecorder()
	policy := scoped("admin")
	b.guard.Refuse(w, policy.Check(t.Context(), token))
	told(t, w.Result(), 403, needs("admin"), strings.Replace(tooLittle, `"read"`, `"admin"`, 1))
	// What cannot stand in a header is left out.
	e.Challenge.Nonce = "a\r\nX: y"
	w = httptest.NewRecorder()
	b.guard.Refuse(w, e)
	assert.Empty(t, w.Header().Get("DPoP-Nonce"))
	// Without nonces, or without DPoP, there is nothing to set.
	for _, g := range []*middleware.Guard{newBound(t, middleware.Config{}).guard, second(newGuard(t))} {
		w = httptest.NewRecorder()
		g.SetNonce(w, token)
		g.SetNonce(w, nil)
		assert.Empty(t, w.Header())
	}
}

func second[A, B any](_ A, b B) B { return b }

// TestDPoPErrorHandler: it gets the cause and the whole answer, and cannot lose what the
// client needs.
func TestDPoPErrorHandler(t *testing.T) {
	status := 0
	handler := func(w http.ResponseWriter, _ *http.Request, cause *validator.Error, answer middleware.Answer) {
		assert.Equal(t, validator.ReasonProofNonce, cause.Reason)
		assert.Equal(t, []string{useNonce, bare}, answer.Header["Www-Authenticate"])
		assert.Equal(t, cause.Challenge.Nonce, answer.Header.Get("DPoP-Nonce"))
		w.Header().Del("WWW-Authenticate")
		w.Header().Del("DPoP-Nonce")
		http.Error(w, "mine", status)
	}
	b := newBound(t, middleware.Config{ErrorHandler: handler}, withNonces)
	guarded := b.guard.Require(scoped("read"))(http.HandlerFunc(tell))
	for status = range map[int]bool{401: true, 200: true} {
		response := serve(guarded, b.request("GET", "/", b.token))
		told(t, response, 401, useNonce, bare)
		assert.NotEmpty(t, response.Header.Get("DPoP-Nonce"))
	}
	status = 404
	response := serve(guarded, b.request("GET", "/", b.token))
	assert.Equal(t, 404, response.StatusCode)
	assert.Empty(t, response.Header.Get("DPoP-Nonce"))
}
