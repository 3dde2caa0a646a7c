package validatortest

import "crypto/rand"

var keycloak = dialect{
	client: "azp", scope: "scope",
	path: "/realms/test", noRFC8414: true,
	endpoints: func(path string) endpoints {
		protocol := path + "/protocol/openid-connect"
		return endpoints{
			base: path, keys: protocol + "/certs", token: protocol + "/token",
			introspection: protocol + "/token/introspect", named: true,
		}
	},
	metadata: keycloakMetadata,
	jwk:      certified,
	encKey:   true,
	access: func(header, claims map[string]any, _ string) {
		keycloakToken(header, claims, "Bearer")
		set(claims, map[string]any{
			"allowed-origins": []string{"https://app.example.com"},
			"realm_access":    map[string]any{"roles": []string{"offline_access", "uma_authorization"}},
			"resource_access": map[string]any{"account": map[string]any{"roles": []string{"manage-account", "view-profile"}}},
			"email_verified":  true, "preferred_username": DefaultSubject,
		})
	},
	id: func(header, claims map[string]any, client string) {
		keycloakToken(header, claims, "ID")
		openID(claims)
		set(claims, map[string]any{"azp": client, "email_verified": true, "preferred_username": DefaultSubject})
	},
	logout: func(header, claims map[string]any, client string) {
		loggedOut(header, claims, client)
		claims["typ"] = "Logout"
	},
	refresh: func(header, claims map[string]any, client string) { // the real ones are signed for the realm alone
		keycloakToken(header, claims, "Refresh")
		set(claims, map[string]any{"azp": client, "scope": "openid offline_access"})
	},
	machine: func(claims map[string]any, client string, _ []string) {
		unset(claims, "sid", "allowed-origins")
		set(claims, map[string]any{
			"sub": guid(client), "client_id": client, "preferred_username": "service-account-" + client,
			"clientHost": "127.0.0.1", "clientAddress": "127.0.0.1",
		})
	},
	cases: (*corpus).casesKeycloak,
}

// keycloakToken: the header says of none what it is, the payload of each.
func keycloakToken(header, claims map[string]any, typ string) {
	header["typ"] = "JWT"
	set(claims, map[string]any{"typ": typ, "sid": rand.Text(), "acr": "1"})
}

func keycloakMetadata(m map[string]any, at func(string) string) {
	const protocol = "/protocol/openid-connect"
	set(m, map[string]any{
		"authorization_endpoint": at(protocol + "/auth"), "userinfo_endpoint": at(protocol + "/userinfo"),
		"end_session_endpoint": at(protocol + "/logout"), "revocation_endpoint": at(protocol + "/revoke"),
		"check_session_iframe":  at(protocol + "/login-status-iframe.html"),
		"registration_endpoint": at("/clients-registrations/openid-connect"),
		"grant_types_supported": []string{
			"authorization_code", "implicit", "refresh_token", "password", "client_credentials",
			"urn:openid:params:grant-type:ciba", "urn:ietf:params:oauth:grant-type:device_code",
		},
		"response_types_supported": []string{"code", "none", "id_token", "token", "id_token token", "code id_token", "code token"},
		"subject_types_supported":  []string{"public", "pairwise"},
		"id_token_signing_alg_values_supported": []string{
			"PS384", "RS384", "EdDSA", "ES384", "HS256", "HS512", "ES256", "RS256", "HS384", "ES512", "PS256", "PS512", "RS512",
		},
		"id_token_encryption_alg_values_supported": []string{"RSA-OAEP", "RSA-OAEP-256", "RSA1_5"},
		"acr_values_supported":                     []string{"0", "1"},
		"claims_parameter_supported":               true,
		"backchannel_logout_supported":             true, "backchannel_logout_session_supported": true,
		"tls_client_certificate_bound_access_tokens": true,
		"mtls_endpoint_aliases": map[string]any{
			"token_endpoint": at(protocol + "/token"), "introspection_endpoint": at(protocol + "/token/introspect"),
		},
		"authorization_response_iss_parameter_supported": true,
	})
}
