package validatortest

import (
	"crypto/rand"
	"maps"
)

// Style is how the tokens of a server spell the kind of token, the client and
// the scope.
type Style int

const (
	// StyleRFC9068 is a JWT access token of RFC 9068: header typ at+jwt,
	// claims iss, sub, aud, exp, iat, jti, client_id, and scope, a string.
	StyleRFC9068 Style = iota

	// StyleOkta is a token of an Okta custom authorization server: no
	// header typ, claims ver, jti "AT.…", iss, aud, sub, iat, exp, cid, scp,
	// an array, and uid if it is about a user.
	StyleOkta

	// StyleGeneric has the header typ JWT and the claims client_id and scope.
	StyleGeneric
)

// clientClaim and scopeClaim are the names of the style.
func (s Style) clientClaim() string {
	if s == StyleOkta {
		return "cid"
	}
	return "client_id"
}

func (s Style) scopeClaim() string {
	if s == StyleOkta {
		return "scp"
	}
	return "scope"
}

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
	switch s.opts.Style {
	case StyleOkta:
		maps.Copy(claims, map[string]any{
			"ver": 1, "jti": "AT." + rand.Text(), "uid": "00u-" + DefaultSubject,
			"cid": DefaultClientID, "scp": []string{"read", "write"},
		})
		return header, claims
	case StyleGeneric:
		header["typ"] = "JWT"
	default:
		header["typ"] = "at+jwt" // RFC 9068 section 2.1
	}
	claims["client_id"], claims["scope"] = DefaultClientID, DefaultScope
	return header, claims
}

// registered returns the claims that every token of the server has.
func (s *Server) registered() map[string]any {
	now := s.opts.Clock()
	return map[string]any{
		"iss": s.issuer,
		"sub": DefaultSubject,
		"iat": now.Unix(),
		"exp": now.Add(s.opts.Lifetime).Unix(),
		"jti": rand.Text(),
	}
}

// clientToken is the access token of a client that acts for itself: it is its
// own subject (RFC 9068 section 2.2), and there is no user.
func (s *Server) clientToken(id string, scopes, aud []string) string {
	return s.AccessToken(ClientID(id), Subject(id), Scope(scopes...), Audience(aud...), NoClaim("uid"))
}
