package validatortest

import (
	"crypto/rand"
	"maps"
)

// Style is how the tokens of a server spell the kind of token, the client and
// the scope, and where it has its endpoints. The tokens are those of the named
// server in shape, not in content.
type Style int

const (
	// StyleRFC9068 is a JWT access token of RFC 9068: header typ at+jwt,
	// claims iss, sub, aud, exp, iat, jti, client_id, and scope, a string.
	StyleRFC9068 Style = iota

	// StyleOkta is a token of an Okta custom authorization server: no
	// header typ, claims ver, jti "AT.…", iss, aud, sub, iat, exp, cid, scp,
	// an array, and uid if it is about a user. Default Path "/oauth2/default".
	StyleOkta

	// StyleGeneric has the header typ JWT and the claims client_id and scope.
	StyleGeneric

	// StyleAuth0 is Auth0's own dialect: header typ JWT, no jti, the client in
	// azp, scope a string, gty for clients; sub of a client is id@clients. Its
	// ID tokens have no azp. The issuer ends in a slash: default Path "/".
	StyleAuth0

	// StyleAuth0RFC9068 is Auth0's other dialect: header typ at+jwt, client_id,
	// jti. ID tokens and addresses are those of StyleAuth0.
	StyleAuth0RFC9068

	// StyleEntraV1 is Microsoft Entra ID v1.0: header typ JWT, x5t, claims ver
	// "1.0", appid, tid, oid, uti for jti, nbf, and scp, a string, or roles if
	// a client acts for itself. ID tokens have no appid. The issuer is
	// /{tenant}/: default Path "/" + DefaultTenant + "/".
	//
	// Under a Path with the text {tenantid} in place of the tenant the server
	// is that of all tenants: Issuer and the metadata, at "common", name the
	// template, and the tokens DefaultTenant or that of [Tenant].
	StyleEntraV1

	// StyleEntraV2 is Microsoft Entra ID v2.0: as StyleEntraV1, but ver "2.0",
	// azp, idtyp "app" beside roles, and keys that say whose they are in a
	// member issuer. ID tokens have neither azp nor scp. Default Path "/" +
	// DefaultTenant + "/v2.0".
	StyleEntraV2

	// StyleKeycloak is a Keycloak realm: header typ JWT, claim typ "Bearer"
	// (ID tokens "ID", refresh tokens "Refresh", logout tokens "Logout"), the
	// client in azp, which ID tokens have too, scope a string, roles in
	// realm_access. A key for encryption (RSA-OAEP, kid "enc") is listed beside
	// those that sign. Default Path "/realms/test".
	StyleKeycloak

	// StyleCognito is an Amazon Cognito user pool: no header typ, a kid in
	// padded base64 with + and /, claims token_use "access" (ID tokens "id"),
	// client_id, scope, a string, and no aud: a validator's audiences are then
	// client ids, and Options.Audience. Default Path "/us-east-1_example".
	StyleCognito

	// StyleHydra is Ory Hydra: header typ JWT, client_id, aud an array, scp an
	// array, ext, nbf. ID tokens have at_hash and no client_id.
	StyleHydra
)

// dialect is all that sets a style apart.
type dialect struct {
	client, scope string // the claims that name the client and the scopes
	list          bool   // the scopes are an array, not a string

	path      string                                              // of the issuer, where Options name none
	endpoints func(path string) endpoints                         // path has no slash at its end; nil: as Okta
	noRFC8414 bool                                                // the metadata are only where OpenID Connect wants them
	metadata  func(m map[string]any, at func(path string) string) // adds to them; may be nil

	kid    func(k key, counted string) string // nil: as counted
	jwk    func(s *Server, k key, j *jwk)     // changes the JWKs; may be nil
	header func(k key, header map[string]any) // adds to the headers; may be nil
	encKey bool                               // a key for encryption is listed

	// The tokens: header and claims come with what every token of the server
	// has, and with aud.
	access, id, logout, refresh func(header, claims map[string]any, client string)

	// machine makes an access token that of a client that acts for itself.
	machine func(claims map[string]any, client string, scopes []string)

	cases func(*corpus) // what the corpus has besides, for the style's own marks
}

// dialects are those of all styles.
var dialects map[Style]*dialect

func init() { // their corpora lead back to them
	dialects = map[Style]*dialect{
		StyleRFC9068: &rfc9068, StyleOkta: &okta, StyleGeneric: &generic,
		StyleAuth0: &auth0, StyleAuth0RFC9068: &auth0RFC9068,
		StyleEntraV1: &entraV1, StyleEntraV2: &entraV2,
		StyleKeycloak: &keycloak, StyleCognito: &cognito, StyleHydra: &hydra,
	}
}

func (s *Server) dialect() *dialect { return dialects[s.opts.Style] }

// Client, subject and scopes of an access token that is not told others.
const (
	DefaultClientID = "client"
	DefaultSubject  = "user"
	DefaultScope    = "read write"
)

// accessToken returns header and claims of a good token, without alg and kid.
func (s *Server) accessToken() (header, claims map[string]any) {
	header, claims = map[string]any{}, s.registered()
	claims["aud"] = s.opts.Audience
	d := s.dialect()
	d.access(header, claims, DefaultClientID)
	claims[d.client], claims[d.scope] = DefaultClientID, spell(d.list, "read", "write")
	return header, claims
}

// registered returns the claims that every token of the server has.
func (s *Server) registered() map[string]any {
	now := s.opts.Clock()
	return map[string]any{
		"iss": s.tokenIssuer(),
		"sub": DefaultSubject,
		"iat": now.Unix(),
		"exp": now.Add(s.opts.Lifetime).Unix(),
		"jti": rand.Text(),
	}
}

// clientToken is the access token of a client that acts for itself: it is its
// own subject (RFC 9068 section 2.2), and there is no user.
func (s *Server) clientToken(id string, scopes, aud []string) string {
	return s.AccessToken(ClientID(id), Subject(id), Scope(scopes...), func(header, claims map[string]any) {
		if len(aud) > 0 {
			Audience(aud...)(header, claims)
		}
		if machine := s.dialect().machine; machine != nil {
			machine(claims, id, scopes)
		}
	})
}

// set sets and unset removes claims.
func set(claims, values map[string]any) { maps.Copy(claims, values) }

func unset(claims map[string]any, names ...string) {
	for _, name := range names {
		delete(claims, name)
	}
}

// hash has the form of at_hash (OpenID Connect Core section 3.1.3.6).
var hash = b64.EncodeToString(make([]byte, 16))

// openID are the claims of ID tokens that most servers have.
func openID(claims map[string]any) {
	set(claims, map[string]any{"nonce": rand.Text(), "at_hash": hash, "auth_time": claims["iat"]})
}

// loggedOut are the claims of OpenID Connect Back-Channel Logout section 2.4.
func loggedOut(header, claims map[string]any, _ string) {
	header["typ"] = "logout+jwt"
	set(claims, map[string]any{
		"sid":    rand.Text(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	})
}

// asType is a token that is nothing but that type.
func asType(typ string) func(header, claims map[string]any, _ string) {
	return func(header, _ map[string]any, _ string) { header["typ"] = typ }
}
