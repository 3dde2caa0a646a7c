package introspect

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/internal/remote"
)

// Answer is what the server says about a token.
type Answer struct {
	// Active is the one member that is always there (RFC 7662 2.2).
	Active bool
	// Text is the whole answer, one strict JSON object. Of its members only active
	// was looked at.
	Text string
	// SentAt is when the question was sent, by Server.Clock: what was revoked later
	// may not be in the answer.
	SentAt time.Time
}

var answerNames = jose.NewNames("active")

// readActive reads the answer strictly: duplicates, look-alikes of active,
// invalid UTF-8 and trailing data could make somebody else see another answer.
func readActive(text string) (active bool, err error) {
	o := jose.ReadObject(text, answerNames)
	defer o.Close()
	found := false
	for o.Next() {
		if o.Name() != "active" {
			continue
		}
		switch o.Kind() {
		case jsontext.KindTrue, jsontext.KindFalse:
			active, found = o.Kind() == jsontext.KindTrue, true
		default:
			o.Refuse() // "true" and 1 are no answer to a question of yes or no
		}
	}
	if err := o.Err(); err != nil {
		return false, err
	}
	if !found {
		return false, errors.New("it has no member active")
	}
	return active, nil
}

// problem is what a reply other than 200 means.
func problem(reply remote.Reply) *Error {
	detail := http.StatusText(reply.Status)
	if detail == "" {
		detail = "unknown status"
	}
	code := errorCode(reply.Body)
	if code != "" {
		detail += ", " + code
	}
	e := &Error{Kind: Unavailable, Detail: detail}
	switch {
	case failing(reply.Status):
		e.RetryAfter = reply.RetryAfter
	case reply.Status == http.StatusUnauthorized, reply.Status == http.StatusForbidden,
		reply.Status == http.StatusBadRequest && (code == "invalid_client" || code == "unauthorized_client"):
		e.Kind = Denied // RFC 7662 2.3
	case reply.Status == http.StatusBadRequest && code == "unsupported_token_type":
		e.Kind = Unsupported // RFC 7009 2.2.1, which servers use here too
	}
	return e
}

// failing reports whether a status says that the server is in trouble, whatever
// the token.
func failing(status int) bool {
	return status == http.StatusTooManyRequests || status >= 500
}

// overloaded reports whether a status says so, or that the server behind a gateway
// does not reply.
func overloaded(status int) bool {
	return status == http.StatusTooManyRequests || status >= http.StatusBadGateway && status <= http.StatusGatewayTimeout
}

// errorCodes are those of RFC 6749 5.2, RFC 6750 3.1 and RFC 7009 2.2.1.
var errorCodes = []string{"invalid_request", "invalid_client", "unauthorized_client", "unsupported_token_type", "invalid_token", "insufficient_scope"}

// errorCode is the error code in a reply; empty for one that nobody knows: it could
// be anything, the token included.
func errorCode(body []byte) string {
	var refusal struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &refusal) != nil || !slices.Contains(errorCodes, refusal.Error) {
		return ""
	}
	return refusal.Error
}
