package validatortest

import (
	"crypto/rand"
	"strings"
)

// DefaultTenant is the tenant of an Entra server's tokens that are not told
// another.
const DefaultTenant = "5f9c3a1e-7b64-4d2a-9c1f-0e6d8b7a4c21"

// tenantID stands for the tenant in the Path of a server for all of them.
const tenantID = "{tenantid}"

var (
	entraV1 = dialect{
		client: "appid", scope: "scp",
		path: "/" + DefaultTenant + "/", noRFC8414: true,
		endpoints: func(path string) endpoints {
			return endpoints{base: path, keys: path + "/discovery/keys", token: path + "/oauth2/token"}
		},
		metadata: entraMetadata("/oauth2"),
		kid:      entraKID, jwk: entraJWK, header: entraHeader,
		access: func(header, claims map[string]any, _ string) {
			entraToken(header, claims, "1.0")
			set(claims, map[string]any{
				"acr": "1", "amr": []string{"pwd"}, "appidacr": "0", "ipaddr": "192.0.2.1",
				"unique_name": "user@example.com", "upn": "user@example.com",
			})
		},
		id: func(header, claims map[string]any, _ string) {
			entraToken(header, claims, "1.0")
			set(claims, map[string]any{"nonce": rand.Text(), "amr": []string{"pwd"}, "unique_name": "user@example.com"})
		},
		logout: func(header, claims map[string]any, client string) { // hostile: it has none
			entraToken(header, claims, "1.0")
			loggedOut(header, claims, client)
		},
		refresh: func(header, claims map[string]any, _ string) { // the real ones are opaque
			entraToken(header, claims, "1.0")
			claims["scp"] = "offline_access"
		},
		machine: func(claims map[string]any, client string, scopes []string) {
			entraMachine(claims, client, scopes)
			claims["appidacr"] = "1"
		},
		cases: (*corpus).casesEntraV1,
	}
	entraV2 = dialect{
		client: "azp", scope: "scp",
		path: "/" + DefaultTenant + "/v2.0", noRFC8414: true,
		endpoints: func(path string) endpoints {
			tenant := strings.TrimSuffix(path, "/v2.0")
			return endpoints{base: tenant, keys: tenant + "/discovery/v2.0/keys", token: tenant + "/oauth2/v2.0/token"}
		},
		metadata: entraMetadata("/oauth2/v2.0"),
		kid:      entraKID, header: entraHeader,
		jwk: func(s *Server, k key, j *jwk) {
			entraJWK(s, k, j)
			j.Cloud, j.Issuer = "microsoftonline.com", s.issuer
		},
		access: func(header, claims map[string]any, _ string) {
			entraToken(header, claims, "2.0")
			set(claims, map[string]any{"azpacr": "0", "preferred_username": "user@example.com"})
		},
		id: func(header, claims map[string]any, _ string) {
			entraToken(header, claims, "2.0")
			set(claims, map[string]any{"nonce": rand.Text(), "preferred_username": "user@example.com"})
		},
		logout: func(header, claims map[string]any, client string) { // hostile: it has none
			entraToken(header, claims, "2.0")
			loggedOut(header, claims, client)
		},
		refresh: func(header, claims map[string]any, client string) { // the real ones are opaque
			entraToken(header, claims, "2.0")
			claims["azp"] = client
		},
		machine: func(claims map[string]any, client string, scopes []string) {
			entraMachine(claims, client, scopes)
			claims["azpacr"], claims["idtyp"] = "1", "app"
		},
		cases: (*corpus).casesEntraV2,
	}
)

// entraToken is what all tokens of a tenant have. Their jti is called uti.
func entraToken(header, claims map[string]any, ver string) {
	header["typ"] = "JWT"
	unset(claims, "jti")
	set(claims, map[string]any{
		"ver": ver, "tid": tenantOf(claims["iss"].(string)), "oid": guid(DefaultSubject), "name": "User",
		"nbf": claims["iat"], "aio": rand.Text(), "rh": rand.Text(), "uti": rand.Text(),
	})
}

// entraMachine: what a client may do of its own is in roles, and there is no scp.
func entraMachine(claims map[string]any, client string, scopes []string) {
	unset(claims, "scp", "name", "amr", "unique_name", "upn", "preferred_username", "ipaddr")
	set(claims, map[string]any{"sub": guid(client), "oid": guid(client), "roles": scopes})
}

// entraKID: a key's name is the thumbprint of its certificate.
func entraKID(k key, _ string) string { return k.x5t() }

func entraJWK(s *Server, k key, j *jwk) {
	certified(s, k, j)
	j.Alg, j.X5tS256 = "", ""
}

func entraHeader(k key, header map[string]any) { header["x5t"] = k.x5t() }

func entraMetadata(oauth2 string) func(map[string]any, func(string) string) {
	return func(m map[string]any, at func(string) string) {
		unset(m, "grant_types_supported")
		set(m, map[string]any{
			"authorization_endpoint": at(oauth2 + "/authorize"), "device_authorization_endpoint": at(oauth2 + "/devicecode"),
			"end_session_endpoint": at(oauth2 + "/logout"), "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
			"kerberos_endpoint":     at("/kerberos"),
			"http_logout_supported": true, "frontchannel_logout_supported": true,
			"response_modes_supported": []string{"query", "fragment", "form_post"},
			"response_types_supported": []string{"code", "id_token", "code id_token", "id_token token"},
			"scopes_supported":         []string{"openid", "profile", "email", "offline_access"},
			"subject_types_supported":  []string{"pairwise"},
			"claims_supported": []string{
				"sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host",
				"aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email",
			},
			"request_uri_parameter_supported": false,
			"tenant_region_scope":             nil, "cloud_instance_name": "microsoftonline.com",
			"cloud_graph_host_name": "graph.windows.net", "msgraph_host": "graph.microsoft.com", "rbac_url": "https://pas.windows.net",
		})
	}
}
