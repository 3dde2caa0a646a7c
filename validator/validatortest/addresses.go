package validatortest

import "strings"

const (
	openIDSuffix  = "/.well-known/openid-configuration"       // OpenID Connect Discovery section 4
	rfc8414Prefix = "/.well-known/oauth-authorization-server" // RFC 8414 section 3.1
)

// endpoints are the paths of a server.
type endpoints struct {
	base                       string // of whatever else its metadata name
	keys, token, introspection string
	named                      bool // the metadata name introspection
}

func (s *Server) endpoints() endpoints {
	path := s.path()
	of := s.dialect().endpoints
	if of == nil {
		return endpoints{path, path + "/v1/keys", path + "/v1/token", path + "/v1/introspect", true}
	}
	at := of(path)
	if at.introspection == "" { // the real one has none
		at.introspection = at.base + "/introspect"
	}
	return at
}

// path is that of the issuer without a slash at its end, as RFC 8414 section
// 3.1 and OpenID Connect Discovery section 4.1 append to it.
func (s *Server) path() string { return strings.TrimSuffix(s.opts.Path, "/") }

// rfc8414Path is where RFC 8414 wants the metadata; empty where the style's
// server does not have them there.
func (s *Server) rfc8414Path() string {
	if s.dialect().noRFC8414 {
		return ""
	}
	return rfc8414Prefix + s.path()
}

// origin is the issuer without its path.
func (s *Server) origin() string { return strings.TrimSuffix(s.issuer, s.opts.Path) }

// address is where a path of the server is found from outside: at "common" for
// all tenants, if it has them.
func (s *Server) address(path string) string {
	return s.origin() + strings.Replace(path, tenantID, common, 1)
}

// Issuer is the exact iss of the tokens, such as
// "http://127.0.0.1:4321/oauth2/default". That of a server of all tenants has
// {tenantid} in place of one: see [StyleEntraV1].
func (s *Server) Issuer() string { return s.issuer }

// JWKSURL is the address of the key set (RFC 7517 section 5).
func (s *Server) JWKSURL() string { return s.address(s.endpoints().keys) }

// MetadataURL is the address of the OpenID Connect discovery document. The
// same document is served where RFC 8414 section 3.1 wants it by those styles
// whose servers do so, which are all but Entra, Keycloak, Cognito and Hydra.
func (s *Server) MetadataURL() string { return s.address(s.path() + openIDSuffix) }

// TokenURL is the address of the token endpoint (RFC 6749 section 3.2).
func (s *Server) TokenURL() string { return s.address(s.endpoints().token) }

// IntrospectionURL is the address of the introspection endpoint (RFC 7662
// section 2). There is one under every style; the metadata name it as those of
// the style's server do: not those of Auth0, Entra and Cognito, which have
// none, nor of Hydra, where it is for administrators.
func (s *Server) IntrospectionURL() string { return s.address(s.endpoints().introspection) }
