package mtls_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware/mtls"
	"github.com/bearerguard/bearerguard/validator"
)

// api is a server that decides about the token in X-Token and answers with the
// reason, and what it saw of the connection.
func (tr trust) api(t testing.TB, v *mtls.Verifier, config *tls.Config) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := tr.ValidateWith(r.Context(), r.Header.Get("X-Token"), validator.Requirements{Proofs: []validator.Proof{v.Request(r)}})
		reason := validator.Reason("accepted")
		if err != nil {
			reason = err.(*validator.Error).Reason
		}
		w.Header().Set("X-Reason", string(reason))
		w.Header().Set("X-Proto", r.Proto)
		if r.TLS != nil {
			w.Header().Set("X-Tls", tls.VersionName(r.TLS.Version))
			w.Header().Set("X-Resumed", strconv.FormatBool(r.TLS.DidResume))
		}
	}))
	s.TLS, s.EnableHTTP2 = config, true
	s.Config.ErrorLog = log.New(t.Output(), "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// showing is a client of the server that shows a certificate, or none if it is nil.
func showing(t testing.TB, s *httptest.Server, own *tls.Certificate, edit ...func(*http.Transport)) *http.Client {
	t.Helper()
	transport := s.Client().Transport.(*http.Transport).Clone()
	if own != nil {
		transport.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own, nil }
	}
	for _, e := range edit {
		e(transport)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// speaking has a client speak a version of HTTP.
func speaking(proto string) func(*http.Transport) {
	return func(t *http.Transport) {
		if t.ForceAttemptHTTP2 = proto == "HTTP/2.0"; !t.ForceAttemptHTTP2 {
			t.TLSClientConfig.NextProtos = []string{"http/1.1"}
		}
	}
}

// get shows a token, and returns the headers of the answer.
func get(t testing.TB, c *http.Client, url, raw string, edit ...func(http.Header)) http.Header {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	r.Header.Set("X-Token", raw)
	for _, e := range edit {
		e(r.Header)
	}
	response, err := c.Do(r)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.Header
}

// TestConnection: real connections in both versions of TLS and of HTTP; new ones,
// and resumed ones.
func TestConnection(t *testing.T) {
	tr := newTrust(t)
	own, other := certificate(t), certificate(t)
	raw := tr.boundTo(own.Certificate[0])
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		s := tr.api(t, verifier(t), &tls.Config{ClientAuth: tls.RequestClientCert, MaxVersion: version})
		for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
			resuming := func(t *http.Transport) { t.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(1) }
			for name, tc := range map[string]struct {
				shown  *tls.Certificate
				raw    string
				reason validator.Reason
			}{
				"own":             {shown: own, raw: raw, reason: "accepted"},
				"another":         {shown: other, raw: raw, reason: validator.ReasonProofMismatch},
				"none":            {raw: raw, reason: validator.ReasonProofMissing},
				"unbound":         {raw: tr.AccessToken(), reason: "accepted"},
				"unbound, shown":  {shown: other, raw: tr.AccessToken(), reason: "accepted"},
				"authority first": {shown: &tls.Certificate{Certificate: [][]byte{other.Certificate[0], own.Certificate[0]}, PrivateKey: other.PrivateKey}, raw: raw, reason: validator.ReasonProofMismatch},
			} {
				t.Run(tls.VersionName(version)+"/"+proto+"/"+name, func(t *testing.T) {
					c := showing(t, s, tc.shown, speaking(proto), resuming)
					for _, resumed := range []string{"false", "true"} {
						told := get(t, c, s.URL, tc.raw)
						assert.Equal(t, string(tc.reason), told.Get("X-Reason"))
						assert.Equal(t, proto, told.Get("X-Proto"))
						assert.Equal(t, tls.VersionName(version), told.Get("X-Tls"))
						assert.Equal(t, resumed, told.Get("X-Resumed"), "the test needs both")
						c.CloseIdleConnections()
					}
				})
			}
		}
	}
}

// shutOut asserts that TLS refuses a client, so that no request of his arrives.
func shutOut(t *testing.T, config *tls.Config, shown *tls.Certificate) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") }))
	s.TLS, s.Config.ErrorLog = config, log.New(t.Output(), "", 0)
	s.StartTLS()
	defer s.Close() // waits for requests
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	require.NoError(t, err)
	_, err = showing(t, s, shown).Do(r)
	require.Error(t, err, "whether the alert comes first, or the end of the connection, is chance")
}

// TestCertificateWithoutKey: a certificate is public, and TLS lets nobody show it
// who does not hold its key, even where it asks for nothing else.
func TestCertificateWithoutKey(t *testing.T) {
	own, thief := certificate(t), certificate(t)
	stolen := &tls.Certificate{Certificate: own.Certificate, PrivateKey: thief.PrivateKey}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		shutOut(t, &tls.Config{ClientAuth: tls.RequestClientCert, MaxVersion: version}, stolen)
	}
}

// TestExpiredCertificate: how long a certificate is good for is the business of TLS
// (RFC 8705 6.2).
func TestExpiredCertificate(t *testing.T) {
	tr := newTrust(t)
	old := certificate(t, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	})
	raw := tr.boundTo(old.Certificate[0])
	s := tr.api(t, verifier(t), &tls.Config{ClientAuth: tls.RequireAnyClientCert})
	assert.Equal(t, "accepted", get(t, showing(t, s, old), s.URL, raw).Get("X-Reason"))

	authorities := x509.NewCertPool()
	authorities.AddCert(old.Leaf)
	shutOut(t, &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authorities}, old)
}

// TestConnectionStates: what a server can find in http.Request.TLS.
func TestConnectionStates(t *testing.T) {
	tr, v := newTrust(t), verifier(t)
	own, authority := certificate(t), certificate(t)
	raw := tr.boundTo(own.Certificate[0])
	for name, tc := range map[string]struct {
		state  *tls.ConnectionState
		reason validator.Reason
	}{
		"complete":      {state: &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: []*x509.Certificate{own.Leaf}}},
		"with chain":    {state: &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: []*x509.Certificate{own.Leaf, authority.Leaf}}},
		"resumed":       {state: &tls.ConnectionState{HandshakeComplete: true, DidResume: true, PeerCertificates: []*x509.Certificate{own.Leaf}}},
		"no TLS":        {reason: validator.ReasonProofMissing},
		"early data":    {state: &tls.ConnectionState{DidResume: true, PeerCertificates: []*x509.Certificate{own.Leaf}}, reason: validator.ReasonProofMissing},
		"none":          {state: &tls.ConnectionState{HandshakeComplete: true}, reason: validator.ReasonProofMissing},
		"not the first": {state: &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: []*x509.Certificate{authority.Leaf, own.Leaf}}, reason: validator.ReasonProofMismatch},
		"only verified": {state: &tls.ConnectionState{HandshakeComplete: true, VerifiedChains: [][]*x509.Certificate{{own.Leaf}}}, reason: validator.ReasonProofMissing},
	} {
		t.Run(name, func(t *testing.T) {
			r := request("192.0.2.1:1")
			r.TLS = tc.state
			tr.decide(t, raw, v.Request(r), tc.reason)
		})
	}
}

// TestCertificate: the proof of other transports.
func TestCertificate(t *testing.T) {
	tr := newTrust(t)
	own, other := certificate(t), certificate(t)
	raw := tr.boundTo(own.Certificate[0])
	tr.decide(t, raw, mtls.Certificate(own.Leaf), "")
	tr.decide(t, raw, mtls.Certificate(other.Leaf), validator.ReasonProofMismatch)
	tr.decide(t, raw, mtls.Certificate(nil), validator.ReasonProofMissing)
	tr.decide(t, tr.boundTo(nil), mtls.Certificate(&x509.Certificate{}), validator.ReasonProofMissing)
	tr.decide(t, tr.AccessToken(), mtls.Certificate(nil), "")

	// Only the whole of it counts, not what the two have in common.
	renewed := certificate(t, func(c *x509.Certificate) { c.SerialNumber = own.Leaf.SerialNumber })
	tr.decide(t, raw, mtls.Certificate(renewed.Leaf), validator.ReasonProofMismatch)
}

// TestBothBindings: a certificate is no DPoP key, and a token that is bound to both
// needs both.
func TestBothBindings(t *testing.T) {
	tr := newTrust(t)
	own := certificate(t)
	print := thumbprint(own.Certificate[0])
	byJKT := tr.confirmed(map[string]any{"jkt": print})
	byBoth := tr.confirmed(map[string]any{"jkt": print, "x5t#S256": print})
	tr.decide(t, byJKT, mtls.Certificate(own.Leaf), validator.ReasonProofMissing)
	tr.decide(t, byBoth, mtls.Certificate(own.Leaf), validator.ReasonProofMissing)
	_, err := tr.ValidateWith(t.Context(), byBoth, validator.Requirements{Proofs: []validator.Proof{mtls.Certificate(own.Leaf), holds{JKT: print}}})
	require.NoError(t, err)
}

// holds is a proof of another kind.
type holds validator.Confirmation

func (h holds) Confirm(context.Context, string, *validator.Token) (validator.Confirmation, error) {
	return validator.Confirmation(h), nil
}
