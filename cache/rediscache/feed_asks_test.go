package rediscache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/cache/rediscache/internal/redistest"
	"github.com/bearerguard/bearerguard/validator"
)

// between is a test between a feed and its Redis: it has a command carried out by next, or
// answers it itself.
type between func(ctx context.Context, asked string, cmd redis.Cmder, next func() error) error

func (between) DialHook(next redis.DialHook) redis.DialHook { return next }

func (between) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (b between) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return b(ctx, asks(cmd), cmd, func() error { return next(ctx, cmd) })
	}
}

// asks is what a feed asks by a command: "look", "read", "wait" (a read that waits),
// "publish", "turn".
func asks(cmd redis.Cmder) string {
	switch args := cmd.Args(); cmd.Name() {
	case "evalsha", "eval":
		if args[2] == 2 { // keys
			return "look"
		}
		return "publish"
	case "xread":
		if slices.Contains(args, any("block")) {
			return "wait"
		}
		return "read"
	case "set":
		return "turn"
	}
	return cmd.Name()
}

// watched is a client of s with that between.
func watched(s *redistest.Server, b between) *redis.Client {
	client := s.Client(endless)
	client.AddHook(b)
	return client
}

// quiet makes the Silence of a feed another.
func quiet(silence time.Duration) func(*rediscache.FeedConfig) {
	return func(c *rediscache.FeedConfig) { c.Silence = silence }
}

// begun has s hold a stream that is older than any Silence.
func begun(s *redistest.Server) {
	s.Do("XADD", streamKey, fmt.Sprintf("%d-1", time.Now().Add(-30*time.Minute).UnixMilli()), "begun", "")
}

// TestFeedAsks: Redis is asked five times in a Silence, each time for no longer than until
// the feed is to be behind, and the status tells what became of the last question. A question
// that fails has it neither behind before Silence nor caught up.
func TestFeedAsks(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		begin func(*redistest.Server)
		fail  []string // once each
	}{
		"new": {func(*redistest.Server) {}, []string{"wait behind"}},
		"old": {begun, []string{"look behind", "read behind", "look after entries behind", "look", "wait"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, s := newFleet(t), redistest.Start(t, redistest.Options{})
			tc.begin(s)
			const silence = time.Second / 2 // shorter than what an answer may take
			var m *member
			var failed string        // what the question before did by
			var entries, looked bool // what it was answered with
			var answered, since time.Time
			var waits atomic.Int32
			injected := errors.New("of the test")
			m = f.standBy(t, watched(s, func(ctx context.Context, asked string, cmd redis.Cmder, next func() error) error {
				if asked != "look" && asked != "read" && asked != "wait" {
					return next()
				}
				status, how := m.feed.Status(), m.revocations.Status().Feed
				assert.Equal(t, failed, status.ReadError, "before %s", asked)
				assert.False(t, status.Touched.Before(answered), "an answer is noted")
				if time.Since(answered) >= silence {
					since = time.Time{} // it was behind, or had not begun
				}
				switch {
				case how.Behind:
					assert.Zero(t, since, "behind again")
				case since.IsZero():
					since = how.Since
				default:
					assert.Equal(t, since, how.Since, "it has caught up once")
				}
				if deadline, ok := ctx.Deadline(); !how.Behind {
					assert.True(t, ok)
					assert.Less(t, deadline.Sub(status.Touched), silence+silence/2)
				}
				if asked == "wait" {
					assert.Contains(t, cmd.Args(), silence.Milliseconds()/5)
				}
				question := asked
				if entries && asked == "look" {
					question += " after entries"
				}
				if how.Behind {
					question += " behind"
				}
				assert.False(t, looked && asked == "look", "one look is enough")
				entries, looked = false, false
				if i := slices.Index(tc.fail, question); i >= 0 {
					tc.fail = slices.Delete(tc.fail, i, i+1)
					failed = injected.Error()
					cmd.SetErr(injected)
					return injected
				}
				err := next()
				switch {
				case err == nil || errors.Is(err, redis.Nil):
					answered, failed = time.Now(), ""
					entries, looked = asked != "look" && err == nil, asked == "look"
					if asked == "wait" && !how.Behind {
						waits.Add(1)
					}
				case !redis.HasErrorPrefix(err, "NOSCRIPT"):
					failed = err.Error()
				}
				return err
			}), validator.RefuseWhileBehind, quiet(silence))
			m.run(t)
			redistest.Eventually(t, "it has waited", func() bool { return waits.Load() > 2 })
			s.Do("XADD", streamKey, "*", "marks", "of another")
			redistest.Eventually(t, "it has waited more", func() bool { return waits.Load() > 5 })
			assert.EqualError(t, m.stop(), "stopped")
			assert.Empty(t, m.feed.Status().ReadError, "that it ended is no error")
			assert.Equal(t, "Feed.Run has ended", m.revocations.Status().Feed.Detail)
			assert.Empty(t, tc.fail, "what did not come")
		})
	}
}

// TestFeedOfOtherScripts: what is no answer of ours is an error, and by it nobody has caught
// up.
func TestFeedOfOtherScripts(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for name, answer := range map[string][]any{
		"none": {}, "one": {int64(1)}, "three": {int64(1), int64(-1), int64(1)}, "no numbers": {"1", "x"},
	} {
		s := redistest.Start(t, redistest.Options{})
		begun(s)
		m := f.join(t, watched(s, func(_ context.Context, asked string, cmd redis.Cmder, next func() error) error {
			if asked == "look" {
				cmd.(*redis.Cmd).SetVal(answer)
				return nil
			}
			return next()
		}), validator.RefuseWhileBehind, quiet(time.Second))
		redistest.Eventually(t, "that is told", func() bool { return m.feed.Status().ReadError != "" })
		assert.True(t, m.behind(), name)
		assert.Contains(t, m.revocations.Status().Feed.Detail, "redis: ", name)
		m.stop()
		assert.Zero(t, m.feed.Status().Touched, name)
	}
	s := redistest.Start(t, redistest.Options{})
	begun(s)
	for name, streams := range map[string][]redis.XStream{"none": {}, "two": {{}, {}}} {
		m := f.join(t, watched(s, func(_ context.Context, asked string, cmd redis.Cmder, next func() error) error {
			if asked == "read" {
				cmd.(*redis.XStreamSliceCmd).SetVal(streams)
				return nil
			}
			return next()
		}), validator.RefuseWhileBehind, quiet(time.Second))
		redistest.Eventually(t, "that is told", func() bool { return m.feed.Status().ReadError != "" || !m.behind() })
		assert.True(t, m.behind(), name)
		m.stop()
	}
}

// TestFeedReadsToTheEnd before it has caught up, however many pages that are.
func TestFeedReadsToTheEnd(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	begun(s)
	const many = 250
	for range many {
		s.Do("XADD", streamKey, "*", "marks", "of another")
	}
	var m *member
	var reads atomic.Int32
	m = f.standBy(t, watched(s, func(_ context.Context, asked string, _ redis.Cmder, next func() error) error {
		if asked == "read" {
			reads.Add(1)
		}
		if m.feed.Status().Unreadable < many {
			assert.True(t, m.behind())
		}
		return next()
	}), validator.RefuseWhileBehind)
	m.run(t)
	m.caughtUp(t)
	assert.EqualValues(t, many, m.feed.Status().Unreadable, "each once")
	assert.EqualValues(t, 3, reads.Load(), "pages")
}

// TestFeedReadsAgain: what comes next may be of another server, which lacks what was read
// last, and has what was not.
func TestFeedReadsAgain(t *testing.T) {
	t.Parallel()
	f, s, other := newFleet(t), redistest.Start(t, redistest.Options{}), redistest.Start(t, redistest.Options{})
	begun(other)
	a := f.join(t, other.Client(), validator.ServeWhileBehind)
	a.caughtUp(t)
	a.revokes(t, f, "jane")
	mark := other.Do("XREVRANGE", streamKey, "+", "-", "COUNT", 1).([]any)[0].([]any)[1].([]any)[1]

	begun(s)
	s.Do("XADD", streamKey, "*", "marks", "of another")
	m := f.join(t, s.Client(), validator.ServeWhileBehind)
	m.caughtUp(t)
	redistest.Eventually(t, "it is read", func() bool { return m.feed.Status().Unreadable == 1 })
	ago := time.Now().Add(-20 * time.Minute).UnixMilli()
	s.Do("EVAL", `redis.call('DEL', KEYS[1])
redis.call('XADD', KEYS[1], ARGV[1], 'begun', '')
redis.call('XADD', KEYS[1], ARGV[2], 'marks', ARGV[3])
return redis.call('XADD', KEYS[1], '*', 'marks', 'of another')`, 1, streamKey, fmt.Sprintf("%d-1", ago), fmt.Sprintf("%d-2", ago), mark)
	m.hears(t, f.token("jane"))
}
