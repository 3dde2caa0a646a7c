package rediscache_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/cache/rediscache/internal/redistest"
	"github.com/bearerguard/bearerguard/validator"
)

// endless is a client that would wait for ever by itself.
func endless(o *redis.Options) { o.ReadTimeout, o.WriteTimeout, o.PoolSize = -1, -1, 100 }

// TestOutage: while Redis cannot be asked, proofs are refused within a bounded time, and
// used ones stay used. When it is back, the same store goes on.
func TestOutage(t *testing.T) {
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
			s := redistest.Start(t, redistest.Options{})
			p := s.Proxy()
			a := newAPI(t)
			aged(t, s)
			r := replays(t, p.Client(endless))
			replica := a.replica(t, r)
			awaitReady(t, r)
			used := a.proof(iat(time.Now().Add(window))) // good for twice the window
			accepted(t, replica, used)
			fault.begin(s, p)
			begun := time.Now()
			for range 3 {
				undecided(t, replica.present(t, a.proof()), validator.ReasonProofUnavailable)
				undecided(t, replica.present(t, used), validator.ReasonProofUnavailable)
				undecided(t, r.Ready(t.Context()), validator.ReasonProofUnavailable)
			}
			each := time.Since(begun) / 9
			fault.end(s, p)
			ended := time.Now()
			awaitReady(t, r)
			t.Logf("each was refused after %v; ready again %v after the end", each, time.Since(ended))
			neverAgain(t, replica, used)
		})
	}
}

// accepted presents a proof until Redis, which may have been slow, has an answer: then
// it is used up, by this request or by one before.
func accepted(t *testing.T, r replica, proof string) {
	t.Helper()
	redistest.Eventually(t, "the proof is used up", func() bool {
		err := r.present(t, proof)
		return err == nil || errors.Is(err, validator.ErrInvalidProof)
	})
}

// neverAgain presents a used proof until it is too old, and asserts that new ones are
// accepted at last.
func neverAgain(t *testing.T, r replica, used string) {
	t.Helper()
	for {
		err := r.present(t, used)
		var e *validator.Error
		require.ErrorAs(t, err, &e, "used, and accepted again")
		if e.Reason == validator.ReasonProofTime {
			break
		}
		require.Contains(t, []validator.Reason{validator.ReasonProofReplayed, validator.ReasonProofUnavailable}, e.Reason)
		<-time.After(20 * time.Millisecond)
	}
	redistest.Eventually(t, "a new proof is accepted", func() bool { return r.present(t, r.proof()) == nil })
}

// forgetful are servers of which something may have been forgotten.
type forgetful struct {
	first, second *redistest.Server
	proxy         *redistest.Proxy
	store         *rediscache.Replays
}

func (f forgetful) restart(*testing.T) {
	f.first.Kill()
	f.first.Restart()
}

func (f forgetful) flush(*testing.T) { f.first.FlushAll() }

func (f forgetful) failOver(*testing.T) {
	f.first.Stop()
	f.second.Do("REPLICAOF", "NO", "ONE")
	f.proxy.Switch(f.second)
}

// handBack: the second was the master for a while in which nobody asked, and lacked what was
// used last. Now the first, which has run all the time, has no more than that.
func (f forgetful) handBack(t *testing.T) {
	f.second.Do("REPLICAOF", "NO", "ONE")
	for _, key := range f.second.Do("KEYS", "*proofs:*").([]any) {
		f.second.Do("DEL", key) // as if it had not arrived
	}
	host, port, _ := strings.Cut(f.second.Addr(), ":")
	f.first.Do("REPLICAOF", host, port)
	redistest.Eventually(t, "the first follows", func() bool {
		return strings.Contains(f.first.Do("INFO", "replication").(string), "master_link_status:up")
	})
	f.first.Do("REPLICAOF", "NO", "ONE")
}

// thereAndBack: the first has not forgotten anything, and knows nothing of what was used
// with the second.
// there has the second server asked: the first question may fail with the connection that
// was cut.
func (f forgetful) there(t *testing.T) {
	f.proxy.Switch(f.second)
	redistest.Eventually(t, "the second server was asked", func() bool {
		undecided(t, f.store.Ready(t.Context()), validator.ReasonProofUnavailable)
		return f.second.Do("DBSIZE") == int64(1)
	})
}

func (f forgetful) thereAndBack(t *testing.T) {
	f.there(t)
	f.proxy.Switch(f.first)
}

// setBack is what is there after the server's clock was a minute ahead.
func (f forgetful) setBack(*testing.T) {
	f.first.Do("HSET", epochKey, "seen", time.Now().Add(time.Minute).UnixMilli())
}

// evict makes it a server that evicts, for a while.
func (f forgetful) evict(t *testing.T) {
	f.evicts(t, f.first)
	f.first.Do("CONFIG", "SET", "maxmemory-policy", "noeviction")
}

func (f forgetful) evicts(t *testing.T, s *redistest.Server) {
	s.Do("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "volatile-ttl")
	for range 2 {
		e := undecided(t, f.store.Ready(t.Context()), validator.ReasonProofUnavailable)
		assert.Contains(t, e.Detail, "noeviction")
	}
}

// thereAndBackEvicting: that it could not say anything in the end makes nobody forget
// what was there.
func (f forgetful) thereAndBackEvicting(t *testing.T) {
	f.there(t)
	f.evicts(t, f.second)
	f.proxy.Switch(f.first)
}

// TestForgetfulness: whatever makes Redis forget, or may, a used proof is never fresh
// again: proofs are refused, as undecided, for as long as one that was used is recent.
// Then the same store goes on.
func TestForgetfulness(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		options    redistest.Options
		replicates bool
		happens    func(forgetful, *testing.T)
	}{
		"restarted without data":     {happens: forgetful.restart},
		"restarted with data":        {options: redistest.Options{AppendOnly: true}, happens: forgetful.restart}, // which may lack the last
		"flushed":                    {happens: forgetful.flush},
		"failed over to an empty":    {happens: forgetful.failOver},
		"failed over to its replica": {replicates: true, happens: forgetful.failOver}, // which may have lagged
		"handed over and back":       {replicates: true, happens: forgetful.handBack},
		"there and back":             {happens: forgetful.thereAndBack},
		"there, evicting, and back":  {happens: forgetful.thereAndBackEvicting},
		"clock set back":             {happens: forgetful.setBack},
		"evicted":                    {happens: forgetful.evict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := forgetful{first: redistest.Start(t, tc.options)}
			var following redistest.Options
			if tc.replicates {
				following.ReplicaOf = f.first
			}
			f.second, f.proxy = redistest.Start(t, following), f.first.Proxy()
			aged(t, f.first)
			f.store = replays(t, f.proxy.Client(), patient)
			r := newAPI(t).replica(t, f.store)
			used := r.proof(iat(time.Now().Add(window))) // good for twice the window
			require.NoError(t, r.present(t, used))
			if tc.replicates {
				redistest.Eventually(t, "it is replicated", func() bool { return f.second.Do("DBSIZE") == int64(2) })
			}
			tc.happens(f, t)
			// What was sent over a connection whose end was not known yet is undecided too.
			redistest.Eventually(t, "it was noticed", func() bool {
				return strings.Contains(undecided(t, r.present(t, used), validator.ReasonProofUnavailable).Detail, "forgotten")
			})
			for _, proof := range []string{used, r.proof()} {
				e := undecided(t, r.present(t, proof), validator.ReasonProofUnavailable)
				assert.Contains(t, e.Detail, "forgotten")
				assert.Less(t, e.RetryAfter, 2*window)
			}
			neverAgain(t, r, used)
		})
	}
}

// TestPromotedLongAgo: a master whose last replica has left for good no more tells of its
// promotion, and has forgotten nothing by that.
func TestPromotedLongAgo(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	aged(t, s)
	s.Do("HSET", epochKey, "promoted", 500)
	r := newLongAPI(t).replica(t, replays(t, s.Client(), long))
	require.NoError(t, r.present(t, r.proof()))
}

// TestLimitsWithoutEviction: what the policy is does not matter to a server without a
// limit, and a limit does not matter where nothing is evicted.
func TestLimitsWithoutEviction(t *testing.T) {
	t.Parallel()
	for _, o := range []redistest.Options{{Policy: "allkeys-lru"}, {MaxMemory: "100mb"}} {
		s := redistest.Start(t, o)
		aged(t, s)
		r := newLongAPI(t).replica(t, replays(t, s.Client(), long))
		assert.NoError(t, r.present(t, r.proof()))
	}
}

// TestFull: without memory for one more, proofs are refused, and used ones are known.
func TestFull(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	aged(t, s)
	store := replays(t, s.Client(), patient)
	r := newAPI(t).replica(t, store)
	used := r.proof(iat(time.Now().Add(window)))
	require.NoError(t, r.present(t, used))
	s.Do("CONFIG", "SET", "maxmemory", "1")
	for range 3 {
		undecided(t, r.present(t, r.proof()), validator.ReasonProofStoreFull)
		replayed(t, r.present(t, used))
	}
	s.FlushAll()
	undecided(t, store.Ready(t.Context()), validator.ReasonProofStoreFull) // nor for an epoch
	s.Do("CONFIG", "SET", "maxmemory", "0")
	neverAgain(t, r, used)
}

// TestLostAnswer: of a proof whose answer was lost nobody knows, and nobody asks again
// on its behalf: that would call it a replay, of itself.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	aged(t, s)
	p := s.Proxy()
	store := replays(t, p.Client(), long)
	r := newLongAPI(t).replica(t, store)
	require.NoError(t, store.Ready(t.Context())) // the script is there, and a connection
	p.Latency(5 * time.Second)
	proof := r.proof()
	answered := make(chan error)
	go func() { answered <- r.present(t, proof) }()
	redistest.Eventually(t, "the proof is remembered", func() bool { return s.Do("DBSIZE") == int64(2) })
	p.Cut()
	p.Latency(0)
	p.Heal()
	undecided(t, <-answered, validator.ReasonProofUnavailable)
	redistest.Eventually(t, "a new proof is accepted", func() bool { return r.present(t, r.proof()) == nil })
	replayed(t, r.present(t, proof))
}

// TestCallerLeaves: the caller's own end is the caller's.
func TestCallerLeaves(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	store := replays(t, s.Client(), patient)
	s.Stop()
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error)
	go func() {
		_, err := store.Add(ctx, "a", [32]byte{}, time.Now().Add(window))
		answered <- err
	}()
	cancel()
	undecided(t, <-answered, validator.ReasonProofUnavailable)
	s.Continue()
}

// TestClockThatWasAhead: it is known how far a server's clock went, whatever was answered
// then: while it was ahead, proofs have had their time too early, and when it is set back
// they could be used again.
func TestClockThatWasAhead(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	aged(t, s)
	store := replays(t, s.Client(), long)
	r := newLongAPI(t).replica(t, store)
	used := r.proof()
	require.NoError(t, r.present(t, used))
	// By the clock of a server that is ahead, what a replica asks about is past; and it is
	// seen, at the latest a skew later than it was.
	before := time.Now().Add(-2 * skew).UnixMilli()
	s.Do("HSET", epochKey, "seen", before)
	_, err := add(t, store, "a", 1, time.Now().Add(-time.Minute))
	undecided(t, err, validator.ReasonProofUnavailable)
	seen, err := strconv.ParseInt(s.Do("HGET", epochKey, "seen").(string), 10, 64)
	require.NoError(t, err)
	assert.Greater(t, seen, before)

	// Nor does a server without memory take that for a reason to say anything else.
	s.Do("HSET", epochKey, "seen", before)
	s.Do("CONFIG", "SET", "maxmemory", "1")
	replayed(t, r.present(t, used))
	s.Do("CONFIG", "SET", "maxmemory", "0")
}
