package validatortest

import (
	"net/http"
	"strings"
)

// SetMetadata edits the discovery document each time before it is served. Nil
// leaves it as it was. The function may be called from several goroutines at
// once, each time with a new document.
func (s *Server) SetMetadata(edit func(document map[string]any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.edit = edit
}

func (s *Server) serveMetadata(w http.ResponseWriter, r *http.Request, tenant string) {
	s.mu.Lock()
	edit, algs := s.edit, s.ring.algorithms()
	s.mu.Unlock()
	document := s.document(tenant, algs)
	if edit != nil {
		edit(document)
	}
	serveJSON(w, r, mustJSON(document))
}

// document is the metadata, of a tenant if the server is that of all.
func (s *Server) document(tenant string, algs []string) map[string]any {
	at := s.endpoints()
	address := func(path string) string { return strings.Replace(s.origin()+path, tenantID, tenant, 1) }
	authentication := []string{"client_secret_basic", "client_secret_post"}
	document := map[string]any{
		"issuer":                                s.issuer,
		"jwks_uri":                              address(at.keys),
		"token_endpoint":                        address(at.token),
		"token_endpoint_auth_methods_supported": authentication,
		"grant_types_supported":                 []string{"client_credentials"},
		"response_types_supported":              []string{"none"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": algs,
	}
	if tenant != common { // the one of all names all of them
		document["issuer"] = strings.Replace(s.issuer, tenantID, tenant, 1)
	}
	if at.named {
		document["introspection_endpoint"] = address(at.introspection)
		document["introspection_endpoint_auth_methods_supported"] = authentication
	}
	if add := s.dialect().metadata; add != nil {
		add(document, func(path string) string { return address(at.base + path) })
	}
	return document
}
