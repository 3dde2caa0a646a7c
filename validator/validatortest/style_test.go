package validatortest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// claims and absent are what a token has, and has not.
type claims = map[string]any

type shape struct {
	typ    any // header; nil: absent
	has    claims
	absent []string
}

func (want shape) of(t *testing.T, s *validatortest.Server, token string) {
	t.Helper()
	verified, err := verify(t, s, token)
	require.NoError(t, err)
	assert.Equal(t, want.typ, verified.Header["typ"])
	got := verified.Claims.(jwt.MapClaims)
	for name, value := range want.has {
		if value == nil {
			assert.Contains(t, got, name)
			continue
		}
		assert.Equal(t, value, got[name], name)
	}
	for _, name := range want.absent {
		assert.NotContains(t, got, name)
	}
}

const tenant = validatortest.DefaultTenant

// shapes are those of the servers that a style is named for.
var shapes = map[string]struct {
	style                                validatortest.Style
	path                                 string // default
	access, machine, id, logout, refresh shape
}{
	"Auth0": {
		validatortest.StyleAuth0, "/",
		shape{"JWT", claims{"aud": "api://default", "azp": "client", "scope": "read write", "sub": "user"}, []string{"jti", "client_id"}},
		shape{"JWT", claims{"azp": "cron", "sub": "cron@clients", "gty": "client-credentials", "scope": "read"}, []string{"client_id"}},
		shape{"JWT", claims{"aud": "cron", "nonce": nil, "sid": nil}, []string{"azp", "scope", "client_id"}},
		shape{"logout+jwt", claims{"aud": "cron", "events": nil, "sid": nil}, []string{"azp", "nonce"}},
		shape{"JWT", claims{}, []string{"azp", "nonce", "events"}},
	},
	"Auth0 RFC 9068": {
		validatortest.StyleAuth0RFC9068, "/",
		shape{"at+jwt", claims{"aud": "api://default", "client_id": "client", "scope": "read write", "jti": nil}, []string{"azp"}},
		shape{"at+jwt", claims{"client_id": "cron", "sub": "cron@clients"}, []string{"azp"}},
		shape{"JWT", claims{"aud": "cron", "nonce": nil}, []string{"azp", "client_id"}},
		shape{"logout+jwt", claims{"events": nil}, nil},
		shape{"JWT", claims{}, []string{"azp", "nonce", "client_id"}},
	},
	"Entra v1": {
		validatortest.StyleEntraV1, "/" + tenant + "/",
		shape{"JWT", claims{"aud": "api://default", "ver": "1.0", "tid": tenant, "appid": "client", "scp": "read write", "oid": nil, "uti": nil, "nbf": nil}, []string{"azp", "jti", "roles"}},
		shape{"JWT", claims{"ver": "1.0", "tid": tenant, "appid": "cron", "roles": []any{"read"}, "appidacr": "1"}, []string{"scp", "upn", "unique_name"}},
		shape{"JWT", claims{"aud": "cron", "ver": "1.0", "tid": tenant, "nonce": nil}, []string{"appid", "scp"}},
		shape{"logout+jwt", claims{"ver": "1.0", "tid": tenant, "events": nil}, []string{"appid"}},
		shape{"JWT", claims{"ver": "1.0", "tid": tenant}, []string{"appid", "nonce"}},
	},
	"Entra v2": {
		validatortest.StyleEntraV2, "/" + tenant + "/v2.0",
		shape{"JWT", claims{"aud": "api://default", "ver": "2.0", "tid": tenant, "azp": "client", "scp": "read write", "oid": nil, "uti": nil, "nbf": nil}, []string{"appid", "jti", "roles", "idtyp"}},
		shape{"JWT", claims{"ver": "2.0", "tid": tenant, "azp": "cron", "roles": []any{"read"}, "idtyp": "app"}, []string{"scp", "preferred_username"}},
		shape{"JWT", claims{"aud": "cron", "ver": "2.0", "tid": tenant, "nonce": nil}, []string{"azp", "scp"}},
		shape{"logout+jwt", claims{"ver": "2.0", "tid": tenant, "events": nil}, []string{"azp"}},
		shape{"JWT", claims{"ver": "2.0", "tid": tenant, "azp": "cron"}, []string{"scp", "roles", "idtyp", "nonce"}},
	},
	"Keycloak": {
		validatortest.StyleKeycloak, "/realms/test",
		shape{"JWT", claims{"aud": "api://default", "typ": "Bearer", "azp": "client", "scope": "read write", "realm_access": nil, "resource_access": nil}, []string{"client_id"}},
		shape{"JWT", claims{"typ": "Bearer", "azp": "cron", "client_id": "cron", "preferred_username": "service-account-cron"}, []string{"sid"}},
		shape{"JWT", claims{"aud": "cron", "typ": "ID", "azp": "cron", "at_hash": nil, "nonce": nil}, []string{"scope"}},
		shape{"logout+jwt", claims{"aud": "cron", "typ": "Logout", "events": nil}, []string{"azp"}},
		shape{"JWT", claims{"typ": "Refresh", "azp": "cron", "scope": nil}, []string{"nonce", "events"}},
	},
	"Cognito": {
		validatortest.StyleCognito, "/us-east-1_example",
		shape{nil, claims{"token_use": "access", "client_id": "client", "scope": "read write", "username": "user", "version": 2.0, "cognito:groups": nil}, []string{"aud"}},
		shape{nil, claims{"token_use": "access", "client_id": "cron", "sub": "cron"}, []string{"aud", "username"}},
		shape{nil, claims{"token_use": "id", "aud": "cron", "cognito:username": nil, "at_hash": nil}, []string{"client_id", "scope"}},
		shape{"logout+jwt", claims{"aud": "cron", "events": nil}, []string{"token_use"}},
		shape{nil, claims{"token_use": "refresh", "client_id": "cron"}, []string{"nonce"}},
	},
	"Hydra": {
		validatortest.StyleHydra, "",
		shape{"JWT", claims{"aud": []any{"api://default"}, "client_id": "client", "scp": []any{"read", "write"}, "ext": nil, "nbf": nil}, []string{"scope"}},
		shape{"JWT", claims{"aud": []any{"api://x"}, "client_id": "cron", "scp": []any{"read"}, "sub": "cron"}, nil},
		shape{"JWT", claims{"aud": []any{"cron"}, "at_hash": nil, "rat": nil}, []string{"client_id", "scp"}},
		shape{"JWT", claims{"aud": []any{"cron"}, "events": nil}, []string{"client_id"}},
		shape{"JWT", claims{"client_id": "cron", "token_use": "refresh_token"}, []string{"nonce", "at_hash"}},
	},
}

func TestShapes(t *testing.T) {
	for name, want := range shapes {
		t.Run(name, func(t *testing.T) {
			s := start(t, validatortest.Options{Style: want.style})
			u, err := url.Parse(s.Issuer())
			require.NoError(t, err)
			assert.Equal(t, want.path, u.Path)
			s.AddClient("cron", "x", "read")
			request := "grant_type=client_credentials"
			if want.style == validatortest.StyleHydra {
				request += "&audience=api://x"
			}
			_, granted := ask(t, s, "cron", "x", request)
			want.access.of(t, s, s.AccessToken())
			want.machine.of(t, s, granted.AccessToken)
			want.id.of(t, s, s.IDToken("cron"))
			want.logout.of(t, s, s.LogoutToken("cron"))
			want.refresh.of(t, s, s.RefreshToken("cron"))
			assert.NotEqual(t, s.AccessToken(), s.AccessToken())
		})
	}
}

func TestRefreshTokensOfTheFirstStyles(t *testing.T) {
	for style, want := range map[validatortest.Style]shape{
		validatortest.StyleRFC9068: {"rt+jwt", claims{}, []string{"client_id"}},
		validatortest.StyleOkta:    {nil, claims{"ver": 1.0}, []string{"cid"}},
		validatortest.StyleGeneric: {"JWT", claims{"typ": "Refresh", "client_id": "c"}, nil},
	} {
		s := start(t, validatortest.Options{Style: style})
		want.has["aud"] = s.Issuer()
		want.of(t, s, s.RefreshToken("c"))
		want.has["aud"] = "x"
		want.of(t, s, s.RefreshToken("c", validatortest.Audience("x")))
	}
}

func TestStartRefusesStyles(t *testing.T) {
	_, err := validatortest.Start(validatortest.Options{Style: -1})
	assert.ErrorContains(t, err, "style")
	for _, style := range []validatortest.Style{validatortest.StyleEntraV1, validatortest.StyleEntraV2} {
		for _, path := range []string{"/", "/v2.0", "/common/v2.0", "/contoso.onmicrosoft.com/v2.0", "/" + strings.ToUpper(tenant) + "/", "/x/{tenantid}/"} {
			_, err := validatortest.Start(validatortest.Options{Style: style, Path: path})
			assert.ErrorContains(t, err, "tenant", path)
		}
	}
}

// document is the discovery document at an address, or nil.
func document(t *testing.T, s *validatortest.Server, address string) claims {
	t.Helper()
	answer, body, err := get(t, s, address)
	require.NoError(t, err)
	if answer.StatusCode != http.StatusOK {
		assert.Equal(t, http.StatusNotFound, answer.StatusCode)
		return nil
	}
	var document claims
	require.NoError(t, json.Unmarshal([]byte(body), &document))
	return document
}

func TestAddresses(t *testing.T) {
	for name, want := range map[string]struct {
		style                      validatortest.Style
		keys, token, introspection string
		named, rfc8414             bool
		also                       string // a member
	}{
		"Auth0":    {validatortest.StyleAuth0, "/.well-known/jwks.json", "/oauth/token", "/introspect", false, true, "mfa_challenge_endpoint"},
		"Entra v1": {validatortest.StyleEntraV1, "/" + tenant + "/discovery/keys", "/" + tenant + "/oauth2/token", "/" + tenant + "/introspect", false, false, "tenant_region_scope"},
		"Entra v2": {validatortest.StyleEntraV2, "/" + tenant + "/discovery/v2.0/keys", "/" + tenant + "/oauth2/v2.0/token", "/" + tenant + "/introspect", false, false, "cloud_instance_name"},
		"Keycloak": {
			validatortest.StyleKeycloak, "/realms/test/protocol/openid-connect/certs", "/realms/test/protocol/openid-connect/token",
			"/realms/test/protocol/openid-connect/token/introspect", true, false, "mtls_endpoint_aliases",
		},
		"Cognito": {validatortest.StyleCognito, "/us-east-1_example/.well-known/jwks.json", "/oauth2/token", "/introspect", false, false, "end_session_endpoint"},
		"Hydra":   {validatortest.StyleHydra, "/.well-known/jwks.json", "/oauth2/token", "/admin/oauth2/introspect", false, false, "credentials_endpoint_draft_00"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, validatortest.Options{Style: want.style})
			u, err := url.Parse(s.Issuer())
			require.NoError(t, err)
			origin := u.Scheme + "://" + u.Host
			assert.Equal(t, origin+want.keys, s.JWKSURL())
			assert.Equal(t, origin+want.token, s.TokenURL())
			assert.Equal(t, origin+want.introspection, s.IntrospectionURL())
			got := document(t, s, s.MetadataURL())
			assert.Equal(t, s.Issuer(), got["issuer"])
			assert.Equal(t, s.JWKSURL(), got["jwks_uri"])
			assert.Equal(t, s.TokenURL(), got["token_endpoint"])
			assert.Contains(t, got, want.also)
			if want.named {
				assert.Equal(t, s.IntrospectionURL(), got["introspection_endpoint"])
			} else {
				assert.NotContains(t, got, "introspection_endpoint")
			}
			other := document(t, s, origin+"/.well-known/oauth-authorization-server"+strings.TrimSuffix(u.Path, "/"))
			assert.Equal(t, want.rfc8414, other != nil)
			assert.Equal(t, http.StatusMethodNotAllowed, status(t, s, s.IntrospectionURL()))
		})
	}
}

// TestIntrospectionOfEachStyle: its access tokens are active, its other tokens not.
func TestIntrospectionOfEachStyle(t *testing.T) {
	for name, want := range shapes {
		t.Run(name, func(t *testing.T) {
			s := startWithAPI(t, validatortest.Options{Style: want.style})
			answer := introspect(t, s, s.AccessToken())
			assert.Equal(t, true, answer["active"])
			assert.Equal(t, "client", answer["client_id"])
			assert.Equal(t, "read write", answer["scope"])
			assert.NotContains(t, answer, "scp")
			assert.Equal(t, "client", introspect(t, s, s.OpaqueToken())["client_id"])
			for _, token := range []string{s.IDToken("client"), s.LogoutToken("client"), s.RefreshToken("client", validatortest.Claim("nonce", "x"))} {
				assertInactive(t, s, token)
			}
		})
	}
	s := startWithAPI(t, validatortest.Options{Style: validatortest.StyleKeycloak})
	assert.Equal(t, "client", introspect(t, s, s.AccessToken())["azp"])
	assertInactive(t, s, s.RefreshToken("client"))
	s = startWithAPI(t, validatortest.Options{Style: validatortest.StyleHydra})
	assert.Equal(t, "access_token", introspect(t, s, s.AccessToken())["token_use"])
	assertInactive(t, s, s.RefreshToken("client"))
}

func TestEditsOfOtherClaims(t *testing.T) {
	edits := []validatortest.Edit{validatortest.ClientID("c"), validatortest.Scope("x", "y")}
	for style, want := range map[validatortest.Style]claims{
		validatortest.StyleAuth0:    {"azp": "c", "scope": "x y"},
		validatortest.StyleEntraV1:  {"appid": "c", "scp": "x y"},
		validatortest.StyleEntraV2:  {"azp": "c", "scp": "x y"},
		validatortest.StyleKeycloak: {"azp": "c", "scope": "x y"},
		validatortest.StyleCognito:  {"client_id": "c", "scope": "x y"},
		validatortest.StyleHydra:    {"client_id": "c", "scp": []any{"x", "y"}},
	} {
		s := start(t, validatortest.Options{Style: style})
		_, got := decode(t, s.AccessToken(edits...))
		for _, name := range []string{"client_id", "cid", "azp", "appid", "scope", "scp"} {
			assert.Equal(t, want[name], got[name], name)
		}
		_, got = decode(t, s.AccessToken(validatortest.Scope()))
		assert.NotContains(t, got, "scp")
		assert.NotContains(t, got, "scope")
	}
	s := start(t, validatortest.Options{Style: validatortest.StyleKeycloak})
	_, got := decode(t, s.AccessToken(validatortest.Claim("client_id", "x"), validatortest.ClientID("c")))
	assert.Equal(t, "c", got["client_id"])
	assert.Equal(t, "c", got["azp"])
	s = start(t, validatortest.Options{Style: validatortest.StyleEntraV2})
	_, got = decode(t, s.AccessToken(validatortest.NoClaim("scp"), validatortest.Scope("x")))
	assert.Equal(t, "x", got["scp"], "never an array")
}
