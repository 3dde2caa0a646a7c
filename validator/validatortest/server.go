package validatortest

import (
	"crypto"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// Options say what kind of server to start. The zero value is usable.
type Options struct {
	// Path of the issuer, such as "/oauth2/default". Default "": none. It
	// begins with a slash; one at its end is part of the issuer's name, but
	// not of the addresses below it.
	Path string

	// TLS serves HTTPS, with a certificate that [Server.Client] trusts.
	TLS bool

	// Algorithm of the first signing key. Default RS256.
	Algorithm string

	// Style says how tokens spell client and scope. Default [StyleRFC9068].
	Style Style

	// Clock gives iat and exp of the tokens. Default [time.Now]. It is
	// called from several goroutines at once.
	Clock func() time.Time

	// Lifetime of access tokens. Default one hour.
	Lifetime time.Duration

	// Audience is the aud of tokens. Default "api://default". A token
	// request overrides it with resource (RFC 8707) or audience.
	Audience string

	// OpaquePrefix begins the tokens of [Server.OpaqueToken], such as
	// "oat_". Default "": none.
	OpaquePrefix string
}

func (o Options) withDefaults() Options {
	if o.Algorithm == "" {
		o.Algorithm = "RS256"
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Lifetime == 0 {
		o.Lifetime = time.Hour
	}
	if o.Audience == "" {
		o.Audience = "api://default"
	}
	return o
}

// Server is an authorization server on a loopback port. All methods may be
// called from several goroutines at once.
type Server struct {
	opts   Options
	http   *httptest.Server
	issuer string

	closing chan struct{} // closed by Close; ends every wait of a request
	close   sync.Once

	metadataEndpoint, keyEndpoint, tokenEndpoint, introspectionEndpoint endpoint

	mu          sync.Mutex // guards all below
	ring        ring
	clients     map[string]client
	served      []byte                       // instead of the real key set; nil: that
	edit        func(map[string]any)         // of the metadata; may be nil
	editAnswer  func(string, map[string]any) // of introspection; may be nil
	opaque      map[string][]byte            // claims of the opaque tokens that are not revoked, as JSON
	revoked     map[string]bool              // JWTs, by what they sign
	mode        Mode
	modeChanged chan struct{} // closed and replaced by each change of a mode
	outsider    crypto.Signer // the attacker of the corpus; nil before it
	outsideSet  []byte        // their key set
}

// Start starts a server on a free port of 127.0.0.1. The caller closes it.
func Start(o Options) (*Server, error) {
	o = o.withDefaults()
	if o.Path != "" && !strings.HasPrefix(o.Path, "/") {
		return nil, fmt.Errorf("validatortest: the path %q does not begin with a slash", o.Path)
	}
	s := &Server{
		opts:        o,
		closing:     make(chan struct{}),
		clients:     map[string]client{},
		opaque:      map[string][]byte{},
		revoked:     map[string]bool{},
		modeChanged: make(chan struct{}),
	}
	signer, err := newSigner(o.Algorithm)
	if err != nil {
		return nil, err
	}
	s.ring.current = s.ring.add(o.Algorithm, signer, true)
	if err := s.listen(); err != nil {
		s.ring.giveBack()
		return nil, err
	}
	return s, nil
}

func (s *Server) listen() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("validatortest: %w", err)
	}
	s.http = &httptest.Server{Listener: l, Config: &http.Server{
		Handler:           http.HandlerFunc(s.handle),
		ErrorLog:          log.New(io.Discard, "", 0),
		ReadHeaderTimeout: time.Minute,
	}}
	// One connection per request: on a reused one that is cut, Go's client
	// asks again by itself, and the counts of requests would be off.
	s.http.Config.SetKeepAlivesEnabled(false)
	scheme := "http://"
	if s.opts.TLS {
		scheme = "https://"
	}
	s.issuer = scheme + l.Addr().String() + s.opts.Path
	if s.opts.TLS {
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	return nil
}

// Close stops the server, cuts what still waits and leaves no goroutine.
// Calling it again does nothing. Its RSA keys may appear in servers started
// later, for making them is slow; servers that live side by side share none.
func (s *Server) Close() {
	s.close.Do(func() {
		close(s.closing)
		s.http.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ring.giveBack()
	})
}

// Issuer is the exact iss of the tokens, such as
// "http://127.0.0.1:4321/oauth2/default".
func (s *Server) Issuer() string { return s.issuer }

// JWKSURL is the address of the key set (RFC 7517 section 5).
func (s *Server) JWKSURL() string { return s.base() + "/v1/keys" }

// MetadataURL is the address of the OpenID Connect discovery document. The
// same document is served where RFC 8414 section 3.1 wants it.
func (s *Server) MetadataURL() string { return s.base() + openIDSuffix }

// TokenURL is the address of the token endpoint (RFC 6749 section 3.2).
func (s *Server) TokenURL() string { return s.base() + "/v1/token" }

// IntrospectionURL is the address of the introspection endpoint (RFC 7662
// section 2).
func (s *Server) IntrospectionURL() string { return s.base() + "/v1/introspect" }

// Client returns an HTTP client that trusts the server's certificate. It is
// one client for all callers: change a copy.
func (s *Server) Client() *http.Client { return s.http.Client() }

// base is the issuer without a slash at its end, as RFC 8414 section 3.1 and
// OpenID Connect Discovery section 4.1 append to it.
func (s *Server) base() string { return strings.TrimSuffix(s.issuer, "/") }
