package jwks_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// RetryAfter is when asking again can help: not before the backoff is over, and
// not before the bucket has a token.
func TestRetryAfterOfAFailureCoversAnEmptyBucket(t *testing.T) {
	server := startServer(t, validatortest.Options{})
	server.SetMode(validatortest.ModeError)
	s := newSubject(t, jwks.Config{URL: server.JWKSURL(), RefreshBurst: 1})
	_, err := s.key(server.KID(), "ES256")
	first := unavailable(t, err).RetryAfter
	assert.InDelta(t, 10*time.Second, first, float64(time.Millisecond))

	server.SetMode(validatortest.ModeUp)
	s.clock.Advance(first)
	_, err = s.key(server.KID(), "ES256")
	require.NoError(t, err)
}
