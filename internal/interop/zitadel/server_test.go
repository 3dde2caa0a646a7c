// Package zitadel holds this module against an authorization server made of
// github.com/zitadel/oidc, a certified implementation. It is a module of its
// own, so that the root module does not depend on it.
package zitadel

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// server is a running authorization server.
type server struct {
	*httptest.Server
	issuer       string
	storage      *storage
	assertionKey *rsa.PrivateKey // of ordersAPI
}

// start runs a server on loopback until the test ends.
func start(t testing.TB) *server {
	t.Helper()
	s := &server{Server: httptest.NewUnstartedServer(nil), assertionKey: newKey(t)}
	t.Cleanup(s.Close)
	s.issuer = "http://" + s.Listener.Addr().String()
	s.storage = &storage{key: signingKey{newKey(t)}, assertionKey: &s.assertionKey.PublicKey, tokens: map[string]token{}}
	provider, err := op.NewProvider(&op.Config{CryptoKey: [32]byte{1}, AuthMethodPrivateKeyJWT: true}, s.storage, op.StaticIssuer(s.issuer), op.WithAllowInsecure())
	require.NoError(t, err)
	s.Config.Handler = provider
	s.Start()
	return s
}

func newKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return key
}

// token gets an access token by client_credentials.
func (s *server) token(t testing.TB, clientID, scope string) string {
	t.Helper()
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	body := s.post(t, "/oauth/token", clientID, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}})
	require.NoError(t, json.Unmarshal(body, &granted))
	return granted.AccessToken
}

// revoke has the client that a token was issued to revoke it (RFC 7009).
func (s *server) revoke(t testing.TB, clientID, token string) {
	t.Helper()
	s.post(t, "/revoke", clientID, url.Values{"token": {token}})
}

// post sends a form as one of the clients.
func (s *server) post(t testing.TB, path, clientID string, form url.Values) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.issuer+path, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(secret(clientID))) // RFC 6749 2.3.1
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := s.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s: %s", path, body)
	return body
}
