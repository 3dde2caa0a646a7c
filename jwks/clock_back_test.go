package jwks_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
)

// An empty bucket refills by the time that passes, also after the clock was set
// back: the promise of RetryAfter holds, and nobody is blocked for an hour.
func TestClockSetBackDoesNotStopTheBucket(t *testing.T) {
	server, s := ready(t, jwks.Config{RefreshBurst: 1})
	kid := server.Rotate("ES256")
	_, err := s.key(kid, "ES256")
	require.Equal(t, 10*time.Second, throttled(t, err).RetryAfter)

	s.clock.Advance(-time.Hour)
	_, err = s.key(kid, "ES256")
	if err != nil {
		s.clock.Advance(throttled(t, err).RetryAfter)
		_, err = s.key(kid, "ES256")
	}
	assert.NoError(t, err)
}
