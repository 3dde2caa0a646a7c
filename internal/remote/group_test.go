package remote_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/remote"
)

type group = remote.Group[string, int]

func unknown() (int, bool) { return 0, false }

// flights is work that takes as long as a test likes, and returns the number of
// its flight.
type flights struct {
	begun atomic.Int32
	land  chan struct{}
}

func newFlights() *flights { return &flights{land: make(chan struct{})} }

func (f *flights) work(context.Context) (int, error) {
	number := int(f.begun.Add(1))
	<-f.land
	return number, nil
}

func (f *flights) errand() remote.Errand[int] {
	return remote.Errand[int]{Timeout: time.Minute, Known: unknown, Work: f.work}
}

func (f *flights) fresh() remote.Errand[int] {
	e := f.errand()
	e.Fresh = true
	return e
}

// outcome is what a caller was told.
type outcome struct {
	value int
	err   error
}

// callers collects what those who ask are told.
type callers struct {
	mu   sync.Mutex
	told []outcome
}

// ask has that many callers ask, and returns when they wait, or are told.
func (c *callers) ask(ctx context.Context, g *group, key string, e remote.Errand[int], many int) {
	for range many {
		go func() {
			value, err := g.Do(ctx, key, e)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.told = append(c.told, outcome{value, err})
		}()
	}
	synctest.Wait()
}

// outcomes are what callers were told so far, once nothing moves any more.
func (c *callers) outcomes() []outcome {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.told)
}

// all asserts that all were told that.
func (c *callers) all(t *testing.T, many int, value int) {
	t.Helper()
	told := c.outcomes()
	assert.Len(t, told, many)
	for _, one := range told {
		assert.Equal(t, outcome{value, nil}, one)
	}
}

func TestCallersShareOneFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g group
		var c callers
		f := newFlights()
		c.ask(t.Context(), &g, "a", f.errand(), 1000)
		assert.EqualValues(t, 1, f.begun.Load())
		close(f.land)
		c.all(t, 1000, 1)
		assert.EqualValues(t, 1, f.begun.Load())
	})
}

func TestFreshCallersShareTheNextFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g group
		var first, fresh, late callers
		f := newFlights()
		first.ask(t.Context(), &g, "a", f.errand(), 1)
		fresh.ask(t.Context(), &g, "a", f.fresh(), 1000)
		first.ask(t.Context(), &g, "a", f.errand(), 10) // still the one in the air
		assert.EqualValues(t, 1, f.begun.Load(), "one about a key at once")

		f.land <- struct{}{}
		first.all(t, 11, 1)
		fresh.all(t, 0, 0)
		assert.EqualValues(t, 2, f.begun.Load())
		late.ask(t.Context(), &g, "a", f.errand(), 10) // that one is in the air now
		f.land <- struct{}{}
		fresh.all(t, 1000, 2)
		late.all(t, 10, 2)
		assert.EqualValues(t, 2, f.begun.Load())
	})
}

// Once it has begun, it is too late for those who come after that.
func TestFreshCallersDoNotShareAFlightThatHasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g group
		f := newFlights()
		by := make([]callers, 5)
		for i := range by {
			by[i].ask(t.Context(), &g, "a", f.fresh(), 1) // the first begins at once
			if i > 0 {
				f.land <- struct{}{}
				synctest.Wait()
			}
			assert.EqualValues(t, i+1, f.begun.Load())
		}
		close(f.land)
		for i := range by {
			by[i].all(t, 1, i+1)
		}
	})
}

func TestFlightIsNotNeededForWhatIsKnown(t *testing.T) {
	var g group
	f := newFlights()
	e := f.errand()
	e.Known = func() (int, bool) { return 42, true }
	value, err := g.Do(t.Context(), "a", e)
	require.NoError(t, err)
	assert.Equal(t, 42, value)
	assert.Zero(t, f.begun.Load())
}

// Whoever wants a fresh answer is not helped by an older one.
func TestFreshCallersAskForNothingThatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g group
		var c callers
		f := newFlights()
		e := f.fresh()
		e.Known = func() (int, bool) {
			t.Error("asked")
			return 42, true
		}
		close(f.land)
		c.ask(t.Context(), &g, "a", e, 1)
		c.all(t, 1, 1)

		e.Known = nil
		c = callers{}
		c.ask(t.Context(), &g, "a", e, 1)
		c.all(t, 1, 2)
	})
}

// Between the look-up and the departure none lands unnoticed, so that the first
// flight is the only one.
func TestNoFlightDepartsAfterALanding(t *testing.T) {
	for range 200 {
		var g group
		var found, begun atomic.Int32
		e := remote.Errand[int]{
			Timeout: time.Minute,
			Known:   func() (int, bool) { return int(found.Load()), found.Load() != 0 },
			Work: func(context.Context) (int, error) {
				found.Store(begun.Add(1))
				return int(found.Load()), nil
			},
		}
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				value, err := g.Do(context.Background(), "a", e)
				assert.NoError(t, err)
				assert.Equal(t, 1, value)
			})
		}
		all.Wait()
		require.EqualValues(t, 1, begun.Load())
	}
}

func TestEachCallerLeavesAlone(t *testing.T) {
	for name, leaves := range map[string]func(first, second context.CancelCauseFunc){
		"first":  func(first, _ context.CancelCauseFunc) { first(errWork) },
		"second": func(_, second context.CancelCauseFunc) { second(errWork) },
	} {
		for _, isFresh := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " ", isFresh), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var g group
					var other, one, two callers
					f := newFlights()
					e := f.errand()
					if e.Fresh = isFresh; isFresh {
						other.ask(t.Context(), &g, "a", f.errand(), 1) // both wait for the next one
					}
					firstCtx, first := context.WithCancelCause(t.Context())
					secondCtx, second := context.WithCancelCause(t.Context())
					defer first(nil)
					defer second(nil)
					one.ask(firstCtx, &g, "a", e, 1)
					two.ask(secondCtx, &g, "a", e, 1)
					leaves(first, second)
					left := append(one.outcomes(), two.outcomes()...)
					require.Len(t, left, 1)
					assert.ErrorIs(t, left[0].err, errWork, "the cause")
					close(f.land)
					left = append(one.outcomes(), two.outcomes()...)
					require.Len(t, left, 2)
					want := outcome{value: int(f.begun.Load())}
					assert.Contains(t, left, want)
				})
			})
		}
	}
}

// The next flight begins although nobody waits for it any more: it may be the one
// that somebody joins.
func TestAllWhoWaitMayLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g group
		var c callers
		f := newFlights()
		ctx, leave := context.WithCancel(t.Context())
		c.ask(ctx, &g, "a", f.errand(), 10)
		c.ask(ctx, &g, "a", f.fresh(), 10)
		leave()
		assert.Len(t, c.outcomes(), 20)
		var joined callers
		joined.ask(t.Context(), &g, "a", f.errand(), 1)
		close(f.land)
		joined.all(t, 1, 1)
		assert.EqualValues(t, 2, f.begun.Load())
	})
}

func TestFlightThatDoesNotReturnIsAnErrorToAllAndTheNextBegins(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("work") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g group
				var first, next callers
				f := newFlights()
				ending := f.errand()
				ending.Work = func(ctx context.Context) (int, error) {
					_, _ = f.work(ctx)
					end()
					return 1, nil
				}
				first.ask(t.Context(), &g, "a", ending, 10)
				next.ask(t.Context(), &g, "a", f.fresh(), 10)
				close(f.land)
				require.Len(t, first.outcomes(), 10)
				for _, told := range first.outcomes() {
					kind(t, remote.Panicked, told.err)
				}
				next.all(t, 10, 2)
			})
		})
	}
}

func TestErrorOfAFlightIsEverybodysAndIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g group
		var c callers
		f := newFlights()
		failing := f.errand()
		failing.Work = func(ctx context.Context) (int, error) {
			value, _ := f.work(ctx)
			return value, errWork
		}
		c.ask(t.Context(), &g, "a", failing, 10)
		close(f.land)
		require.Len(t, c.outcomes(), 10)
		for _, told := range c.outcomes() {
			assert.ErrorIs(t, told.err, errWork)
		}
		value, err := g.Do(t.Context(), "a", f.errand())
		require.NoError(t, err)
		assert.Equal(t, 2, value)
	})
}

// Each errand has the time that its own caller gives it.
func TestFlightEndsAtTheTimeOfItsErrand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g group
		f := newFlights()
		timed := func(timeout time.Duration) remote.Errand[int] {
			e := f.fresh()
			e.Timeout = timeout
			e.Work = func(ctx context.Context) (int, error) {
				<-ctx.Done()
				return 0, &remote.Error{Kind: remote.Transport}
			}
			return e
		}
		began := time.Now()
		var first, next callers
		first.ask(t.Context(), &g, "a", timed(3*time.Second), 1)
		next.ask(t.Context(), &g, "a", timed(5*time.Second), 1)
		next.ask(t.Context(), &g, "a", timed(time.Hour), 1) // shares that one
		_, err := g.Do(t.Context(), "a", func() remote.Errand[int] {
			e := timed(0)
			e.Fresh = false
			return e
		}())
		kind(t, remote.Transport, err)
		assert.Equal(t, 3*time.Second, time.Since(began))
		<-time.After(5*time.Second - 1) // of the bubble
		assert.Empty(t, next.outcomes())
		<-time.After(1)
		assert.Len(t, next.outcomes(), 2)
	})
}

func TestKeysDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g group
		var a, b callers
		slow, fast := newFlights(), newFlights()
		close(fast.land)
		a.ask(t.Context(), &g, "a", slow.errand(), 1)
		a.ask(t.Context(), &g, "a", slow.fresh(), 1)
		for range 3 {
			b.ask(t.Context(), &g, "b", fast.fresh(), 1)
		}
		assert.Equal(t, []outcome{{1, nil}, {2, nil}, {3, nil}}, b.outcomes())
		assert.Empty(t, a.outcomes())
		close(slow.land)
		assert.ElementsMatch(t, []outcome{{1, nil}, {2, nil}}, a.outcomes(), "nor are they confused")
	})
}

// A key is held for as long as something is in the air about it.
func TestKeysAreForgottenAfterTheLanding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g remote.Group[*[64]byte, int]
		keys := make([]weak.Pointer[[64]byte], 100)
		for i := range keys {
			key := new([64]byte)
			keys[i] = weak.Make(key)
			f := newFlights()
			close(f.land)
			for _, e := range []remote.Errand[int]{f.errand(), f.fresh()} {
				_, err := g.Do(t.Context(), key, e)
				require.NoError(t, err)
			}
		}
		synctest.Wait() // for the goroutines of the flights
		runtime.GC()
		for _, key := range keys {
			assert.Nil(t, key.Value())
		}
		runtime.KeepAlive(&g)
	})
}

// A look-up that panics is its caller's affair only.
func TestLookUpThatPanicsBlocksNobody(t *testing.T) {
	var g group
	f := newFlights()
	close(f.land)
	bad := f.errand()
	bad.Known = func() (int, bool) { panic("known") }
	assert.Panics(t, func() { _, _ = g.Do(t.Context(), "a", bad) })
	value, err := g.Do(t.Context(), "a", f.errand())
	require.NoError(t, err)
	assert.Equal(t, 1, value)
}

// ended is a context that has ended since the flight landed: nobody left because of it.
type ended struct{ context.Context }

func (ended) Done() <-chan struct{} { return nil }
func (ended) Err() error            { return context.Canceled }

// TestWhoWaitedIsTold: which flight it was, by the number that its work knows too, and
// whether the caller left. Who was answered at once did not wait.
func TestWhoWaitedIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type waited struct {
			flight uint64
			left   bool
		}
		var g group
		var told []waited
		land, failure := make(chan struct{}), error(nil)
		var number uint64
		errand := remote.Errand[int]{
			Timeout: time.Minute, Known: unknown,
			Work: func(ctx context.Context) (int, error) {
				number = remote.FlightOf(ctx)
				<-land
				return 7, failure
			},
			Waited: func(flight uint64, left bool) { told = append(told, waited{flight, left}) },
		}
		require.Zero(t, remote.FlightOf(t.Context()))
		ctx, leave := context.WithCancel(t.Context())
		var c callers
		c.ask(ctx, &g, "key", errand, 1)
		first := number
		require.NotZero(t, first)
		leave()
		assert.Equal(t, []outcome{{0, context.Canceled}}, c.outcomes())
		assert.Equal(t, []waited{{first, true}}, told)

		c.ask(ended{t.Context()}, &g, "key", errand, 1)
		land <- struct{}{}
		assert.Equal(t, outcome{7, nil}, c.outcomes()[1])
		assert.Equal(t, []waited{{first, true}, {first, false}}, told, "of the same flight")

		failure = assert.AnError
		c.ask(t.Context(), &g, "key", errand, 1)
		land <- struct{}{}
		assert.Equal(t, outcome{7, assert.AnError}, c.outcomes()[2])
		assert.NotEqual(t, first, number)
		assert.Equal(t, []waited{{first, true}, {first, false}, {number, false}}, told, "a failure is not the caller's")

		errand.Known = func() (int, bool) { return 1, true }
		c.ask(t.Context(), &g, "key", errand, 1)
		assert.Len(t, c.outcomes(), 4)
		assert.Len(t, told, 3)
		own := remote.Launch(time.Minute, func(ctx context.Context) (uint64, error) { return remote.FlightOf(ctx), nil }, func(uint64, error) {})
		same, err := own.Wait(t.Context())
		require.NoError(t, err)
		assert.Equal(t, same, own.Number())
	})
}
