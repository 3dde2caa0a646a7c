package jwks_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

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

const hour = time.Hour

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
				pass(hour)
				ask(t, w)
				assert.Equal(t, 1, w.settled(), "not past it")
				assert.False(t, w.Status().Due)

				pass(1)
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
				pass(hour - time.Second)
				ask(t, w)
				assert.Equal(t, 2, w.settled())
				pass(1)
				ask(t, w)
				assert.Equal(t, 3, w.settled())
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
func TestFreshAllocatesNothingAndWaitsForNoLock(t *testing.T) {
	var block atomic.Bool
	stuck, entered := make(chan struct{}), make(chan struct{})
	fixed := newClock()
	_, s := ready(t, jwks.Config{MaxAge: hour, MaxStale: 2 * hour, RefreshBurst: 1, Clock: func() time.Time {
		if block.CompareAndSwap(true, false) {
			close(entered)
			<-stuck
		}
		return fixed.Now()
	}})
	for name, age := range map[string]time.Duration{"young": 0, "due": hour + 1, "stale": 3 * hour} {
		now := fixed.Now().Add(age)
		assert.Zero(t, testing.AllocsPerRun(100, func() { s.Fresh(now) }), name)
	}

	fixed.Advance(hour + 1)
	block.Store(true)
	done := make(chan struct{})
	go func() { // asks the clock with the lock held
		defer close(done)
		s.key("bogus", "ES256")
	}()
	<-entered
	for range 1000 {
		assert.True(t, s.Fresh(fixed.now))
	}
	close(stuck)
	<-done
}

func TestFreshIsFalseWithoutASet(t *testing.T) {
	source, err := jwks.New(jwks.Config{URL: setURL, MaxAge: hour})
	require.NoError(t, err)
	assert.False(t, source.Fresh(time.Now()))
}

func TestSetPastMaxStaleAnswersOnlyAfterTheServerConfirmedIt(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour, MaxStale: 2 * hour}, func(t *testing.T, w *world) {
		key := w.known(t, "listed", "ES256")
		pass(2 * hour)
		w.server.fail(500)
		assert.True(t, w.Fresh(w.now()))
		assert.Same(t, key, w.known(t, "listed", "ES256"), "not past it")
		assert.Equal(t, 2, w.settled())
		assert.False(t, w.Status().Stale)

		pass(time.Second) // the backoff of that
		assert.True(t, w.Status().Stale)
		assert.False(t, w.Fresh(w.now()))
		assert.Equal(t, 2, w.settled(), "who asks next will wait: there is nothing to prepare")
		for _, kid := range []string{"listed", ""} {
			_, err := w.key(kid, "ES256")
			assert.Equal(t, 500, remoteCause(t, err).Status)
			assert.Equal(t, 2*time.Second, unavailable(t, err).RetryAfter)
		}
		assert.Equal(t, 3, w.settled(), "the second one during the backoff")
		assert.True(t, key.Trusted(), "nobody said that it is not")
		assert.NoError(t, w.Ready(t.Context()), "it never turns back")

		pass(2 * time.Second)
		w.server.fail(0)
		assert.Same(t, key, w.known(t, "listed", "ES256"))
		assert.True(t, w.Fresh(w.now()))
		assert.Equal(t, 4, w.settled())
	})
}

func TestStaleQuestionsShareOneFetch(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour, MaxStale: hour}, func(t *testing.T, w *world) {
		pass(hour + 1)
		answers := make(chan answer, 50)
		release := w.server.hold()
		for range 50 {
			go func() {
				key, err := w.key("listed", "ES256")
				answers <- answer{key, err}
			}()
		}
		assert.Equal(t, 2, w.settled())
		assert.Empty(t, answers, "they wait")
		release()
		for range 50 {
			assert.NoError(t, (<-answers).err)
		}
		assert.Equal(t, 2, w.settled())
	})
}

func TestKeyThatAStaleSetListedMayBeUnknown(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour, MaxStale: hour}, func(t *testing.T, w *world) {
		w.server.list(es256(t, "next"))
		pass(hour + 1)
		_, err := w.key("listed", "ES256")
		assert.ErrorIs(t, err, jwks.ErrUnknownKey)
		assert.Equal(t, 2, w.settled())
	})
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
				pass(hour - 4*time.Second)
				assert.True(t, w.Fresh(w.now()))
				assert.Equal(t, 2, w.settled())
				pass(1)
				assert.True(t, w.Fresh(w.now()))
				assert.Equal(t, 3, w.settled())
			})
		})
	}
}

// The machine slept while the fetch was in the air. What it brings is as old as it.
func TestFetchDuringWhichTheClockJumpedDoesNotMakeTheSetYoung(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour, MaxStale: 2 * hour}, func(t *testing.T, w *world) {
		pass(hour + 1)
		release := w.server.hold()
		assert.True(t, w.Fresh(w.now()))
		assert.Equal(t, 2, w.settled())
		w.jump(8 * hour)
		release()
		w.settled()
		assert.False(t, w.Fresh(w.now()), "it landed, and is eight hours old")

		w.known(t, "listed", "ES256")
		assert.Equal(t, 3, w.settled())
		assert.True(t, w.Fresh(w.now()))
	})
}

// A question about a listed key is not decided by a fetch that had departed before,
// if that is too old by the time it lands; nor by what was noted when the same
// question arose another time.
func TestStaleQuestionIsNotDecidedByAFetchOfBefore(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour, MaxStale: hour}, func(t *testing.T, w *world) {
		pass(hour + 1)
		w.known(t, "listed", "ES256") // asked while stale, for the first time
		assert.Equal(t, 2, w.settled())

		pass(hour + 1)
		release := w.server.hold()
		go func() { _ = w.Refresh(context.Background()) }()
		assert.Equal(t, 3, w.settled(), "in the air")
		answers := make(chan answer, 1)
		go func() {
			key, err := w.key("listed", "ES256")
			answers <- answer{key, err}
		}()
		w.settled()
		w.jump(2 * hour)
		w.server.list(es256(t, "next")) // after that one was answered
		release()
		assert.ErrorIs(t, (<-answers).err, jwks.ErrUnknownKey)
		assert.Equal(t, 4, w.settled())
	})
}

// A clock that leaps with every look makes every set old. The question is decided
// by its own fetch all the same, and ends.
func TestStaleQuestionIsDecidedByItsOwnFlightHoweverTimeFlies(t *testing.T) {
	leaping := newClock()
	server, s := ready(t, jwks.Config{MaxAge: time.Minute, MaxStale: time.Minute, Clock: func() time.Time {
		leaping.Advance(hour)
		return leaping.Now()
	}})
	s.known(t, server.KID(), "ES256")
	assert.Equal(t, 2, server.KeyRequests())
}

func TestStaleKeyIsLostWhileTheServerIsDown(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour, MaxStale: hour}, func(t *testing.T, w *world) {
		w.server.fail(500)
		pass(hour)
		_, err := w.key("other", "ES256")
		remoteCause(t, err)
		assert.False(t, w.Lost("listed", "ES256"))
		pass(1)
		assert.True(t, w.Lost("listed", "ES256"))
		w.server.fail(0)
		pass(time.Second)
		assert.True(t, w.Lost("listed", "ES256"), "and that asks for it")
		w.settled()
		assert.False(t, w.Lost("listed", "ES256"))
	})
}

// By an age that is negative nobody knows how old the set is: it is asked for, and
// answers meanwhile.
func TestClockSetBackMakesTheSetDueAndNotStale(t *testing.T) {
	for name, ask := range askers {
		t.Run(name, func(t *testing.T) {
			inWorld(t, jwks.Config{MaxAge: hour, MaxStale: 2 * hour}, func(t *testing.T, w *world) {
				pass(time.Minute)
				w.jump(-24 * hour)
				assert.True(t, w.Status().Due)
				assert.False(t, w.Status().Stale)
				ask(t, w)
				assert.Equal(t, 2, w.settled())
				assert.False(t, w.Status().Due)
				ask(t, w)
				assert.Equal(t, 2, w.settled(), "once")
				pass(hour + 1)
				ask(t, w)
				assert.Equal(t, 3, w.settled(), "by the new clock")
			})
		})
	}
}

func TestClockThatJumpsForwardMakesTheSetOld(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour, MaxStale: 2 * hour}, func(t *testing.T, w *world) {
		w.jump(5 * hour)
		w.known(t, "listed", "ES256")
		assert.Equal(t, 2, w.settled())
		assert.True(t, w.Fresh(w.now()))

		w.jump(-5 * hour) // and it was a mistake
		w.known(t, "listed", "ES256")
		assert.Equal(t, 3, w.settled())
		w.known(t, "listed", "ES256")
		assert.Equal(t, 3, w.settled())
	})
}

// apart returns a time whose clocks went apart: later by the wall, and by wall less
// what the machine slept by the monotonic one.
func apart(from time.Time, wall, slept time.Duration) time.Time {
	later := from.Add(wall)
	(*struct {
		wall uint64
		ext  int64 // of a time that has both: the monotonic reading
		loc  *time.Location
	})(unsafe.Pointer(&later)).ext -= int64(slept)
	return later
}

func TestAgeIsThatOfTheClockThatSaysLonger(t *testing.T) {
	begin := time.Now()
	for name, test := range map[string]struct {
		now   time.Time
		fresh bool
	}{
		"neither moved":               {begin, true},
		"both":                        {begin.Add(3 * hour), false},
		"the machine slept":           {apart(begin, 3*hour, 3*hour), false},
		"the wall clock was set back": {apart(begin, -3*hour, -6*hour), false},
		"set back, and not old":       {apart(begin, -3*hour, -3*hour), true},
	} {
		t.Run(name, func(t *testing.T) {
			now := begin
			s := newSubject(t, jwks.Config{
				URL: setURL, MaxAge: hour, MaxStale: 2 * hour, Clock: func() time.Time { return now },
				HTTPClient: serving(setOf(es256(t, "listed"))).client(),
			})
			require.NoError(t, s.Ready(t.Context()))
			now = test.now
			assert.Equal(t, test.fresh, s.Fresh(now))
			assert.Equal(t, !test.fresh, s.Status().Stale)
			assert.Equal(t, !test.fresh, s.Status().Due)
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
