package middleware

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/middleware/internal/reply"
	"github.com/bearerguard/bearerguard/validator"
)

// Resource describes this API to clients (RFC 9728), so that one which knows only
// its address finds out where to get a token.
type Resource struct {
	// URL is the resource identifier (resource): the https address of this API, as
	// clients know it, without query and fragment. Required, if anything of a
	// Resource is given.
	URL string
	// Name is for people (resource_name). Default: none.
	Name string
	// Scopes are those that clients may ask for (scopes_supported). Default: nothing is
	// said; routes and their policies are not told.
	Scopes []string
	// Documentation is the address of a text for developers (resource_documentation).
	// Default: none.
	Documentation string
	// MetadataURL is where the description is, if not at the place that RFC 9728 3.1
	// gives it. Default: there.
	MetadataURL string
}

// wellKnown is registered by RFC 9728 8.2.
const wellKnown = "/.well-known/oauth-protected-resource"

// ResourceMetadataPath returns the path at which the metadata of a resource is
// served: the well-known one goes between host and path of the identifier (RFC 9728
// 3.1). The error is for a resource that is no absolute URL, or has a query.
func ResourceMetadataPath(resource string) (string, error) {
	u, err := url.Parse(resource)
	switch {
	case err != nil, u.Host == "":
		return "", errors.New("middleware: the resource must be an absolute URL")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("middleware: the resource must have neither query nor fragment")
	case u.Path == "/": // "any terminating slash following the host component"
		return wellKnown, nil
	}
	return wellKnown + u.EscapedPath(), nil
}

func (s *Resource) none() bool {
	return s.URL == "" && s.Name == "" && len(s.Scopes) == 0 && s.Documentation == "" && s.MetadataURL == ""
}

// check reports every mistake.
func (s *Resource) check(insecureHTTP bool) (mistakes []error) {
	if s.none() {
		return nil
	}
	add := func(field, problem string) {
		mistakes = append(mistakes, &validator.ConfigError{Field: "Resource." + field, Problem: problem})
	}
	if err := checkAddress(s.URL, insecureHTTP); err != nil {
		add("URL", err.Error())
	} else if _, err := ResourceMetadataPath(s.URL); err != nil {
		add("URL", "must have neither query nor fragment")
	}
	for _, address := range []struct{ field, text string }{{"Documentation", s.Documentation}, {"MetadataURL", s.MetadataURL}} {
		if address.text == "" {
			continue
		}
		if err := checkAddress(address.text, insecureHTTP); err != nil {
			add(address.field, err.Error())
		}
	}
	for _, scope := range s.Scopes {
		if scope == "" || !reply.Printable(scope) || strings.ContainsAny(scope, " \"\\") {
			add("Scopes", "must be scopes (RFC 6749 3.3)")
		}
	}
	return mistakes
}

func checkAddress(text string, insecureHTTP bool) error {
	u, err := url.Parse(text)
	if err != nil {
		return errors.New("must be a URL")
	}
	if err := remote.CheckURL(u, insecureHTTP); err != nil {
		return err
	}
	if u.String() != text { // what clients compare it with (RFC 9728 3.3) is spelled like that
		return errors.New("must be spelled as a URL is")
	}
	return nil
}

func (s *Resource) metadataURL() string {
	if s.MetadataURL != "" || s.URL == "" {
		return s.MetadataURL
	}
	u, _ := url.Parse(s.URL) // check saw both
	path, _ := ResourceMetadataPath(s.URL)
	return u.Scheme + "://" + u.Host + path
}

// metadata is the document (RFC 9728 2).
type metadata struct {
	Resource      string   `json:"resource"`
	Servers       []string `json:"authorization_servers"`
	Scopes        []string `json:"scopes_supported,omitempty"`
	Methods       []string `json:"bearer_methods_supported"`
	Name          string   `json:"resource_name,omitempty"`
	Documentation string   `json:"resource_documentation,omitempty"`
	Certificates  bool     `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	Proofs        []string `json:"dpop_signing_alg_values_supported,omitempty"`
}

// document is nil for a Resource that is not there.
func (c *Config) document(issuers []string) []byte {
	s := &c.Resource
	if s.none() {
		return nil
	}
	text, _ := json.Marshal(metadata{ // strings
		Resource: s.URL, Servers: issuers, Scopes: slices.Clone(s.Scopes), Methods: []string{"header"},
		Name: s.Name, Documentation: s.Documentation, Certificates: c.MutualTLS != nil, Proofs: algorithms(c.DPoP),
	})
	return text
}

// ResourceMetadata serves the description of this API (RFC 9728 3.2), with the
// issuers of the Validator as its authorization servers. It panics for a Guard
// without a Config.Resource. It is public, and belongs at ResourceMetadataPath:
//
//	path, err := middleware.ResourceMetadataPath("https://api.example.com/orders")
//	...
//	routes.Public("GET "+path, guard.ResourceMetadata())
//
// GET and HEAD only. Clients may keep it for an hour, and ask whether it changed.
func (g *Guard) ResourceMetadata() http.Handler {
	if g.metadata == nil {
		panic(errors.New("middleware: this Guard has no Config.Resource"))
	}
	digest := sha256.Sum256(g.metadata)
	etag := `"` + base64.RawURLEncoding.EncodeToString(digest[:12]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		header := w.Header()
		header.Set("Content-Type", "application/json")
		header.Set("Cache-Control", "public, max-age=3600")
		header.Set("Etag", etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(g.metadata))
	})
}
