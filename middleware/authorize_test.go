package middleware_test

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestAuthorize is the whole decision without a handler, and the observer hears of it
// once, whatever it comes to.
func TestAuthorize(t *testing.T) {
	s, g, h := newHeardGuard(t, middleware.Config{})
	for name, tc := range map[string]struct {
		authorization string
		policy        validator.Policy
		class         error // nil: accepted
		reason        validator.Reason
		status        int
		challenge     string
	}{
		"good":          {"Bearer " + s.AccessToken(), scoped("read"), nil, "accepted", 200, ""},
		"any":           {"Bearer " + s.AccessToken(), validator.Policy{AnyToken: true}, nil, "accepted", 200, ""},
		"no token":      {"", scoped("read"), validator.ErrNoToken, validator.ReasonNoToken, 401, bare},
		"bad":           {"Bearer x", scoped("read"), validator.ErrInvalidToken, validator.ReasonNotJWT, 401, invalid},
		"wrong scope":   {"Bearer " + s.AccessToken(), scoped("admin"), validator.ErrInsufficientScope, validator.ReasonInsufficientScope, 403, needs("admin")},
		"wrong client":  {"Bearer " + s.AccessToken(), validator.Policy{ClientIDs: []string{"x"}}, validator.ErrInsufficientScope, validator.ReasonClientNotAllowed, 403, unknown},
		"no policy":     {"Bearer " + s.AccessToken(), validator.Policy{}, validator.ErrInsufficientScope, validator.ReasonPolicyInvalid, 403, unknown},
		"contradiction": {"Bearer " + s.AccessToken(), validator.Policy{AnyToken: true, Scopes: []string{"read"}}, validator.ErrInsufficientScope, validator.ReasonPolicyInvalid, 403, unknown},
		"bad policy":    {"Bearer x", validator.Policy{}, validator.ErrInvalidToken, validator.ReasonNotJWT, 401, invalid},
	} {
		t.Run(name, func(t *testing.T) {
			h.take()
			r := httptest.NewRequest("GET", "/", nil)
			if tc.authorization != "" {
				r.Header.Set("Authorization", tc.authorization)
			}
			token, err := g.Authorize(r, tc.policy)
			assert.Equal(t, []validator.Reason{tc.reason}, h.take())
			if tc.class == nil {
				require.NoError(t, err)
				assert.Equal(t, validatortest.DefaultSubject, token.Subject())
				return
			}
			assert.Nil(t, token)
			refused(t, err, tc.class, tc.reason)
			w := httptest.NewRecorder()
			g.Refuse(w, err)
			answered(t, w.Result(), tc.status, tc.challenge)
		})
	}
}

// TestAuthorizeAsksTheIssuer where the policy wants a fresh answer: what Policy.Check
// cannot.
func TestAuthorizeAsksTheIssuer(t *testing.T) {
	s, err := validatortest.Start(validatortest.Options{Algorithm: "ES256"})
	require.NoError(t, err)
	defer s.Close()
	s.AddClient("api", "secret")
	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			URL: s.Issuer(), Audiences: []string{"api://default"}, AnyClient: true,
			Introspection: &introspect.Config{Auth: introspect.ClientSecretBasic("api", introspect.StaticSecret("secret"))},
		}},
		InsecureAllowHTTP: true,
	})
	require.NoError(t, err)
	g, err := middleware.New(v, middleware.Config{})
	require.NoError(t, err)
	policy := validator.Policy{Scopes: []string{"read"}, Fresh: validator.IntrospectedNow()}
	raw := s.AccessToken()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+raw)
	for n := range 2 {
		token, err := g.Authorize(r, policy)
		require.NoError(t, err)
		assert.Equal(t, n+1, s.IntrospectionRequests())
		refused(t, policy.Check(t.Context(), token), validator.ErrUnavailable, validator.ReasonFreshnessUnavailable)
	}
	s.Revoke(raw)
	_, err = g.Authorize(r, policy)
	refused(t, err, validator.ErrInvalidToken, validator.ReasonInactive)
}

// TestAuthorizeDPoP: the proofs are looked at too, and the answer is in the scheme that
// was used.
func TestAuthorizeDPoP(t *testing.T) {
	b := newBound(t, middleware.Config{})
	r := b.request("GET", "/", b.token)
	token, err := b.guard.Authorize(r, scoped("read"))
	require.NoError(t, err)
	assert.Equal(t, b.key.Thumbprint(), token.Confirmation().JKT)
	_, err = b.guard.Authorize(r, scoped("read"))
	refused(t, err, validator.ErrInvalidProof, validator.ReasonProofReplayed)
	_, err = b.guard.Authorize(b.request("GET", "/", b.server.AccessToken(b.key.Bind(), validatortest.Scope("x"))), scoped("read"))
	refused(t, err, validator.ErrInsufficientScope, validator.ReasonInsufficientScope)
	w := httptest.NewRecorder()
	b.guard.Refuse(w, err)
	told(t, w.Result(), 403, tooLittle)
	assert.Equal(t, []validator.Reason{"accepted", validator.ReasonProofReplayed, validator.ReasonInsufficientScope}, b.heard.take())
}
