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
