package validatortest

import (
	"crypto/rand"
	"encoding/base64"
)

var cognito = dialect{
	client: "client_id", scope: "scope",
	path: "/us-east-1_example", noRFC8414: true,
	endpoints: func(path string) endpoints {
		return endpoints{keys: path + "/.well-known/jwks.json", token: "/oauth2/token"} // on a host of their own, in truth
	},
	metadata: func(m map[string]any, at func(string) string) {
		set(m, map[string]any{
			"authorization_endpoint": at("/oauth2/authorize"), "userinfo_endpoint": at("/oauth2/userInfo"),
			"revocation_endpoint": at("/oauth2/revoke"), "end_session_endpoint": at("/logout"),
			"response_types_supported": []string{"code", "token"},
			"scopes_supported":         []string{"openid", "email", "phone", "profile"},
		})
	},
	// 32 bytes whose base64 has everything that base64url has not.
	kid: func(_ key, counted string) string {
		text := make([]byte, 32)
		copy(text, "\xfb\xff\xbf"+counted)
		return base64.StdEncoding.EncodeToString(text)
	},
	access: func(header, claims map[string]any, _ string) {
		unset(claims, "aud")
		cognitoToken(claims, "access")
		set(claims, map[string]any{"version": 2, "username": DefaultSubject, "cognito:groups": []string{"admins"}})
	},
	id: func(_, claims map[string]any, _ string) {
		cognitoToken(claims, "id")
		set(claims, map[string]any{
			"at_hash": hash, "nonce": rand.Text(), "cognito:username": DefaultSubject,
			"email": "user@example.com", "email_verified": true,
		})
	},
	logout: loggedOut, // hostile: it has none
	refresh: func(_, claims map[string]any, client string) { // the real ones are JWEs
		cognitoToken(claims, "refresh")
		claims["client_id"] = client
	},
	machine: func(claims map[string]any, _ string, _ []string) {
		unset(claims, "username", "cognito:groups", "origin_jti", "event_id")
	},
	cases: (*corpus).casesCognito,
}

func cognitoToken(claims map[string]any, use string) {
	set(claims, map[string]any{
		"token_use": use, "auth_time": claims["iat"], "origin_jti": rand.Text(), "event_id": rand.Text(),
	})
}
