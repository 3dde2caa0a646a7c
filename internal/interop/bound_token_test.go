package interop

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
)

// proven is what a transport found out about a request's sender.
type proven validator.Confirmation

func (p proven) Confirm(context.Context, string, *validator.Token) (validator.Confirmation, error) {
	return validator.Confirmation(p), nil
}

// boundTo asserts that an opaque token is good for the holder of that key alone,
// asked about or remembered.
func boundTo(t *testing.T, v *validator.Validator, raw string, own, other validator.Confirmation) {
	t.Helper()
	with := func(proofs ...validator.Proof) error {
		_, err := v.ValidateWith(t.Context(), raw, validator.Requirements{Proofs: proofs})
		return err
	}
	for range 2 {
		refused(t, with(), validator.ErrInvalidProof, validator.ReasonProofMissing)
		refused(t, with(proven(other)), validator.ErrInvalidProof, validator.ReasonProofMismatch)
		require.NoError(t, with(proven(own)))
	}
}

// TestDPoPBoundOpaqueToken: the answer, not the token, says whose key it is bound
// to (RFC 9449 6.2).
func TestDPoPBoundOpaqueToken(t *testing.T) {
	p := start(t)
	key := newKey(t)
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"orders.read"}, "resource": {opaqueResource}}
	req, err := p.request(t.Context(), "/token", ordersService, form)
	require.NoError(t, err)
	req.Header.Set("DPoP", dpop(t, key, p.issuer+"/token"))
	g := p.grant(t, req)
	require.Equal(t, "DPoP", g.TokenType)
	boundTo(t, guard(t, p, introspecting(asOrdersAPI)), g.AccessToken,
		validator.Confirmation{JKT: jwkThumbprint(t, jwk(t, key))},
		validator.Confirmation{JKT: jwkThumbprint(t, jwk(t, newKey(t)))})
}

// TestCertificateBoundOpaqueToken: the same for a client's certificate (RFC 8705 3.2).
func TestCertificateBoundOpaqueToken(t *testing.T) {
	p, ca := start(t), newAuthority(t)
	p.register(t, metadata{
		"client_id": "bound", "client_secret": "bound-secret", "grant_types": []string{"client_credentials"},
		"tls_client_certificate_bound_access_tokens": true,
	})
	shown, other := ca.issue(t, "bound.example"), ca.issue(t, "bound.example")
	overTLS := provider{issuer: p.listenTLS(t, ca), client: ca.client(t, *shown)}
	raw := overTLS.token(t, "bound", opaqueResource, "orders.read")
	boundTo(t, guard(t, p, introspecting(asOrdersAPI), clients("bound")), raw,
		validator.Confirmation{X5TS256: thumbprint(shown.Certificate[0])},
		validator.Confirmation{X5TS256: thumbprint(other.Certificate[0])})
}

// dpop is a proof for a POST to an address (RFC 9449 4.2).
func dpop(t testing.TB, key *ecdsa.PrivateKey, address string) string {
	t.Helper()
	proof := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"jti": rand.Text(), "htm": http.MethodPost, "htu": address, "iat": time.Now().Unix(),
	})
	proof.Header["typ"], proof.Header["jwk"] = "dpop+jwt", jwk(t, key)
	signed, err := proof.SignedString(key)
	require.NoError(t, err)
	return signed
}

// grant decodes the answer to a token request.
func (p *provider) grant(t testing.TB, req *http.Request) (g grant) {
	t.Helper()
	body, err := p.do(req)
	require.NoError(t, err)
	assert.NoError(t, json.Unmarshal(body, &g))
	return g
}
