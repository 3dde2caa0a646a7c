package mtls_test

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGuard: the server of the examples, and what a client is told (RFC 8705 3).
func TestGuard(t *testing.T) {
	tr := newTrust(t)
	own, other := certificate(t), certificate(t)
	configured, err := newServer(tr.Validator, *certificate(t))
	require.NoError(t, err)
	s := httptest.NewUnstartedServer(configured.Handler)
	s.TLS, s.Config.ErrorLog = configured.TLSConfig, log.New(t.Output(), "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	const invalid = `Bearer error="invalid_token", error_description="The access token is invalid"`
	for name, tc := range map[string]struct {
		shown     *tls.Certificate
		raw       string
		status    int
		challenge string
		body      string
	}{
		"own":            {own, tr.boundTo(own.Certificate[0]), 200, "", "the orders of user"},
		"another":        {other, tr.boundTo(own.Certificate[0]), 401, invalid, ""},
		"none":           {nil, tr.boundTo(own.Certificate[0]), 401, invalid, ""},
		"unbound":        {nil, tr.AccessToken(), 200, "", "the orders of user"},
		"no token":       {own, "", 401, "Bearer", ""},
		"bound to a key": {own, tr.confirmed(map[string]any{"jkt": thumbprint(own.Certificate[0])}), 401, invalid, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/orders", nil)
			require.NoError(t, err)
			if tc.raw != "" {
				r.Header.Set("Authorization", "Bearer "+tc.raw)
			}
			response, err := showing(t, s, tc.shown).Do(r)
			require.NoError(t, err)
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			assert.Equal(t, tc.status, response.StatusCode)
			assert.Equal(t, tc.challenge, response.Header.Get("WWW-Authenticate"))
			if tc.status == 200 {
				assert.Equal(t, tc.body, string(body))
			}
		})
	}
}
