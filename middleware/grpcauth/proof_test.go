package grpcauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	c, err := newCertificate()
	require.NoError(t, err)
	return c
}

// newCertificate makes a certificate for 127.0.0.1, signed with its own key.
func newCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
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

func thumbprint(der []byte) string {
	digest := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// TestPeerCertificate: what the token is bound to is compared with the certificate
// of the very connection that the call came by, on a miss and on a hit.
func TestPeerCertificate(t *testing.T) {
	s, v, h := newValidator(t, nil)
	config := listed()
	config.MutualTLS = true
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

// TestUnfinishedHandshake: before it is complete, nobody has shown to hold a key; and
// what is no TLS shows none.
func TestUnfinishedHandshake(t *testing.T) {
	s, v, h := newValidator(t, nil)
	config := listed()
	config.MutualTLS = true
	g := newGuard(t, v, config)
	own := selfSigned(t)
	leaf, err := x509.ParseCertificate(own.Certificate[0])
	require.NoError(t, err)
	ctx := incoming(t.Context(), s.AccessToken(validatortest.Claim("cnf", map[string]any{"x5t#S256": thumbprint(leaf.Raw)})))
	shown := func(complete bool) credentials.AuthInfo {
		return credentials.TLSInfo{State: tls.ConnectionState{HandshakeComplete: complete, PeerCertificates: []*x509.Certificate{leaf}}}
	}
	for _, tc := range []struct {
		info   credentials.AuthInfo
		reason validator.Reason
	}{{shown(true), "accepted"}, {shown(false), validator.ReasonProofMissing}, {nil, validator.ReasonProofMissing}} {
		_, _ = g.Unary(peer.NewContext(ctx, &peer.Peer{AuthInfo: tc.info}), nil, &grpc.UnaryServerInfo{FullMethod: get},
			func(context.Context, any) (any, error) { return nil, nil })
		assert.Equal(t, []validator.Reason{tc.reason}, h.take())
	}
	_, err = g.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: get}, func(context.Context, any) (any, error) { return nil, nil })
	assert.ErrorIs(t, err, validator.ErrInvalidProof)
	assert.Equal(t, []validator.Reason{validator.ReasonProofMissing}, h.take(), "nor without a connection")
}

// TestCertificateIsNotLookedAtUnlessConfigured: a token that is bound to the very
// certificate of the connection is refused where nobody said that certificates count.
func TestCertificateIsNotLookedAtUnlessConfigured(t *testing.T) {
	s, v, h := newValidator(t, nil)
	own := selfSigned(t)
	leaf, err := x509.ParseCertificate(own.Certificate[0])
	require.NoError(t, err)
	ctx := peer.NewContext(incoming(t.Context(), s.AccessToken(validatortest.Claim("cnf", map[string]any{"x5t#S256": thumbprint(leaf.Raw)}))),
		&peer.Peer{AuthInfo: credentials.TLSInfo{State: tls.ConnectionState{HandshakeComplete: true, PeerCertificates: []*x509.Certificate{leaf}}}})
	_, err = newGuard(t, v, listed()).Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: get}, func(context.Context, any) (any, error) { return nil, nil })
	assert.ErrorIs(t, err, validator.ErrInvalidProof)
	assert.Equal(t, []validator.Reason{validator.ReasonProofMissing}, h.take())
}
