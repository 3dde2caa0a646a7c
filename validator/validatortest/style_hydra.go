package validatortest

import "crypto/rand"

var hydra = dialect{
	client: "client_id", scope: "scp", list: true,
	noRFC8414: true,
	endpoints: func(path string) endpoints { // introspection is for the admin API alone
		return endpoints{
			base: path, keys: path + "/.well-known/jwks.json", token: path + "/oauth2/token",
			introspection: path + "/admin/oauth2/introspect",
		}
	},
	metadata: func(m map[string]any, at func(string) string) {
		set(m, map[string]any{
			"authorization_endpoint": at("/oauth2/auth"), "userinfo_endpoint": at("/userinfo"),
			"revocation_endpoint": at("/oauth2/revoke"), "end_session_endpoint": at("/oauth2/sessions/logout"),
			"device_authorization_endpoint": at("/oauth2/device/auth"),
			"grant_types_supported":         []string{"authorization_code", "implicit", "client_credentials", "refresh_token"},
			"response_types_supported":      []string{"code", "code id_token", "id_token", "token id_token", "token", "token id_token code"},
			"scopes_supported":              []string{"offline_access", "offline", "openid"},
			"claims_supported":              []string{"sub"},
			"userinfo_signed_response_alg":  []string{"RS256"}, "id_token_signed_response_alg": []string{"RS256"},
			"backchannel_logout_supported": true, "backchannel_logout_session_supported": true,
			"credentials_endpoint_draft_00": at("/credentials"),
			"credentials_supported_draft_00": []any{map[string]any{
				"format": "jwt_vc_json", "types": []string{"VerifiableCredential", "UserInfoCredential"},
			}},
		})
	},
	access: func(header, claims map[string]any, _ string) {
		header["typ"] = "JWT"
		set(claims, map[string]any{"aud": []any{claims["aud"]}, "nbf": claims["iat"], "ext": map[string]any{"locale": "en"}})
	},
	id: func(header, claims map[string]any, client string) {
		plainID(header, claims, client)
		set(claims, map[string]any{"aud": []any{client}, "rat": claims["iat"], "sid": rand.Text()})
	},
	logout: func(header, claims map[string]any, client string) {
		loggedOut(header, claims, client)
		header["typ"], claims["aud"] = "JWT", []any{client}
	},
	// The real ones are opaque, and active where tokens are introspected: this is
	// what token_use says of them there.
	refresh: func(header, claims map[string]any, client string) {
		header["typ"] = "JWT"
		set(claims, map[string]any{"client_id": client, "token_use": "refresh_token", "scp": []string{"offline"}})
	},
	machine: func(claims map[string]any, _ string, _ []string) {
		if aud, ok := claims["aud"].(string); ok {
			claims["aud"] = []any{aud}
		}
	},
	cases: (*corpus).casesHydra,
}
