package interop

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/mtls"
	"github.com/bearerguard/bearerguard/validator"
)

// protect serves an API behind the middleware on a real listener, which asks for
// certificates, and returns its origin. It tells why it refuses.
func protect(t *testing.T, v *validator.Validator, ca *authority) (origin string) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	origin = "https://" + s.Listener.Addr().String()
	proofs, err := dpop.New(dpop.Config{
		Origins: []string{origin}, Nonces: &dpop.Nonces{Secret: []byte("a secret of at least 32 bytes, for tests")},
	})
	require.NoError(t, err)
	certificates, err := mtls.New(mtls.Config{})
	require.NoError(t, err)
	guard, err := middleware.New(v, middleware.Config{
		DPoP: proofs, MutualTLS: certificates,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, cause *validator.Error, _ middleware.Answer) {
			w.Header().Set("X-Why", fmt.Sprintf("%v: %s", cause.Class, cause.Reason))
		},
	})
	require.NoError(t, err)
	routes := guard.Routes()
	routes.Handle("GET /orders", validator.Policy{Scopes: []string{"orders.read"}, AnyTrustedIssuer: true}, http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			token, _ := validator.FromContext(r.Context())
			fmt.Fprintf(w, "%s, %s", token.ClientID(), token.Origin())
		},
	))
	s.Config.Handler, s.Config.ErrorLog = routes, log.New(t.Output(), "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{*ca.server(t)}, ClientAuth: tls.RequestClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	return origin
}

// passes asserts that a request got through.
func passes(t *testing.T, r received, client string, origin validator.Origin) {
	t.Helper()
	require.Equal(t, http.StatusOK, r.Status, "%v", r.Headers)
	assert.Equal(t, fmt.Sprintf("%s, %s", client, origin), r.Body)
}

// fails asserts that it did not, for want of a proof.
func fails(t *testing.T, r received, reason validator.Reason) {
	t.Helper()
	assert.Equal(t, http.StatusUnauthorized, r.Status)
	assert.Equal(t, fmt.Sprintf("%v: %s", validator.ErrInvalidProof, reason), r.Headers["x-why"])
	assert.NotContains(t, r.Body, "orders")
}

// origins is how tokens of a resource are found good.
var origins = map[string]validator.Origin{"urn:api:es256": validator.OriginLocal, opaqueResource: validator.OriginIntrospection}

// TestDPoP: tokens that the provider bound to keys of two libraries, with their
// proofs, JWTs and opaque ones; and nothing else than these proofs.
func TestDPoP(t *testing.T) {
	p, c, ca := start(t), startClient(t), newAuthority(t)
	api := protect(t, guard(t, p, introspecting(asOrdersAPI)), ca)
	for library, algorithms := range map[string][]string{
		"dpop": {"RS256", "PS256", "ES256", "EdDSA"}, // it says Ed25519
		"jose": {"RS256", "PS256", "ES256", "ES384", "EdDSA"},
	} {
		for _, algorithm := range algorithms {
			key, other := c.newKey(t, library, algorithm), c.newKey(t, library, algorithm)
			for resource, origin := range origins {
				t.Run(library+"/"+algorithm+"/"+string(origin), func(t *testing.T) {
					token, another := c.token(t, p, key, resource), c.token(t, p, key, resource)
					get := clientCommand{Method: http.MethodGet, URL: api + "/orders?page=2", Token: token, Key: key.Number}.shows(t, ca.Certificate, nil)
					first := c.request(t, get)
					passes(t, first, ordersService, origin)
					assert.Equal(t, 2, first.Asked, "the first proof has no nonce of ours")
					get.Nonce = first.Headers["dpop-nonce"].(string)
					next := c.request(t, get)
					passes(t, next, ordersService, origin)
					assert.Equal(t, 1, next.Asked)

					bearer, stolen := get, get
					bearer.Key, stolen.Key = 0, other.Number
					fails(t, c.request(t, bearer), validator.ReasonProofScheme)
					fails(t, c.request(t, stolen), validator.ReasonProofMismatch)

					// A proof that the client made, in other hands.
					made := c.proof(t, get)
					tell := func(method, path, token string) received {
						return show(t, ca.client(t), method, api+path, token, made)
					}
					fails(t, tell(http.MethodHead, "/orders", token), validator.ReasonProofMethod)
					fails(t, tell(http.MethodGet, "/orders/", token), validator.ReasonProofURI)
					fails(t, tell(http.MethodGet, "/orders", another), validator.ReasonProofToken)
					passes(t, tell(http.MethodGet, "/orders", token), ordersService, origin)
					fails(t, tell(http.MethodGet, "/orders", token), validator.ReasonProofReplayed)
				})
			}
		}
	}
}

// show sends a token with a proof that somebody made.
func show(t *testing.T, c *http.Client, method, url, token, proof string) (r received) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "DPoP "+token)
	request.Header.Set("DPoP", proof)
	response, err := c.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return received{Status: response.StatusCode, Headers: map[string]any{"x-why": response.Header.Get("X-Why")}, Body: string(body)}
}

// TestMutualTLS: tokens that the provider bound to a certificate, shown by Node's TLS.
func TestMutualTLS(t *testing.T) {
	p, c, ca := start(t), startClient(t), newAuthority(t)
	api := protect(t, guard(t, p, introspecting(asOrdersAPI), clients("bound")), ca)
	p.register(t, metadata{
		"client_id": "bound", "client_secret": "bound-secret", "grant_types": []string{"client_credentials"},
		"tls_client_certificate_bound_access_tokens": true,
	})
	endpoint := p.listenTLS(t, ca) + "/token"
	own, other := ca.issue(t, "bound.example"), ca.issue(t, "bound.example")
	alone := selfSigned(t, "bound.example")
	for resource, origin := range origins {
		t.Run(string(origin), func(t *testing.T) {
			for _, shown := range []*tls.Certificate{own, alone} {
				token := granted(t, c.request(t, clientCommand{
					Method: http.MethodPost, URL: endpoint, Client: "bound",
					Form: map[string]string{"grant_type": "client_credentials", "scope": "orders.read", "resource": resource},
				}.shows(t, ca.Certificate, shown))).AccessToken
				get := func(shown *tls.Certificate) received {
					return c.request(t, clientCommand{Method: http.MethodGet, URL: api + "/orders", Token: token}.shows(t, ca.Certificate, shown))
				}
				for range 2 { // found anew, and remembered
					fails(t, get(other), validator.ReasonProofMismatch)
					fails(t, get(nil), validator.ReasonProofMissing)
					passes(t, get(shown), "bound", origin)
				}
			}
		})
	}
}
