package mtls_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bearerguard/bearerguard/middleware/mtls"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// certificate makes a self-signed certificate; edit changes what it says.
func certificate(t testing.TB, edit ...func(*x509.Certificate)) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "orders.example"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	for _, e := range edit {
		e(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// thumbprint is x5t#S256 of DER (RFC 8705 3.1).
func thumbprint(der []byte) string {
	sum := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// field is Client-Cert for DER (RFC 9440 2.1).
func field(der []byte) string { return ":" + base64.StdEncoding.EncodeToString(der) + ":" }

// trust is an authorization server, and a validator that trusts it.
type trust struct {
	*validatortest.Server
	*validator.Validator
}

func newTrust(t testing.TB) trust {
	t.Helper()
	s, err := validatortest.Start(validatortest.Options{Algorithm: "ES256"})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	v, err := validator.New(validator.Config{
		Issuers:           []validator.Issuer{{URL: s.Issuer(), Audiences: []string{"api://default"}, AnyClient: true}},
		InsecureAllowHTTP: true,
	})
	require.NoError(t, err)
	return trust{s, v}
}

// boundTo is a token for the holder of a certificate.
func (tr trust) boundTo(der []byte) string {
	return tr.confirmed(map[string]any{"x5t#S256": thumbprint(der)})
}

func (tr trust) confirmed(cnf map[string]any) string {
	return tr.AccessToken(validatortest.Claim("cnf", cnf))
}

// decide asserts what becomes of a token with a proof, found anew and remembered:
// accepted where reason is empty.
func (tr trust) decide(t testing.TB, raw string, proof validator.Proof, reason validator.Reason) {
	t.Helper()
	for range 2 {
		token, err := tr.ValidateWith(t.Context(), raw, validator.Requirements{Proofs: []validator.Proof{proof}})
		if reason == "" {
			require.NoError(t, err)
			require.NotNil(t, token)
			continue
		}
		refused(t, err, reason)
	}
}

// refused asserts a refusal for want of proof, and that the client is told what RFC
// 8705 3 says: 401 invalid_token.
func refused(t testing.TB, err error, reason validator.Reason) {
	t.Helper()
	var e *validator.Error
	require.ErrorAs(t, err, &e)
	assert.ErrorIs(t, err, validator.ErrInvalidProof)
	assert.Equal(t, reason, e.Reason)
	assert.Equal(t, "invalid_token", e.Challenge.Code)
	assert.True(t, e.Verified)
}

// verifier believes proxies at these prefixes.
func verifier(t testing.TB, trusted ...string) *mtls.Verifier {
	t.Helper()
	var c mtls.Config
	for _, text := range trusted {
		c.TrustedProxies = append(c.TrustedProxies, netip.MustParsePrefix(text))
	}
	v, err := mtls.New(c)
	require.NoError(t, err)
	return v
}

// request is one from an address, with the values of a Client-Cert header.
func request(remoteAddr string, values ...string) *http.Request {
	r := httptest.NewRequest("GET", "https://api.example/orders", nil)
	r.TLS, r.RemoteAddr = nil, remoteAddr
	if values != nil {
		r.Header["Client-Cert"] = values
	}
	return r
}

// over gives the request a connection on which a certificate was shown.
func over(r *http.Request, c *tls.Certificate) *http.Request {
	r.TLS = &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: []*x509.Certificate{c.Leaf}}
	return r
}
