package grpcauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// selfSigned is a certificate for 127.0.0.1 and its key.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// trusting is a pool of one certificate.
func trusting(t *testing.T, c tls.Certificate) *x509.CertPool {
	t.Helper()
	parsed, err := x509.ParseCertificate(c.Certificate[0])
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}

// TestPeerCertificate: what the token is bound to is compared with the certificate
// of the very connection that the call came by, on a miss and on a hit.
func TestPeerCertificate(t *testing.T) {
	s, v, h := newValidator(t, nil)
	config := listed()
	config.Proofs = []validator.Proof{certificate{}}
	own, other, serving := selfSigned(t), selfSigned(t), selfSigned(t)
	options := newGuard(t, v, config).ServerOptions()
	secure := grpc.NewServer(append(options, grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{serving}, ClientAuth: tls.RequestClientCert,
	})))...)
	orders{}.register(secure)
	address := listen(t, secure)
	connect := func(certificates ...tls.Certificate) *grpc.ClientConn {
		return dial(t, address, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
			RootCAs: trusting(t, serving), Certificates: certificates,
		})))
	}
	clients := map[string]*grpc.ClientConn{
		"own": connect(own), "other": connect(other), "none": connect(), "plain": serve(t, orders{}, options...),
	}
	bound := s.AccessToken(validatortest.Claim("cnf", map[string]any{"x5t#S256": thumbprint(own.Certificate[0])}))
	unbound := s.AccessToken()
	for kind, way := range kinds {
		for _, tc := range []struct {
			client, raw string
			reason      validator.Reason
		}{
			{"own", bound, "accepted"},
			{"other", bound, validator.ReasonProofMismatch},
			{"none", bound, validator.ReasonProofMissing},
			{"plain", bound, validator.ReasonProofMissing},
			{"own", bound, "accepted"},
			{"own", unbound, "accepted"},
			{"plain", unbound, "accepted"},
		} {
			t.Run(kind+" by "+tc.client, func(t *testing.T) {
				h.take()
				answer, trailer, err := way.do(bearer(t.Context(), tc.raw), clients[tc.client], way.method)
				assert.Equal(t, []validator.Reason{tc.reason}, h.take())
				if tc.reason == "accepted" {
					require.NoError(t, err)
					assert.Equal(t, validatortest.DefaultSubject, answer)
					return
				}
				answered(t, err, trailer, codes.Unauthenticated, "The access token is invalid", invalid)
			})
		}
	}
}
