package middleware

import (
	"net/http"
	"slices"

	"github.com/bearerguard/bearerguard/validator"
)

// ErrorHandler writes the answer to a request that Require or Routes refused, in
// the place of the standard one. cause is the refusal, for logs: only its
// Challenge.Code and Description are for the client, and there is no Code where there is
// no token or no decision. The headers of answer are set on w already.
//
// It cannot let the request through, and w keeps it honest: the status is that of
// the answer unless the handler chooses another from 400 to 599 (404 instead of
// 403, say, RFC 9110 15.5.4; what is 503 stays above 499, for nothing was
// decided), the answer is no-store, and a 401 has its challenge (15.5.2) and the nonce
// that this asks for (RFC 9449 9). A 404 has no challenge but one of the handler's own:
// the prepared one says what is there, and which scope it takes. A handler that writes
// nothing leaves the standard answer, so that it may just count.
// It must be safe for concurrent use.
type ErrorHandler func(w http.ResponseWriter, r *http.Request, cause *validator.Error, answer Answer)

// sealed is the ResponseWriter of an ErrorHandler. It has no Unwrap: there is no
// way around it to the connection.
type sealed struct {
	w       http.ResponseWriter
	answer  Answer
	written bool
}

func (s *sealed) Header() http.Header { return s.w.Header() }

func (s *sealed) WriteHeader(status int) {
	if s.written {
		return
	}
	s.written = true
	undecided := s.answer.Status == http.StatusServiceUnavailable
	if status < 400 || status > 599 || undecided && status < 500 {
		status = s.answer.Status
	}
	header := s.w.Header()
	header.Set("Cache-Control", "no-store")
	for _, name := range []string{"Www-Authenticate", "Dpop-Nonce"} {
		if values := s.answer.Header[name]; status == http.StatusUnauthorized && len(values) > 0 && header.Get(name) == "" {
			header[name] = values
		}
	}
	if status == http.StatusNotFound && slices.Equal(header["Www-Authenticate"], s.answer.Header["Www-Authenticate"]) {
		header.Del("Www-Authenticate") // or nothing would be hidden (RFC 9110 15.5.4)
	}
	s.w.WriteHeader(status)
}

func (s *sealed) Write(body []byte) (int, error) {
	s.WriteHeader(s.answer.Status)
	return s.w.Write(body)
}
