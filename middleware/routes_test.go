package middleware_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestRoutes: who may pass, what the observer hears, and what is answered.
func TestRoutes(t *testing.T) {
	s, g, h := newHeardGuard(t, middleware.Config{})
	routes := g.Routes()
	routes.Handle("GET /orders", scoped("read"), http.HandlerFunc(tell))
	routes.Handle("GET /orders/{id}", scoped("admin"), http.HandlerFunc(tell))
	routes.Public("/healthz", http.HandlerFunc(tell))
	routes.Optional("/catalog", scoped("read"), http.HandlerFunc(tell))
	good, weak, bad := s.AccessToken(), s.AccessToken(validatortest.Scope("profile")), s.AccessToken(validatortest.Audience("x"))
	type reasons = []validator.Reason
	tests := map[string]struct {
		target, raw string
		reached     string // empty: refused
		status      int
		challenge   string
		heard       reasons
	}{
		"protected, nobody":    {target: "/orders", status: 401, challenge: bare, heard: reasons{"no_token"}},
		"protected, bad":       {target: "/orders", raw: bad, status: 401, challenge: invalid, heard: reasons{"audience_mismatch"}},
		"protected, malformed": {target: "/orders", raw: "x y", status: 400, challenge: malformed, heard: reasons{"malformed_authorization_header"}},
		"protected, weak":      {target: "/orders", raw: weak, status: 403, challenge: needs("read"), heard: reasons{"insufficient_scope"}},
		"protected, good":      {target: "/orders", raw: good, reached: `GET /orders by user, id=""`, heard: reasons{"accepted"}},
		"other policy":         {target: "/orders/7", raw: good, status: 403, challenge: needs("admin"), heard: reasons{"insufficient_scope"}},
		"wildcard":             {target: "/orders/7", raw: s.AccessToken(validatortest.Scope("admin")), reached: `GET /orders/{id} by user, id="7"`, heard: reasons{"accepted"}},
		"public, nobody":       {target: "/healthz", reached: `/healthz by nobody, id=""`},
		"public, bad":          {target: "/healthz", raw: bad, reached: `/healthz by nobody, id=""`},
		"public, in the query": {target: "/healthz?access_token=x", reached: `/healthz by nobody, id=""`},
		"optional, nobody":     {target: "/catalog", reached: `/catalog by nobody, id=""`},
		"optional, bad":        {target: "/catalog", raw: bad, status: 401, challenge: invalid, heard: reasons{"audience_mismatch"}},
		"optional, malformed":  {target: "/catalog", raw: "x y", status: 400, challenge: malformed, heard: reasons{"malformed_authorization_header"}},
		"optional, weak":       {target: "/catalog", raw: weak, status: 403, challenge: needs("read"), heard: reasons{"insufficient_scope"}},
		"optional, good":       {target: "/catalog", raw: good, reached: `/catalog by user, id=""`, heard: reasons{"accepted"}},
		"optional, query":      {target: "/catalog?access_token=x", status: 401, challenge: bare, heard: reasons{"token_in_query"}},
		"unmatched, nobody":    {target: "/x", status: 401, challenge: bare, heard: reasons{"no_token"}},
		"unmatched, bad":       {target: "/x", raw: bad, status: 401, challenge: invalid, heard: reasons{"audience_mismatch"}},
		"unmatched, good":      {target: "/x", raw: good, status: 403, challenge: unknown, heard: reasons{"route_unknown"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			h.take()
			response := ask(routes, "GET", tc.target, tc.raw)
			assert.Equal(t, tc.heard, h.take())
			assert.Equal(t, tc.reached, response.Header.Get("X-Reached"))
			if tc.reached != "" {
				assert.Equal(t, 200, response.StatusCode)
				assert.Empty(t, response.Header.Get("Cache-Control"))
				return
			}
			answered(t, response, tc.status, tc.challenge)
		})
	}
	t.Run("without any route", func(t *testing.T) {
		none := g.Routes()
		answered(t, ask(none, "GET", "/orders", ""), 401, bare)
		answered(t, ask(none, "GET", "/orders", good), 403, unknown)
	})
}

// TestUnmatchedRefusalIsVerified: the token was good, and the log may say whose.
func TestUnmatchedRefusalIsVerified(t *testing.T) {
	var cause *validator.Error
	s, g, _ := newHeardGuard(t, middleware.Config{ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, e *validator.Error, _ middleware.Answer) { cause = e }})
	ask(g.Routes(), "GET", "/x", s.AccessToken())
	refused(t, cause, validator.ErrInsufficientScope, validator.ReasonRouteUnknown)
	assert.True(t, cause.Verified)
}

// TestMethods: 405 comes from the mux, with its Allow, but only to a token to
// which a route of another method at that path is open.
func TestMethods(t *testing.T) {
	s, g, h := newHeardGuard(t, middleware.Config{})
	routes := g.Routes()
	routes.Handle("GET /orders", scoped("read"), http.HandlerFunc(tell))
	routes.Handle("POST /orders", scoped("admin"), http.HandlerFunc(tell))
	routes.Handle("GET /secrets", scoped("admin"), http.HandlerFunc(tell))
	routes.Handle("GET /tree/", scoped("read"), http.HandlerFunc(tell))
	routes.Public("GET /healthz", http.HandlerFunc(tell))
	routes.Optional("GET /catalog", scoped("read"), http.HandlerFunc(tell))
	good, weak, admin := s.AccessToken(), s.AccessToken(validatortest.Scope("profile")), s.AccessToken(validatortest.Scope("admin"))
	for _, tc := range []struct {
		method, target, raw string
		status              int
		allow, challenge    string
		heard               validator.Reason
	}{
		{"DELETE", "/orders", "", 401, "", bare, "no_token"},
		{"DELETE", "/orders", weak, 403, "", unknown, "route_unknown"},
		{"DELETE", "/orders", good, 405, "GET, HEAD, POST", "", "accepted"},
		{"DELETE", "/orders", admin, 405, "GET, HEAD, POST", "", "accepted"}, // by the last of them
		{"OPTIONS", "/orders", "", 401, "", bare, "no_token"},
		{"OPTIONS", "/orders", good, 405, "GET, HEAD, POST", "", "accepted"},
		{"get", "/orders", good, 405, "GET, HEAD, POST", "", "accepted"},
		{"CONNECT", "/orders", good, 405, "GET, HEAD, POST", "", "accepted"},
		{"POST", "/secrets", good, 403, "", unknown, "route_unknown"},
		{"POST", "/secrets", admin, 405, "GET, HEAD", "", "accepted"},
		{"POST", "/tree", good, 405, "GET, HEAD", "", "accepted"}, // as ServeMux has it: GET would be redirected
		{"POST", "/tree", weak, 403, "", unknown, "route_unknown"},
		{"POST", "/healthz", "", 401, "", bare, "no_token"},
		{"POST", "/healthz", weak, 405, "GET, HEAD", "", "accepted"},
		{"POST", "/catalog", "", 401, "", bare, "no_token"},
		{"POST", "/catalog", weak, 403, "", unknown, "route_unknown"},
		{"POST", "/catalog", good, 405, "GET, HEAD", "", "accepted"},
	} {
		t.Run(fmt.Sprint(tc.method, tc.target, tc.status), func(t *testing.T) {
			h.take()
			response := ask(routes, tc.method, tc.target, tc.raw)
			assert.Equal(t, []validator.Reason{tc.heard}, h.take())
			assert.Equal(t, tc.allow, response.Header.Get("Allow"))
			assert.Empty(t, response.Header.Get("X-Reached"))
			if tc.status != 405 {
				answered(t, response, tc.status, tc.challenge)
				return
			}
			assert.Equal(t, 405, response.StatusCode)
			assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
			content, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			assert.Equal(t, "Method Not Allowed\n", string(content))
		})
	}
	head := ask(routes, "HEAD", "/orders", good)
	assert.Equal(t, `GET /orders by user, id=""`, head.Header.Get("X-Reached"), "HEAD is for GET patterns too")
}

// TestNotFoundIsSaidByARoute: how an API gives its own 404 to those it knows.
func TestNotFoundIsSaidByARoute(t *testing.T) {
	s, g := newGuard(t)
	routes := g.Routes()
	routes.Handle("/", validator.Policy{AnyToken: true}, http.NotFoundHandler())
	answered(t, ask(routes, "GET", "/x", ""), 401, bare)
	assert.Equal(t, 404, ask(routes, "GET", "/x", s.AccessToken()).StatusCode)
	answered(t, ask(routes, "CONNECT", "/x", s.AccessToken()), 403, unknown)
}

// TestOptionalHidesOuterToken: a request without a token has none, whatever a
// middleware further out found.
func TestOptionalHidesOuterToken(t *testing.T) {
	s, g := newGuard(t)
	routes := g.Routes()
	routes.Optional("/catalog", scoped("read"), http.HandlerFunc(tell))
	r := httptest.NewRequest("GET", "/catalog", nil)
	r.Header.Set("Authorization", "Bearer "+s.AccessToken())
	token, err := g.Authenticate(r)
	require.NoError(t, err)
	for _, values := range [][]string{nil, {}, {""}} {
		r = httptest.NewRequest("GET", "/catalog", nil)
		r.Header["Authorization"] = values
		w := httptest.NewRecorder()
		routes.ServeHTTP(w, r.WithContext(validator.NewContext(r.Context(), token)))
		assert.Equal(t, `/catalog by nobody, id=""`, w.Header().Get("X-Reached"))
	}
	for _, values := range [][]string{{"Basic dTpw"}, {"DPoP " + s.AccessToken()}, {"Bearer" + s.AccessToken()}} {
		r.Header["Authorization"] = values
		w := httptest.NewRecorder()
		routes.ServeHTTP(w, r)
		answered(t, w.Result(), 401, bare)
	}
}

// TestUnavailableRoutes: what could not be decided is 503 on every route but a
// public one, and on none at all.
func TestUnavailableRoutes(t *testing.T) {
	s, g, h := newHeardGuard(t, middleware.Config{})
	routes := g.Routes()
	routes.Handle("/protected", scoped("read"), http.HandlerFunc(tell))
	routes.Optional("/optional", scoped("read"), http.HandlerFunc(tell))
	routes.Public("/public", http.HandlerFunc(tell))
	s.SetMode(validatortest.ModeError)
	for _, target := range []string{"/protected", "/optional", "/unmatched"} {
		response := ask(routes, "GET", target, s.AccessToken())
		answered(t, response, 503, "")
		assert.Equal(t, "1", response.Header.Get("Retry-After"))
		assert.Equal(t, []validator.Reason{validator.ReasonKeysUnavailable}, h.take())
	}
	assert.Equal(t, 200, ask(routes, "GET", "/public", s.AccessToken()).StatusCode)
}

// TestNestedMux: the pattern, and what it matched, are those of the inner mux, for
// handlers and for middlewares further out alike.
func TestNestedMux(t *testing.T) {
	s, g := newGuard(t)
	routes := g.Routes()
	routes.Handle("GET /api/orders/{id}", scoped("read"), http.HandlerFunc(tell))
	outer := http.NewServeMux()
	outer.Handle("/api/{rest...}", routes)
	r := httptest.NewRequest("GET", "/api/orders/7", nil)
	r.Header.Set("Authorization", "Bearer "+s.AccessToken())
	w := httptest.NewRecorder()
	outer.ServeHTTP(w, r)
	assert.Equal(t, `GET /api/orders/{id} by user, id="7"`, w.Header().Get("X-Reached"))
	assert.Equal(t, "GET /api/orders/{id}", r.Pattern)
	r = httptest.NewRequest("GET", "/api/nothing", nil)
	answered(t, ask(outer, "GET", "/api/nothing", ""), 401, bare)
	outer.ServeHTTP(httptest.NewRecorder(), r)
	assert.Empty(t, r.Pattern)
}

// TestAsteriskOfAnOuterMux: "*" is about no path, and the pattern of a router
// further out makes it no route of ours.
func TestAsteriskOfAnOuterMux(t *testing.T) {
	_, g := newGuard(t)
	routes := g.Routes()
	routes.Public("/", http.HandlerFunc(tell))
	r := httptest.NewRequest("GET", "/", nil)
	r.RequestURI, r.Pattern = "*", "/"
	w := httptest.NewRecorder()
	routes.ServeHTTP(w, r)
	answered(t, w.Result(), 401, bare)
}

// TestRoutesPanicAtWiring: as http.ServeMux does, and without a trace: what
// panicked is not there.
func TestRoutesPanicAtWiring(t *testing.T) {
	_, g := newGuard(t)
	handler := http.HandlerFunc(tell)
	for name, wire := range map[string]func(*middleware.Routes){
		"duplicate":             func(rt *middleware.Routes) { rt.Handle("GET /orders", scoped("read"), handler) },
		"duplicate of a kind":   func(rt *middleware.Routes) { rt.Public("GET /orders", handler) },
		"conflict":              func(rt *middleware.Routes) { rt.Optional("GET /{x}/y", scoped("read"), handler) },
		"no pattern":            func(rt *middleware.Routes) { rt.Public("", handler) },
		"bad pattern":           func(rt *middleware.Routes) { rt.Public("/{x", handler) },
		"nil handler":           func(rt *middleware.Routes) { rt.Handle("/x", scoped("read"), nil) },
		"nil optional":          func(rt *middleware.Routes) { rt.Optional("/x", scoped("read"), nil) },
		"nil public":            func(rt *middleware.Routes) { rt.Public("/x", nil) },
		"nil function":          func(rt *middleware.Routes) { rt.Public("/x", http.HandlerFunc(nil)) },
		"zero policy":           func(rt *middleware.Routes) { rt.Handle("/x", validator.Policy{}, handler) },
		"zero optional policy":  func(rt *middleware.Routes) { rt.Optional("/x", validator.Policy{}, handler) },
		"policy for no issuer":  func(rt *middleware.Routes) { rt.Handle("/x", validator.Policy{Issuers: []string{"x"}}, handler) },
		"shadow policy is zero": func(*middleware.Routes) { g.Shadow(validator.Policy{}) },
	} {
		t.Run(name, func(t *testing.T) {
			routes := g.Routes()
			routes.Handle("GET /orders", scoped("read"), handler)
			routes.Handle("GET /x/{y}", scoped("read"), handler)
			assert.Panics(t, func() { wire(routes) })
			assert.Len(t, routes.Audit(), 2)
			routes.Public("/after", handler) // no lock is held
			assert.Equal(t, 200, ask(routes, "GET", "/after", "").StatusCode)
		})
	}
}

// TestRoutesCopyThePolicy: what is changed after wiring changes nothing.
func TestRoutesCopyThePolicy(t *testing.T) {
	s, g := newGuard(t)
	routes, policy := g.Routes(), scoped("read")
	routes.Handle("/a", policy, http.HandlerFunc(tell))
	routes.Optional("/b", policy, http.HandlerFunc(tell))
	shadow := g.Shadow(policy)
	routes.Handle("/c", scoped("read"), shadow.Handler(http.HandlerFunc(tell)))
	policy.Scopes[0] = "changed"
	for _, target := range []string{"/a", "/b", "/c"} {
		assert.Equal(t, 200, ask(routes, "GET", target, s.AccessToken()).StatusCode, target)
	}
	_, refusals := shadow.Counts()
	assert.Empty(t, refusals)
}

// TestRoutesWhileServing: routes may be added while others are served.
func TestRoutesWhileServing(t *testing.T) {
	s, g := newGuard(t)
	routes := g.Routes()
	raw := s.AccessToken()
	routes.Handle("GET /0/", scoped("read"), http.HandlerFunc(tell))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				assert.Equal(t, 200, ask(routes, "GET", "/0/", raw).StatusCode)
				assert.Equal(t, 307, ask(routes, "GET", "/0", raw).StatusCode)
				assert.Equal(t, 405, ask(routes, "POST", "/0/", raw).StatusCode)
				assert.NotEmpty(t, routes.Audit())
			}
		})
	}
	for i := range 50 {
		routes.Handle(fmt.Sprintf("GET /%d/", i+1), scoped("read"), http.HandlerFunc(tell))
	}
	wg.Wait()
	assert.Len(t, routes.Audit(), 51)
	assert.Equal(t, 200, ask(routes, "GET", "/50/", raw).StatusCode)
}

// TestAudit: every route once, in order, with what it asks.
func TestAudit(t *testing.T) {
	_, g := newGuard(t)
	routes := g.Routes()
	assert.Empty(t, routes.Audit())
	routes.Handle("GET /orders", validator.Policy{Scopes: []string{"orders.read"}, ACRValues: []string{"gold"}}, http.HandlerFunc(tell))
	routes.Optional("/catalog", validator.Policy{AnyToken: true}, http.HandlerFunc(tell))
	routes.Public("GET /healthz", http.HandlerFunc(tell))
	audit := routes.Audit()
	assert.Equal(t, []middleware.Route{
		{Pattern: "GET /orders", Access: "protected", Policy: "scopes orders.read; acr gold"},
		{Pattern: "/catalog", Access: "optional", Policy: "any token"},
		{Pattern: "GET /healthz", Access: "public"},
	}, audit)
	assert.Equal(t, []string{
		"protected  GET /orders                       scopes orders.read; acr gold",
		"optional   /catalog                          any token",
		"public     GET /healthz",
	}, []string{audit[0].String(), audit[1].String(), audit[2].String()})
	audit[0].Pattern = "changed"
	assert.Equal(t, "GET /orders", routes.Audit()[0].Pattern)
}

// TestHandlerGetsTheRealWriter: what net/http offers beyond ResponseWriter is
// there.
func TestHandlerGetsTheRealWriter(t *testing.T) {
	_, g := newGuard(t)
	routes := g.Routes()
	var got http.ResponseWriter
	routes.Public("/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { got = w }))
	w := httptest.NewRecorder()
	routes.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	assert.Same(t, w, got)
}
