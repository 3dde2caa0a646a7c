package jwks_test

import (
	"context"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/jwks"
)

// The hook is the owner's code, like the transport. Whatever becomes of it, the
// keys have landed, and those who wait for them are told.
func TestHookThatDoesNotReturnStrandsNobody(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("hook") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, err := jwks.New(jwks.Config{
					URL: "https://as.example/keys", CheckURL: httpsOnly,
					HTTPClient: serving(setOf(es256(t, "k"))).client(),
					OnFetch:    func(jwks.Fetch) { end() },
				})
				require.NoError(t, err)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				_, err = source.Key(ctx, "k", "ES256")
				assert.NoError(t, err)
			})
		})
	}
}

// By then the source is as the report says, and not locked.
func TestHookMayAskTheSource(t *testing.T) {
	var source *jwks.Source
	var found atomic.Pointer[jwks.Key]
	source, err := jwks.New(jwks.Config{
		URL: "https://as.example/keys", CheckURL: httpsOnly,
		HTTPClient: serving(setOf(es256(t, "k"))).client(),
		OnFetch: func(jwks.Fetch) {
			key, err := source.Key(t.Context(), "k", "ES256")
			assert.NoError(t, err)
			_, err = source.Key(t.Context(), "k", "RS256") // by another fetch
			assert.Error(t, err)
			found.CompareAndSwap(nil, key)
		},
		RefreshBurst: 1, // which is not there
	})
	require.NoError(t, err)
	key, err := source.Key(t.Context(), "k", "ES256")
	require.NoError(t, err)
	assert.Same(t, key, found.Load())
}

// A transport of the user's that is deaf to its context holds nobody for longer
// than a flight may take, and the next flight is not in its way.
func TestDeafTransportHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := string(setOf(es256(t, "k")))
		var requests atomic.Int32
		s := inBubble(t, jwks.Config{}, func(r *http.Request) (*http.Response, error) {
			if requests.Add(1) == 1 {
				<-time.After(time.Hour) // of the bubble
				return respond(r, 200, string(setOf(es256(t, "late")))), nil
			}
			return respond(r, 200, set), nil
		})
		began := time.Now()
		_, err := s.key("k", "ES256")
		assert.Equal(t, remote.Transport, remoteCause(t, err).Kind)
		assert.Less(t, time.Since(began), 25*time.Second)

		<-time.After(time.Minute)
		key := s.known(t, "k", "ES256")
		<-time.After(2 * time.Hour) // what comes late is nobody's
		assert.True(t, key.Trusted())
		s.known(t, "k", "ES256")
		assert.Equal(t, 2, s.fetches.count())
	})
}

// The clock is the owner's code as well. A flight that could not land because of it
// has decided nothing, and is not in the way of the next one.
func TestClockThatPanicsDecidesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		breaks := sync.OnceFunc(func() { broken.Store(true) })
		set := string(setOf(es256(t, "k")))
		s := newSubject(t, jwks.Config{
			URL: setURL, CheckURL: httpsOnly,
			HTTPClient: web(func(r *http.Request) (*http.Response, error) {
				breaks()
				return respond(r, 200, set), nil
			}).client(),
			Clock: func() time.Time {
				if broken.CompareAndSwap(true, false) {
					panic("clock")
				}
				return time.Now()
			},
		})
		_, err := s.key("k", "ES256")
		assert.Error(t, unavailable(t, err).Cause)
		assert.Zero(t, s.fetches.count())
		s.known(t, "k", "ES256")
	})
}
