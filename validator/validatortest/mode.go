package validatortest

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Mode is how the server answers, or one of its endpoints.
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

// SetMode changes how the server answers, at all its endpoints alike that have
// no mode of their own. Requests that hang are answered in the new mode.
func (s *Server) SetMode(m Mode) { s.setMode(&s.mode, m) }

// SetKeysMode changes how requests for the key set alone are answered,
// whatever the mode of the server. [ModeUp] leaves them to [Server.SetMode]
// again.
func (s *Server) SetKeysMode(m Mode) { s.setMode(&s.keyEndpoint.mode, m) }

// SetIntrospectionMode is [Server.SetKeysMode] for the introspection endpoint.
func (s *Server) SetIntrospectionMode(m Mode) { s.setMode(&s.introspectionEndpoint.mode, m) }

func (s *Server) setMode(mode *Mode, m Mode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*mode = m
	close(s.modeChanged)
	s.modeChanged = make(chan struct{})
}

// settle returns the mode for an endpoint to answer in, after any hanging.
func (s *Server) settle(r *http.Request, e *endpoint) Mode {
	for {
		s.mu.Lock()
		mode, changed := e.mode, s.modeChanged
		if mode == ModeUp {
			mode = s.mode
		}
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
