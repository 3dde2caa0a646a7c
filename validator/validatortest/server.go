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
	// Path of the issuer, such as "/oauth2/default". Default: the style's, or
	// none. It begins with a slash; one at its end is part of the issuer's
	// name, but not of the addresses below it. That of an Entra style begins
	// with the tenant: a GUID, or {tenantid}.
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

	// Audience is the aud of tokens, where the style has one. Default
	// "api://default". A token request overrides it with resource (RFC 8707)
	// or audience.
	Audience string

	// OpaquePrefix begins the tokens of [Server.OpaqueToken], such as
	// "oat_". Default "": none.
	OpaquePrefix string
}

func (o Options) withDefaults() Options {
	if o.Path == "" {
		o.Path = dialects[o.Style].path
	}
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

	metadataEndpoint, keyEndpoint, tokenEndpoint, introspectionEndpoint, listEndpoint endpoint

	mu          sync.Mutex // guards all below
	ring        ring
	clients     map[string]client
	served      []byte                       // instead of the real key set; nil: that
	edit        func(map[string]any)         // of the metadata; may be nil
	editAnswer  func(string, map[string]any) // of introspection; may be nil
	overKeys    http.HandlerFunc             // of the corpus, in place of the key set; nil: that
	overAnswers http.HandlerFunc             // of the corpus, in place of introspection; nil: that
	lists       map[string]http.HandlerFunc  // status lists of the corpus, by path
	opaque      map[string][]byte            // claims of the opaque tokens that are not revoked, as JSON
	revoked     map[string]bool              // JWTs, by what they sign
	mode        Mode
	modeChanged chan struct{} // closed and replaced by each change of a mode
	outsider    crypto.Signer // the attacker of the corpus; nil before it
	outsideSet  []byte        // their key set
	material    material      // of the key sets of the corpus
}

// Start starts a server on a free port of 127.0.0.1. The caller closes it.
func Start(o Options) (*Server, error) {
	if dialects[o.Style] == nil {
		return nil, fmt.Errorf("validatortest: there is no style %d", o.Style)
	}
	o = o.withDefaults()
	if err := o.checkPath(); err != nil {
		return nil, err
	}
	s := &Server{
		opts:        o,
		closing:     make(chan struct{}),
		clients:     map[string]client{},
		lists:       map[string]http.HandlerFunc{},
		opaque:      map[string][]byte{},
		revoked:     map[string]bool{},
		modeChanged: make(chan struct{}),
	}
	signer, err := newSigner(o.Algorithm)
	if err != nil {
		return nil, err
	}
	s.ring.named = s.dialect().kid
	s.ring.current = s.ring.add(o.Algorithm, signer, true)
	if err := s.addEncryption(); err != nil {
		return nil, err
	}
	if err := s.listen(); err != nil {
		s.ring.giveBack()
		return nil, err
	}
	return s, nil
}

func (o Options) checkPath() error {
	if o.Path != "" && !strings.HasPrefix(o.Path, "/") {
		return fmt.Errorf("validatortest: the path %q does not begin with a slash", o.Path)
	}
	if o.Style != StyleEntraV1 && o.Style != StyleEntraV2 || strings.HasPrefix(o.Path, "/"+tenantID+"/") {
		return nil
	}
	if _, tenant := cutTenant(o.Path); tenant == "" || tenant == common {
		return fmt.Errorf("validatortest: the path %q does not begin with a tenant", o.Path)
	}
	return nil
}

// EncryptionKID names the key for encryption that a server of [StyleKeycloak]
// lists. [Server.MintWith] signs with it by RS256: by mistake.
const EncryptionKID = "enc"

// addEncryption lists a key that is not for signing, as Keycloak does.
func (s *Server) addEncryption() error {
	if !s.dialect().encKey {
		return nil
	}
	k, err := rsaKeys.take()
	if err != nil {
		return err
	}
	s.ring.keys = append(s.ring.keys, key{kid: EncryptionKID, alg: "RSA-OAEP", listed: true, encrypts: true})
	s.ring.rekey(EncryptionKID, k)
	return nil
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

// Client returns an HTTP client that trusts the server's certificate. It is
// one client for all callers: change a copy.
func (s *Server) Client() *http.Client { return s.http.Client() }
