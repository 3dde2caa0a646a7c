package middleware_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/middleware/mtls"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// certificate makes a client's certificate, and the binding of a token to it.
func certificate(t *testing.T) (tls.Certificate, map[string]any) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	digest := sha256.Sum256(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, map[string]any{"x5t#S256": base64.RawURLEncoding.EncodeToString(digest[:])}
}

// TestMutualTLS: over real connections, with the certificate of the token, another one,
// and none; and where it is not configured, as before.
func TestMutualTLS(t *testing.T) {
	verifier, err := mtls.New(mtls.Config{})
	require.NoError(t, err)
	own, binding := certificate(t)
	other, _ := certificate(t)
	with, without := newCertified(t, middleware.Config{MutualTLS: verifier}), newCertified(t, middleware.Config{})
	for name, tc := range map[string]struct {
		api    *certified
		shown  []tls.Certificate
		bound  bool
		status int
		reason validator.Reason
	}{
		"its own":           {with, []tls.Certificate{own}, true, 200, "accepted"},
		"another":           {with, []tls.Certificate{other}, true, 401, validator.ReasonProofMismatch},
		"none":              {with, nil, true, 401, validator.ReasonProofMissing},
		"for a plain token": {with, []tls.Certificate{own}, false, 200, "accepted"},
		"none for a plain":  {with, nil, false, 200, "accepted"},
		"not configured":    {without, []tls.Certificate{own}, true, 401, validator.ReasonProofMissing},
	} {
		t.Run(name, func(t *testing.T) {
			edits := []validatortest.Edit{}
			if tc.bound {
				edits = append(edits, validatortest.Claim("cnf", binding))
			}
			token := tc.api.server.AccessToken(edits...)
			client := tc.api.listener.Client()
			transport := client.Transport.(*http.Transport).Clone()
			defer transport.CloseIdleConnections()
			transport.TLSClientConfig.Certificates = tc.shown
			r, err := http.NewRequestWithContext(t.Context(), "GET", tc.api.listener.URL+"/orders", nil)
			require.NoError(t, err)
			r.Header.Set("Authorization", "Bearer "+token)
			response, err := (&http.Client{Transport: transport}).Do(r)
			require.NoError(t, err)
			defer response.Body.Close()
			assert.Equal(t, []validator.Reason{tc.reason}, tc.api.heard.take())
			if tc.status == 401 {
				told(t, response, 401, invalid)
				return
			}
			assert.Equal(t, 200, response.StatusCode)
		})
	}
}

// certified is an API on a listener that asks for certificates.
type certified struct {
	server   *validatortest.Server
	heard    *heard
	listener *httptest.Server
}

func newCertified(t *testing.T, config middleware.Config) *certified {
	t.Helper()
	s, g, h := newHeardGuard(t, config)
	routes := g.Routes()
	routes.Handle("/orders", scoped("read"), http.HandlerFunc(tell))
	listener := httptest.NewUnstartedServer(routes)
	listener.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	listener.StartTLS()
	t.Cleanup(listener.Close)
	return &certified{s, h, listener}
}

// TestBothBindings: a token that names a key and a certificate needs both.
func TestBothBindings(t *testing.T) {
	verifier, err := mtls.New(mtls.Config{})
	require.NoError(t, err)
	b := newBound(t, middleware.Config{MutualTLS: verifier})
	own, binding := certificate(t)
	binding["jkt"] = b.key.Thumbprint()
	leaf, err := x509.ParseCertificate(own.Certificate[0])
	require.NoError(t, err)
	token := b.server.AccessToken(validatortest.Claim("cnf", binding))
	handler := b.guard.Require(scoped("read"))(http.HandlerFunc(tell))
	over := &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: []*x509.Certificate{leaf}}
	r := b.request("GET", "/", token)
	r.TLS = over
	assert.Equal(t, 200, serve(handler, r).StatusCode)
	told(t, serve(handler, b.request("GET", "/", token)), 401, boundBad, bare) // no certificate
	b.key = dpoptest.NewKey("ES256")
	r = b.request("GET", "/", token)
	r.TLS = over
	told(t, serve(handler, r), 401, boundBad, bare) // another key
	r.Header.Set("Authorization", "Bearer "+token)
	told(t, serve(handler, r), 401, invalid, bareDPoP)
	assert.Equal(t, []validator.Reason{"accepted", validator.ReasonProofMissing, validator.ReasonProofMismatch, validator.ReasonProofScheme}, b.heard.take())
}

// TestMutualTLSMetadata (RFC 9728 2).
func TestMutualTLSMetadata(t *testing.T) {
	verifier, err := mtls.New(mtls.Config{})
	require.NoError(t, err)
	_, g, _ := newHeardGuard(t, middleware.Config{MutualTLS: verifier, Resource: middleware.Resource{URL: publicOrigin + "/orders"}})
	var document map[string]any
	require.NoError(t, json.NewDecoder(serve(g.ResourceMetadata(), httptest.NewRequest("GET", "/", nil)).Body).Decode(&document))
	assert.Equal(t, true, document["tls_client_certificate_bound_access_tokens"])
	assert.NotContains(t, document, "dpop_signing_alg_values_supported")
}
