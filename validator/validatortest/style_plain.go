package validatortest

import "crypto/rand"

// rfc9068 is RFC 9068 and nothing else.
var rfc9068 = dialect{
	client: "client_id", scope: "scope",
	access:  asType("at+jwt"), // RFC 9068 section 2.1
	id:      plainID,
	logout:  loggedOut,
	refresh: asType("rt+jwt"),
	cases:   (*corpus).casesRFC9068,
}

// generic is a server that does not say what its tokens are.
var generic = dialect{
	client: "client_id", scope: "scope",
	access: asType("JWT"),
	id:     plainID,
	logout: loggedOut,
	refresh: func(header, claims map[string]any, client string) {
		header["typ"], claims["typ"], claims["client_id"] = "JWT", "Refresh", client
	},
	cases: (*corpus).casesGeneric,
}

func plainID(header, claims map[string]any, _ string) {
	header["typ"] = "JWT"
	openID(claims)
}

// okta is a custom authorization server of Okta.
var okta = dialect{
	client: "cid", scope: "scp", list: true,
	path: "/oauth2/default", // without /oauth2/{id} it would be the org server
	access: func(_, claims map[string]any, _ string) {
		set(claims, map[string]any{"ver": 1, "jti": "AT." + rand.Text(), "uid": "00u-" + DefaultSubject})
	},
	id: func(_, claims map[string]any, _ string) {
		openID(claims)
		set(claims, map[string]any{"ver": 1, "jti": "ID." + rand.Text()})
	},
	logout: loggedOut,
	refresh: func(_, claims map[string]any, _ string) { // the real ones are opaque
		set(claims, map[string]any{"ver": 1, "jti": "RT." + rand.Text()})
	},
	machine: func(claims map[string]any, _ string, _ []string) { unset(claims, "uid") },
	cases:   (*corpus).casesOkta,
}
