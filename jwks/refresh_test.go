package jwks_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
)

// refreshing calls Refresh in a goroutine.
func refreshing(w *world, ctx context.Context) <-chan error {
	done := make(chan error, 1)
	go func() { done <- w.Refresh(ctx) }()
	return done
}

func TestRefreshBringsWhatTheServerListsNow(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		old := w.known(t, "listed", "ES256")
		w.server.list(es256(t, "next"))
		require.NoError(t, w.Refresh(t.Context()))
		assert.False(t, old.Trusted())
		w.known(t, "next", "ES256")
		assert.Equal(t, 2, w.settled())
	})
}

func TestRefreshIsTheFirstFetchIfNeedBe(t *testing.T) {
	server := &keyServer{}
	server.list(es256(t, "k"))
	s := newSubject(t, jwks.Config{URL: setURL, HTTPClient: web(server.RoundTrip).client()})
	require.NoError(t, s.Refresh(t.Context()))
	s.known(t, "k", "ES256")
	assert.Equal(t, 1, server.asked())
}

// A fetch that was in the air before the call may have seen what was true before
// the message that somebody acts on.
func TestRefreshWaitsForAFetchThatBeganAfterTheCall(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		release := w.server.hold()
		bogus := ask(w.subject, t.Context(), "bogus")
		assert.Equal(t, 2, w.settled())
		w.server.set(func(k *keyServer) { k.listed = append(k.listed, es256(t, "next")) })
		var calls []<-chan error
		for range 10 {
			calls = append(calls, refreshing(w, t.Context()))
		}
		assert.Equal(t, 2, w.settled(), "nothing departs beside it")
		release()
		for _, done := range calls {
			require.NoError(t, <-done)
		}
		assert.Equal(t, 3, w.settled(), "one for all of them")
		w.known(t, "next", "ES256")
		assert.Equal(t, 3, w.settled())
		assert.ErrorIs(t, (<-bogus).err, jwks.ErrUnknownKey)
	})
}

// Who wakes late finds that the fetch they all wanted has been, and how it ended.
func TestRefreshSharesAFetchThatFails(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		release := w.server.hold()
		bogus := ask(w.subject, t.Context(), "bogus")
		assert.Equal(t, 2, w.settled())
		w.server.fail(500)
		var calls []<-chan error
		for range 10 {
			calls = append(calls, refreshing(w, t.Context()))
		}
		w.settled()
		release()
		for _, done := range calls {
			err := <-done
			assert.Equal(t, 500, remoteCause(t, err).Status)
			assert.Equal(t, time.Second, unavailable(t, err).RetryAfter)
		}
		assert.Equal(t, 3, w.settled(), "one for all of them")
		assert.ErrorIs(t, (<-bogus).err, jwks.ErrUnknownKey)
	})
}

// Whose fetch has landed waits for no other one, though it is in the air by then.
func TestRefreshIsOverWhenItsFetchLands(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		var s *subject
		var bogus <-chan answer
		var release func()
		source, err := jwks.New(jwks.Config{
			URL: setURL, HTTPClient: web(w.server.RoundTrip).client(), CheckURL: httpsOnly,
			OnFetch: func(jwks.Fetch) {
				if bogus == nil { // before who waits for the first one hears of it
					release = w.server.hold()
					bogus = ask(s, t.Context(), "bogus")
				}
			},
		})
		require.NoError(t, err)
		s = &subject{Source: source}
		done := make(chan error, 1)
		go func() { done <- s.Refresh(t.Context()) }()
		assert.Equal(t, 3, w.settled())
		require.Len(t, done, 1, "it does not wait for the fetch that is held")
		assert.NoError(t, <-done)
		release()
		assert.ErrorIs(t, (<-bogus).err, jwks.ErrUnknownKey)
	})
}

// The one of before does not count, whatever became of it.
func TestRefreshDoesNotFailByAFetchOfBefore(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		w.server.fail(500)
		release := w.server.hold()
		bogus := ask(w.subject, t.Context(), "bogus")
		w.settled()
		done := refreshing(w, t.Context())
		w.settled()
		w.server.fail(0)
		release()
		assert.Equal(t, 500, remoteCause(t, (<-bogus).err).Status)
		assert.NoError(t, <-done)
		assert.Equal(t, 3, w.settled())
	})
}

func TestRefreshIsHeldBackByNothingAndTakesNothing(t *testing.T) {
	inWorld(t, jwks.Config{RefreshBurst: 2}, func(t *testing.T, w *world) {
		for range 10 {
			require.NoError(t, w.Refresh(t.Context()))
		}
		assert.Equal(t, 11, w.settled())
		w.server.fail(500)
		_, err := w.key("bogus", "ES256") // by the second token, which is still there
		assert.Equal(t, 500, remoteCause(t, err).Status)
		assert.Equal(t, 12, w.settled())
		for range 3 {
			assert.Equal(t, 500, remoteCause(t, w.Refresh(t.Context())).Status, "during the backoff")
		}
		assert.Equal(t, 15, w.settled())
		assert.Equal(t, 4, w.Status().Failures)
		failed := unavailable(t, w.Refresh(t.Context()))
		assert.Equal(t, 10*time.Second, failed.RetryAfter, "for who asks by Key")

		w.server.fail(0)
		require.NoError(t, w.Refresh(t.Context()))
		_, err = w.key("other", "ES256")
		assert.True(t, unavailable(t, err).Throttled, "both tokens are taken")
	})
}

func TestRefreshReturnsTheCallersOwnCause(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		release := w.server.hold()
		defer release()
		bored := errors.New("bored")
		for range 2 { // the one that departs, and the one that waits for it to land
			ctx, cancel := context.WithCancelCause(t.Context())
			done := refreshing(w, ctx)
			assert.Equal(t, 2, w.settled())
			cancel(bored)
			assert.ErrorIs(t, <-done, bored)
		}
		release()
		synctest.Wait()
		assert.Equal(t, 2, w.settled(), "nobody is left to start another")
	})
}

// TestRefreshLeavesAFetchInTheAir: who leaves looks at nothing that the fetch finds later.
// It is the race detector that would notice.
func TestRefreshLeavesAFetchInTheAir(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	landed := make(chan struct{})
	server := web(func(*http.Request) (*http.Response, error) {
		leave() // from here on, nothing orders the caller and the fetch
		return nil, errors.New("down")
	})
	s, err := jwks.New(jwks.Config{
		URL: setURL, HTTPClient: server.client(), CheckURL: allowLoopback, OnFetch: func(jwks.Fetch) { close(landed) },
	})
	require.NoError(t, err)
	require.Error(t, s.Refresh(ctx))
	<-landed
}
