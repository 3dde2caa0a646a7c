package validator_test

import (
	"maps"
	"testing"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const (
	issued = 1_780_000_000
	app    = "0d7e8f21-5d0c-4c5e-9a55-3d1b2f6c7a10" // a client, where they are GUIDs
	api    = "6e74172b-be56-4843-9ff4-e66a39bb12e3" // an API there
)

// told are claims with those that every token has.
func told(iss, sub string, aud any, claims object) object {
	all := object{"iss": iss, "sub": sub, "aud": aud, "iat": issued, "exp": issued + 3600}
	maps.Copy(all, claims)
	return all
}

// providers are the servers that a profile is named for, and those that need none.
// What is in sample is quoted from providers.json.
func providers(t *testing.T) map[string]*provider {
	sample := func(id string, changes object) object {
		claims := maps.Clone(rows(t)[id].Sample)
		maps.Copy(claims, changes)
		return claims
	}
	all := map[string]*provider{}
	for _, some := range []map[string]*provider{named(sample), nameless(), specified()} {
		maps.Copy(all, some)
	}
	return all
}

// named have a profile.
func named(sample func(string, object) object) map[string]*provider {
	health := strs{"https://example.com/health-api"}
	auth0Scopes := strs{"openid", "profile", "read:patients", "read:admin"}
	v1, v2 := "https://sts.windows.net/"+contoso+"/", "https://login.microsoftonline.com/"+contoso+"/v2.0"
	one := validator.Tenants{}
	return map[string]*provider{
		"auth0-default": {
			document: "auth0", issuer: "https://my-domain.auth0.com/", profile: validator.Auth0(), style: validatortest.StyleAuth0,
			audiences: health, clients: strs{"my_client_id"}, wantMatched: health[0],
			typ: "JWT", claims: sample("auth0-default", object{"permissions": strs{"admin"}}),
			client: "azp", scope: "scope", wantClient: "my_client_id", wantScopes: auth0Scopes,
		},
		"auth0-rfc9068": {
			document: "auth0", issuer: "https://my-domain.auth0.com/", profile: validator.Auth0(), style: validatortest.StyleAuth0RFC9068,
			audiences: health, clients: strs{"my_client_id"}, wantMatched: health[0],
			typ: "at+jwt", claims: sample("auth0-rfc9068", object{"permissions": strs{"admin"}}),
			client: "client_id", scope: "scope", wantClient: "my_client_id", wantScopes: auth0Scopes,
		},
		"entra-v1": {
			document: "entra-v1", issuer: v1, profile: validator.EntraV1(one), style: validatortest.StyleEntraV1,
			audiences: strs{"api://orders"}, clients: strs{app}, wantMatched: "api://orders",
			typ: "JWT", claims: told(v1, "ZD1h2r9x", "api://orders", object{
				"ver": "1.0", "appid": app, "appidacr": "0", "scp": "user_impersonation Orders.Read", "tid": contoso, "oid": fabrikam,
				"acr": "1", "amr": strs{"pwd", "mfa"}, "roles": strs{"Admin"}, "nbf": issued, "uti": "u", "unique_name": "jane@contoso.com",
				"_claim_names":   object{"groups": "src1"},
				"_claim_sources": object{"src1": object{"endpoint": "https://graph.windows.net/x/getMemberObjects"}},
			}),
			client: "appid", scope: "scp", wantClient: app, wantScopes: strs{"user_impersonation", "Orders.Read"},
		},
		"entra-v2": {
			document: "entra-v2", issuer: v2, profile: validator.EntraV2(one), style: validatortest.StyleEntraV2,
			audiences: strs{api}, clients: strs{app}, wantMatched: api,
			typ: "JWT", claims: told(v2, "ZD1h2r9x", api, object{
				"ver": "2.0", "azp": app, "azpacr": "1", "scp": "Orders.Read Orders.Write", "tid": contoso, "oid": fabrikam,
				"groups": strs{"admins"}, "wids": strs{"w"}, "nbf": issued, "uti": "u", "preferred_username": "jane@contoso.com",
			}),
			client: "azp", scope: "scp", wantClient: app, wantScopes: strs{"Orders.Read", "Orders.Write"},
		},
		"entra-v2 for an application": {
			document: "entra-v2", issuer: v2, profile: validator.EntraV2(one), style: validatortest.StyleEntraV2,
			audiences: strs{api}, clients: strs{app}, wantMatched: api,
			typ: "JWT", claims: told(v2, fabrikam, api, object{
				"ver": "2.0", "azp": app, "azpacr": "1", "roles": strs{"Orders.Read.All"}, "idtyp": "app", "tid": contoso, "oid": fabrikam,
			}),
			client: "azp", scope: "scp", wantClient: app,
		},
		"keycloak": {
			document: "keycloak", issuer: "https://sso.example.com/realms/x", profile: validator.Keycloak(), style: validatortest.StyleKeycloak,
			audiences: strs{"account"}, clients: strs{"something"}, wantMatched: "account",
			typ: "JWT", claims: sample("keycloak", object{"iss": "https://sso.example.com/realms/x"}),
			client: "azp", scope: "scope", wantClient: "something", wantScopes: strs{"email", "profile"},
		},
		"cognito": {
			document: "cognito", issuer: "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example",
			profile: validator.Cognito(), style: validatortest.StyleCognito,
			audiences: strs{"exampleclient"}, clients: strs{"exampleclient"}, wantMatched: "exampleclient",
			claims: sample("cognito", object{"cognito:groups": strs{"admin"}}),
			client: "client_id", scope: "scope", wantClient: "exampleclient", wantScopes: strs{"aws.cognito.signin.user.admin"},
		},
		"ory-hydra": {
			document: "ory-hydra", issuer: "https://happy-slug.projects.oryapis.com", profile: validator.Hydra(), style: validatortest.StyleHydra,
			audiences: strs{"https://orders.example.com"}, clients: strs{"orders-app"}, wantMatched: "https://orders.example.com",
			typ: "JWT", claims: told("https://happy-slug.projects.oryapis.com", "jane", strs{"https://orders.example.com"}, object{
				"client_id": "orders-app", "scp": strs{"orders.read", "offline"}, "nbf": issued, "jti": "j",
				"ext": object{"roles": strs{"admin"}, "scope": "admin"},
			}),
			client: "client_id", scope: "scp", wantClient: "orders-app", wantScopes: strs{"orders.read", "offline"},
		},
	}
}

// nameless are those that the generic profile fits.
func nameless() map[string]*provider {
	idToken := object{"aud": "orders-app", "azp": "orders-app", "at_hash": "x", "nonce": "n", "sub": "jane"}
	orders := strs{"https://orders.example.com"}
	p := func(id, iss string, typ any, claims object) *provider {
		return &provider{
			document: id, issuer: iss, style: validatortest.StyleGeneric, audiences: orders, clients: strs{"orders-app"},
			typ: typ, claims: told(iss, "jane", orders[0], claims), client: "client_id", scope: "scope",
			wantClient: "orders-app", wantScopes: strs{"orders.read", "profile"}, wantMatched: orders[0],
		}
	}
	duende := p("duende", "https://id.example.com", "at+jwt", object{
		"client_id": "orders-app", "scope": strs{"orders.read", "profile"}, "role": "admin", "jti": "j", "nbf": issued, "auth_time": issued, "idp": "local",
	})
	ping := p("ping", "https://auth.pingone.eu/5b8f2a9c-1111-4222-8333-94a1b2c3d4e5/as", nil, object{
		"client_id": "orders-app", "scope": strs{"orders.read", "profile"}, "env": "e", "org": "o", "p1.rid": "r",
	})
	wso2 := p("wso2", "https://api.asgardeo.io/t/example/oauth2/token", "at+jwt", object{
		"client_id": "orders-app", "azp": "orders-app", "scope": "orders.read profile", "aut": "APPLICATION_USER", "jti": "j", "roles": strs{"admin"},
	})
	wso2.others = map[string]other{
		"ID token":             {"JWT", idToken},
		"ID token for the API": {"JWT", object{"aud": orders[0], "azp": "orders-app", "at_hash": "x", "c_hash": "y", "sub": "jane"}},
	}
	zitadel := p("zitadel", "https://my-instance.zitadel.cloud", "JWT", object{
		"aud": strs{"orders-app", "https://orders.example.com"}, "client_id": "orders-app", "jti": "j", "nbf": issued,
		"urn:zitadel:iam:org:project:roles": object{"admin": object{}},
	})
	zitadel.mayBeClient, zitadel.scopeless, zitadel.wantScopes = true, true, nil
	zitadel.others = map[string]other{"ID token": {"JWT", object{ // names the client like its access tokens
		"aud": strs{"orders-app", orders[0]}, "azp": "orders-app", "client_id": "orders-app", "at_hash": "x", "sub": "jane",
	}}}
	return map[string]*provider{"duende": duende, "ping": ping, "wso2": wso2, "zitadel": zitadel}
}
