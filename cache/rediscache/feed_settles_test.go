package rediscache_test

import (
	"context"
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

const lossKey = "bearerguard:{revocations}:loss"

// beginsAt has s hold a stream that begins then.
func beginsAt(s *redistest.Server, at time.Time) string {
	return s.Do("XADD", streamKey, fmt.Sprintf("%d-1", at.UnixMilli()), "begun", "").(string)
}

// TestFeedSettles: nobody has caught up before the stream, and the last loss that anybody
// noticed, are as old as Silence: until then others may say what was lost.
func TestFeedSettles(t *testing.T) {
	t.Parallel()
	const silence = 2 * time.Second
	loss := func(left time.Duration) func(*redistest.Server) {
		return func(s *redistest.Server) { s.Do("SET", lossKey, "", "PX", left.Milliseconds()) }
	}
	trimmed := func(s *redistest.Server) { s.Do("XADD", streamKey, "*", "marks", "of another") }
	now := func(s *redistest.Server) { beginsAt(s, time.Now()) }
	type begin = []func(*redistest.Server)
	for name, tc := range map[string]struct {
		begin  begin
		atOnce bool
	}{
		"empty":                           {begin{}, false},
		"new":                             {begin{now}, false},
		"by a clock that was ahead":       {begin{func(s *redistest.Server) { beginsAt(s, time.Now().Add(silence/2)) }}, false},
		"old":                             {begin{begun}, true},
		"trimmed":                         {begin{trimmed}, true},
		"lost":                            {begin{begun, loss(silence)}, false},
		"trimmed and lost":                {begin{trimmed, loss(silence)}, false},
		"lost to one that is patient":     {begin{begun, loss(silence + silence/2)}, false},
		"trimmed, and lost to that one":   {begin{trimmed, loss(silence + silence/2)}, false},
		"new, and lost before":            {begin{now, loss(silence / 8)}, false},
		"lost a while ago":                {begin{begun, loss(silence / 8)}, true},
		"trimmed, and lost a while ago":   {begin{trimmed, loss(silence / 8)}, true},
		"ahead, and lost before":          {begin{func(s *redistest.Server) { beginsAt(s, time.Now().Add(silence/2)) }, loss(silence / 8)}, false},
		"the loss is there without a TTL": {begin{begun, func(s *redistest.Server) { s.Do("SET", lossKey, "") }}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, s := newFleet(t), redistest.Start(t, redistest.Options{})
			m := f.standBy(t, s.Client(), validator.RefuseWhileBehind, quiet(silence))
			start := time.Now().Truncate(time.Millisecond)
			for _, step := range tc.begin {
				step(s)
			}
			m.run(t)
			m.caughtUp(t)
			if after := m.revocations.Status().Feed.Since.Sub(start); tc.atOnce {
				assert.Less(t, after, silence)
			} else {
				assert.GreaterOrEqual(t, after, silence)
			}
			assert.Zero(t, m.feed.Status().Lost)
		})
	}
}

// TestFeedSettlesWithoutMemory: a replica that noticed a loss waits for the others even if
// it cannot note that in Redis.
func TestFeedSettlesWithoutMemory(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	begun(s)
	last := s.Do("XADD", streamKey, "*", "marks", "of another")
	m := f.join(t, s.Client(), validator.RefuseWhileBehind)
	m.caughtUp(t)
	redistest.Eventually(t, "it is read", func() bool { return m.feed.Status().Unreadable == 1 })
	s.Do("CONFIG", "SET", "maxmemory", "1")
	before := time.Now()
	s.Do("XDEL", streamKey, last)
	m.fallsBehind(t)
	m.caughtUp(t)
	assert.GreaterOrEqual(t, m.revocations.Status().Feed.Since.Sub(before), silence)
	assert.EqualValues(t, 1, m.feed.Status().Lost)
	assert.EqualValues(t, 0, s.Do("EXISTS", lossKey))
}

// TestFeedNotesALoss for as long as others may say again what was lost.
func TestFeedNotesALoss(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	begun(s)
	last := s.Do("XADD", streamKey, "*", "marks", "of another")
	m := f.join(t, s.Client(), validator.RefuseWhileBehind, quiet(10*time.Second))
	m.caughtUp(t)
	s.Do("XDEL", streamKey, last)
	require.Zero(t, s.Do("EXISTS", lossKey))
	redistest.Eventually(t, "it is noticed", func() bool { return m.feed.Status().Lost == 1 })
	left := s.Do("PTTL", lossKey).(int64)
	assert.LessOrEqual(t, left, int64(10_000))
	assert.Greater(t, left, int64(5_000))
}

// TestFeedKnowsTheAge of the stream, to the millisecond.
func TestFeedKnowsTheAge(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	began := time.Now().Add(-time.Minute).UnixMilli()
	beginsAt(s, time.UnixMilli(began))
	var looks atomic.Int32
	f.join(t, watched(s, func(_ context.Context, asked string, cmd redis.Cmder, next func() error) error {
		before := time.Now().UnixMilli()
		err := next()
		if asked == "look" && err == nil {
			answer, err := cmd.(*redis.Cmd).Int64Slice()
			assert.NoError(t, err)
			assert.GreaterOrEqual(t, answer[1], before-began)
			assert.LessOrEqual(t, answer[1], time.Now().UnixMilli()-began)
			looks.Add(1)
		}
		return err
	}), validator.ServeWhileBehind, quiet(time.Second/2))
	redistest.Eventually(t, "it has looked", func() bool { return looks.Load() > 3 })
}

// TestFeedBeginsTheStream that is not there when it publishes, or who comes next would take it
// for one that was trimmed.
func TestFeedBeginsTheStream(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	begun(s)
	goOn := make(chan struct{})
	var holds atomic.Bool
	m := f.join(t, watched(s, func(_ context.Context, asked string, _ redis.Cmder, next func() error) error {
		if asked == "look" && holds.Load() {
			<-goOn
		}
		return next()
	}), validator.ServeWhileBehind)
	m.caughtUp(t)
	holds.Store(true)
	s.Do("DEL", streamKey)
	m.revokes(t, f, "jane")
	m.revokes(t, f, "joe")
	var fields []any
	for _, entry := range s.Do("XRANGE", streamKey, "-", "+").([]any) {
		fields = append(fields, entry.([]any)[1].([]any)[0])
	}
	assert.Equal(t, []any{"begun", "marks", "marks"}, fields)
	close(goOn)
}

// TestFeedLosesWhileItReads: what is lost between two pages is waited for, as what was lost
// before the first; and from before the first is read, if it had caught up.
func TestFeedLosesWhileItReads(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	lose := func() (at time.Time) {
		at = time.Now().Truncate(time.Millisecond)
		s.Do("DEL", streamKey)
		begun(s)
		s.Do("XADD", streamKey, "*", "marks", "of another")
		return at
	}
	begun(s)
	for range 150 { // two pages
		s.Do("XADD", streamKey, "*", "marks", "of another")
	}
	var m *member
	var reads, readAgain atomic.Int32
	var lost time.Time
	m = f.standBy(t, watched(s, func(_ context.Context, asked string, _ redis.Cmder, next func() error) error {
		if asked == "read" {
			if reads.Add(1) == 2 {
				lost = lose()
			} else if m.feed.Status().Lost == 2 && readAgain.Add(1) == 1 { // later ones it may have caught up before
				assert.True(t, m.behind())
			}
		}
		return next()
	}), validator.RefuseWhileBehind)
	m.run(t)
	m.caughtUp(t)
	since := m.revocations.Status().Feed.Since
	assert.EqualValues(t, 1, m.feed.Status().Lost)
	lose()
	redistest.Eventually(t, "it is read again", func() bool { return readAgain.Load() > 0 })
	m.stop()
	assert.GreaterOrEqual(t, since.Sub(lost), silence)
}
