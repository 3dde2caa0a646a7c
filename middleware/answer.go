package middleware

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/validator"
)

// challenges writes the answers of a Guard. What a client is told is chosen by
// the class of the refusal alone; the cause is for logs.
type challenges struct{ realm string }

func newChallenges(realm string) challenges { return challenges{realm} }

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

// write answers the request. There is no body: the header says all there is.
func (c challenges) write(w http.ResponseWriter, e *validator.Error) {
	status := statusOf(e)
	header := w.Header()
	header.Set("Cache-Control", "no-store") // an answer to one caller's token is nobody else's
	if status == http.StatusServiceUnavailable {
		header.Set("Retry-After", retryAfter(e.RetryAfter))
	} else {
		header.Set("WWW-Authenticate", c.challenge(e.Challenge))
	}
	w.WriteHeader(status)
}

// challenge is the Bearer challenge of RFC 6750 3, bare when there is no error
// code: a request without a token has done nothing wrong yet.
func (c challenges) challenge(ch validator.Challenge) string {
	var b strings.Builder
	b.WriteString("Bearer")
	separator := " "
	parameter := func(name, value string) {
		if value == "" {
			return
		}
		b.WriteString(separator)
		separator = ", "
		b.WriteString(name)
		b.WriteString(`="`)
		b.WriteString(quoted.Replace(value))
		b.WriteByte('"')
	}
	parameter("realm", c.realm)
	parameter("error", ch.Code)
	parameter("error_description", ch.Description)
	parameter("scope", strings.Join(ch.Scope, " "))
	return b.String()
}

// quoted escapes what a quoted-string cannot hold as it is (RFC 9110 5.6.4).
var quoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// printable reports whether text can stand in a quoted-string.
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// unknownWait is what a client is told when nobody knows how long to wait.
const unknownWait = 10 * time.Second

// retryAfter is delay-seconds (RFC 9110 10.2.3), rounded up: 0 would invite the
// next request at once.
func retryAfter(wait time.Duration) string {
	if wait <= 0 {
		wait = unknownWait
	}
	return strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10)
}
