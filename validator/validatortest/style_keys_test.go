package validatortest_test

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

type jwksKey struct {
	Kid, Alg, Use, Issuer, X5t string
	X5c                        []string
}

func listed(t *testing.T, s *validatortest.Server) []jwksKey {
	t.Helper()
	var set struct{ Keys []jwksKey }
	require.NoError(t, json.Unmarshal(s.KeySet(), &set))
	return set.Keys
}

func TestKeysOfEntra(t *testing.T) {
	for _, style := range []validatortest.Style{validatortest.StyleEntraV1, validatortest.StyleEntraV2} {
		s := start(t, validatortest.Options{Style: style})
		keys := listed(t, s)
		require.Len(t, keys, 1)
		k := keys[0]
		require.Len(t, k.X5c, 1)
		der, err := base64.StdEncoding.DecodeString(k.X5c[0])
		require.NoError(t, err)
		sum := sha1.Sum(der)
		assert.Equal(t, base64.RawURLEncoding.EncodeToString(sum[:]), k.X5t)
		assert.Equal(t, k.X5t, k.Kid)
		assert.Equal(t, s.KID(), k.Kid)
		assert.Empty(t, k.Alg)
		if style == validatortest.StyleEntraV2 {
			assert.Equal(t, s.Issuer(), k.Issuer)
		} else {
			assert.Empty(t, k.Issuer)
		}
		header, _ := decode(t, s.AccessToken())
		assert.Equal(t, k.Kid, header["x5t"])
		s.Rekey(s.KID())
		assert.NotEqual(t, k.X5t, listed(t, s)[0].X5t)
		assert.Equal(t, k.Kid, listed(t, s)[0].Kid, "under the same name")
	}
}

func TestKeysOfKeycloak(t *testing.T) {
	s := start(t, validatortest.Options{Style: validatortest.StyleKeycloak})
	keys := listed(t, s)
	require.Len(t, keys, 2)
	enc := keys[slices.IndexFunc(keys, func(k jwksKey) bool { return k.Kid == validatortest.EncryptionKID })]
	assert.Equal(t, "enc", enc.Use)
	assert.Equal(t, "RSA-OAEP", enc.Alg)
	assert.Equal(t, []string{"ES256"}, s.Algorithms(), "it signs nothing")
	header, _ := decode(t, s.MintWith(validatortest.EncryptionKID))
	assert.Equal(t, "RS256", header["alg"])
	assert.Equal(t, validatortest.EncryptionKID, header["kid"])
	_, err := verify(t, s, s.MintWith(validatortest.EncryptionKID))
	assert.NoError(t, err, "for who does not look at use")
}

func TestKeysOfCognito(t *testing.T) {
	s := start(t, validatortest.Options{Style: validatortest.StyleCognito})
	first := s.KID()
	assert.Regexp(t, `^\+/\+/[A-Za-z0-9+/]{39}=$`, first)
	assert.NotEqual(t, first, s.Rotate("ES256"))
	header, _ := decode(t, s.MintWith(first))
	assert.Equal(t, first, header["kid"])
}

// TestAllTenants: one server, which names a template, and every tenant its own.
func TestAllTenants(t *testing.T) {
	const other = "11111111-2222-3333-4444-555555555555"
	s := start(t, validatortest.Options{Style: validatortest.StyleEntraV2, Path: "/{tenantid}/v2.0"})
	origin := strings.TrimSuffix(s.Issuer(), "/{tenantid}/v2.0")
	assert.Equal(t, origin+"/common/discovery/v2.0/keys", s.JWKSURL())
	assert.Equal(t, s.Issuer(), listed(t, s)[0].Issuer)

	all := document(t, s, s.MetadataURL())
	assert.Equal(t, origin+"/common/v2.0/.well-known/openid-configuration", s.MetadataURL())
	assert.Equal(t, s.Issuer(), all["issuer"])
	assert.Equal(t, s.JWKSURL(), all["jwks_uri"])
	one := document(t, s, origin+"/"+other+"/v2.0/.well-known/openid-configuration")
	assert.Equal(t, origin+"/"+other+"/v2.0", one["issuer"])
	assert.Equal(t, origin+"/"+other+"/discovery/v2.0/keys", one["jwks_uri"])
	assert.Equal(t, http.StatusOK, status(t, s, one["jwks_uri"].(string)))
	for _, place := range []string{"/{tenantid}", "/contoso.onmicrosoft.com", ""} {
		assert.Nil(t, document(t, s, origin+place+"/v2.0/.well-known/openid-configuration"), place)
	}

	_, got := decode(t, s.AccessToken())
	assert.Equal(t, origin+"/"+tenant+"/v2.0", got["iss"])
	assert.Equal(t, tenant, got["tid"])
	_, got = decode(t, s.IDToken("c", validatortest.Tenant(other)))
	assert.Equal(t, origin+"/"+other+"/v2.0", got["iss"])
	assert.Equal(t, other, got["tid"])
}
