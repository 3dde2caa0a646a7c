package validatortest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	openIDSuffix  = "/.well-known/openid-configuration"       // OpenID Connect Discovery section 4
	rfc8414Prefix = "/.well-known/oauth-authorization-server" // RFC 8414 section 3.1
)

// endpoint is an address of the server that can be made to fail on its own.
type endpoint struct {
	requests counter

	// Guarded by Server.mu.
	mode  Mode // ModeUp: the server's
	delay time.Duration
	holds []chan struct{}
}

// handle answers all requests.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	// Read now: net/http notices that a client left only behind the body.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, "unreadable body", http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	path := strings.TrimSuffix(s.opts.Path, "/")
	switch r.URL.Path {
	case path + openIDSuffix, rfc8414Prefix + path:
		s.answer(w, r, &s.metadataEndpoint, s.serveMetadata)
	case path + "/v1/keys":
		set := s.KeySet()
		s.answer(w, r, &s.keyEndpoint, func(w http.ResponseWriter, r *http.Request) { serveJSON(w, r, set) })
	case path + "/v1/token":
		s.answer(w, r, &s.tokenEndpoint, s.serveToken)
	case path + "/v1/introspect":
		s.answer(w, r, &s.introspectionEndpoint, s.introspect(r))
	case path + outsidePath:
		s.mu.Lock()
		set := s.outsideSet
		s.mu.Unlock()
		serveJSON(w, r, set)
	default:
		http.NotFound(w, r)
	}
}

// answer counts a request and lets h answer, unless the mode forbids. What h
// says of keys and tokens is decided before the request counts: who waits for
// the count may then change them.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, e *endpoint, h http.HandlerFunc) {
	stall := s.stall(r, e) // the holds of now, too
	e.requests.add()
	stall()
	if m := s.settle(r, e); m != ModeUp {
		misbehave(w, m)
		return
	}
	h(w, r)
}

// SetMetadata edits the discovery document each time before it is served. Nil
// leaves it as it was. The function may be called from several goroutines at
// once, each time with a new document.
func (s *Server) SetMetadata(edit func(document map[string]any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.edit = edit
}

func (s *Server) serveMetadata(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	edit, algs := s.edit, s.ring.algorithms()
	s.mu.Unlock()
	authentication := []string{"client_secret_basic", "client_secret_post"}
	document := map[string]any{
		"issuer":                                s.issuer,
		"jwks_uri":                              s.JWKSURL(),
		"token_endpoint":                        s.TokenURL(),
		"token_endpoint_auth_methods_supported": authentication,
		"introspection_endpoint":                s.IntrospectionURL(),
		"introspection_endpoint_auth_methods_supported": authentication,
		"grant_types_supported":                         []string{"client_credentials"},
		"response_types_supported":                      []string{"none"},
		"subject_types_supported":                       []string{"public"},
		"id_token_signing_alg_values_supported":         algs,
	}
	if edit != nil {
		edit(document)
	}
	serveJSON(w, r, mustJSON(document))
}

// serveJSON answers GET and HEAD, with an ETag and 304 where If-None-Match
// names it (RFC 9110 section 13.1.2).
func serveJSON(w http.ResponseWriter, r *http.Request, body []byte) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		notAllowed(w, "GET, HEAD")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(body))))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

func notAllowed(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
}
