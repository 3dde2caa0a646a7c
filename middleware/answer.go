package middleware

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/bearerguard/bearerguard/middleware/internal/reply"
	"github.com/bearerguard/bearerguard/validator"
)

// Answer is what a request that is not let through is answered with. It is chosen
// by the class of the refusal alone: the cause is for logs.
type Answer struct {
	// Status is 400, 401, 403 or 503.
	Status int
	// Header has Cache-Control, and WWW-Authenticate (a value for each scheme) or (with
	// 503) Retry-After, and DPoP-Nonce where the challenge asks for one.
	Header http.Header
}

// answers writes the answers of a Guard.
type answers struct {
	challenges reply.Challenges
	handler    ErrorHandler
}

// statuses maps classes to status codes (RFC 6750 3.1, RFC 9470 3). A class that
// is not here is a refusal that nobody decided: 503.
var statuses = []struct {
	class  error
	status int
}{
	{validator.ErrNoToken, http.StatusUnauthorized},
	{validator.ErrInvalidRequest, http.StatusBadRequest},
	{validator.ErrInvalidToken, http.StatusUnauthorized},
	{validator.ErrInvalidProof, http.StatusUnauthorized},
	{validator.ErrInsufficientAuthentication, http.StatusUnauthorized},
	{validator.ErrInsufficientScope, http.StatusForbidden},
}

func statusOf(err error) int {
	for _, s := range statuses {
		if errors.Is(err, s.class) {
			return s.status
		}
	}
	return http.StatusServiceUnavailable
}

func (a *answers) prepare(e *validator.Error) Answer {
	answer := Answer{statusOf(e), http.Header{"Cache-Control": {"no-store"}}} // an answer to one caller's token is nobody else's
	if answer.Status == http.StatusServiceUnavailable {
		answer.Header.Set("Retry-After", retryAfter(e.RetryAfter))
	} else {
		answer.Header["Www-Authenticate"] = a.challenges.Values(answer.Status, e.Challenge)
	}
	if nonce := e.Challenge.Nonce; nonce != "" && reply.Printable(nonce) { // RFC 9449 9
		answer.Header.Set(nonceHeader, nonce)
	}
	return answer
}

// write answers a request; a nil r is one that the caller did not name.
func (a *answers) write(w http.ResponseWriter, r *http.Request, e *validator.Error) {
	answer := a.prepare(e)
	answer.set(w.Header())
	if a.handler != nil && r != nil {
		s := &sealed{w: w, answer: answer}
		a.handler(s, r, e, Answer{answer.Status, answer.Header.Clone()})
		if s.written {
			return
		}
		answer.set(w.Header()) // whatever it did to them: the answer is the standard one
	}
	answer.writeProblem(w, r, e.Challenge)
}

func (a Answer) set(header http.Header) {
	header.Del("Content-Length") // of what the handler meant to say
	maps.Copy(header, a.Header)
}

// problem is the body (RFC 9457). Without a type, the title is the status code's
// (4.2.1). There is nothing in it that the challenge does not say too.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"` // error_description
	Error  string `json:"error,omitempty"`  // the code of RFC 6750 3.1
}

func (a Answer) writeProblem(w http.ResponseWriter, r *http.Request, ch validator.Challenge) {
	body, _ := json.Marshal(problem{http.StatusText(a.Status), a.Status, ch.Description, ch.Code}) // strings and a number
	w.Header().Set("Content-Type", "application/problem+json")
	if r != nil && r.Method == http.MethodHead { // RFC 9110 9.3.2: the header of a GET, and no body
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		body = nil
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(body) // a client that left is told nothing
}

// retryAfter is delay-seconds (RFC 9110 10.2.3), rounded up.
func retryAfter(wait time.Duration) string {
	return strconv.FormatInt(int64((reply.Wait(wait)+time.Second-1)/time.Second), 10)
}
