package validatortest

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// SetDelay makes each answer with the key set wait for d. The answer is the
// set as it was when the request arrived: a slow server knows nothing newer.
func (s *Server) SetDelay(d time.Duration) { s.setDelay(&s.keyEndpoint, d) }

// SetIntrospectionDelay makes each answer about a token wait for d. It says
// what was true when the request arrived.
func (s *Server) SetIntrospectionDelay(d time.Duration) { s.setDelay(&s.introspectionEndpoint, d) }

func (s *Server) setDelay(e *endpoint, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.delay = d
}

// Hold makes requests for the key set that arrive from now on wait until
// release is called, which may be done more than once. They are answered with
// the set as it was when they arrived.
func (s *Server) Hold() (release func()) { return s.hold(&s.keyEndpoint) }

// HoldIntrospection is [Server.Hold] for requests to the introspection
// endpoint. The answers say what was true when the requests arrived.
func (s *Server) HoldIntrospection() (release func()) { return s.hold(&s.introspectionEndpoint) }

func (s *Server) hold(e *endpoint) (release func()) {
	h := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	e.holds = append(e.holds, h)
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		e.holds = slices.DeleteFunc(e.holds, func(c chan struct{}) bool { return c == h })
		close(h)
	})
}

// stall returns what waits for the holds and the delay that are set as the request
// arrives.
func (s *Server) stall(r *http.Request, e *endpoint) (wait func()) {
	s.mu.Lock()
	holds, delay := slices.Clone(e.holds), e.delay
	s.mu.Unlock()
	return func() {
		for _, h := range holds {
			await(s, r, h)
		}
		if delay > 0 {
			t := time.NewTimer(delay)
			defer t.Stop()
			await(s, r, t.C)
		}
	}
}

// await waits for c; if the client leaves or the server closes before, it
// ends the request.
func await[T any](s *Server, r *http.Request, c <-chan T) {
	select {
	case <-c:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	case <-s.closing:
		panic(http.ErrAbortHandler)
	}
}
