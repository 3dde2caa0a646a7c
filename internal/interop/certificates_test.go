package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
)

// newKey is an ECDSA key on P-256.
func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// jwk is the public half of an ECDSA key on P-256 (RFC 7518 6.2.1).
func jwk(t testing.TB, key *ecdsa.PrivateKey) map[string]any {
	t.Helper()
	point, err := key.PublicKey.Bytes() // 4, x, y
	require.NoError(t, err)
	x, y := point[1:33], point[33:]
	return map[string]any{
		"kty": "EC", "crv": "P-256",
		"x": base64.RawURLEncoding.EncodeToString(x), "y": base64.RawURLEncoding.EncodeToString(y),
	}
}

// keySet is a JWKS of one key with some more members.
func keySet(key, more map[string]any) map[string]any {
	for name, value := range more {
		key[name] = value
	}
	return map[string]any{"keys": []any{key}}
}

// authority issues certificates.
type authority struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key := newKey(t)
	template := certificate("authority")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	parsed, err := x509.ParseCertificate(sign(t, template, template, key, key).Certificate[0])
	require.NoError(t, err)
	return &authority{parsed, key}
}

// issue makes a certificate for a DNS name.
func (a *authority) issue(t testing.TB, name string) *tls.Certificate {
	t.Helper()
	return sign(t, certificate(name), a.Certificate, newKey(t), a.key)
}

// server makes a certificate for a server on loopback.
func (a *authority) server(t testing.TB) *tls.Certificate {
	t.Helper()
	template := certificate("server")
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	return sign(t, template, a.Certificate, newKey(t), a.key)
}

func selfSigned(t testing.TB, name string) *tls.Certificate {
	t.Helper()
	template, key := certificate(name), newKey(t)
	return sign(t, template, template, key, key)
}

// privateKey is that of a certificate of this package's making.
func privateKey(c *tls.Certificate) *ecdsa.PrivateKey { return c.PrivateKey.(*ecdsa.PrivateKey) }

// certificate is a template for both ends of a connection on loopback.
func certificate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		DNSNames:     []string{name},
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
}

func sign(t testing.TB, template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *tls.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	require.NoError(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// listenTLS opens the provider's listener for mutual TLS, which trusts the
// authority for clients and is trusted by it, and returns its origin.
func (p *provider) listenTLS(t testing.TB, a *authority) string {
	t.Helper()
	server := a.server(t)
	key, err := x509.MarshalPKCS8PrivateKey(server.PrivateKey)
	require.NoError(t, err)
	return p.command(t, command{
		Name: "listen_tls", Key: encode("PRIVATE KEY", key), Cert: encode("CERTIFICATE", server.Certificate[0]), CA: encode("CERTIFICATE", a.Raw),
	}).Origin
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// client trusts the authority, and shows certificates if there are any.
func (a *authority) client(t testing.TB, certificates ...tls.Certificate) *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(a.Certificate)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: certificates}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// trusting has guard trust the authority.
func trusting(t testing.TB, a *authority) func(*validator.Config) {
	client := a.client(t)
	return func(c *validator.Config) { c.HTTPClient = client }
}
