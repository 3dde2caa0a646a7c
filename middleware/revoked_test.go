package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestRevokedOnTheNextRequest: over real connections, a token that is cached for an hour
// is refused as soon as its user is revoked; nobody else's is.
func TestRevokedOnTheNextRequest(t *testing.T) {
	revocations, err := validator.NewRevocations(validator.RevocationsConfig{})
	require.NoError(t, err)
	s, g, h := newConfiguredGuard(t, middleware.Config{}, func(c *validator.Config) {
		c.Revocations, c.Issuers[0].MaxTokenLifetime = revocations, time.Hour
	})
	listener := httptest.NewServer(g.Require(scoped("read"))(http.HandlerFunc(tell)))
	defer listener.Close()
	get := func(raw string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, listener.URL, nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+raw)
		response, err := listener.Client().Do(r)
		require.NoError(t, err)
		t.Cleanup(func() { response.Body.Close() })
		return response
	}
	revoked, other := s.AccessToken(), s.AccessToken(validatortest.Subject("other"))
	for _, raw := range []string{revoked, other, revoked} {
		assert.Equal(t, 200, get(raw).StatusCode)
	}
	require.NoError(t, revocations.Revoke(validator.Revocation{Issuer: s.Issuer(), Subject: validatortest.DefaultSubject}))
	for range 2 {
		answered(t, get(revoked), 401, invalid)
	}
	assert.Equal(t, 200, get(other).StatusCode)
	assert.Equal(t, []validator.Reason{
		"accepted", "accepted", "accepted", validator.ReasonRevoked, validator.ReasonRevoked, "accepted",
	}, h.take())
}

// TestBoundAfterIntrospection: what the issuer's answer binds to a key is refused as
// Bearer like a JWT that says so itself, with DPoP and without.
func TestBoundAfterIntrospection(t *testing.T) {
	asked := func(c *validator.Config) {
		c.Issuers[0].Introspection = &introspect.Config{Auth: introspect.ClientSecretBasic("api", introspect.StaticSecret("secret"))}
	}
	b := newBound(t, middleware.Config{})
	for name, tc := range map[string]struct {
		config middleware.Config
		reason validator.Reason
	}{"with DPoP": {middleware.Config{DPoP: b.proofs}, validator.ReasonProofScheme}, "without": {middleware.Config{}, validator.ReasonProofMissing}} {
		t.Run(name, func(t *testing.T) {
			s, g, h := newConfiguredGuard(t, tc.config, asked)
			s.AddClient("api", "secret")
			raw := s.OpaqueToken(b.key.Bind())
			handler := g.Require(scoped("read"))(http.HandlerFunc(tell))
			for range 2 { // asked about, and remembered
				assert.Equal(t, 401, ask(handler, "GET", "/", raw).StatusCode)
			}
			assert.Equal(t, 1, s.IntrospectionRequests())
			assert.Equal(t, []validator.Reason{tc.reason, tc.reason}, h.take())
			if tc.config.DPoP != nil {
				assert.Equal(t, 200, serve(handler, b.request("GET", "/", raw)).StatusCode, "and a proof is what it lacks")
			}
		})
	}
}
