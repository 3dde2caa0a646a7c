package rediscache_test

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/cache/rediscache/internal/redistest"
	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

var _ dpop.ReplayStore = (*rediscache.Replays)(nil)

// TestReplayIsOfKeyAndID: for all replicas, another key may use the same jti, and another
// proof of the same key may not.
func TestReplayIsOfKeyAndID(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	aged(t, s)
	a := newLongAPI(t)
	first, second := replays(t, s.Client(), long), replays(t, s.Client(), long)
	b := a.other()
	jti := validatortest.Claim("jti", "the same")
	require.NoError(t, a.replica(t, first).present(t, a.proof(jti)))
	replayed(t, a.replica(t, first).present(t, a.proof(jti)))
	replayed(t, a.replica(t, second).present(t, a.proof(jti)))
	require.NoError(t, b.replica(t, second).present(t, b.proof(jti)))
	replayed(t, b.replica(t, first).present(t, b.proof(jti)))
	require.NoError(t, a.replica(t, second).present(t, a.proof()))
	// Another prefix is another store.
	agedUnder(t, s, "elsewhere:")
	third := replays(t, s.Client(), long, func(c *rediscache.ReplaysConfig) { c.Prefix = "elsewhere:" })
	require.NoError(t, a.replica(t, third).present(t, a.proof(jti)))
	for _, key := range s.Do("KEYS", "*").([]any) {
		assert.Regexp(t, `^(bearerguard|elsewhere):\{dpop\}:`, key)
	}
}

// TestOneOfMany: of many concurrent requests to several replicas, one is accepted.
func TestOneOfMany(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	aged(t, s)
	a := newLongAPI(t)
	var replicas [3]replica
	for i := range replicas {
		replicas[i] = a.replica(t, replays(t, s.Client(), long))
	}
	for range 5 {
		proof := a.proof()
		var accepted atomic.Int32
		var group sync.WaitGroup
		begin := make(chan struct{})
		for i := range 90 {
			group.Go(func() {
				<-begin
				if err := replicas[i%3].present(t, proof); err == nil {
					accepted.Add(1)
				} else {
					assert.ErrorIs(t, err, validator.ErrInvalidProof)
				}
			})
		}
		close(begin)
		group.Wait()
		assert.EqualValues(t, 1, accepted.Load())
	}
}

// TestBeginning: of an empty Redis nobody knows what it has forgotten. A proof that may
// have been used before is refused until it is too old for everybody, by any clock.
func TestBeginning(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	a := newAPI(t)
	r := replays(t, s.Client(), patient, func(c *rediscache.ReplaysConfig) { c.MaxSkew = 500 * time.Millisecond })
	replica := a.replica(t, r)
	latest := a.proof(iat(time.Now().Add(window)))        // any that could have been used
	_, err := add(t, r, "a", 0, time.Now().Add(2*window)) // as of a proof that is made now
	e := undecided(t, err, validator.ReasonProofUnavailable)
	assert.GreaterOrEqual(t, e.RetryAfter, window+2*500*time.Millisecond)
	for r.Ready(t.Context()) != nil {
		proof := a.proof()
		if err := replica.present(t, proof); err != nil {
			undecided(t, err, validator.ReasonProofUnavailable)
			undecided(t, replica.present(t, latest), validator.ReasonProofUnavailable)
		} else { // its iat is not cut down to the second
			replayed(t, replica.present(t, proof))
		}
	}
	proof := a.proof(iat(time.Now().Truncate(time.Second)))
	require.NoError(t, replica.present(t, proof))
	replayed(t, replica.present(t, proof))
	// What is ready stays so, and uses nothing up.
	require.NoError(t, r.Ready(t.Context()))
	assert.EqualValues(t, 2, s.Do("DBSIZE"))
}

// epochKey is where a store keeps what it knows of its server.
const (
	epochName = "{dpop}:epoch"
	epochKey  = rediscache.DefaultPrefix + epochName
)

// aged makes the epoch of an empty server one that began long ago.
func aged(t testing.TB, s *redistest.Server) {
	t.Helper()
	agedUnder(t, s, rediscache.DefaultPrefix)
}

// agedUnder is aged, for the stores of a prefix.
func agedUnder(t testing.TB, s *redistest.Server, prefix string) {
	t.Helper()
	run := regexp.MustCompile(`run_id:(\w+)`).FindStringSubmatch(s.Do("INFO", "server").(string))[1]
	s.Do("HSET", prefix+epochName, "run", run, "began", 1, "seen", 1)
}

// add has a store remember the proof that a number stands for, of some key.
func add(t testing.TB, r *rediscache.Replays, jkt string, proof int, until time.Time) (fresh bool, err error) {
	t.Helper()
	fresh, err = r.Add(t.Context(), jkt, sha256.Sum256([]byte(fmt.Sprint(proof))), until)
	assert.False(t, fresh && err != nil)
	return fresh, err
}

// TestPerKey: when there is no room for a key, its proofs are refused until one has had
// its time, and no others. None is forgotten before.
func TestPerKey(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	aged(t, s)
	r := replays(t, s.Client(), patient, func(c *rediscache.ReplaysConfig) { c.PerKey = 3 })
	first, later := time.Now().Add(window), time.Now().Add(2*window)
	for i, until := range []time.Time{later, first, later} {
		fresh, err := add(t, r, "a", i, until)
		require.NoError(t, err)
		require.True(t, fresh)
	}
	most := time.Until(first) + skew + 3*time.Millisecond
	_, err := add(t, r, "a", 3, later)
	e := undecided(t, err, validator.ReasonProofKeyFull)
	assert.LessOrEqual(t, e.RetryAfter, most)
	assert.Greater(t, e.RetryAfter, skew)
	for i := range 3 {
		fresh, err := add(t, r, "a", i, later)
		require.NoError(t, err, "a replay is one, full or not")
		require.False(t, fresh)
	}
	fresh, err := add(t, r, "b", 3, later)
	require.NoError(t, err)
	require.True(t, fresh)
	redistest.Eventually(t, "there is room", func() bool {
		fresh, err := add(t, r, "a", 4, later)
		assert.Equal(t, err == nil, fresh)
		return fresh
	})
	assert.True(t, time.Now().After(first.Add(skew)), "the first was forgotten before its time")
	_, err = add(t, r, "a", 5, later)
	undecided(t, err, validator.ReasonProofKeyFull)
}

// TestForgets: what has had its time takes no memory, and not before.
func TestForgets(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	aged(t, s)
	const skew = time.Second
	r := replays(t, s.Client(), long, func(c *rediscache.ReplaysConfig) { c.MaxSkew = skew })
	const keyA, keyB = "bearerguard:{dpop}:proofs:a", "bearerguard:{dpop}:proofs:b"
	var begun, until time.Time
	// Of a key that is seen no more, and of one that is.
	redistest.Eventually(t, "they are remembered before they are past", func() bool {
		s.Do("DEL", keyA, keyB)
		begun = time.Now().Truncate(time.Millisecond)
		until = begun.Add(time.Second + time.Microsecond)
		for _, jkt := range []string{"a", "b"} {
			fresh, err := add(t, r, jkt, 0, until)
			if err != nil && !time.Now().Before(until) {
				return false // the machine is busy
			}
			require.NoError(t, err)
			require.True(t, fresh)
		}
		return true
	})
	// What is seen no more is forgotten as a whole, and not before any of it.
	sum := sha256.Sum256([]byte("0"))
	leaves := time.UnixMilli(s.Do("PEXPIRETIME", keyA).(int64)).Add(-3*longWindow - 3*skew)
	assert.False(t, leaves.Before(begun))
	assert.False(t, leaves.After(time.Now()))
	assert.False(t, time.UnixMilli(int64(s.Do("ZSCORE", keyA, sum[:]).(float64))).Before(until))

	for i := 1; time.Now().Before(until.Add(skew)); i++ {
		<-time.After(time.Millisecond)
		n := s.Do("ZCARD", keyB)
		if time.Now().Before(until.Add(skew)) {
			require.EqualValues(t, i, n, "forgotten before until + MaxSkew")
		}
		fresh, err := add(t, r, "b", i, time.Now().Add(longWindow))
		require.NoError(t, err)
		require.True(t, fresh)
	}
	i := 0
	redistest.Eventually(t, "it is forgotten", func() bool {
		i--
		_, err := add(t, r, "b", i, time.Now().Add(longWindow))
		require.NoError(t, err)
		return s.Do("ZSCORE", keyB, sum[:]) == nil
	})
}

// TestClocks: a time that nothing could be remembered by is an error that says so, never
// a fresh proof.
func TestClocks(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	aged(t, s)
	r := replays(t, s.Client(), patient)
	for name, until := range map[string]time.Time{
		"past":           time.Now(),
		"long ago":       time.Unix(0, 0),
		"ahead":          time.Now().Add(3*window + skew + time.Minute),
		"for ever":       time.Now().AddDate(1000, 0, 0),
		"another window": time.Now().Add(2 * dpop.DefaultWindow),
	} {
		for range 2 {
			_, err := add(t, r, "a", 0, until)
			e := undecided(t, err, validator.ReasonProofUnavailable)
			assert.Contains(t, e.Detail, "clocks", name)
		}
	}
	for name, until := range map[string]time.Time{
		"soon":   time.Now().Add(window),
		"latest": time.Now().Add(3*window + skew/2),
	} {
		fresh, err := add(t, r, name, 0, until)
		require.NoError(t, err)
		require.True(t, fresh, name)
		fresh, err = add(t, r, name, 0, until)
		require.NoError(t, err)
		require.False(t, fresh, name)
	}
}

// TestReplaysConfig: every mistake is told, and what is not said has a default.
func TestReplaysConfig(t *testing.T) {
	t.Parallel()
	bounded := redis.NewClient(&redis.Options{ContextTimeoutEnabled: true})
	defer bounded.Close()
	unbounded := redis.NewClient(&redis.Options{})
	defer unbounded.Close()
	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}})
	defer cluster.Close()
	ring := redis.NewRing(&redis.RingOptions{ContextTimeoutEnabled: true})
	defer ring.Close()
	for name, tc := range map[string]struct {
		config rediscache.ReplaysConfig
		fields []string
	}{
		"defaults":          {rediscache.ReplaysConfig{Client: bounded}, nil},
		"nothing":           {rediscache.ReplaysConfig{}, []string{"Client"}},
		"nobody":            {rediscache.ReplaysConfig{Client: (*redis.Client)(nil)}, []string{"Client"}},
		"no timeouts":       {rediscache.ReplaysConfig{Client: unbounded}, []string{"Client"}},
		"none in a cluster": {rediscache.ReplaysConfig{Client: cluster}, []string{"Client"}},
		"ring":              {rediscache.ReplaysConfig{Client: ring}, []string{"Client"}},
		"the longest": {rediscache.ReplaysConfig{Client: bounded, Window: dpop.MaxWindow, MaxSkew: time.Minute,
			Timeout: 10 * time.Second, PerKey: 1, Prefix: "a:"}, nil},
		"the shortest": {rediscache.ReplaysConfig{Client: bounded, Window: time.Second, MaxSkew: 10 * time.Millisecond,
			Timeout: 10 * time.Millisecond}, nil},
		"too long": {rediscache.ReplaysConfig{Client: bounded, Window: dpop.MaxWindow + 1, MaxSkew: time.Minute + 1,
			Timeout: 10*time.Second + 1}, []string{"Window", "MaxSkew", "Timeout"}},
		"too short": {rediscache.ReplaysConfig{Client: bounded, Window: 60, MaxSkew: 5, Timeout: 250},
			[]string{"Window", "MaxSkew", "Timeout"}},
		"negative": {rediscache.ReplaysConfig{Client: bounded, Window: -time.Second, MaxSkew: -time.Second, Timeout: -time.Second,
			PerKey: -1}, []string{"Window", "MaxSkew", "Timeout", "PerKey"}},
		"braces": {rediscache.ReplaysConfig{Client: bounded, Prefix: "{orders}:"}, []string{"Prefix"}},
	} {
		r, err := rediscache.NewReplays(tc.config)
		assert.Equal(t, err == nil, r != nil, name)
		var fields []string
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, err := range joined.Unwrap() {
				var mistake *validator.ConfigError
				require.ErrorAs(t, err, &mistake)
				fields = append(fields, mistake.Field)
			}
		}
		assert.Equal(t, tc.fields, fields, name)
	}
}
