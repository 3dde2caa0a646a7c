package rediscache_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache/rediscache/internal/redistest"
	"github.com/bearerguard/bearerguard/validator"
)

const turnKey = "bearerguard:{revocations}:turn"

// counted counts what a feed asks, if meet lets it: an error of that is the answer.
type counted struct {
	reads, turns, publishes atomic.Int32
	meet                    func(asked string) error
}

func (c *counted) client(s *redistest.Server) *redis.Client {
	numbers := map[string]*atomic.Int32{"read": &c.reads, "turn": &c.turns, "publish": &c.publishes}
	return watched(s, func(_ context.Context, asked string, cmd redis.Cmder, next func() error) error {
		n := numbers[asked]
		if n == nil {
			return next()
		}
		n.Add(1)
		if c.meet != nil {
			if err := c.meet(asked); err != nil {
				cmd.SetErr(err)
				return err
			}
		}
		err := next()
		if redis.HasErrorPrefix(err, "NOSCRIPT") {
			n.Add(-1) // it comes again
		}
		return err
	})
}

func (c *counted) reset() {
	for _, n := range []*atomic.Int32{&c.reads, &c.turns, &c.publishes} {
		n.Store(0)
	}
}

// revokes waits until the mark is published, and not for ever.
func (m *member) revokes(t testing.TB, f fleet, subject string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, m.feed.Revoke(ctx, f.of(subject)))
}

// forget has s lose an entry that was read, and nothing else.
func (m *member) forget(t testing.TB, s *redistest.Server) {
	t.Helper()
	before := m.feed.Status()
	last := s.Do("XADD", streamKey, "*", "marks", "of another")
	redistest.Eventually(t, "it is read", func() bool { return m.feed.Status().Unreadable == before.Unreadable+1 })
	s.Do("XDEL", streamKey, last)
	redistest.Eventually(t, "it is noticed", func() bool { return m.feed.Status().Lost == before.Lost+1 })
}

// TestFeedThatLostNothing publishes nothing again, whichever page its marks are on and in
// whatever order, and does not take anybody's turn.
func TestFeedThatLostNothing(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	const silence = time.Second
	begun(s)
	const many = 120
	for range many {
		s.Do("XADD", streamKey, "*", "marks", "of another")
	}
	var c counted
	m := f.join(t, c.client(s), validator.ServeWhileBehind, quiet(silence))
	m.caughtUp(t)
	c.reset()
	m.revokes(t, f, "jane")
	first := s.Do("XREVRANGE", streamKey, "+", "-", "COUNT", 1).([]any)[0].([]any)[1].([]any)
	<-time.After(10 * time.Millisecond)
	m.revokes(t, f, "jane")
	m.revokes(t, f, "joe")
	assert.Zero(t, c.reads.Load(), "nothing is compared")
	s.Do(append([]any{"XADD", streamKey, "*"}, first...)...) // the older mark after the newer
	length := s.Do("XLEN", streamKey)
	m.forget(t, s)
	<-time.After(silence) // it begins within a quarter
	assert.EqualValues(t, 3, c.publishes.Load())
	assert.EqualValues(t, 3, m.feed.Status().Published)
	assert.Equal(t, length, s.Do("XLEN", streamKey))
	assert.EqualValues(t, 4, c.reads.Load(), "two pages, by who reads and by who compares")
	assert.Zero(t, c.turns.Load())
	m.revokes(t, f, "jack")
	assert.EqualValues(t, 4, c.reads.Load(), "that is over")
}

// TestFeedPublishesWhatIsMissing when it has the turn, when nobody can say whose turn it is,
// and after the fifth time that it was another's.
func TestFeedPublishesWhatIsMissing(t *testing.T) {
	t.Parallel()
	const silence = time.Second
	injected := errors.New("of the test")
	for name, tc := range map[string]struct {
		prepare func(*redistest.Server)
		fails   string // once
		turns   int32
		after   time.Duration // the first of them
	}{
		"its turn":           {func(*redistest.Server) {}, "", 1, 0},
		"nobody knows":       {func(*redistest.Server) {}, "turn", 1, 0},
		"another's":          {func(s *redistest.Server) { s.Do("SET", turnKey, "another") }, "", 5, silence / 2},
		"it is not taken":    {func(s *redistest.Server) { s.Do("SET", turnKey, "another") }, "publish", 5, silence / 2},
		"it is not readable": {func(s *redistest.Server) { s.Do("SET", turnKey, "another") }, "read", 5, silence / 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, s := newFleet(t), redistest.Start(t, redistest.Options{})
			begun(s)
			var c counted
			var armed, failed atomic.Bool
			var m *member
			var first, published time.Time
			c.meet = func(asked string) error {
				if !armed.Load() {
					return nil
				}
				now := time.Now()
				if asked == "turn" && first.IsZero() {
					first = now
				}
				if asked == tc.fails {
					// One that reads fails until one that compares has failed too.
					again := asked == "read" && m.feed.Status().PublishError == "" && c.publishes.Load() == 0
					if failed.CompareAndSwap(false, true) || again {
						return injected
					}
				}
				if asked == "publish" {
					if tc.fails == "read" || tc.fails == "publish" && c.publishes.Load() > 1 {
						assert.Equal(t, injected.Error(), m.feed.Status().PublishError)
					}
					published = now
				}
				return nil
			}
			m = f.standBy(t, c.client(s), validator.ServeWhileBehind, quiet(silence))
			m.run(t)
			m.caughtUp(t)
			m.revokes(t, f, "jane")
			m.revokes(t, f, "joe")
			tc.prepare(s)
			c.reset()
			armed.Store(true)
			s.Do("DEL", streamKey)
			redistest.Eventually(t, "they are published", func() bool { return m.feed.Status().Published == 4 })
			armed.Store(false)
			assert.Equal(t, tc.fails != "", failed.Load())
			assert.Equal(t, tc.turns, c.turns.Load())
			assert.GreaterOrEqual(t, published.Sub(first), tc.after)
			m.revokes(t, f, "jack")
			assert.Zero(t, m.feed.Status().Unpublished)
			if tc.fails == "" {
				assert.Equal(t, 1+tc.turns+tc.turns/5, c.reads.Load(), "by who reads, and before each turn or without it")
			}
			late := f.join(t, s.Client(), validator.ServeWhileBehind)
			for _, subject := range []string{"jane", "joe", "jack"} {
				late.hears(t, f.token(subject))
			}
		})
	}
}

// TestFeedOfAsManyMarksAsWait: a thousand marks wait to be published. When there are more
// they are given up, and none counts as published before all were compared.
func TestFeedOfAsManyMarksAsWait(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	begun(s)
	publishes, goOn := make(chan struct{}), make(chan struct{})
	var c counted
	var m *member
	var holds atomic.Bool
	c.meet = func(asked string) error {
		switch {
		case asked == "publish" && holds.CompareAndSwap(true, false):
			publishes <- struct{}{}
			<-goOn
		case asked == "turn":
			assert.Positive(t, m.feed.Status().Unpublished, "some were given up")
		}
		return nil
	}
	m = f.standBy(t, c.client(s), validator.ServeWhileBehind)
	m.run(t)
	m.caughtUp(t)
	made := 0
	revoke := func(count int) {
		for range count {
			made++
			require.NoError(t, m.revocations.Revoke(f.of(fmt.Sprint(made))))
		}
	}
	for _, more := range []int{999, 1000, 1001} {
		c.reset()
		holds.Store(true)
		revoke(1)
		<-publishes
		revoke(more)
		assert.Equal(t, 1+more, m.feed.Status().Unpublished)
		goOn <- struct{}{}
		redistest.Eventually(t, "all are published", func() bool { return m.feed.Status().Unpublished == 0 })
		assert.EqualValues(t, made, m.feed.Status().Published)
		assert.Equal(t, more > 999, c.turns.Load() > 0)
		assert.Equal(t, more > 999, c.reads.Load() > 0, "compared")
	}
}

// TestFeedPublishesWhileALossIsNoticed: what was published since the question is missed if it
// is lost too.
func TestFeedPublishesWhileALossIsNoticed(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	begun(s)
	var m *member
	var noticed, again atomic.Bool
	goOn := make(chan struct{})
	m = f.standBy(t, watched(s, func(_ context.Context, asked string, cmd redis.Cmder, next func() error) error {
		if asked == "turn" {
			<-goOn // or what is lost would be published again before it is missed
		}
		err := next()
		if asked == "look" && err == nil {
			if answer, _ := cmd.(*redis.Cmd).Int64Slice(); answer[0] == 0 && noticed.CompareAndSwap(false, true) {
				m.revokes(t, f, "late")
				last := s.Do("XREVRANGE", streamKey, "+", "-", "COUNT", 1).([]any)[0].([]any)[0]
				s.Do("XDEL", streamKey, last)
				again.Store(true)
			}
		}
		return err
	}), validator.ServeWhileBehind)
	m.run(t)
	m.caughtUp(t)
	m.revokes(t, f, "jane")
	s.Do("DEL", streamKey)
	redistest.Eventually(t, "it is noticed", again.Load)
	redistest.Eventually(t, "so is the other", func() bool { return m.feed.Status().Lost == 2 })
	close(goOn)
	late := f.join(t, s.Client(), validator.ServeWhileBehind)
	late.hears(t, f.token("late"))
	late.hears(t, f.token("jane"))
}
