package rediscache_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/cache/rediscache/internal/redistest"
	"github.com/bearerguard/bearerguard/validator"
)

// far is a store of the long window whose bounds lie a minute apart, so that a test can
// stand between two of them however busy the machine.
func far(c *rediscache.ReplaysConfig) {
	long(c)
	c.MaxSkew = time.Minute
}

const (
	farLifetime = 3*longWindow + time.Minute // of a proof, from its use to its until
	half        = 30 * time.Second           // of the skew
)

// millis is a time of Redis.
func millis(at time.Time) int64 { return at.UnixMilli() }

// TestClockSetBack by no more than the skew makes no proof recent again that had its time;
// by more, it may, and what was used before is not known.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	for name, tc := range map[string]struct {
		ahead time.Duration
		known bool
	}{"by half a skew": {half, true}, "by more than a skew": {time.Minute + half, false}} {
		r := replays(t, s.Client(), far) // which has seen no epoch yet
		aged(t, s)
		s.Do("HSET", epochKey, "seen", millis(time.Now().Add(tc.ahead)))
		fresh, err := add(t, r, name, 0, time.Now().Add(2*longWindow))
		if !tc.known {
			undecided(t, err, validator.ReasonProofUnavailable)
			continue
		}
		require.NoError(t, err, name)
		assert.True(t, fresh, name)
	}
}

// TestClockIsNoted once in a skew, where nothing else is written.
func TestClockIsNoted(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	r := replays(t, s.Client(), far)
	aged(t, s)
	for name, tc := range map[string]struct {
		ago   time.Duration
		noted bool
	}{"half a skew ago": {half, false}, "more than a skew ago": {time.Minute + half, true}} {
		before := millis(time.Now().Add(-tc.ago))
		s.Do("HSET", epochKey, "seen", before)
		_, err := add(t, r, "a", 0, time.Now().Add(-half)) // past
		undecided(t, err, validator.ReasonProofUnavailable)
		seen, err := strconv.ParseInt(s.Do("HGET", epochKey, "seen").(string), 10, 64)
		require.NoError(t, err)
		assert.Equal(t, tc.noted, seen > before, name)
	}
}

// TestLongestUntil: nothing is remembered for longer than what that relies on.
func TestLongestUntil(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	r := replays(t, s.Client(), far)
	aged(t, s)
	fresh, err := add(t, r, "a", 0, time.Now().Add(farLifetime-half))
	require.NoError(t, err)
	assert.True(t, fresh)
	_, err = add(t, r, "a", 1, time.Now().Add(farLifetime+half))
	undecided(t, err, validator.ReasonProofUnavailable)
}

// TestKnownSinceTheEpoch: a proof that was used before the epoch ends within a lifetime and
// a skew of it; one that ends later was not used before.
func TestKnownSinceTheEpoch(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	r := replays(t, s.Client(), far)
	aged(t, s)
	began := time.Now().Add(-2 * longWindow).Truncate(time.Millisecond)
	s.Do("HSET", epochKey, "began", millis(began))
	known := began.Add(farLifetime + time.Minute)
	for _, before := range []time.Duration{0, half, 2 * time.Minute} {
		_, err := add(t, r, "a", 0, known.Add(-before))
		assert.Equal(t, before+time.Millisecond, undecided(t, err, validator.ReasonProofUnavailable).RetryAfter)
	}
	fresh, err := add(t, r, "a", 0, known.Add(time.Millisecond))
	require.NoError(t, err)
	assert.True(t, fresh)
}

// TestProofsHaveTheirTime, and a skew more, by a clock that may have been set back since.
func TestProofsHaveTheirTime(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	r := replays(t, s.Client(), far)
	aged(t, s)
	const key = rediscache.DefaultPrefix + "{dpop}:proofs:a"
	s.Do("ZADD", key, millis(time.Now().Add(-half)), "kept", millis(time.Now().Add(-time.Minute-half)), "forgotten")
	begun := time.Now().Truncate(time.Millisecond)
	fresh, err := add(t, r, "a", 0, time.Now().Add(longWindow))
	require.NoError(t, err)
	require.True(t, fresh)
	// All of them leave after the last one that could be among them, and no later.
	leave := time.UnixMilli(s.Do("PEXPIRETIME", key).(int64)).Add(-farLifetime - 2*time.Minute)
	assert.False(t, leave.Before(begun))
	assert.False(t, leave.After(time.Now()))
	assert.NotNil(t, s.Do("ZSCORE", key, "kept"))
	assert.Nil(t, s.Do("ZSCORE", key, "forgotten"))
}

// TestRoomComes when the first of a key's proofs has had its time and a skew.
func TestRoomComes(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	r := replays(t, s.Client(), far, func(c *rediscache.ReplaysConfig) { c.PerKey = 2 })
	aged(t, s)
	for i, left := range []time.Duration{2 * longWindow, longWindow} {
		_, err := add(t, r, "a", i, time.Now().Add(left))
		require.NoError(t, err)
	}
	_, err := add(t, r, "a", 2, time.Now().Add(longWindow))
	assert.InDelta(t, longWindow+time.Minute, undecided(t, err, validator.ReasonProofKeyFull).RetryAfter, float64(half))
}

// TestEpochOfTheLastAnswer, whatever that was: a server of an older one is another server,
// and was not told of what was used meanwhile.
func TestEpochOfTheLastAnswer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	aged(t, s)
	one := func(c *rediscache.ReplaysConfig) { c.PerKey = 1 }
	soon := time.Now().Add(longWindow)
	_, err := add(t, replays(t, s.Client(), far, one), "full", 0, soon)
	require.NoError(t, err)
	for name, ask := range map[string]func(*rediscache.Replays) error{
		"fresh":    func(r *rediscache.Replays) error { _, err := add(t, r, "fresh", 0, soon); return err },
		"replayed": func(r *rediscache.Replays) error { _, err := add(t, r, "full", 0, soon); return err },
		"full":     func(r *rediscache.Replays) error { _, err := add(t, r, "full", 1, soon); return err },
		"past":     func(r *rediscache.Replays) error { _, err := add(t, r, "a", 0, time.Now().Add(-half)); return err },
		"ahead":    func(r *rediscache.Replays) error { _, err := add(t, r, "a", 0, soon.Add(farLifetime)); return err },
		"asked":    func(r *rediscache.Replays) error { return r.Ready(t.Context()) },
		"evicting": func(r *rediscache.Replays) error {
			_, first := add(t, r, "asked before", 0, soon)
			s.Do("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "volatile-ttl")
			_, err := add(t, r, "a", 0, soon)
			s.Do("CONFIG", "SET", "maxmemory", "0", "maxmemory-policy", "noeviction")
			assert.NoError(t, first)
			return err
		},
	} {
		aged(t, s)
		s.Do("HSET", epochKey, "began", 1000)
		r := replays(t, s.Client(), far, one)
		err := ask(r)
		assert.Equal(t, name == "fresh" || name == "replayed" || name == "asked", err == nil, name)
		aged(t, s)
		s.Do("HSET", epochKey, "began", 999)
		_, err = add(t, r, name+" before", 1, soon)
		undecided(t, err, validator.ReasonProofUnavailable)
	}
}
