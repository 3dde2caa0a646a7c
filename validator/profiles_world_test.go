package validator_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// world is the internet as far as the tests need it: one TLS listener that is all
// hosts at once, by a certificate of a CA of its own, and a client that finds them
// there.
type world struct {
	client *http.Client

	mu     sync.Mutex
	bodies map[string][]byte // by address; guarded by mu
	asked  []string          // guarded by mu
}

func newWorld(t testing.TB, hosts ...string) *world {
	t.Helper()
	w := &world{bodies: map[string][]byte{}}
	certificate, roots := certify(t, hosts)
	s := httptest.NewUnstartedServer(w)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
		},
	}
	w.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.Close()
	})
	return w
}

// certify makes a CA and a certificate of it for the hosts.
func certify(t testing.TB, hosts []string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: hosts, NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	var chain tls.Certificate
	var keys [2]*ecdsa.PrivateKey
	for i := range keys {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		keys[i] = k
	}
	for _, pair := range []struct {
		certificate *x509.Certificate
		key         *ecdsa.PrivateKey
	}{{leaf, keys[1]}, {authority, keys[0]}} {
		der, err := x509.CreateCertificate(rand.Reader, pair.certificate, authority, pair.key.Public(), keys[0])
		require.NoError(t, err)
		chain.Certificate = append(chain.Certificate, der)
	}
	chain.PrivateKey = keys[1]
	parsed, err := x509.ParseCertificate(chain.Certificate[1])
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return chain, roots
}

// serve puts a JSON document at an address.
func (w *world) serve(address string, body []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bodies[address] = body
}

// requests are the addresses that were asked for, in order.
func (w *world) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append(strs{}, w.asked...)
}

func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	address := "https://" + r.Host + r.URL.EscapedPath()
	w.mu.Lock()
	w.asked = append(w.asked, address)
	body, ok := w.bodies[address]
	w.mu.Unlock()
	if !ok {
		http.NotFound(rw, r)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	_, _ = rw.Write(body)
}

// hostOf is the host of an address.
func hostOf(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u.Host
}

// readData reads a JSON file of testdata.
func readData(t testing.TB, name string, into any) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, into))
}

// published is a discovery document and where it is.
type published struct {
	At       string         `json:"at"`
	Document map[string]any `json:"document"`
}

// documents are those of discovery.json, by name, for an issuer.
func documents(t testing.TB, issuer string) map[string]published {
	t.Helper()
	text, err := os.ReadFile("testdata/discovery.json")
	require.NoError(t, err)
	var all map[string]published
	require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(string(text), "{issuer}", issuer)), &all))
	return all
}

func (p published) keys() string { return p.Document["jwks_uri"].(string) }
