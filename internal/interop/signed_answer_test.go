package interop

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
)

// signed has guard accept signed answers only (RFC 9701).
var signed = issuer(func(is *validator.Issuer) { is.Introspection.Signed = true })

// TestSignedAnswers: in every algorithm that this server signs answers with.
func TestSignedAnswers(t *testing.T) {
	p := start(t)
	for _, algorithm := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			id := "signed-" + algorithm
			p.register(t, metadata{"client_id": id, "client_secret": "secret", "introspection_signed_response_alg": algorithm})
			v := guard(t, p, introspecting(introspect.ClientSecretBasic(id, introspect.StaticSecret("secret"))), signed)
			raw := p.token(t, ordersService, opaqueResource, "orders.read")
			token := accepted(t, v, raw)
			assert.Equal(t, validator.OriginIntrospection, token.Origin())
			assert.Equal(t, ordersService, token.ClientID())
			assert.Equal(t, []string{"orders.read"}, token.Scopes())

			p.revoke(t, ordersService, raw)
			_, err := v.ValidateWith(t.Context(), raw, validator.Requirements{Fresh: validator.IntrospectedNow()})
			refused(t, err, validator.ErrInvalidToken, validator.ReasonInactive)
		})
	}
}

// TestSignedAnswersOutliveARotation: an answer that names a new key has the keys
// fetched, as a token would.
func TestSignedAnswersOutliveARotation(t *testing.T) {
	p := start(t)
	p.register(t, metadata{"client_id": "signed", "client_secret": "secret", "introspection_signed_response_alg": "ES256"})
	v := guard(t, p, introspecting(introspect.ClientSecretBasic("signed", introspect.StaticSecret("secret"))), signed)
	for range 3 {
		accepted(t, v, p.token(t, ordersService, opaqueResource, "orders.read"))
		p.rotate(t)
		p.withdraw(t)
	}
}

// TestSignedAnswersForAnother: this server's are for the one who asks.
func TestSignedAnswersForAnother(t *testing.T) {
	p := start(t)
	p.register(t, metadata{"client_id": "signed", "client_secret": "secret", "introspection_signed_response_alg": "ES256"})
	auth := introspect.ClientSecretBasic("signed", introspect.StaticSecret("secret"))
	raw := p.token(t, ordersService, opaqueResource, "orders.read")
	for audience, good := range map[string]bool{"signed": true, ordersAPI: false, opaqueResource: false} {
		v := guard(t, p, introspecting(auth), signed, issuer(func(is *validator.Issuer) {
			is.Introspection.SignedAudiences = []string{audience}
		}))
		if good {
			accepted(t, v, raw)
		} else {
			rejected(t, v, raw, validator.ErrUnavailable, validator.ReasonIntrospectionMalformed)
		}
	}
}

// TestUnsignedAnswers: a server without the feature answers in plain JSON
// whatever it is asked for. Where signed answers are wanted, that is none.
func TestUnsignedAnswers(t *testing.T) {
	p := start(t)
	raw := p.token(t, ordersService, opaqueResource, "orders.read")
	accepted(t, guard(t, p, introspecting(asOrdersAPI)), raw)
	rejected(t, guard(t, p, introspecting(asOrdersAPI), signed), raw, validator.ErrUnavailable, validator.ReasonIntrospectionMalformed)
}
