package mtls_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
)

// front puts a proxy that ends TLS in front of a server.
func front(t *testing.T, back *httptest.Server, c *http.Client, with func(*url.URL) *httputil.ReverseProxy) *httptest.Server {
	t.Helper()
	target, err := url.Parse(back.URL)
	require.NoError(t, err)
	proxy := with(target)
	proxy.Transport = c.Transport
	s := httptest.NewUnstartedServer(proxy)
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	s.Config.ErrorLog = log.New(t.Output(), "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// careless is newProxy as it should not be: it sets the header before it removes
// what the client names in Connection.
func careless(target *url.URL) *httputil.ReverseProxy {
	//lint:ignore SA1019 it drops what it sets, as others do
	return &httputil.ReverseProxy{Director: func(r *http.Request) {
		r.URL.Scheme, r.URL.Host = target.Scheme, target.Host
		r.Header.Del("Client-Cert")
		if len(r.TLS.PeerCertificates) > 0 {
			r.Header.Set("Client-Cert", field(r.TLS.PeerCertificates[0].Raw))
		}
	}}
}

// TestBehindAProxy: a real proxy over HTTP/1.1 and HTTP/2, which shows a certificate
// of its own to the server.
func TestBehindAProxy(t *testing.T) {
	tr := newTrust(t)
	own, other, proxys := certificate(t), certificate(t), certificate(t)
	raw, proxysToken := tr.boundTo(own.Certificate[0]), tr.boundTo(proxys.Certificate[0])
	back := tr.api(t, verifier(t, "127.0.0.1/32"), &tls.Config{ClientAuth: tls.RequireAnyClientCert})
	stranger := tr.api(t, verifier(t, "10.0.0.0/8"), &tls.Config{ClientAuth: tls.RequestClientCert})
	hop := func(value string) func(http.Header) {
		return func(h http.Header) { h.Set("Connection", value) }
	}
	says := func(c *tls.Certificate) func(http.Header) {
		return func(h http.Header) { h.Set("Client-Cert", field(c.Certificate[0])) }
	}
	for name, tc := range map[string]struct {
		back   *httptest.Server
		proxy  func(*url.URL) *httputil.ReverseProxy
		shown  *tls.Certificate
		raw    string
		edit   []func(http.Header)
		reason validator.Reason
	}{
		"own":                          {back, newProxy, own, raw, nil, "accepted"},
		"another":                      {back, newProxy, other, raw, nil, validator.ReasonProofMismatch},
		"none":                         {back, newProxy, nil, raw, nil, validator.ReasonProofMissing},
		"none but in a header":         {back, newProxy, nil, raw, []func(http.Header){says(own)}, validator.ReasonProofMissing},
		"another, own in a header":     {back, newProxy, other, raw, []func(http.Header){says(own)}, validator.ReasonProofMismatch},
		"own, another in a header":     {back, newProxy, own, raw, []func(http.Header){says(other)}, "accepted"},
		"token of the proxy":           {back, newProxy, other, proxysToken, nil, validator.ReasonProofMismatch},
		"token of the proxy, none":     {back, newProxy, nil, proxysToken, nil, validator.ReasonProofMissing},
		"hop by hop":                   {back, newProxy, own, raw, []func(http.Header){hop("Client-Cert")}, "accepted"},
		"hop by hop, none":             {back, newProxy, nil, proxysToken, []func(http.Header){hop("close, client-cert")}, validator.ReasonProofMissing},
		"dropped hop by hop":           {back, careless, own, raw, []func(http.Header){hop("Client-Cert")}, validator.ReasonProofMissing},
		"dropped, token of the proxy":  {back, careless, own, proxysToken, []func(http.Header){hop("Client-Cert")}, validator.ReasonProofMissing},
		"dropped, own in a header too": {back, careless, other, raw, []func(http.Header){hop("client-cert"), says(own)}, validator.ReasonProofMissing},
		"proxy nobody declared":        {stranger, newProxy, own, raw, nil, validator.ReasonProofMismatch},
	} {
		for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} { // from the proxy to the server
			t.Run(name+"/"+proto, func(t *testing.T) {
				s := front(t, tc.back, showing(t, tc.back, proxys, speaking(proto)), tc.proxy)
				told := get(t, showing(t, s, tc.shown, speaking("HTTP/1.1")), s.URL, tc.raw, tc.edit...)
				assert.Equal(t, string(tc.reason), told.Get("X-Reason"))
				assert.Equal(t, proto, told.Get("X-Proto"))
			})
		}
	}
}

// TestOnTheWire: the header as a proxy may write it, and as none may.
func TestOnTheWire(t *testing.T) {
	tr := newTrust(t)
	own, other := certificate(t), certificate(t)
	raw := tr.boundTo(own.Certificate[0])
	s := tr.api(t, verifier(t, "127.0.0.1/32"), &tls.Config{NextProtos: []string{"http/1.1"}})
	good := field(own.Certificate[0])
	for name, tc := range map[string]struct {
		lines  string
		status int
		reason validator.Reason
	}{
		"lower case":          {"client-cert: " + good + "\r\n", 200, "accepted"},
		"upper case":          {"CLIENT-CERT:" + good + "\r\n", 200, "accepted"},
		"white space":         {"Client-Cert: \t " + good + " \t\r\n", 200, "accepted"},
		"two cases":           {"client-cert: " + good + "\r\nClient-Cert: " + good + "\r\n", 200, validator.ReasonProofInvalid},
		"and an empty one":    {"Client-Cert: " + good + "\r\nclient-cert:\r\n", 200, validator.ReasonProofInvalid},
		"folded":              {"Client-Cert: " + good[:99] + "\r\n " + good[99:] + "\r\n", 200, validator.ReasonProofInvalid},
		"underscore":          {"Client_Cert: " + good + "\r\n", 200, validator.ReasonProofMissing},
		"underscore, another": {"Client_Cert: " + field(other.Certificate[0]) + "\r\nClient-Cert: " + good + "\r\n", 200, "accepted"},
		"hop by hop":          {"Connection: Client-Cert\r\nClient-Cert: " + good + "\r\n", 200, "accepted"}, // we are where it was going
		"space in the name":   {"Client-Cert : " + good + "\r\n", 400, ""},
		"1 MiB":               {"Client-Cert: " + strings.Repeat(":", 1<<20) + "\r\n", 200, validator.ReasonProofInvalid},
		"more":                {"Client-Cert: " + strings.Repeat(":", 1<<20+8<<10) + "\r\n", 431, ""},
		"10,000 of them":      {strings.Repeat("Client-Cert: "+good[:9]+"\r\n", 10_000), 200, validator.ReasonProofInvalid},
		"in a trailer":        {"Transfer-Encoding: chunked\r\nTrailer: Client-Cert\r\n\r\n0\r\nClient-Cert: " + good + "\r\n", 200, validator.ReasonProofMissing},
	} {
		t.Run(name, func(t *testing.T) {
			authorities := x509.NewCertPool()
			authorities.AddCert(s.Certificate())
			c, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{RootCAs: authorities, ServerName: "example.com"})
			require.NoError(t, err)
			defer c.Close()
			_, err = fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: api\r\nX-Token: %s\r\n%s\r\n", raw, tc.lines)
			require.NoError(t, err)
			response, err := http.ReadResponse(bufio.NewReader(c), nil)
			require.NoError(t, err)
			assert.Equal(t, tc.status, response.StatusCode)
			assert.Equal(t, string(tc.reason), response.Header.Get("X-Reason"))
		})
	}
}
