package middleware

import (
	"bytes"
	"maps"
	"net/http"
)

// turnstile is the ResponseWriter of a mux that looks for the route of a request. A
// route passes through it to the real one. What the mux says of its own accord (404,
// 405, a redirect) stays here until it is known who asks.
type turnstile struct {
	w      http.ResponseWriter
	passed bool

	header http.Header // nil: nothing was said
	status int
	body   bytes.Buffer
}

func (t *turnstile) Header() http.Header {
	if t.header == nil {
		t.header = http.Header{}
	}
	return t.header
}

func (t *turnstile) WriteHeader(status int)         { t.status = status }
func (t *turnstile) Write(body []byte) (int, error) { return t.body.Write(body) }

// ServeHTTP says what the mux said.
func (t *turnstile) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	maps.Copy(w.Header(), t.header)
	w.Header().Set("Cache-Control", "no-store") // it was decided for this caller
	w.WriteHeader(t.status)
	_, _ = w.Write(t.body.Bytes()) // #nosec G705 -- the handler's own answer, held back until it was decided
}
