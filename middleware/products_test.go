package middleware_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestProducts: two API products of two issuers, which name the same scope, the
// same client and the same subject. A token of one opens nothing of the other.
func TestProducts(t *testing.T) {
	start := func() *validatortest.Server {
		s, err := validatortest.Start(validatortest.Options{Algorithm: "ES256"})
		require.NoError(t, err)
		t.Cleanup(s.Close)
		return s
	}
	orders, billing := start(), start()
	product := func(name string, s *validatortest.Server) validator.Issuer {
		return validator.Issuer{Name: name, URL: s.Issuer(), Audiences: []string{"api://" + name}, ClientIDs: []string{validatortest.DefaultClientID}}
	}
	h := new(heard)
	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{product("orders", orders), product("billing", billing)}, InsecureAllowHTTP: true,
		Observer: validator.Observer{Decision: h.decision},
	})
	require.NoError(t, err)
	g, err := middleware.New(v, middleware.Config{Realm: "orders"})
	require.NoError(t, err)

	byIssuer := validator.Policy{Scopes: []string{"read"}, Issuers: []string{"orders"}}
	byAudience := validator.Policy{Scopes: []string{"read"}, Audiences: []string{"api://orders"}}
	anyone := validator.Policy{Scopes: []string{"read"}, AnyTrustedIssuer: true}
	routes := g.Routes()
	routes.Handle("/issuer", byIssuer, http.HandlerFunc(tell))
	routes.Handle("/issuer/", byIssuer, http.HandlerFunc(tell))
	routes.Handle("/audience", byAudience, http.HandlerFunc(tell))
	routes.Optional("/optional", byIssuer, http.HandlerFunc(tell))
	routes.Handle("/anyone", anyone, http.HandlerFunc(tell))
	routes.Handle("GET /method", byIssuer, http.HandlerFunc(tell))
	routes.Handle("/redirect/", byIssuer, http.HandlerFunc(tell))
	assert.Panics(t, func() { routes.Handle("/unclear", scoped("read"), http.HandlerFunc(tell)) }, "whose?")

	own := orders.AccessToken(validatortest.Audience("api://orders"))
	foreign := billing.AccessToken(validatortest.Audience("api://billing"))
	both := billing.AccessToken(validatortest.Audience("api://billing", "api://orders"))
	for name, tc := range map[string]struct {
		handler        http.Handler
		method, target string
		status         int // for a token of one's own
		reason         validator.Reason
	}{
		"issuer":           {routes, "GET", "/issuer", 200, validator.ReasonIssuerNotAllowed},
		"audience":         {routes, "GET", "/audience", 200, validator.ReasonAudienceNotAllowed},
		"optional":         {routes, "GET", "/optional", 200, validator.ReasonIssuerNotAllowed},
		"method":           {routes, "POST", "/method", 405, validator.ReasonRouteUnknown},
		"redirect":         {routes, "GET", "/redirect", 307, validator.ReasonIssuerNotAllowed},
		"require issuer":   {g.Require(byIssuer)(http.HandlerFunc(tell)), "GET", "/", 200, validator.ReasonIssuerNotAllowed},
		"require audience": {g.Require(byAudience)(http.HandlerFunc(tell)), "GET", "/", 200, validator.ReasonAudienceNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.status, ask(tc.handler, tc.method, tc.target, own).StatusCode)
			for _, raw := range []string{foreign, both} {
				h.take()
				answered(t, ask(tc.handler, tc.method, tc.target, raw), 403, unknown)
				assert.Equal(t, []validator.Reason{tc.reason}, h.take())
			}
		})
	}
	for _, raw := range []string{own, foreign} { // the two are told apart by what they are, not by whether they get in
		assert.Equal(t, 200, ask(routes, "GET", "/anyone", raw).StatusCode)
	}
	// Signed by the other, in the name of the one.
	forged := billing.AccessToken(validatortest.Audience("api://orders"), validatortest.Claim("iss", orders.Issuer()))
	answered(t, ask(routes, "GET", "/issuer", forged), 401, invalid)
}
