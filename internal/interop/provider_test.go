package interop

import (
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// These tests hold the harness itself to what the others build on.

func TestProviderDiscovery(t *testing.T) {
	type document struct {
		Issuer        string `json:"issuer"`
		JWKS          string `json:"jwks_uri"`
		Token         string `json:"token_endpoint"`
		Introspection string `json:"introspection_endpoint"`
		Revocation    string `json:"revocation_endpoint"`
	}
	p := start(t)
	want := document{p.issuer, p.issuer + "/jwks", p.issuer + "/token", p.issuer + "/token/introspection", p.issuer + "/token/revocation"}
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		var got document
		p.get(t, p.issuer+path, &got)
		assert.Equal(t, want, got)
	}
}

func TestProviderSignsForEachResource(t *testing.T) {
	p := start(t)
	listed := p.listed(t)
	for resource, alg := range signedResources {
		t.Run(alg, func(t *testing.T) {
			header, claims := parse(t, p.token(t, ordersService, resource, "orders.read orders.write"))
			assert.Equal(t, alg, header["alg"])
			assert.Equal(t, "at+jwt", header["typ"])
			assert.Contains(t, listed, header["kid"])

			assert.Equal(t, p.issuer, claims["iss"])
			assert.Equal(t, resource, claims["aud"], "a string, not an array")
			assert.Equal(t, ordersService, claims["client_id"])
			assert.Equal(t, ordersService, claims["sub"])
			assert.Equal(t, "orders.read orders.write", claims["scope"])
		})
	}
}

// The set is mixed on purpose: one JWK names no algorithm.
func TestProviderListsKeysWithAndWithoutAlg(t *testing.T) {
	var algs []string
	for _, alg := range start(t).listed(t) {
		algs = append(algs, alg)
	}
	assert.ElementsMatch(t, []string{"RS256", "PS256", "ES256", "ES384", ""}, algs)
}

func TestProviderOpaqueToken(t *testing.T) {
	p := start(t)
	for _, resource := range []string{opaqueResource, ""} {
		token := p.token(t, reportsService, resource, "")
		assert.NotEmpty(t, token)
		assert.NotContains(t, token, ".")

		assert.True(t, p.active(t, token))
		p.revoke(t, reportsService, token)
		assert.False(t, p.active(t, token))
	}
}

func TestProviderRefuses(t *testing.T) {
	p := start(t)
	_, err := p.fetchToken(t.Context(), ordersService, "urn:api:unknown", "orders.read")
	assert.ErrorContains(t, err, "invalid_target")
	_, err = p.fetchToken(t.Context(), ordersAPI, "urn:api:rs256", "orders.read")
	assert.ErrorContains(t, err, "not allowed for this client")
}

func TestProviderRotatesAndWithdraws(t *testing.T) {
	p := start(t)
	before := p.listed(t)

	fresh := p.rotate(t)
	assert.Len(t, fresh, len(signedResources))
	listed := p.listed(t)
	assert.Len(t, listed, len(before)+len(fresh))
	for kid := range before {
		assert.Contains(t, listed, kid)
		assert.NotContains(t, fresh, kid)
	}
	for resource := range signedResources {
		assert.Contains(t, fresh, p.signer(t, resource), "the newest key signs")
	}

	assert.Equal(t, fresh, p.withdraw(t))
	listed = p.listed(t)
	assert.Len(t, listed, len(fresh))
	for _, kid := range fresh {
		assert.Contains(t, listed, kid)
	}
}

// No request is lost while the keys change under it.
func TestProviderRotatesWhileRequestsRun(t *testing.T) {
	p := start(t)
	var rotated atomic.Bool
	var requests sync.WaitGroup
	defer requests.Wait()
	defer rotated.Store(true)
	for range 4 {
		requests.Go(func() {
			for !rotated.Load() {
				_, err := p.fetchToken(t.Context(), ordersService, "urn:api:es256", "orders.read")
				assert.NoError(t, err)
			}
		})
	}
	for range 3 {
		p.rotate(t)
	}
}

// listed returns the algorithm, if one is named, of each key in the JWKS by kid.
func (p *provider) listed(t testing.TB) map[string]string {
	t.Helper()
	var set struct {
		Keys []struct {
			KID string `json:"kid"`
			Alg string `json:"alg"`
		} `json:"keys"`
	}
	p.get(t, p.issuer+"/jwks", &set)
	algs := make(map[string]string)
	for _, key := range set.Keys {
		algs[key.KID] = key.Alg
	}
	return algs
}

// active asks the provider about a token, as the API would.
func (p *provider) active(t testing.TB, token string) bool {
	t.Helper()
	var told struct {
		Active bool `json:"active"`
	}
	p.ask(t, "/token/introspection", ordersAPI, url.Values{"token": {token}}, &told)
	return told.Active
}

// signer returns the kid of a fresh token for the resource.
func (p *provider) signer(t testing.TB, resource string) any {
	t.Helper()
	header, _ := parse(t, p.token(t, ordersService, resource, "orders.read"))
	return header["kid"]
}

func parse(t testing.TB, raw string) (header map[string]any, claims jwt.MapClaims) {
	t.Helper()
	token, _, err := jwt.NewParser().ParseUnverified(raw, &claims)
	require.NoError(t, err)
	return token.Header, claims
}
