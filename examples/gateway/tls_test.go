package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// shownCertificate is one for both ends of a connection on loopback.
func shownCertificate(t testing.TB) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// bind binds a token to a certificate (RFC 8705 3.1).
func bind(c *tls.Certificate) validatortest.Edit {
	sum := sha256.Sum256(c.Certificate[0])
	return validatortest.Claim("cnf", map[string]any{"x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])})
}

// clientCert is a value of Client-Cert (RFC 9440 2.1).
func clientCert(c *tls.Certificate) string {
	return ":" + base64.StdEncoding.EncodeToString(c.Certificate[0]) + ":"
}

// writePair writes a server's certificate and key beside the file.
func writePair(t testing.TB, path string, c *tls.Certificate) {
	t.Helper()
	dir := filepath.Dir(path)
	writePEM(t, filepath.Join(dir, "cert"), "CERTIFICATE", c.Certificate[0], nil)
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	writePEM(t, filepath.Join(dir, "key"), "PRIVATE KEY", key, err)
}

// startTLS starts the simple configuration with TLS.
func startTLS(t testing.TB, more string) (*front, *validatortest.Server, *tls.Certificate) {
	t.Helper()
	as, up, server := newIssuer(t, validatortest.Options{}), newUpstream(t), shownCertificate(t)
	path := configure(t, simple+"tls: {cert_file: cert, key_file: key}\n"+more, "ISSUER", as.Issuer(), "UPSTREAM", up.URL)
	writePair(t, path, server)
	return start(t, path), as, server
}

// secure sends a request over a connection of its own, on which a certificate is
// shown, unless it is nil.
func secure(t testing.TB, server, shown *tls.Certificate, r *http.Request) *http.Response {
	t.Helper()
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Leaf)
	config := &tls.Config{RootCAs: trusted}
	if shown != nil {
		config.Certificates = []tls.Certificate{*shown}
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	r.URL.Scheme = "https"
	response, err := (&http.Client{Transport: transport, Timeout: patience}).Do(r)
	require.NoError(t, err)
	require.Equal(t, "HTTP/2.0", response.Proto)
	return response
}

// over is secure, and reads the answer.
func (f *front) over(t testing.TB, server, shown *tls.Certificate, r *http.Request) answer {
	t.Helper()
	return read(t, secure(t, server, shown, r))
}

// TestClientCertificate: the connection's own certificate, over HTTP/2.
func TestClientCertificate(t *testing.T) {
	f, as, server := startTLS(t, "client_certificate: {request: true}\n")
	own, other := shownCertificate(t), shownCertificate(t)
	token := mint(as, bind(own))
	r := f.request(t, http.MethodGet, "/orders/1", token, nil)
	r.Header.Set("Client-Cert", clientCert(other))
	r.Header.Set("Client_cert", clientCert(other))
	r.Header.Set("Client-Cert-Chain", clientCert(other))
	got := f.over(t, server, own, r)
	require.Equal(t, 200, got.status)
	assert.Equal(t, "https", got.seen.Header.Get("X-Forwarded-Proto"))
	for name := range got.seen.Header {
		assert.NotContains(t, strings.ToLower(name), "cert")
	}
	got = f.over(t, server, other, f.request(t, http.MethodGet, "/orders/1", token, nil))
	refuses(t, got, 401, "invalid_token")
	r = f.request(t, http.MethodGet, "/orders/1", token, nil)
	r.Header.Set("Client-Cert", clientCert(own))
	got = f.over(t, server, nil, r)
	refuses(t, got, 401, "invalid_token")
	got = f.over(t, server, nil, f.request(t, http.MethodGet, "/orders/1", mint(as), nil))
	assert.Equal(t, 200, got.status)
}

// TestClientCertificateIsNotAsked: without the field nobody is asked for one, so that
// no browser asks its user.
func TestClientCertificateIsNotAsked(t *testing.T) {
	for _, more := range []string{"", "client_certificate: {trusted_proxies: [192.0.2.1/32]}\n"} {
		f, as, server := startTLS(t, more)
		own := shownCertificate(t)
		got := f.over(t, server, own, f.request(t, http.MethodGet, "/orders/1", mint(as, bind(own)), nil))
		refuses(t, got, 401, "invalid_token")
	}
}

// TestTrustedProxies: what they say, and nobody else.
func TestTrustedProxies(t *testing.T) {
	for from, believed := range map[string]bool{"127.0.0.0/8": true, "192.0.2.1/32": false} {
		f, as := startSimple(t, "client_certificate:\n  trusted_proxies: ["+from+"]\n")
		own, other := shownCertificate(t), shownCertificate(t)
		token := mint(as, bind(own))
		says := func(values ...string) answer {
			r := f.request(t, http.MethodGet, "/orders/1", token, nil)
			r.Header["Client-Cert"] = values
			return f.do(t, r)
		}
		if good := says(clientCert(own)); believed {
			require.Equal(t, 200, good.status)
			assert.NotContains(t, good.seen.Header, "Client-Cert")
		} else {
			refuses(t, good, 401, "invalid_token")
		}
		refuses(t, says(clientCert(other)), 401, "invalid_token")
		refuses(t, says(clientCert(own), clientCert(own)), 401, "invalid_token")
		refuses(t, says(), 401, "invalid_token")
		public := f.request(t, http.MethodGet, "/public/a", "", nil)
		public.Header.Set("Client-Cert", clientCert(own))
		assert.NotContains(t, f.do(t, public).seen.Header, "Client-Cert")
	}
}

// TestTLSRotates: the certificate is that of the file.
func TestTLSRotates(t *testing.T) {
	f, as, server := startTLS(t, "")
	got := f.over(t, server, nil, f.request(t, http.MethodGet, "/orders/1", mint(as), nil))
	require.Equal(t, 200, got.status)
	next := shownCertificate(t)
	writePair(t, f.path, next)
	got = f.over(t, next, nil, f.request(t, http.MethodGet, "/orders/1", mint(as), nil))
	assert.Equal(t, 200, got.status)

	text, err := os.ReadFile(f.path)
	require.NoError(t, err)
	for i, more := range []string{"client_certificate: {request: true}\n", ""} {
		changed := string(text) + more
		if more == "" {
			changed = strings.Replace(changed, "tls: {", "tls: {cert_file: ./cert, key_file: key}\n#", 1)
		}
		rewrite(t, f.path, changed)
		f.signal(syscall.SIGHUP)
		f.log.wait(t, "cannot change while the gateway runs", i+1)
	}
}

// TestStreamOverHTTP2: what has no end of its own ends with the token here too.
func TestStreamOverHTTP2(t *testing.T) {
	as, server := newIssuer(t, validatortest.Options{}), shownCertificate(t)
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	path := configure(t, simple+"tls: {cert_file: cert, key_file: key}\n", "ISSUER", as.Issuer(), "UPSTREAM", up.URL)
	writePair(t, path, server)
	f := start(t, path)
	exp := expiry()
	response := secure(t, server, nil, f.request(t, http.MethodGet, "/orders/1", mint(as, validatortest.Expiry(exp)), nil))
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.Error(t, err, "it was cut")
	assert.Equal(t, "first", string(body))
	assert.False(t, time.Now().Before(exp))
}

// TestTrailersOverHTTP2 arrive, however long the body is and whatever the method.
func TestTrailersOverHTTP2(t *testing.T) {
	f, _, server := startTLS(t, "")
	unknown := func(text string) io.Reader { return struct{ io.Reader }{strings.NewReader(text)} }
	for name, body := range map[string]func() io.Reader{
		"of known length":          func() io.Reader { return strings.NewReader("hello") },
		"of unknown length":        func() io.Reader { return unknown("hello") },
		"empty, of unknown length": func() io.Reader { return unknown("") },
	} {
		for _, method := range []string{http.MethodPost, http.MethodDelete} {
			r := f.request(t, method, "/public/x", "", body())
			r.Trailer = http.Header{"X-Checksum": {"42"}, "X-User-Id": {"root"}}
			got := f.over(t, server, nil, r)
			require.Equal(t, 200, got.status, name)
			assert.Equal(t, http.Header{"X-Checksum": {"42"}}, got.seen.Trailer, "%s %s", method, name)
		}
	}
}

// TestTrailersWithoutBody: over HTTP/2, who has no body may announce trailers still. It
// needs no token, and must not end the process.
func TestTrailersWithoutBody(t *testing.T) {
	f, as, server := startTLS(t, "")
	for target, token := range map[string]string{"/public/x": "", "/orders": mint(as)} {
		r := f.request(t, http.MethodPost, target, token, nil)
		r.Trailer = http.Header{"X-Checksum": {"42"}}
		got := f.over(t, server, nil, r)
		assert.Equal(t, 200, got.status, target)
		assert.Empty(t, got.seen.Body, target)
		assert.Empty(t, got.seen.Trailer, target)
	}
}
