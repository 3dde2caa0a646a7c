package validatortest

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Mode is how the server answers, at all its endpoints alike.
type Mode int

const (
	ModeUp        Mode = iota // as it should
	ModeDown                  // cuts the connection without an answer
	ModeHang                  // does not answer until the mode changes, the client leaves or the server closes
	ModeError                 // 500
	ModeGarbage               // 200 with the HTML of a login page
	ModeTruncated             // announces more bytes than it sends, then cuts
	ModeHuge                  // 10 MiB of JSON
	ModeNotFound              // 404
)

// SetMode changes how the server answers. Requests that hang are answered in
// the new mode.
func (s *Server) SetMode(m Mode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode = m
	close(s.modeChanged)
	s.modeChanged = make(chan struct{})
}

// SetDelay makes each answer with the key set wait for d. The answer is the
// set as it was when the request arrived: a slow server knows nothing newer.
func (s *Server) SetDelay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}

// Hold makes requests for the key set that arrive from now on wait until
// release is called, which may be done more than once. They are answered with
// the set as it was when they arrived.
func (s *Server) Hold() (release func()) {
	h := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds = append(s.holds, h)
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.holds = slices.DeleteFunc(s.holds, func(c chan struct{}) bool { return c == h })
		close(h)
	})
}

// stall waits for the holds and the delay that are set as the request arrives.
func (s *Server) stall(r *http.Request) {
	s.mu.Lock()
	holds, delay := slices.Clone(s.holds), s.delay
	s.mu.Unlock()
	for _, h := range holds {
		await(s, r, h)
	}
	if delay > 0 {
		t := time.NewTimer(delay)
		defer t.Stop()
		await(s, r, t.C)
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

// settle returns the mode to answer in, after any hanging.
func (s *Server) settle(r *http.Request) Mode {
	for {
		s.mu.Lock()
		mode, changed := s.mode, s.modeChanged
		s.mu.Unlock()
		if mode != ModeHang {
			return mode
		}
		await(s, r, changed)
	}
}

const loginPage = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>" +
	"<body><form method=post><input name=user><input name=password type=password></form></body></html>\n"

const hugeSize = 10 << 20

// misbehave answers in any mode but ModeUp.
func misbehave(w http.ResponseWriter, m Mode) {
	switch m {
	case ModeError:
		http.Error(w, "internal server error", http.StatusInternalServerError)
	case ModeGarbage:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, loginPage)
	case ModeTruncated:
		truncate(w)
	case ModeHuge:
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"keys":[{"kty":"oct","k":"`)
		io.Copy(w, io.LimitReader(endless{}, hugeSize))
		io.WriteString(w, `"}]}`)
	case ModeNotFound:
		http.Error(w, "not found", http.StatusNotFound)
	default: // ModeDown
		panic(http.ErrAbortHandler) // net/http cuts the connection
	}
}

func truncate(w http.ResponseWriter) {
	part := `{"keys":[` + strings.Repeat(" ", 64)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(2*len(part)))
	io.WriteString(w, part)
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// endless reads as the letter A without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'A'
	}
	return len(p), nil
}
