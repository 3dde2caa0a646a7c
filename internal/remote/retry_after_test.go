package remote_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/internal/remote"
)

// RFC 9110 10.2.3 bounds the delay by nothing; more digits than an int has are
// a long delay, not an absent one.
func TestRetryAfterBeyondAnIntIsAMinute(t *testing.T) {
	_, err := get(func(r *http.Request) (*http.Response, error) {
		return respond(r, 503, strings.NewReader(""), "Retry-After", "99999999999999999999"), nil
	}, address, "")
	assert.Equal(t, time.Minute, kind(t, remote.Status, err).RetryAfter)
}

// The date form counts from the server's own Date (RFC 9110 10.2.3): our clock does
// not matter, and without it the date says nothing.
func TestRetryAfterADate(t *testing.T) {
	for date, want := range map[string]time.Duration{
		"Fri, 02 Jan 2026 03:04:05 GMT": 30 * time.Second,
		"Fri, 02 Jan 2026 03:04:35 GMT": 0,
		"Fri, 02 Jan 2026 03:05:35 GMT": 0,
		"Fri, 02 Jan 2026 02:04:05 GMT": time.Minute,
		"yesterday":                     0,
		"":                              0,
	} {
		_, err := get(func(r *http.Request) (*http.Response, error) {
			return respond(r, 503, strings.NewReader(""), "Retry-After", "Fri, 02 Jan 2026 03:04:35 GMT", "Date", date), nil
		}, address, "")
		assert.Equal(t, want, kind(t, remote.Status, err).RetryAfter, date)
	}
}
