package rediscache_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/cache/rediscache/internal/redistest"
	"github.com/bearerguard/bearerguard/validator"
)

// soon is a context that ends before a mark can be published to a Redis that is down.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// TestFeedOutage: while Redis cannot be asked, who serves decides by what is known, who
// refuses does so after Silence, and nobody waits; a mark that is made meanwhile counts at
// once where it is made, and everywhere when Redis is back. Nothing is lost.
func TestFeedOutage(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]struct {
		begin, end func(*redistest.Server, *redistest.Proxy)
	}{
		"stopped": {func(s *redistest.Server, _ *redistest.Proxy) { s.Stop() }, func(s *redistest.Server, _ *redistest.Proxy) { s.Continue() }},
		"cut":     {func(_ *redistest.Server, p *redistest.Proxy) { p.Cut() }, func(_ *redistest.Server, p *redistest.Proxy) { p.Heal() }},
		"killed":  {func(s *redistest.Server, _ *redistest.Proxy) { s.Kill() }, func(s *redistest.Server, _ *redistest.Proxy) { s.Restart() }},
		"slow": {func(_ *redistest.Server, p *redistest.Proxy) { p.Latency(time.Minute) },
			func(_ *redistest.Server, p *redistest.Proxy) { p.Cut(); p.Latency(0); p.Heal() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, s := newFleet(t), redistest.Start(t, redistest.Options{})
			p := s.Proxy()
			serves, refuses := f.join(t, p.Client(endless), validator.ServeWhileBehind), f.join(t, p.Client(endless), validator.RefuseWhileBehind)
			serves.caughtUp(t)
			refuses.caughtUp(t)
			before, during, other := f.token("before"), f.token("during"), f.token("other")
			require.NoError(t, serves.feed.Revoke(t.Context(), f.of("before")))
			refuses.hears(t, before)

			fault.begin(s, p)
			began := time.Now()
			err := serves.feed.Revoke(soon(t), f.of("during"))
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, 1, serves.feed.Status().Unpublished)
			serves.decides(t, during, validator.ErrInvalidToken, validator.ReasonRevoked)
			refuses.fallsBehind(t)
			serves.fallsBehind(t)
			t.Logf("behind after %v", time.Since(began).Round(10*time.Millisecond))
			serves.decides(t, other, nil, "")
			serves.decides(t, before, validator.ErrInvalidToken, validator.ReasonRevoked)
			refuses.decides(t, other, validator.ErrUnavailable, validator.ReasonRevocationsBehind)
			refuses.decides(t, before, validator.ErrInvalidToken, validator.ReasonRevoked)
			assert.NotEmpty(t, refuses.feed.Status().ReadError)

			fault.end(s, p)
			began = time.Now()
			refuses.hears(t, during)
			refuses.caughtUp(t)
			serves.caughtUp(t)
			t.Logf("caught up %v later", time.Since(began).Round(10*time.Millisecond))
			refuses.decides(t, other, nil, "")
			redistest.Eventually(t, "that is known", func() bool { return serves.feed.Status().Unpublished == 0 })

			// Redis has them all again, whatever it had lost.
			late := f.join(t, s.Client(), validator.RefuseWhileBehind)
			late.caughtUp(t)
			late.decides(t, before, validator.ErrInvalidToken, validator.ReasonRevoked)
			late.decides(t, during, validator.ErrInvalidToken, validator.ReasonRevoked)
			late.decides(t, other, nil, "")
		})
	}
}

// TestFeedIsPromptlyBehind: neither before Silence nor long after it.
func TestFeedIsPromptlyBehind(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	const longer = 5 * silence // of which a busy machine does not take half
	var members []*member
	for range 5 {
		members = append(members, f.join(t, s.Client(endless), validator.RefuseWhileBehind, func(c *rediscache.FeedConfig) { c.Silence = longer }))
	}
	for _, m := range members {
		m.caughtUp(t)
	}
	s.Stop()
	for _, m := range members {
		m.fallsBehind(t)
		since := m.revocations.Status().Feed.Since.Sub(m.feed.Status().Touched)
		assert.GreaterOrEqual(t, since, longer)
		assert.Less(t, since, longer+longer/2)
	}
	s.Continue()
}

// TestFeedForgotten: Redis loses what it had while everybody is connected, or keeps the
// half of it. All notice, none decides before the others can have spoken, and what the
// replicas hold is there for those who come.
func TestFeedForgotten(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		options redistest.Options
		fault   func(*testing.T, *redistest.Server, *redistest.Proxy)
	}{
		"flushed": {redistest.Options{}, func(_ *testing.T, s *redistest.Server, _ *redistest.Proxy) { s.FlushAll() }},
		"evicted": {redistest.Options{}, func(_ *testing.T, s *redistest.Server, _ *redistest.Proxy) { s.Do("DEL", streamKey) }},
		"restarted": {redistest.Options{}, func(_ *testing.T, s *redistest.Server, _ *redistest.Proxy) {
			s.Kill()
			s.Restart()
		}},
		"the last is gone": {redistest.Options{AppendOnly: true}, func(_ *testing.T, s *redistest.Server, _ *redistest.Proxy) {
			entries := s.Do("XREVRANGE", streamKey, "+", "-", "COUNT", 1).([]any)
			s.Do("XDEL", streamKey, entries[0].([]any)[0])
			s.Do("XADD", streamKey, "*", "marks", "of another master")
		}},
		"failed over": {redistest.Options{}, func(t *testing.T, s *redistest.Server, p *redistest.Proxy) {
			second := redistest.Start(t, redistest.Options{}) // which knows nothing
			p.Switch(second)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, s := newFleet(t), redistest.Start(t, tc.options)
			p := s.Proxy()
			members := []*member{f.join(t, p.Client(), validator.RefuseWhileBehind), f.join(t, p.Client(), validator.RefuseWhileBehind)}
			for i, m := range members {
				m.caughtUp(t)
				require.NoError(t, m.feed.Revoke(t.Context(), f.of(fmt.Sprint(i))))
			}
			members[0].hears(t, f.token("1"))
			members[1].hears(t, f.token("0"))
			for _, m := range members { // or what was asked before may be answered after the loss
				m.asksAnew(t)
			}
			tc.fault(t, s, p)
			for _, m := range members {
				m.fallsBehind(t)
				redistest.Eventually(t, "it has noticed", func() bool { return m.feed.Status().Lost == 1 })
			}
			late := f.join(t, p.Client(), validator.RefuseWhileBehind)
			for _, m := range append(members, late) {
				m.caughtUp(t)
				for i := range members {
					m.decides(t, f.token(fmt.Sprint(i)), validator.ErrInvalidToken, validator.ReasonRevoked)
				}
				m.decides(t, f.token("other"), nil, "")
			}
			for _, m := range members {
				assert.Equal(t, uint64(1), m.feed.Status().Lost, "noticed once")
			}
		})
	}
}

// asksAnew waits until what it asks Redis is asked with what is known at this moment: until
// two answers later.
func (m *member) asksAnew(t testing.TB) {
	t.Helper()
	for range 2 {
		before := m.feed.Status().Touched
		redistest.Eventually(t, "it is answered", func() bool { return m.feed.Status().Touched.After(before) })
	}
}

// TestFeedBeginsSlowly: nobody can know at first whether others hold marks of a stream
// that was lost.
func TestFeedBeginsSlowly(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	const longer = 5 * silence // of which a busy machine does not take half
	quiet := func(silence time.Duration) func(*rediscache.FeedConfig) {
		return func(c *rediscache.FeedConfig) { c.Silence = silence }
	}
	began := time.Now()
	first := f.join(t, s.Client(), validator.RefuseWhileBehind, quiet(longer))
	redistest.Eventually(t, "the stream has begun", func() bool { return s.Do("XLEN", streamKey).(int64) == 1 })
	<-time.After(longer / 2)
	later := time.Now()
	second := f.join(t, s.Client(), validator.RefuseWhileBehind, quiet(longer))
	for _, m := range []*member{first, second} {
		m.caughtUp(t)
		assert.GreaterOrEqual(t, m.revocations.Status().Feed.Since.Sub(began), longer)
	}
	assert.Less(t, second.revocations.Status().Feed.Since.Sub(later), longer, "by the age of the stream, and not of the replica")
	began = time.Now()
	third := f.join(t, s.Client(), validator.RefuseWhileBehind, quiet(longer))
	third.caughtUp(t)
	assert.Less(t, third.revocations.Status().Feed.Since.Sub(began), longer, "the stream was there")
}

// TestFeedFull: a Redis without memory takes no marks; they wait, and those that are there
// go on.
func TestFeedFull(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	a, b := f.join(t, s.Client(), validator.RefuseWhileBehind), f.join(t, s.Client(), validator.RefuseWhileBehind)
	a.caughtUp(t)
	b.caughtUp(t)
	s.Do("CONFIG", "SET", "maxmemory", "1")
	assert.ErrorIs(t, a.feed.Revoke(soon(t), f.of("jane")), context.DeadlineExceeded)
	redistest.Eventually(t, "it is told", func() bool { return a.feed.Status().PublishError != "" })
	a.decides(t, f.token("jane"), validator.ErrInvalidToken, validator.ReasonRevoked)
	<-time.After(2 * silence)
	assert.False(t, b.behind(), "it can be read")
	b.decides(t, f.token("jane"), nil, "")
	s.Do("CONFIG", "SET", "maxmemory", "0")
	b.hears(t, f.token("jane"))
	redistest.Eventually(t, "it is told", func() bool { return a.feed.Status().PublishError == "" })
}

// TestFeedOfManyMarks: more than are kept to be published, and more than an entry has.
func TestFeedOfManyMarks(t *testing.T) {
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	p := s.Proxy()
	a, b := f.join(t, p.Client(), validator.ServeWhileBehind), f.join(t, s.Client(), validator.ServeWhileBehind)
	a.caughtUp(t)
	b.caughtUp(t)
	p.Cut()
	const many = 4000
	for i := range many {
		require.NoError(t, a.revocations.Revoke(f.of(fmt.Sprint(i))))
	}
	assert.Equal(t, many, a.feed.Status().Unpublished)
	waits := make(chan error, 1)
	go func() { waits <- a.feed.Revoke(context.Background(), f.of("last")) }()
	p.Heal()
	require.NoError(t, <-waits)
	assert.Zero(t, a.feed.Status().Unpublished)
	redistest.Eventually(t, "all arrive", func() bool { return b.revocations.Status().Marks == many+1 })
	for _, subject := range []string{"0", fmt.Sprint(many / 2), "last"} {
		b.decides(t, f.token(subject), validator.ErrInvalidToken, validator.ReasonRevoked)
	}
	// Nobody publishes what is there.
	length := s.Do("XLEN", streamKey).(int64)
	assert.Less(t, length, int64(30))
	for lost := uint64(1); ; lost++ {
		s.FlushAll()
		redistest.Eventually(t, "both notice", func() bool { return a.feed.Status().Lost == lost && b.feed.Status().Lost == lost })
		a.caughtUp(t)
		b.caughtUp(t)
		redistest.Eventually(t, "all is there", func() bool { return s.Do("XLEN", streamKey).(int64) > many/500 })
		<-time.After(silence)
		if s.Do("XLEN", streamKey).(int64) < 2*many/500 {
			break // once, and not twice: but two that begin in the same moment cannot know of each other
		}
		require.Less(t, lost, uint64(5), "each publishes all")
	}
	c := f.join(t, s.Client(), validator.RefuseWhileBehind)
	c.caughtUp(t)
	assert.Equal(t, many+1, c.revocations.Status().Marks)
}

// TestFeedLetsGo: a Redis that answers nothing does not hold Run for long.
func TestFeedLetsGo(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	m := f.join(t, s.Client(endless), validator.ServeWhileBehind)
	m.caughtUp(t)
	s.Stop()
	began := time.Now()
	assert.EqualError(t, m.stop(), "stopped")
	assert.Less(t, time.Since(began), silence/5+5*time.Second)
	s.Continue()
	assert.ErrorIs(t, m.feed.Revoke(soon(t), f.of("jane")), context.DeadlineExceeded)
}

// TestFeedAfterALongSilence: what a replica read last may be trimmed when the next mark
// comes. That is no loss.
func TestFeedAfterALongSilence(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	old := time.Now().Add(-3 * time.Hour).UnixMilli()
	for i := range 200 {
		s.Do("XADD", streamKey, fmt.Sprintf("%d-%d", old, i+1), "marks", "old")
	}
	m := f.join(t, s.Client(), validator.RefuseWhileBehind)
	m.caughtUp(t)
	s.Do("XTRIM", streamKey, "MINID", old+1)
	s.Do("XADD", streamKey, "*", "marks", "new")
	redistest.Eventually(t, "it is read", func() bool { return m.feed.Status().Unreadable == 201 })
	<-time.After(silence / 2)
	assert.False(t, m.behind())
	assert.Zero(t, m.feed.Status().Lost)
}

// TestFeedOfMoreMarksThanWait: however often so many are made that some are given up, all
// are published in the end, and who waits for one waits until it is.
func TestFeedOfMoreMarksThanWait(t *testing.T) {
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	p := s.Proxy()
	a, b := f.join(t, p.Client(), validator.ServeWhileBehind), f.join(t, s.Client(), validator.ServeWhileBehind)
	a.caughtUp(t)
	b.caughtUp(t)
	const burst = 3000
	raw := f.token("early")
	made := 0
	more := func() {
		for range burst {
			made++
			require.NoError(t, a.revocations.Revoke(f.of(fmt.Sprint(made))))
		}
	}
	p.Cut()
	more()
	early := make(chan error, 1)
	go func() { early <- a.feed.Revoke(context.Background(), f.of("early")) }()
	redistest.Eventually(t, "it is made", func() bool { return a.feed.Status().Unpublished == burst+1 })
	more()
	p.Latency(60 * time.Millisecond)
	p.Heal()
	require.NoError(t, <-early)
	late := f.join(t, s.Client(), validator.ServeWhileBehind)
	late.caughtUp(t)
	late.decides(t, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
	// While those that wait are published, and while those that were given up are.
	for _, some := range []uint64{1, 600} {
		redistest.Eventually(t, "all is published", func() bool { return a.feed.Status().Unpublished == 0 })
		more()
		before := a.feed.Status().Published
		redistest.Eventually(t, "some are published", func() bool { return a.feed.Status().Published >= before+some })
		more()
	}
	redistest.Eventually(t, "all arrive", func() bool { return b.revocations.Status().Marks == made+1 })
	redistest.Eventually(t, "that is known", func() bool { return a.feed.Status().Unpublished == 0 })
}

// TestFeedBeforeTheValidator: a feed that had caught up before there was an issuer has taken
// in none of its marks, and nobody is accepted before it has.
func TestFeedBeforeTheValidator(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	a := f.join(t, s.Client(), validator.RefuseWhileBehind)
	a.caughtUp(t)
	require.NoError(t, a.feed.Revoke(t.Context(), f.of("jane")))
	jane, other := f.token("jane"), f.token("other")

	r, err := validator.NewRevocations(validator.RevocationsConfig{WhileBehind: validator.RefuseWhileBehind})
	require.NoError(t, err)
	b := &member{revocations: r, config: rediscache.FeedConfig{Client: s.Client(), Revocations: r, Sealer: newSealer(t, secrets[0]), Silence: silence}}
	b.feed, err = rediscache.NewFeed(b.config)
	require.NoError(t, err)
	b.run(t)
	b.caughtUp(t)
	b.Validator, err = validator.New(validator.Config{Issuers: []validator.Issuer{f.issuer()}, Revocations: r, InsecureAllowHTTP: true})
	require.NoError(t, err)
	b.notAccepted(t, jane)
	redistest.Eventually(t, "it is read", func() bool { return b.Ready(t.Context()) == nil })
	b.decides(t, other, nil, "")
}

// intercepted lets a test come between a feed and its Redis: it is told of a command that
// was answered, before the feed is.
type intercepted func(cmd redis.Cmder) error

func (intercepted) DialHook(next redis.DialHook) redis.DialHook { return next }

func (intercepted) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (i intercepted) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := next(ctx, cmd); err != nil {
			return err
		}
		return i(cmd)
	}
}

// published reports whether a command was one that publishes many marks.
func published(cmd redis.Cmder) bool {
	for _, arg := range cmd.Args() {
		if text, ok := arg.([]byte); ok && len(text) > 10_000 {
			return true
		}
	}
	return false
}

// TestFeedForgottenTwice: what is lost while what was lost is published is published again.
func TestFeedForgottenTwice(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	client := s.Client()
	a := f.standBy(t, client, validator.ServeWhileBehind)
	const many = 600 // two entries
	var once sync.Once
	var armed atomic.Bool
	client.AddHook(intercepted(func(cmd redis.Cmder) error {
		if armed.Load() && published(cmd) {
			once.Do(func() {
				s.FlushAll()
				redistest.Eventually(t, "it is noticed", func() bool { return a.feed.Status().Lost == 2 })
			})
		}
		return nil
	}))
	a.run(t)
	a.caughtUp(t)
	for i := range many {
		require.NoError(t, a.revocations.Revoke(f.of(fmt.Sprint(i))))
	}
	redistest.Eventually(t, "all are published", func() bool { return a.feed.Status().Unpublished == 0 })
	armed.Store(true)
	s.FlushAll()
	redistest.Eventually(t, "it is noticed twice", func() bool { return a.feed.Status().Lost == 2 })
	b := f.join(t, s.Client(), validator.ServeWhileBehind)
	redistest.Eventually(t, "all are there again", func() bool { return b.revocations.Status().Marks == many })
}

// TestFeedForgottenBeforeItWasRead: a mark is lost before its own replica has read it, whose
// last is too old to be missed.
func TestFeedForgottenBeforeItWasRead(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	client := s.Client()
	var cut atomic.Bool
	client.AddHook(intercepted(func(cmd redis.Cmder) error {
		if cut.Load() && cmd.Name() == "xread" {
			return errors.New("the answer is lost")
		}
		return nil
	}))
	s.Do("XADD", streamKey, fmt.Sprintf("%d-1", time.Now().Add(-3*time.Hour).UnixMilli()), "marks", "old")
	a := f.join(t, client, validator.ServeWhileBehind)
	a.caughtUp(t)
	cut.Store(true)
	require.NoError(t, a.feed.Revoke(t.Context(), f.of("jane")))
	<-time.After(10 * time.Millisecond) // what comes in the same millisecond would have its id
	s.FlushAll()
	cut.Store(false)
	b := f.join(t, s.Client(), validator.ServeWhileBehind)
	b.hears(t, f.token("jane"))
	redistest.Eventually(t, "it is noticed", func() bool { return a.feed.Status().Lost == 1 })
}

// TestFeedWhoComesAfterALoss: to one that comes while others say again what was lost, the
// stream is as it should be. It decides on nothing before they can have spoken.
func TestFeedWhoComesAfterALoss(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	slow := func(c *rediscache.FeedConfig) { c.Silence = 5 * time.Second }
	a := f.join(t, s.Client(), validator.RefuseWhileBehind, slow)
	a.caughtUp(t)
	jane, other := f.token("jane"), f.token("other")
	s.Do("XADD", streamKey, "*", "marks", "of long ago")
	require.NoError(t, a.feed.Revoke(t.Context(), f.of("jane")))
	entries := s.Do("XREVRANGE", streamKey, "+", "-", "COUNT", 1).([]any)
	s.Do("XDEL", streamKey, entries[0].([]any)[0]) // as one that was restarted with what it had saved
	redistest.Eventually(t, "it is noticed", func() bool { return a.feed.Status().Lost == 1 })
	b := f.join(t, s.Client(), validator.RefuseWhileBehind, slow)
	b.notAccepted(t, jane)
	a.caughtUp(t)
	b.caughtUp(t)
	b.decides(t, other, nil, "")
}

// notAccepted waits until the mark is there, and asserts that the token is never accepted.
func (m *member) notAccepted(t testing.TB, raw string) {
	t.Helper()
	for {
		_, err := m.Validate(t.Context(), raw)
		var e *validator.Error
		require.ErrorAs(t, err, &e, "revoked, and accepted")
		if e.Reason == validator.ReasonRevoked {
			return
		}
		require.Equal(t, validator.ReasonRevocationsBehind, e.Reason)
		<-time.After(10 * time.Millisecond)
	}
}

// TestFeedTakesTurns: what many replicas hold is published again by one of them.
func TestFeedTakesTurns(t *testing.T) {
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	p := s.Proxy()
	var members []*member
	for range 5 {
		members = append(members, f.join(t, p.Client(), validator.ServeWhileBehind))
	}
	const many = 4000
	for i := range many {
		require.NoError(t, members[0].revocations.Revoke(f.of(fmt.Sprint(i))))
	}
	for _, m := range members {
		redistest.Eventually(t, "all arrive", func() bool { return m.revocations.Status().Marks == many })
		m.caughtUp(t)
	}
	p.Latency(30 * time.Millisecond) // or the first would be ready before the second looks
	s.FlushAll()
	for _, m := range members {
		m.fallsBehind(t)
	}
	for _, m := range members {
		m.caughtUp(t)
	}
	redistest.Eventually(t, "all is there", func() bool { return s.Do("XLEN", streamKey).(int64) > many/500 })
	assert.Less(t, s.Do("XLEN", streamKey), int64(3*many/500), "and not five times")
}
