package introspect_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
)

// authority issues client certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{key: ecKey(t, elliptic.P256())}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	require.NoError(t, err)
	a.certificate, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	return a
}

func (a *authority) issue(t *testing.T, name string) *tls.Certificate {
	t.Helper()
	key := ecKey(t, elliptic.P256())
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, a.certificate, key.Public(), a.key)
	require.NoError(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// encrypted starts a TLS server that treats client certificates in that way, and
// says nothing about handshakes that fail.
func (a *authority) encrypted(policy tls.ClientAuthType) func(*httptest.Server) {
	return func(s *httptest.Server) {
		pool := x509.NewCertPool()
		pool.AddCert(a.certificate)
		s.TLS = &tls.Config{ClientAuth: policy, ClientCAs: pool}
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
	}
}

// shown remembers whose certificates a server was shown; "" for none.
type shown struct {
	mu    sync.Mutex
	names []string
}

func (s *shown) handler(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := ""
		if len(r.TLS.PeerCertificates) > 0 {
			name = r.TLS.PeerCertificates[0].Subject.CommonName
		}
		s.mu.Lock()
		s.names = append(s.names, name)
		s.mu.Unlock()
		saying(200, body)(w, r)
	}
}

// trusting is a client of the user's that knows the server's certificate.
// Connections are kept where a test does not say otherwise.
func trusting(o *origin, keep bool) *http.Client {
	transport := o.Client().Transport.(*http.Transport).Clone()
	transport.DisableKeepAlives = !keep
	return &http.Client{Transport: transport}
}

func byCertificate(get func(context.Context) (*tls.Certificate, error)) edit {
	return auth(introspect.TLSClientAuth("client id", get))
}

func TestTLSClientAuth(t *testing.T) {
	ca := newAuthority(t)
	s := &shown{}
	o := listen(t, s.handler(yes), ca.encrypted(tls.RequireAndVerifyClientCert))
	base := trusting(o, true)
	certificate := ca.issue(t, "ours")
	c := newClient(t, nil, client(base), at(o.URL), byCertificate(func(context.Context) (*tls.Certificate, error) { return certificate, nil }))
	isActive(t, c)
	assert.Equal(t, []string{"ours"}, s.names)
	got := o.last(t)
	assert.Equal(t, "client_id=client+id&"+tokenForm, got.body)
	assert.NotContains(t, got.header, "Authorization")
	assert.Nil(t, base.Transport.(*http.Transport).TLSClientConfig.GetClientCertificate, "the caller's transport is untouched")
}

// The certificate is asked for at each handshake, not once and not at each question.
func TestRenewedCertificateIsUsedByTheNextHandshake(t *testing.T) {
	ca := newAuthority(t)
	for name, test := range map[string]struct {
		keep bool
		want []string
	}{
		"each question on a connection of its own": {false, []string{"1", "2", "3"}},
		"all on one": {true, []string{"1", "1", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &shown{}
			o := listen(t, s.handler(yes), ca.encrypted(tls.RequireAndVerifyClientCert))
			certificates := []*tls.Certificate{ca.issue(t, "1"), ca.issue(t, "2"), ca.issue(t, "3")}
			handshakes := 0
			c := newClient(t, nil, client(trusting(o, test.keep)), at(o.URL), byCertificate(func(context.Context) (*tls.Certificate, error) {
				handshakes++
				return certificates[handshakes-1], nil
			}))
			for range 3 {
				isActive(t, c)
			}
			assert.Equal(t, test.want, s.names)
		})
	}
}

// A server that only asks for a certificate is not asked without one: it would
// answer anybody, or take us for somebody else.
func TestCertificateThatCannotBeHadIsOurOwnTrouble(t *testing.T) {
	ca := newAuthority(t)
	good := ca.issue(t, "ours")
	for name, get := range map[string]func(context.Context) (*tls.Certificate, error){
		"error":                   func(context.Context) (*tls.Certificate, error) { return nil, errors.New("sealed") },
		"error and a certificate": func(context.Context) (*tls.Certificate, error) { return good, errors.New("sealed") },
		"nil":                     func(context.Context) (*tls.Certificate, error) { return nil, nil },
		"empty":                   func(context.Context) (*tls.Certificate, error) { return &tls.Certificate{}, nil },
		"key only": func(context.Context) (*tls.Certificate, error) {
			return &tls.Certificate{PrivateKey: good.PrivateKey}, nil
		},
	} {
		for policy, of := range map[string]tls.ClientAuthType{"asked for": tls.RequestClientCert, "required": tls.RequireAndVerifyClientCert} {
			t.Run(name+", "+policy, func(t *testing.T) {
				o := listen(t, saying(200, yes), ca.encrypted(of))
				c := newClient(t, nil, client(trusting(o, true)), at(o.URL), byCertificate(get))
				neverSuspends(t, c, introspect.Credentials)
				assert.Zero(t, o.count())
			})
		}
	}
}

func TestCertificateThatTheServerRefusesIsNoAnswer(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	stranger := other.issue(t, "stranger")
	o := listen(t, saying(200, yes), ca.encrypted(tls.RequireAndVerifyClientCert))
	c := newClient(t, nil, client(trusting(o, true)), at(o.URL), byCertificate(func(context.Context) (*tls.Certificate, error) { return stranger, nil }))
	fails(t, c, introspect.Unavailable)
	assert.Zero(t, o.count())
}

// Both have no settings for TLS that could be copied.
func TestTLSClientAuthNeedsNoTransportOfTheUsers(t *testing.T) {
	get := func(context.Context) (*tls.Certificate, error) { return nil, errors.New("not asked") }
	for name, base := range map[string]*http.Client{"no client": nil, "no transport": {}, "a bare transport": {Transport: &http.Transport{}}} {
		t.Run(name, func(t *testing.T) {
			newClient(t, nil, client(base), byCertificate(get))
		})
	}
}

// Our own transport does not know the certificate of a server in a test, but it
// comes as far as the handshake.
func TestTLSClientAuthChecksTheServersCertificateFirst(t *testing.T) {
	ca := newAuthority(t)
	o := listen(t, saying(200, yes), ca.encrypted(tls.RequireAndVerifyClientCert))
	for name, base := range map[string]*http.Client{"no client": nil, "no transport": {}} {
		t.Run(name, func(t *testing.T) {
			asked := false
			c := newClient(t, nil, client(base), at(o.URL), byCertificate(func(context.Context) (*tls.Certificate, error) {
				asked = true
				return ca.issue(t, "ours"), nil
			}))
			fails(t, c, introspect.Unavailable)
			assert.False(t, asked, "nobody is shown our name who has not shown theirs")
			assert.Zero(t, o.count())
		})
	}
}
