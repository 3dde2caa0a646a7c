package jwks_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
)

// TestRefreshAsksTheServer, whatever others have; also where a flight is in the air that
// does not.
func TestRefreshAsksTheServer(t *testing.T) {
	inFleet(t, jwks.Config{}, func(t *testing.T, w *world, p *pool) {
		other := w.another(t, jwks.Config{}, p)
		require.NoError(t, other.Refresh(t.Context()))
		assert.Equal(t, 2, w.settled())

		third := w.another(t, jwks.Config{}, p)
		gate, refreshed := make(chan struct{}), make(chan error)
		p.answers(func(context.Context) ([]byte, error) {
			<-gate
			return p.kept(), nil
		})
		listed := ask(third.subject, t.Context(), "listed")
		go func() { refreshed <- third.Refresh(t.Context()) }()
		synctest.Wait()
		close(gate)
		assert.NoError(t, (<-listed).err)
		assert.NoError(t, <-refreshed)
		assert.Equal(t, 3, w.settled())
		assert.False(t, third.Status().Imported)
	})
}

// TestRefreshAfterAFlightForOthers: one that began after the call, and took what others
// have, does not count either, whether it is in the air or has landed when it is found.
func TestRefreshAfterAFlightForOthers(t *testing.T) {
	for _, landed := range []bool{false, true} {
		inFleet(t, jwks.Config{}, func(t *testing.T, w *world, p *pool) {
			var s *subject
			var begun atomic.Bool
			var others <-chan answer
			gate := make(chan struct{}) // of the flight that is found in the air
			source, err := jwks.New(jwks.Config{
				URL: setURL, HTTPClient: &http.Client{Transport: w.server}, CheckURL: httpsOnly, Shared: p.shared(),
				OnFetch: func(jwks.Fetch) {
					if begun.Swap(true) {
						return
					}
					// Before who waits for the first one hears of it.
					pass(2 * skew)
					w.server.list(es256(t, "next"))
					w.known(t, "next", "ES256")
					pass(2 * skew)
					if !landed {
						p.answers(func(context.Context) ([]byte, error) {
							<-gate
							return p.kept(), nil
						})
					}
					others = ask(s, t.Context(), "next")
					if landed {
						assert.NoError(t, (<-others).err)
						others = nil
					}
				},
			})
			require.NoError(t, err)
			s = &subject{Source: source}
			release := w.server.hold()
			first, refreshed := make(chan error, 1), make(chan error, 1)
			go func() { first <- s.Refresh(t.Context()) }()
			synctest.Wait()
			go func() { refreshed <- s.Refresh(t.Context()) }()
			synctest.Wait()
			release()
			assert.NoError(t, <-first)
			synctest.Wait()
			close(gate)
			assert.NoError(t, <-refreshed)
			if others != nil {
				assert.NoError(t, (<-others).err)
			}
			assert.Equal(t, 4, w.settled(), "w twice, and each Refresh")
			assert.False(t, s.Status().Imported)
		})
	}
}

// TestRefreshAfterAFlightThatFailed: one that began after the call and asked the server in
// vain counts, though it came back with what others have.
func TestRefreshAfterAFlightThatFailed(t *testing.T) {
	inFleet(t, jwks.Config{}, func(t *testing.T, w *world, p *pool) {
		var s *subject
		var begun atomic.Bool
		source, err := jwks.New(jwks.Config{
			URL: setURL, HTTPClient: &http.Client{Transport: w.server}, CheckURL: httpsOnly, Shared: p.shared(),
			OnFetch: func(jwks.Fetch) {
				if begun.Swap(true) {
					return
				}
				pass(2 * skew)
				w.server.list(es256(t, "next"))
				w.known(t, "next", "ES256")
				w.server.fail(500)
				pass(time.Hour) // after which it does not stand in for a fetch
				_, err := s.key("next", "ES256")
				assert.NoError(t, err)
				assert.Equal(t, 4, w.server.asked())
			},
		})
		require.NoError(t, err)
		s = &subject{Source: source}
		release := w.server.hold()
		first, refreshed := make(chan error, 1), make(chan error, 1)
		go func() { first <- s.Refresh(t.Context()) }()
		synctest.Wait()
		go func() { refreshed <- s.Refresh(t.Context()) }()
		synctest.Wait()
		release()
		assert.NoError(t, <-first, "by its own fetch")
		assert.Equal(t, 500, remoteCause(t, <-refreshed).Status)
		assert.Equal(t, 4, w.settled(), "w twice, the first Refresh, and the one in between")
		assert.True(t, s.Status().Imported)
	})
}
