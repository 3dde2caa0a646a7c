package interop

import (
	"context"
	"testing"

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
	p, c := start(t), startClient(t)
	key := c.newKey(t, "dpop", "ES256")
	boundTo(t, guard(t, p, introspecting(asOrdersAPI)), c.token(t, p, key, opaqueResource),
		validator.Confirmation{JKT: key.Thumbprint},
		validator.Confirmation{JKT: c.newKey(t, "dpop", "ES256").Thumbprint})
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
