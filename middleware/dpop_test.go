package middleware_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const (
	publicOrigin = "https://api.example.com"
	secretText   = "a secret for tests, of 32 bytes!"

	bareDPoP  = `DPoP realm="orders", algs="ES256"`
	badProof  = `DPoP realm="orders", error="invalid_dpop_proof", error_description="The DPoP proof is invalid", algs="ES256"`
	useNonce  = `DPoP realm="orders", error="use_dpop_nonce", error_description="The DPoP proof needs the nonce of this answer", algs="ES256"`
	boundBad  = `DPoP realm="orders", error="invalid_token", error_description="The access token is invalid", algs="ES256"`
	tooLittle = `DPoP realm="orders", error="insufficient_scope", error_description="The access token does not permit this request", scope="read", algs="ES256"`
)

// bound is an API with DPoP, and a client with a key and a token bound to it.
type bound struct {
	server *validatortest.Server
	guard  *middleware.Guard
	heard  *heard
	proofs *dpop.Verifier
	key    *dpoptest.Key
	token  string
}

func newBound(t testing.TB, config middleware.Config, edits ...func(*dpop.Config)) *bound {
	t.Helper()
	c := dpop.Config{Origins: []string{publicOrigin}, Algorithms: []string{"ES256"}}
	for _, edit := range edits {
		edit(&c)
	}
	v, err := dpop.New(c)
	require.NoError(t, err)
	config.DPoP = v
	s, g, h := newHeardGuard(t, config)
	key := dpoptest.NewKey("ES256")
	return &bound{s, g, h, v, key, s.AccessToken(key.Bind())}
}

func withNonces(c *dpop.Config) { c.Nonces = &dpop.Nonces{Secret: []byte(secretText)} }

// request is one with a good proof, after edits.
func (b *bound) request(method, target, token string, edits ...validatortest.Edit) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	b.key.Authorize(r, publicOrigin, token, edits...)
	return r
}

func serve(handler http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Result()
}

// told asserts the status, and the challenges in their order.
func told(t *testing.T, response *http.Response, status int, challenges ...string) {
	t.Helper()
	assert.Equal(t, status, response.StatusCode)
	assert.Equal(t, challenges, response.Header.Values("WWW-Authenticate"))
	if status >= 400 {
		assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
	}
}

// TestDPoPChallenges: what a client is told, in the challenge of the scheme that it
// used; the other one is offered where it might help.
func TestDPoPChallenges(t *testing.T) {
	b := newBound(t, middleware.Config{})
	other := dpoptest.NewKey("ES256")
	plain := b.server.AccessToken()
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	tests := map[string]struct {
		edit       func(*http.Request)
		token      string
		proof      []validatortest.Edit
		status     int
		challenges []string
		reason     validator.Reason
	}{
		"good":               {status: 200, reason: "accepted"},
		"plain as Bearer":    {edit: bearer(plain), status: 200, reason: "accepted"},
		"scheme in capitals": {edit: func(r *http.Request) { r.Header.Set("Authorization", "DPOP "+b.token) }, status: 200, reason: "accepted"},
		"nothing":            {edit: func(r *http.Request) { r.Header = http.Header{} }, status: 401, challenges: []string{bare, bareDPoP}, reason: validator.ReasonNoToken},
		"proof only":         {edit: func(r *http.Request) { r.Header.Del("Authorization") }, status: 401, challenges: []string{bare, bareDPoP}, reason: validator.ReasonNoToken},
		"another scheme":     {edit: func(r *http.Request) { r.Header.Set("Authorization", "Basic dTpw") }, status: 401, challenges: []string{bare, bareDPoP}, reason: validator.ReasonUnsupportedScheme},
		"bound as Bearer":    {edit: bearer(b.token), status: 401, challenges: []string{invalid, bareDPoP}, reason: validator.ReasonProofScheme},
		"plain as DPoP":      {token: plain, status: 401, challenges: []string{boundBad, bare}, reason: validator.ReasonProofScheme},
		"no proof":           {edit: func(r *http.Request) { r.Header.Del("DPoP") }, status: 401, challenges: []string{boundBad, bare}, reason: validator.ReasonProofMissing},
		"two proofs":         {edit: func(r *http.Request) { r.Header.Add("dpop", r.Header.Get("DPoP")) }, status: 401, challenges: []string{badProof, bare}, reason: validator.ReasonProofSeveral},
		"another method":     {proof: []validatortest.Edit{validatortest.Claim("htm", "PUT")}, status: 401, challenges: []string{badProof, bare}, reason: validator.ReasonProofMethod},
		"another address":    {proof: []validatortest.Edit{validatortest.Claim("htu", "https://evil.example/")}, status: 401, challenges: []string{badProof, bare}, reason: validator.ReasonProofURI},
		"another key":        {token: b.server.AccessToken(other.Bind()), status: 401, challenges: []string{boundBad, bare}, reason: validator.ReasonProofMismatch},
		"bad token as DPoP":  {token: plain + "x", status: 401, challenges: []string{boundBad, bare}, reason: validator.ReasonMalformedToken},
		"bad token":          {edit: bearer(plain + "x"), status: 401, challenges: []string{invalid, bareDPoP}, reason: validator.ReasonMalformedToken},
		"two headers": {
			edit:   func(r *http.Request) { r.Header.Add("Authorization", "Bearer "+plain) },
			status: 400, challenges: []string{malformed, `DPoP realm="orders", error="invalid_request", error_description="The request is malformed", algs="ES256"`},
			reason: validator.ReasonSeveralHeaders,
		},
		"too little as DPoP":   {token: b.server.AccessToken(b.key.Bind(), validatortest.Scope("x")), status: 403, challenges: []string{tooLittle}, reason: validator.ReasonInsufficientScope},
		"too little as Bearer": {edit: bearer(b.server.AccessToken(validatortest.Scope("x"))), status: 403, challenges: []string{needs("read")}, reason: validator.ReasonInsufficientScope},
	}
	routes := b.guard.Routes()
	routes.Handle("/orders", scoped("read"), http.HandlerFunc(tell))
	routes.Optional("/optional", scoped("read"), http.HandlerFunc(tell))
	for kind, handler := range map[string]http.Handler{
		"/orders": routes, "/optional": routes, "/required": b.guard.Require(scoped("read"))(http.HandlerFunc(tell)),
	} {
		for name, tc := range tests {
			t.Run(name+kind, func(t *testing.T) {
				if tc.token == "" {
					tc.token = b.token
				}
				r := b.request("GET", kind+"?page=2", tc.token, tc.proof...)
				if tc.edit != nil {
					tc.edit(r)
				}
				b.heard.take()
				response := serve(handler, r)
				assert.Empty(t, response.Header.Get("DPoP-Nonce"))
				if kind == "/optional" && tc.reason == validator.ReasonNoToken {
					assert.Equal(t, 200, response.StatusCode)
					assert.Contains(t, response.Header.Get("X-Reached"), "nobody")
					return
				}
				told(t, response, tc.status, tc.challenges...)
				assert.Equal(t, []validator.Reason{tc.reason}, b.heard.take())
				if tc.status == 200 {
					assert.Contains(t, response.Header.Get("X-Reached"), " by user")
				}
			})
		}
	}
}

// TestDPoPUndecided: a store that is full is no fault of the client's.
func TestDPoPUndecided(t *testing.T) {
	full, err := dpop.NewMemory(dpop.MemoryConfig{Capacity: 1})
	require.NoError(t, err)
	b := newBound(t, middleware.Config{}, func(c *dpop.Config) { c.Replays = full })
	handler := b.guard.Require(scoped("read"))(http.HandlerFunc(tell))
	assert.Equal(t, 200, serve(handler, b.request("GET", "/", b.token)).StatusCode)
	response := serve(handler, b.request("GET", "/", b.token))
	told(t, response, 503, []string(nil)...)
	assert.NotEmpty(t, response.Header.Get("Retry-After"))
	assert.Equal(t, []validator.Reason{"accepted", validator.ReasonProofKeyFull}, b.heard.take())
}

// TestDPoPReplayOverHTTP: one request twice, on every kind of route.
func TestDPoPReplayOverHTTP(t *testing.T) {
	b := newBound(t, middleware.Config{})
	routes := b.guard.Routes()
	routes.Handle("/orders", scoped("read"), http.HandlerFunc(tell))
	routes.Optional("/optional", scoped("read"), http.HandlerFunc(tell))
	for _, target := range []string{"/orders", "/optional"} {
		r := b.request("GET", target, b.token)
		assert.Equal(t, 200, serve(routes, r).StatusCode)
		told(t, serve(routes, r), 401, badProof, bare)
	}
	assert.Equal(t, []validator.Reason{"accepted", validator.ReasonProofReplayed, "accepted", validator.ReasonProofReplayed}, b.heard.take())
}

// TestDPoPShadow: a shadow sees the token, and asks for no second proof.
func TestDPoPShadow(t *testing.T) {
	b := newBound(t, middleware.Config{})
	shadow := b.guard.Shadow(scoped("admin"))
	handler := b.guard.Require(scoped("read"))(shadow.Handler(http.HandlerFunc(tell)))
	assert.Equal(t, 200, serve(handler, b.request("GET", "/", b.token)).StatusCode)
	seen, refused := shadow.Counts()
	assert.EqualValues(t, 1, seen)
	assert.Equal(t, map[validator.Reason]uint64{validator.ReasonInsufficientScope: 1}, refused)
}

// TestDPoPUnmatched: what no route is for is refused, and uses a proof up like any other
// request.
func TestDPoPUnmatched(t *testing.T) {
	b := newBound(t, middleware.Config{})
	routes := b.guard.Routes()
	told(t, serve(routes, httptest.NewRequest("GET", "/", nil)), 401, bare, bareDPoP)
	r := b.request("GET", "/", b.token)
	told(t, serve(routes, r), 403, strings.Replace(tooLittle, `, scope="read"`, "", 1))
	told(t, serve(routes, r), 401, badProof, bare)
}

// TestDPoPMetadata: clients are told before they ask (RFC 9728 2 and 5.1).
func TestDPoPMetadata(t *testing.T) {
	b := newBound(t, middleware.Config{Resource: middleware.Resource{URL: publicOrigin + "/orders"}})
	response := serve(b.guard.ResourceMetadata(), httptest.NewRequest("GET", "/", nil))
	var document map[string]any
	require.NoError(t, json.NewDecoder(response.Body).Decode(&document))
	assert.Equal(t, []any{"ES256"}, document["dpop_signing_alg_values_supported"])
	assert.NotContains(t, document, "tls_client_certificate_bound_access_tokens")
	const about = `, resource_metadata="` + publicOrigin + `/.well-known/oauth-protected-resource/orders"`
	told(t, serve(b.guard.Routes(), httptest.NewRequest("GET", "/", nil)), 401, bare+about, bareDPoP+about)
}

// TestHeaderLists: the constants name what is read and written.
func TestHeaderLists(t *testing.T) {
	assert.Equal(t, "Authorization, DPoP", middleware.RequestHeaders)
	assert.Equal(t, "WWW-Authenticate, Retry-After, DPoP-Nonce", middleware.ResponseHeaders)
}
