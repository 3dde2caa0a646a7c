package jwks_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestFloodOfUnknownKidsFetchesOnlyWhatTheBucketAllows(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	unknown, limited := 0, 0
	for i := range 10_000 { // in 2 s
		_, err := s.key(fmt.Sprintf("bogus-%d", i), "ES256")
		if errors.Is(err, jwks.ErrUnknownKey) {
			unknown++
		} else {
			throttled(t, err)
			limited++
		}
		if i%100 == 0 {
			s.known(t, server.KID(), "ES256")
		}
		s.clock.Advance(200 * time.Microsecond)
	}
	t.Logf("%d fetches, %d decided unknown, %d throttled", server.KeyRequests(), unknown, limited)
	assert.LessOrEqual(t, server.KeyRequests(), 6)
	assert.Equal(t, server.KeyRequests()-1, unknown, "one question alone per fetch")
}

func TestConcurrentFloodOfUnknownKidsFetchesOnlyWhatTheBucketAllows(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	var group sync.WaitGroup
	var unknown, limited, other atomic.Int64
	for g := range 20 {
		group.Go(func() {
			for i := range 500 {
				_, err := s.key(fmt.Sprintf("bogus-%d-%d", g, i), "ES256")
				var failed *jwks.UnavailableError
				switch {
				case errors.Is(err, jwks.ErrUnknownKey):
					unknown.Add(1)
				case errors.As(err, &failed) && failed.Throttled && failed.RetryAfter > 0 && failed.RetryAfter <= jwks.DefaultRefreshInterval:
					limited.Add(1)
				default:
					other.Add(1)
				}
				if key, err := s.key(server.KID(), "ES256"); err != nil || key == nil {
					other.Add(1)
				}
				s.clock.Advance(200 * time.Microsecond)
			}
		})
	}
	group.Wait()
	t.Logf("%d fetches, %d decided unknown, %d throttled", server.KeyRequests(), unknown.Load(), limited.Load())
	assert.LessOrEqual(t, server.KeyRequests(), 6)
	assert.Zero(t, other.Load(), "neither unknown nor throttled")
	assert.EqualValues(t, 10_000, unknown.Load()+limited.Load())
}

func TestNewKeyIsAcceptedWithinOneRefillUnderTheFlood(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	flood := 0
	bogus := func() {
		flood++
		s.key(fmt.Sprintf("bogus-%d", flood), "ES256")
	}
	for range 1000 {
		bogus()
		s.clock.Advance(200 * time.Microsecond)
	}
	kid := server.Rotate("ES256")
	published := s.clock.Now()
	for {
		bogus() // first: it may take the token, and then its fetch brings the key
		key, err := s.key(kid, "ES256")
		if err == nil {
			require.Equal(t, kid, key.ID())
			break
		}
		throttled(t, err)
		s.clock.Advance(time.Millisecond)
		require.LessOrEqual(t, s.clock.Now().Sub(published), jwks.DefaultRefreshInterval)
	}
	t.Logf("accepted %v after publication, %d fetches in all", s.clock.Now().Sub(published), server.KeyRequests())
}

// While a flight hangs and the source's own lock is taken, by a clock that does
// not return, whoever names a listed key is answered.
func TestListedKeyWaitsForNoLockAndNoFlight(t *testing.T) {
	stuck, entered := make(chan struct{}), make(chan struct{})
	var block atomic.Bool
	fixed := newClock()
	server, s := ready(t, jwks.Config{Clock: func() time.Time {
		if block.CompareAndSwap(true, false) {
			close(entered)
			<-stuck
		}
		return fixed.Now()
	}})
	release := server.Hold()
	defer release()
	waiting := ask(s, t.Context(), "bogus-1")
	require.NoError(t, server.WaitKeyRequests(t.Context(), 2))

	release()
	<-waiting
	block.Store(true)
	done := make(chan struct{})
	go func() { // asks the clock whether it may depart, with the lock held
		defer close(done)
		s.key("bogus-2", "ES256")
	}()
	<-entered
	for range 1000 {
		s.known(t, server.KID(), "ES256")
	}
	close(stuck)
	<-done
}

func TestListedKeyIsAnsweredDuringAFlight(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	release := server.Hold()
	defer release()
	waiting := ask(s, t.Context(), "bogus")
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // who does not wait does not notice
	key, err := s.Key(ctx, server.KID(), "ES256")
	require.NoError(t, err)
	assert.NotNil(t, key)
	release()
	<-waiting
}

// Being asked for does not extend the memory that there is no such key.
func TestKidAskedForEverySecondIsFoundWithinOneRefillOfItsPublication(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	kid := server.Prepare("ES256")
	for range 3600 {
		_, err := s.key(kid, "ES256")
		if !errors.Is(err, jwks.ErrUnknownKey) {
			throttled(t, err)
		}
		s.clock.Advance(time.Second)
	}
	hour := server.KeyRequests()
	assert.LessOrEqual(t, hour, 361)
	assert.GreaterOrEqual(t, hour, 350, "nobody stopped asking")

	_, err := s.key(kid, "ES256")
	require.ErrorIs(t, err, jwks.ErrUnknownKey)
	require.Equal(t, hour+1, server.KeyRequests())
	server.Publish(kid) // at the worst time: just after a fetch
	published := s.clock.Now()
	for {
		key, err := s.key(kid, "ES256")
		if err == nil {
			require.Equal(t, kid, key.ID())
			break
		}
		s.clock.Advance(time.Second)
		require.LessOrEqual(t, s.clock.Now().Sub(published), jwks.DefaultRefreshInterval)
	}
	t.Logf("%d fetches in the hour; found %v after publication", hour, s.clock.Now().Sub(published))
}

func TestRememberedUnknownKidSavesFetchesForOneRefill(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	unknown := func(requests int) {
		t.Helper()
		_, err := s.key("bogus", "ES256")
		require.ErrorIs(t, err, jwks.ErrUnknownKey)
		assert.Equal(t, requests, server.KeyRequests())
	}
	unknown(2)
	unknown(2)
	s.clock.Advance(jwks.DefaultRefreshInterval - time.Nanosecond)
	unknown(2)
	s.clock.Advance(time.Nanosecond)
	unknown(3)
}

func TestRememberedUnknownKidIsDroppedWhenAFetchBringsAnotherSet(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	_, err := s.key("bogus", "ES256")
	require.ErrorIs(t, err, jwks.ErrUnknownKey)
	s.known(t, server.Rotate("ES256"), "ES256")
	require.Equal(t, 3, server.KeyRequests())

	_, err = s.key("bogus", "ES256")
	require.ErrorIs(t, err, jwks.ErrUnknownKey)
	assert.Equal(t, 4, server.KeyRequests(), "asked again, for the set is another one")
}

func TestRememberedUnknownKidSurvivesAFetchThatBringsTheSameSet(t *testing.T) {
	for name, change := range map[string]func(*validatortest.Server){
		"not modified": func(*validatortest.Server) {},
		"reordered":    (*validatortest.Server).Reorder,
	} {
		t.Run(name, func(t *testing.T) {
			server, s := ready(t, jwks.Config{})
			s.known(t, server.Rotate("ES256"), "ES256")
			for _, kid := range []string{"bogus-1", "bogus-2"} {
				_, err := s.key(kid, "ES256")
				require.ErrorIs(t, err, jwks.ErrUnknownKey)
				change(server)
			}
			require.Equal(t, 4, server.KeyRequests())
			_, err := s.key("bogus-1", "ES256")
			require.ErrorIs(t, err, jwks.ErrUnknownKey)
			assert.Equal(t, 4, server.KeyRequests())
		})
	}
}

// The flight that began after the question decides it, even if it is old by the
// time its answer is looked at.
func TestQuestionIsDecidedByItsOwnFlightHoweverTimeFlies(t *testing.T) {
	leaping := newClock()
	server, s := ready(t, jwks.Config{Clock: func() time.Time {
		leaping.Advance(time.Hour)
		return leaping.Now()
	}})
	_, err := s.key("bogus", "ES256")
	require.ErrorIs(t, err, jwks.ErrUnknownKey)
	assert.Equal(t, 2, server.KeyRequests())
}

// A kid that fell out of the bounded memory costs a fetch, not a wrong answer.
func TestForgottenUnknownKidIsAskedForAgain(t *testing.T) {
	server, s := ready(t, jwks.Config{RefreshBurst: 3})
	_, err := s.key("bogus", "ES256")
	require.ErrorIs(t, err, jwks.ErrUnknownKey)
	_, err = s.key("drain", "ES256")
	require.ErrorIs(t, err, jwks.ErrUnknownKey)
	for i := range 1022 { // beside the two: just as many as are remembered
		_, err := s.key(fmt.Sprintf("bogus-%d", i), "ES256")
		throttled(t, err)
	}
	_, err = s.key("bogus", "ES256")
	require.ErrorIs(t, err, jwks.ErrUnknownKey, "still remembered, and now the youngest")
	for i := range 1024 {
		_, err := s.key(fmt.Sprintf("more-%d", i), "ES256")
		throttled(t, err)
	}
	_, err = s.key("bogus", "ES256")
	throttled(t, err)
	assert.Equal(t, 3, server.KeyRequests())
}

func TestThrottledQuestionSaysWhenTheNextTokenIs(t *testing.T) {
	_, s := ready(t, jwks.Config{RefreshBurst: 1, RefreshInterval: time.Minute})
	s.clock.Advance(15 * time.Second)
	_, err := s.key("bogus", "ES256")
	failed := unavailable(t, err)
	require.True(t, failed.Throttled)
	assert.InDelta(t, 45*time.Second, failed.RetryAfter, float64(time.Millisecond))

	s.clock.Advance(45 * time.Second)
	_, err = s.key("bogus", "ES256")
	assert.ErrorIs(t, err, jwks.ErrUnknownKey)
}

func TestBucketDefaultsToFiveAndOnePerTenSeconds(t *testing.T) {
	server, s := ready(t, jwks.Config{RefreshBurst: -1, RefreshInterval: -1})
	for i := range 4 {
		_, err := s.key(fmt.Sprintf("bogus-%d", i), "ES256")
		require.ErrorIs(t, err, jwks.ErrUnknownKey)
	}
	_, err := s.key("bogus-4", "ES256")
	assert.InDelta(t, 10*time.Second, throttled(t, err).RetryAfter, float64(time.Millisecond))
	s.clock.Advance(10 * time.Second)
	_, err = s.key("bogus-4", "ES256")
	require.ErrorIs(t, err, jwks.ErrUnknownKey)
	assert.Equal(t, 6, server.KeyRequests())
}

// While the last fetch failed, nobody knows what the server lists: a kid that was
// unknown before is undecided too, whatever is remembered of it.
func TestRememberedUnknownKidIsUndecidedAfterAFailure(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	_, err := s.key("bogus", "ES256")
	require.ErrorIs(t, err, jwks.ErrUnknownKey)
	server.SetMode(validatortest.ModeError)
	_, err = s.key("other", "ES256")
	unavailable(t, err)
	_, err = s.key("bogus", "ES256")
	assert.False(t, unavailable(t, err).Throttled)
	server.SetMode(validatortest.ModeUp)
	s.clock.Advance(time.Second)
	_, err = s.key("bogus", "ES256")
	assert.ErrorIs(t, err, jwks.ErrUnknownKey)
}

// What is remembered of an unknown kid lasts for one refill, and no longer than
// the default one, however slowly the bucket is told to fill.
func TestUnknownKidIsNotRememberedForALongRefill(t *testing.T) {
	server, s := ready(t, jwks.Config{RefreshInterval: time.Hour})
	_, err := s.key("soon", "ES256")
	require.ErrorIs(t, err, jwks.ErrUnknownKey)
	before := server.KeyRequests()
	s.clock.Advance(jwks.DefaultRefreshInterval - time.Millisecond)
	_, err = s.key("soon", "ES256")
	require.ErrorIs(t, err, jwks.ErrUnknownKey)
	require.Equal(t, before, server.KeyRequests())
	s.clock.Advance(time.Millisecond)
	_, err = s.key("soon", "ES256")
	require.ErrorIs(t, err, jwks.ErrUnknownKey)
	assert.Equal(t, before+1, server.KeyRequests())
}
