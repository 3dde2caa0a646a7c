package neighbours_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/cors"
	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestCORS: a CORS middleware outside answers preflight requests, which carry no
// token (Fetch 4.8), and lets scripts read the refusals too: their challenge only
// where it exposes WWW-Authenticate.
func TestCORS(t *testing.T) {
	const origin = "https://app.example.com"
	s, g := newGuard(t)
	routes := g.Routes()
	routes.Handle("GET /orders", readers, http.HandlerFunc(tell))
	routes.Handle("DELETE /orders", admins, http.HandlerFunc(tell))
	routes.Public("GET /healthz", http.HandlerFunc(tell))
	policy := cors.New(cors.Options{
		AllowedOrigins: []string{origin},
		AllowedMethods: []string{"GET", "HEAD", "DELETE"},
		AllowedHeaders: strings.Split(middleware.RequestHeaders, ", "),
		ExposedHeaders: strings.Split(middleware.ResponseHeaders, ", "),
	})
	required := http.NewServeMux()
	required.Handle("GET /orders", g.Require(readers)(http.HandlerFunc(tell)))
	required.Handle("DELETE /orders", g.Require(admins)(http.HandlerFunc(tell)))
	good := "Bearer " + s.AccessToken()
	old := "Bearer " + s.AccessToken(validatortest.Expiry(time.Now().Add(-time.Hour)))
	for kind, handler := range map[string]http.Handler{"Routes": routes, "Require": required} {
		t.Run(kind, func(t *testing.T) {
			server := serve(t, policy.Handler(handler))
			t.Run("preflight", func(t *testing.T) {
				response := ask(t, server, "OPTIONS", "/orders", "Origin", origin,
					"Access-Control-Request-Method", "DELETE", "Access-Control-Request-Headers", "authorization,dpop")
				assert.Equal(t, 204, response.StatusCode)
				assert.Equal(t, origin, response.Header.Get("Access-Control-Allow-Origin"))
				assert.Equal(t, "DELETE", response.Header.Get("Access-Control-Allow-Methods"))
				assert.Equal(t, "authorization,dpop", response.Header.Get("Access-Control-Allow-Headers"))
				assert.Empty(t, response.Header.Get("WWW-Authenticate"))
			})
			t.Run("preflight of a foreign origin", func(t *testing.T) {
				response := ask(t, server, "OPTIONS", "/orders", "Origin", "https://evil.example.com", "Access-Control-Request-Method", "GET")
				assert.Empty(t, response.Header.Get("Access-Control-Allow-Origin"))
			})
			for name, tc := range map[string]struct {
				method, authorization string
				status                int
				challenge, who        string
			}{
				"no token":  {"GET", "", 401, bare, ""},
				"expired":   {"GET", old, 401, expired, ""},
				"good":      {"GET", good, 200, "", "user"},
				"head":      {"HEAD", good, 200, "", "user"},
				"head, no":  {"HEAD", "", 401, bare, ""},
				"not admin": {"DELETE", good, 403, insufficient, ""},
			} {
				t.Run(name, func(t *testing.T) {
					headers := []string{"Origin", origin}
					if tc.authorization != "" {
						headers = append(headers, "Authorization", tc.authorization)
					}
					response := ask(t, server, tc.method, "/orders", headers...)
					assert.Equal(t, tc.status, response.StatusCode)
					assert.Equal(t, tc.challenge, response.Header.Get("WWW-Authenticate"))
					assert.Equal(t, tc.who, response.Header.Get("X-Who"))
					assert.Equal(t, origin, response.Header.Get("Access-Control-Allow-Origin"), "on refusals too")
					assert.Equal(t, "Www-Authenticate, Retry-After, Dpop-Nonce", response.Header.Get("Access-Control-Expose-Headers"))
					assert.Contains(t, response.Header.Values("Vary"), "Origin")
				})
			}
		})
	}
	t.Run("unmatched", func(t *testing.T) {
		server := serve(t, policy.Handler(routes))
		response := ask(t, server, "GET", "/nothing", "Origin", origin, "Authorization", good)
		assert.Equal(t, 403, response.StatusCode)
		assert.Equal(t, unknown, response.Header.Get("WWW-Authenticate"))
		assert.Equal(t, origin, response.Header.Get("Access-Control-Allow-Origin"))
	})
	t.Run("OPTIONS that is no preflight", func(t *testing.T) { // RFC 9110 9.3.7: a method like any other
		server := serve(t, policy.Handler(routes))
		assert.Equal(t, 401, ask(t, server, "OPTIONS", "/orders", "Origin", origin).StatusCode)
		response := ask(t, server, "OPTIONS", "/orders", "Origin", origin, "Authorization", good)
		assert.Equal(t, 405, response.StatusCode)
		assert.Equal(t, "DELETE, GET, HEAD", response.Header.Get("Allow"))
	})
	t.Run("inside, it never sees a preflight", func(t *testing.T) {
		server := serve(t, g.Require(readers)(policy.Handler(http.HandlerFunc(tell))))
		response := ask(t, server, "OPTIONS", "/orders", "Origin", origin, "Access-Control-Request-Method", "GET")
		assert.Equal(t, 401, response.StatusCode)
	})
}
