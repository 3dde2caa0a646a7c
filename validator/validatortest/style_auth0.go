package validatortest

import "crypto/rand"

// auth0 is Auth0's own dialect ("access_token"), auth0RFC9068 its other one
// ("rfc9068_profile"). ID tokens are the same under both.
var (
	auth0 = dialect{
		client: "azp", scope: "scope",
		path: "/", endpoints: auth0Endpoints, metadata: auth0Metadata,
		access: func(header, claims map[string]any, _ string) {
			header["typ"] = "JWT"
			unset(claims, "jti")
			claims["https://example.com/session"] = rand.Text() // as an Action may add; or else two of a second were one
		},
		id: auth0ID, logout: loggedOut, refresh: auth0Refresh,
		machine: auth0Machine,
		cases:   (*corpus).casesAuth0,
	}
	auth0RFC9068 = dialect{
		client: "client_id", scope: "scope",
		path: "/", endpoints: auth0Endpoints, metadata: auth0Metadata,
		access: asType("at+jwt"),
		id:     auth0ID, logout: loggedOut, refresh: auth0Refresh,
		machine: auth0Machine,
		cases:   (*corpus).casesAuth0RFC9068,
	}
)

func auth0ID(header, claims map[string]any, _ string) {
	header["typ"] = "JWT"
	unset(claims, "jti")
	set(claims, map[string]any{
		"nonce": rand.Text(), "sid": rand.Text(), "nickname": DefaultSubject, "name": DefaultSubject,
		"picture": "https://s.gravatar.com/avatar/0", "updated_at": "2026-01-01T00:00:00.000Z",
		"email": "user@example.com", "email_verified": true,
	})
}

// auth0Refresh: the real ones are opaque. This one has what its access tokens
// have but what marks them.
func auth0Refresh(header, claims map[string]any, _ string) {
	header["typ"] = "JWT"
	claims["scope"] = "openid offline_access"
}

func auth0Machine(claims map[string]any, client string, _ []string) {
	set(claims, map[string]any{"sub": client + "@clients", "gty": "client-credentials"})
}

func auth0Endpoints(path string) endpoints {
	return endpoints{base: path, keys: path + "/.well-known/jwks.json", token: path + "/oauth/token"}
}

func auth0Metadata(m map[string]any, at func(string) string) {
	set(m, map[string]any{
		"authorization_endpoint": at("/authorize"), "device_authorization_endpoint": at("/oauth/device/code"),
		"userinfo_endpoint": at("/userinfo"), "mfa_challenge_endpoint": at("/mfa/challenge"),
		"registration_endpoint": at("/oidc/register"), "revocation_endpoint": at("/oauth/revoke"),
		"end_session_endpoint": at("/oidc/logout"),
		"scopes_supported":     []string{"openid", "profile", "offline_access", "email", "address", "phone"},
		"response_types_supported": []string{
			"code", "token", "id_token", "code token", "code id_token", "token id_token", "code token id_token",
		},
		"code_challenge_methods_supported":      []string{"S256", "plain"},
		"response_modes_supported":              []string{"query", "fragment", "form_post"},
		"id_token_signing_alg_values_supported": []string{"HS256", "RS256", "PS256"},
		"claims_supported":                      []string{"aud", "auth_time", "email", "exp", "iat", "iss", "name", "sub"},
		"request_uri_parameter_supported":       false, "request_parameter_supported": true,
		"backchannel_logout_supported": true, "backchannel_logout_session_supported": true,
		"dpop_signing_alg_values_supported": []string{"ES256"},
	})
}
