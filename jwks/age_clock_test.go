package jwks_test

import (
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
)

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

// What was tried by the clock of before does not hold back what is due by this one.
func TestClockSetBackAfterAFetchForAgeHoldsNothingBack(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour}, func(t *testing.T, w *world) {
		w.server.fail(500)
		pass(hour + 1)
		assert.True(t, w.Fresh(w.now()))
		assert.Equal(t, 2, w.settled())
		w.server.fail(0)
		w.jump(-24 * hour)
		assert.True(t, w.Fresh(w.now()))
		assert.Equal(t, 3, w.settled())
		assert.False(t, w.Status().Due)
	})
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
