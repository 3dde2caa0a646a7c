package rediscache_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache/rediscache/internal/redistest"
	"github.com/bearerguard/bearerguard/validator"
)

// TestFeedPauses longer after each failure in a row, and briefly after the first.
func TestFeedPauses(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for _, asked := range []string{"look", "publish"} {
		t.Run(asked, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, redistest.Options{})
			begun(s)
			var mu sync.Mutex
			var failures int            // in a row
			var gap, most time.Duration // between a failure and the next question
			var last time.Time
			fails := 7
			m := f.join(t, watched(s, func(_ context.Context, what string, cmd redis.Cmder, next func() error) error {
				if what != asked {
					return next()
				}
				mu.Lock()
				defer mu.Unlock()
				if failures > 0 {
					gap = time.Since(last)
					most = max(most, gap)
				}
				if failures++; failures <= fails {
					last = time.Now()
					err := errors.New("of the test")
					cmd.SetErr(err)
					return err
				}
				failures, fails = 0, 0
				return next()
			}), validator.ServeWhileBehind, quiet(time.Second))
			require.NoError(t, m.feed.Revoke(t.Context(), f.of("first")))
			redistest.Eventually(t, "it goes on", func() bool { mu.Lock(); defer mu.Unlock(); return fails == 0 })
			mu.Lock()
			assert.GreaterOrEqual(t, most, 500*time.Millisecond, "longer")
			mu.Unlock()
			// On a busy machine not each of them is at once.
			for tries := 1; ; tries++ {
				mu.Lock()
				fails = 1
				mu.Unlock()
				require.NoError(t, m.feed.Revoke(t.Context(), f.of(fmt.Sprint(tries))))
				redistest.Eventually(t, "it goes on", func() bool { mu.Lock(); defer mu.Unlock(); return fails == 0 })
				mu.Lock()
				after := gap
				mu.Unlock()
				if after < 400*time.Millisecond {
					break
				}
				require.Less(t, tries, 8, "long after one failure")
			}
		})
	}
}

// TestFeedEndsWhole: when Run has returned, nothing of it goes on.
func TestFeedEndsWhole(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	publishes, goOn := make(chan struct{}), make(chan struct{})
	m := f.join(t, watched(s, func(_ context.Context, asked string, _ redis.Cmder, next func() error) error {
		if asked == "publish" {
			publishes <- struct{}{}
			<-goOn
		}
		return next()
	}), validator.ServeWhileBehind, quiet(time.Second/2))
	require.NoError(t, m.revocations.Revoke(f.of("jane")))
	<-publishes
	ended := make(chan error, 1)
	go func() { ended <- m.stop() }()
	select {
	case <-ended:
		t.Error("it still publishes")
	case <-time.After(2 * time.Second): // it reads for less
	}
	close(goOn)
}

// TestFeedBeginsWithoutRedis: who would rather serve starts at once.
func TestFeedBeginsWithoutRedis(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	s.Kill()
	m := f.join(t, s.Client(), validator.ServeWhileBehind, quiet(time.Hour))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, m.Ready(ctx))
	assert.True(t, m.behind())
	assert.Contains(t, m.revocations.Status().Feed.Detail, "redis: ")
}

// TestFeedIdles: a feed that has nothing to do, or waits for its turn, takes no processor.
func TestFeedIdles(t *testing.T) {
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	begun(s)
	used := func() time.Duration {
		var u syscall.Rusage
		require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	const silence, some = 4 * time.Second, time.Second / 2
	idle := func(what string) {
		t.Helper()
		before := used()
		<-time.After(some)
		assert.Less(t, used()-before, some/5, what)
	}
	var c counted
	m := f.join(t, c.client(s), validator.ServeWhileBehind, quiet(silence))
	m.caughtUp(t)
	m.revokes(t, f, "jane")
	idle("nothing to do")
	s.Do("SET", turnKey, "another")
	s.Do("DEL", streamKey)
	redistest.Eventually(t, "it waits", func() bool { return c.turns.Load() > 0 })
	idle("another's turn")
}
