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
	if list := s.listAt(r.URL.Path); list != nil {
		s.answer(w, r, &s.listEndpoint, list)
		return
	}
	path, tenant := s.path(), ""
	if strings.Contains(path, tenantID) {
		r.URL.Path, tenant = cutTenant(r.URL.Path)
	}
	switch at := s.endpoints(); r.URL.Path {
	case path + openIDSuffix, s.rfc8414Path():
		s.answer(w, r, &s.metadataEndpoint, func(w http.ResponseWriter, r *http.Request) { s.serveMetadata(w, r, tenant) })
	case at.keys:
		set := s.KeySet()
		h := func(w http.ResponseWriter, r *http.Request) { serveJSON(w, r, set) }
		s.answer(w, r, &s.keyEndpoint, s.over(&s.overKeys, h))
	case at.token:
		s.answer(w, r, &s.tokenEndpoint, s.serveToken)
	case at.introspection:
		s.answer(w, r, &s.introspectionEndpoint, s.over(&s.overAnswers, s.introspect(r)))
	case path + movedPath:
		serveJSON(w, r, s.KeySet())
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

// over is what the corpus answers with, else h.
func (s *Server) over(own *http.HandlerFunc, h http.HandlerFunc) http.HandlerFunc {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *own != nil {
		return *own
	}
	return h
}

// setOver has the corpus answer until undo is called.
func (s *Server) setOver(own *http.HandlerFunc, h http.HandlerFunc) (undo func()) {
	set := func(h http.HandlerFunc) {
		s.mu.Lock()
		defer s.mu.Unlock()
		*own = h
	}
	set(h)
	return func() { set(nil) }
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
