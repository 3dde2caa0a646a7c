package jwks_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/jwks"
)

// TestOnWait: each call that waits is told of with its own context, when it begins and,
// with the number of the fetch, when that is over; a call that need not wait is not.
func TestOnWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type mark struct{}
		type wait struct {
			flight uint64
			left   bool
		}
		var began int
		var over []wait
		set := string(setOf(es256(t, "k")))
		s := inBubble(t, jwks.Config{OnWait: func(ctx context.Context) func(uint64, bool) {
			began++
			if ctx.Value(mark{}) == nil {
				return nil
			}
			return func(flight uint64, left bool) { over = append(over, wait{flight, left}) }
		}}, func(r *http.Request) (*http.Response, error) {
			<-time.After(time.Second)
			return respond(r, http.StatusOK, set), nil
		})
		ctx := context.WithValue(t.Context(), mark{}, true)
		require.NoError(t, s.Ready(ctx))
		first := s.fetches.last(t)
		assert.Positive(t, first.Flight)
		assert.Equal(t, time.Second, first.Took)
		s.known(t, "k", "ES256")
		require.NoError(t, s.Ready(ctx))
		assert.Equal(t, []wait{{first.Flight, false}}, over)
		assert.Equal(t, 1, began)

		hurried, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		_, err := s.Key(hurried, "another", "ES256")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		<-time.After(time.Second)
		assert.Equal(t, []wait{{first.Flight, false}, {s.fetches.last(t).Flight, true}}, over)
		require.NoError(t, s.Refresh(t.Context()))
		assert.Equal(t, 3, began)
		assert.Len(t, over, 2, "nobody wanted to know")

		// A flight of somebody else's is no call: who waits for it is told of elsewhere.
		_, err = remote.Launch(time.Minute,
			func(ctx context.Context) (any, error) { return nil, s.Refresh(ctx) },
			func(any, error) {}).Wait(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 4, s.fetches.count())
		assert.Equal(t, 3, began)
	})
}
