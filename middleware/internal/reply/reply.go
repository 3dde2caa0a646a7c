// Package reply is what clients are told of a refusal, whatever the transport: it
// is the only writer of challenges.
package reply

import (
	"errors"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/validator"
)

// Refusal is err, which package validator always makes an *Error. Any other, nil
// included, is a refusal that nobody decided.
func Refusal(err error) *validator.Error {
	var e *validator.Error
	if !errors.As(err, &e) || e == nil {
		return validator.NewError("", "") // undecided, not bad
	}
	return e
}

// PresentedAs notes in a refusal how the token was presented. It is a copy: who else got
// the same refusal may have presented it otherwise.
func PresentedAs(scheme validator.Scheme, err error) error {
	var e *validator.Error
	if !errors.As(err, &e) || e == nil {
		return err
	}
	own := *e
	own.Challenge.Scheme = scheme
	return &own
}

// unknownWait is what a client is told when nobody knows how long to wait.
const unknownWait = 10 * time.Second

// Wait is how long a client is told to wait; never 0, which would invite the next
// request at once.
func Wait(retryAfter time.Duration) time.Duration {
	if retryAfter <= 0 {
		return unknownWait
	}
	return retryAfter
}

// Printable reports whether text can stand in a quoted-string (RFC 9110 5.6.4).
func Printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}
