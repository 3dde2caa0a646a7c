package baddays

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// root signs certificates.
type root struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// trustedRoot is the one that the road trusts.
var trustedRoot = sync.OnceValue(newRoot)

func newRoot() *root {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Unix(0, 0), NotAfter: newClock().Now().AddDate(10, 0, 0),
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
	return &root{must(x509.ParseCertificate(der)), key}
}

// presenting leads to the world's server, but by way of a certificate that by signed,
// and that is good but for what edit makes of it.
func presenting(by func() *root, edit func(*world, *x509.Certificate)) func(*world) {
	return toConnections(func(w *world) func(*net.TCPConn) {
		signer, key := by(), must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		template := &x509.Certificate{
			SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			NotBefore: w.now().Add(-24 * time.Hour), NotAfter: w.now().Add(24 * time.Hour),
		}
		edit(w, template)
		der := must(x509.CreateCertificate(rand.Reader, template, signer.cert, &key.PublicKey, signer.key))
		config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
		server := towards(w)
		return func(c *net.TCPConn) {
			secured := tls.Server(c, config)
			if r, err := http.ReadRequest(bufio.NewReader(secured)); err == nil {
				answer := httptest.NewRecorder()
				server.ServeHTTP(answer, r)
				_ = answer.Result().Write(secured)
			}
		}
	})
}

func asItIs(*world, *x509.Certificate) {}
