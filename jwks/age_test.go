package jwks_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
)

func TestAgesThatDoNotGoTogetherAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		age, stale time.Duration
		field      string
	}{
		"none":           {0, 0, ""},
		"age alone":      {time.Hour, 0, ""},
		"both":           {time.Hour, 2 * time.Hour, ""},
		"both the same":  {time.Hour, time.Hour, ""},
		"age, shortest":  {jwks.DefaultRefreshInterval, 0, ""},
		"age, too short": {jwks.DefaultRefreshInterval - 1, 0, "MaxAge"},
		"stale alone":    {0, time.Hour, "MaxStale"},
		"stale shorter":  {time.Hour, time.Hour - 1, "MaxStale"},
		"negative age":   {-1, 0, "MaxAge"},
		"negative stale": {time.Hour, -1, "MaxStale"},
	} {
		t.Run(name, func(t *testing.T) {
			source, err := jwks.New(jwks.Config{URL: setURL, MaxAge: test.age, MaxStale: test.stale})
			if test.field == "" {
				require.NoError(t, err)
				return
			}
			var mistake *jwks.ConfigError
			require.ErrorAs(t, err, &mistake)
			assert.Equal(t, test.field, mistake.Field)
			assert.Nil(t, source)
		})
	}
}

const (
	hour  = time.Hour
	early = hour / 10 // by how much a set may be due before
)

// Processes that started together ask apart from each other, and none late; and not so
// often that the bucket runs dry.
func TestSetsAreDueApart(t *testing.T) {
	due := func(config jwks.Config, after time.Duration) (count int) {
		for range 100 {
			inWorld(t, config, func(t *testing.T, w *world) {
				pass(after)
				if w.Status().Due {
					count++
				}
			})
		}
		return count
	}
	half := due(jwks.Config{MaxAge: hour}, hour-early/2)
	assert.Greater(t, half, 10)
	assert.Less(t, half, 90)
	assert.Zero(t, due(jwks.Config{MaxAge: hour, RefreshInterval: hour}, hour))
	assert.Zero(t, due(jwks.Config{MaxAge: hour, RefreshInterval: hour - 1}, hour-1))
}

// Both ways to ask for a listed key, and each is enough to have the set renewed.
var askers = map[string]func(*testing.T, *world){
	"Key":   func(t *testing.T, w *world) { w.known(t, "listed", "ES256") },
	"Fresh": func(t *testing.T, w *world) { assert.True(t, w.Fresh(w.now())) },
}

func TestWithoutMaxAgeASetIsNeverTooOld(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		pass(1000 * hour)
		for _, ask := range askers {
			ask(t, w)
		}
		assert.Equal(t, 1, w.settled())
		assert.False(t, w.Status().Due)
	})
	source, err := jwks.New(jwks.Config{URL: setURL})
	require.NoError(t, err)
	assert.True(t, source.Fresh(time.Now()), "whatever it has")
}

func TestSetPastMaxAgeAnswersAtOnceAndIsAskedForOnce(t *testing.T) {
	for name, ask := range askers {
		t.Run(name, func(t *testing.T) {
			inWorld(t, jwks.Config{MaxAge: hour}, func(t *testing.T, w *world) {
				pass(hour - early)
				ask(t, w)
				assert.Equal(t, 1, w.settled(), "not past it")
				assert.False(t, w.Status().Due)

				pass(early + 1)
				assert.True(t, w.Status().Due)
				release := w.server.hold()
				began := time.Now()
				for range 10 {
					ask(t, w)
				}
				assert.Zero(t, time.Since(began), "nobody waits")
				assert.Equal(t, 2, w.settled(), "one fetch for all")
				pass(time.Second)
				ask(t, w)
				assert.Equal(t, 2, w.settled(), "as long as it lasts")

				release()
				ask(t, w)
				assert.Equal(t, 2, w.settled())
				assert.Equal(t, 1, w.server.unchanged(), "which renews it all the same")
				pass(hour - early - time.Second)
				ask(t, w)
				assert.Equal(t, 2, w.settled())
				pass(early + 1)
				ask(t, w)
				assert.Equal(t, 3, w.settled())
			})
		})
	}
}

// A question to a set that is young holds back nothing that is due soon after.
func TestSetIsAskedForAsSoonAsItIsDue(t *testing.T) {
	for name, ask := range askers {
		t.Run(name, func(t *testing.T) {
			inWorld(t, jwks.Config{MaxAge: hour, RefreshInterval: hour}, func(t *testing.T, w *world) { // no jitter
				pass(hour)
				ask(t, w)
				assert.Equal(t, 1, w.settled())
				pass(1)
				ask(t, w)
				assert.Equal(t, 2, w.settled())
			})
		})
	}
}

// However fast the fetch lands, the next question does not ask again.
func TestSetThatLandedAtTheSameInstantIsYoung(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour}, func(t *testing.T, w *world) {
		pass(hour + 1)
		for range 10 {
			assert.True(t, w.Fresh(w.now()))
			w.settled()
		}
		assert.Equal(t, 2, w.settled())

		// Who read the clock just before a set was asked for comes late with it.
		before := w.now().Add(-1)
		pass(time.Second)
		assert.True(t, w.Fresh(before))
		assert.Equal(t, 2, w.settled())
	})
}

func TestWithdrawnKeyIsDistrustedAfterMaxAge(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour}, func(t *testing.T, w *world) {
		key := w.known(t, "listed", "ES256")
		w.server.list(es256(t, "next"))
		pass(hour + 1)
		assert.Same(t, key, w.known(t, "listed", "ES256"))
		w.settled()
		assert.False(t, key.Trusted())
		assert.False(t, key.TrustedFor("listed", "ES256"))
		_, err := w.key("listed", "ES256")
		assert.ErrorIs(t, err, jwks.ErrUnknownKey)
	})
}

func TestFetchForAgeIsHeldBackByBackoffAndBucket(t *testing.T) {
	for name, ask := range askers {
		t.Run(name, func(t *testing.T) {
			inWorld(t, jwks.Config{MaxAge: hour, RefreshBurst: 2}, func(t *testing.T, w *world) {
				w.server.fail(500)
				pass(hour + 1)
				for range 100 { // ten seconds
					ask(t, w)
					w.settled()
					pass(100 * time.Millisecond)
				}
				assert.Equal(t, 3, w.settled(), "two tokens; the backoff alone would let four through")
				for range 600 {
					ask(t, w)
					w.settled()
					pass(100 * time.Millisecond)
				}
				assert.Equal(t, 3+6, w.settled(), "one in ten seconds")
				assert.Error(t, w.fetches.last(t).Err)
				assert.True(t, w.Status().Due)

				w.server.fail(0)
				pass(10 * time.Second)
				ask(t, w)
				w.settled()
				assert.False(t, w.Status().Due)
			})
		})
	}
}

// While the server is down, a hit costs as much as ever.
func TestFreshAllocatesNothing(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour, MaxStale: 2 * hour}, func(t *testing.T, w *world) {
		for name, age := range map[string]time.Duration{"young": 0, "stale": 3 * hour} {
			now := w.now().Add(age)
			assert.Zero(t, testing.AllocsPerRun(100, func() { w.Fresh(now) }), name)
		}
		pass(hour + 1)
		w.server.fail(500)
		w.Fresh(w.now())
		assert.Equal(t, 2, w.settled())
		assert.Zero(t, testing.AllocsPerRun(100, func() { w.Fresh(w.now()) }), "due, and during the backoff")
	})
}

// Who holds the lock does not hold up a hit: not even with a clock that does not
// return.
func TestFreshWaitsForNoLock(t *testing.T) {
	var block atomic.Bool
	stuck, entered := make(chan struct{}), make(chan struct{})
	fixed := newClock()
	_, s := ready(t, jwks.Config{MaxAge: hour, Clock: func() time.Time {
		if block.CompareAndSwap(true, false) {
			close(entered)
			<-stuck
		}
		return fixed.Now()
	}})
	fixed.Advance(hour + 1)
	block.Store(true)
	done := make(chan struct{})
	go func() { // asks the clock with the lock held
		defer close(done)
		s.key("bogus", "ES256")
	}()
	<-entered
	for range 1000 {
		assert.True(t, s.Fresh(fixed.Now()))
	}
	close(stuck)
	<-done
}

func TestListedKeyAsksNoClockWithoutMaxAge(t *testing.T) {
	var looks atomic.Int32
	server, s := ready(t, jwks.Config{Clock: func() time.Time {
		looks.Add(1)
		return time.Now()
	}})
	before := looks.Load()
	s.known(t, server.KID(), "ES256")
	assert.True(t, s.Fresh(time.Now()))
	assert.Equal(t, before, looks.Load())
}

func TestFreshIsFalseWithoutASet(t *testing.T) {
	source, err := jwks.New(jwks.Config{URL: setURL, MaxAge: hour})
	require.NoError(t, err)
	assert.False(t, source.Fresh(time.Now()))
}

// The time of a set is that of its question: the answer may have been true at once,
// and be long on its way.
func TestSetIsAsOldAsTheDepartureOfItsFetch(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *world){
		"304": func(*testing.T, *world) {},
		"200": func(t *testing.T, w *world) {
			w.server.set(func(k *keyServer) { k.listed = append(k.listed, es256(t, "next")) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, jwks.Config{MaxAge: hour}, func(t *testing.T, w *world) {
				change(t, w)
				pass(hour + 1)
				departed := w.now()
				release := w.server.hold()
				assert.True(t, w.Fresh(w.now()))
				w.settled()
				pass(4 * time.Second)
				release()
				assert.Equal(t, 2, w.settled())
				assert.Equal(t, departed, w.Status().Fetched)
				pass(hour - early - 4*time.Second)
				assert.True(t, w.Fresh(w.now()))
				assert.Equal(t, 2, w.settled())
				pass(early + 1)
				assert.True(t, w.Fresh(w.now()))
				assert.Equal(t, 3, w.settled())
			})
		})
	}
}

// A set that is due is looked for where the metadata say, if it is gone.
func TestSetThatIsDueIsFoundWhereItMoved(t *testing.T) {
	network := newSite(map[string]string{openid: pointing(issuer + "/old"), issuer + "/old": string(setOf(es256(t, "listed")))})
	inWorld(t, jwks.Config{Issuer: issuer, MaxAge: hour, HTTPClient: network.client()}, func(t *testing.T, w *world) {
		network.put(issuer+"/old", "!410")
		network.put(openid, pointing(issuer+"/new"))
		network.put(issuer+"/new", string(setOf(es256(t, "next"))))
		network.requests()
		pass(hour + 1)
		w.known(t, "listed", "ES256")
		w.settled()
		assert.Equal(t, []string{issuer + "/old", openid, issuer + "/new"}, network.requests())
		w.known(t, "next", "ES256")
		assert.Equal(t, issuer+"/new", w.Status().URL)
	})
}

// What the server's caches are told is about caches. Asked for no-cache, the answer
// is as fresh as the server.
func TestMaxAgeOfTheAnswerIsIgnored(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour}, func(t *testing.T, w *world) { // it says a week
		w.server.set(func(k *keyServer) { k.listed = append(k.listed, es256(t, "next")) })
		w.known(t, "next", "ES256")
		assert.Equal(t, 2, w.settled())
		pass(hour + 1)
		w.known(t, "next", "ES256")
		assert.Equal(t, 3, w.settled())
	})
}
