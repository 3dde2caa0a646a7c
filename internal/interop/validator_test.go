package interop

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
)

// guard trusts the provider for its signed resources: discovery and key set are
// the provider's own.
func guard(t *testing.T, p *provider, edit ...func(*validator.Config)) *validator.Validator {
	t.Helper()
	issuer := validator.Issuer{URL: p.issuer, ClientIDs: []string{ordersService}, Profile: validator.RFC9068()}
	for resource := range signedResources {
		issuer.Audiences = append(issuer.Audiences, resource)
	}
	c := validator.Config{Issuers: []validator.Issuer{issuer}, InsecureAllowHTTP: true}
	for _, e := range edit {
		e(&c)
	}
	v, err := validator.New(c)
	require.NoError(t, err)
	return v
}

func refused(t *testing.T, err, class error, reason validator.Reason) {
	t.Helper()
	var e *validator.Error
	require.ErrorAs(t, err, &e)
	assert.ErrorIs(t, err, class)
	assert.Equal(t, reason, e.Reason)
}

// TestRealTokens: RS256, PS256, ES256, ES384 and EdDSA access tokens of a real
// authorization server are accepted with their facts, and each only where its
// algorithm, audience and client are trusted.
func TestRealTokens(t *testing.T) {
	p := start(t)
	v := guard(t, p)
	require.NoError(t, v.Ready(t.Context()))
	for resource, algorithm := range signedResources {
		t.Run(algorithm, func(t *testing.T) {
			raw := p.token(t, ordersService, resource, "orders.read orders.write")
			token, err := v.Validate(t.Context(), raw)
			require.NoError(t, err)
			assert.Equal(t, p.issuer, token.Issuer())
			assert.Equal(t, ordersService, token.ClientID())
			assert.Equal(t, resource, token.MatchedAudience())
			assert.Equal(t, []string{"orders.read", "orders.write"}, token.Scopes())
			assert.Equal(t, p.signer(t, resource), token.KeyID())
			again, err := v.Validate(t.Context(), raw)
			require.NoError(t, err)
			assert.Same(t, token, again)

			other := guard(t, p, func(c *validator.Config) { c.Issuers[0].Algorithms = []string{"ES512"} })
			_, err = other.Validate(t.Context(), raw)
			refused(t, err, validator.ErrInvalidToken, validator.ReasonAlgorithmNotAllowed)
			other = guard(t, p, func(c *validator.Config) { c.Issuers[0].Audiences = []string{"urn:api:else"} })
			_, err = other.Validate(t.Context(), raw)
			refused(t, err, validator.ErrInvalidToken, validator.ReasonAudienceMismatch)
			_, err = v.Validate(t.Context(), p.token(t, reportsService, resource, "orders.read"))
			refused(t, err, validator.ErrInvalidToken, validator.ReasonClientMismatch)
			_, err = v.ValidateWith(t.Context(), raw, validator.Requirements{Policy: &validator.Policy{Scopes: []string{"reports.read"}, AnyTrustedIssuer: true}})
			refused(t, err, validator.ErrInsufficientScope, validator.ReasonInsufficientScope)
		})
	}
	_, err := v.Validate(t.Context(), p.token(t, ordersService, opaqueResource, "orders.read"))
	refused(t, err, validator.ErrInvalidToken, validator.ReasonNotJWT)
}

// TestRealServersStayApart: two providers with the same kids, clients and
// audiences, in one validator.
func TestRealServersStayApart(t *testing.T) {
	one, two := start(t), start(t)
	const resource = "urn:api:es256"
	require.Equal(t, one.signer(t, resource), two.signer(t, resource), "the test needs one kid at both")
	first := guard(t, one)
	raw := one.token(t, ordersService, resource, "orders.read")
	foreign := two.token(t, ordersService, resource, "orders.read")
	_, err := first.Validate(t.Context(), raw)
	require.NoError(t, err)
	_, err = first.Validate(t.Context(), foreign)
	refused(t, err, validator.ErrInvalidToken, validator.ReasonUnknownIssuer)
	both := guard(t, one, func(c *validator.Config) {
		other := c.Issuers[0]
		other.URL = two.issuer
		c.Issuers = append(c.Issuers, other)
	})
	for issuer, token := range map[string]string{one.issuer: raw, two.issuer: foreign} {
		only := validator.Policy{Scopes: []string{"orders.read"}, Issuers: []string{issuer}}
		_, err = both.ValidateWith(t.Context(), token, validator.Requirements{Policy: &only})
		assert.NoError(t, err)
		for _, not := range []string{one.issuer, two.issuer} {
			if not != issuer {
				only.Issuers = []string{not}
				_, err = both.ValidateWith(t.Context(), token, validator.Requirements{Policy: &only})
				refused(t, err, validator.ErrInsufficientScope, validator.ReasonIssuerNotAllowed)
			}
		}
	}
}

// TestRotationUnderLoad: while the provider rotates its keys, requests run with
// tokens signed by old and new ones; none is refused, and the key set is asked
// for at most once a rotation. Withdrawn keys are distrusted at the next refresh.
func TestRotationUnderLoad(t *testing.T) {
	p := start(t)
	var fetches atomic.Int64
	v := guard(t, p, func(c *validator.Config) {
		c.Observer.KeyFetch = func(validator.KeyFetch) { fetches.Add(1) }
		c.Issuers[0].KeyRefreshBurst = 10 // this server rotates more often than any honest one
	})
	require.NoError(t, v.Ready(t.Context()))
	old := p.token(t, ordersService, "urn:api:rs256", "orders.read")

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	var served atomic.Int64
	for resource := range signedResources {
		wg.Go(func() {
			for ctx.Err() == nil {
				raw, err := p.fetchToken(t.Context(), ordersService, resource, "orders.read")
				if !assert.NoError(t, err) {
					return
				}
				if _, err = v.Validate(t.Context(), raw); !assert.NoError(t, err) {
					return
				}
				served.Add(1)
			}
		})
	}
	const rotations = 3
	for range rotations {
		until := served.Load() + int64(5*len(signedResources))
		p.rotate(t)
		for served.Load() < until && !t.Failed() {
			_, err := v.Validate(t.Context(), old)
			assert.NoError(t, err)
		}
	}
	stop()
	wg.Wait()
	assert.LessOrEqual(t, fetches.Load(), int64(1+rotations))

	kept := p.withdraw(t)
	assert.Len(t, kept, len(signedResources))
	_, err := v.Validate(t.Context(), old)
	assert.NoError(t, err, "nobody has asked for an unknown key since")
	p.rotate(t)
	_, err = v.Validate(t.Context(), p.token(t, ordersService, "urn:api:rs256", "orders.read"))
	require.NoError(t, err)
	_, err = v.Validate(t.Context(), old)
	refused(t, err, validator.ErrInvalidToken, validator.ReasonUnknownKey)
}
