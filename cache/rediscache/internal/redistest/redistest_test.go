package redistest_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bearerguard/bearerguard/cache/rediscache/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// impatient is a client that gives up soon, and once.
func impatient(o *redis.Options) {
	o.ReadTimeout, o.MaxRetries, o.DialerRetries = 100*time.Millisecond, -1, 1
}

// TestLife: what a server is told to suffer, its clients see.
func TestLife(t *testing.T) {
	s := redistest.Start(t, redistest.Options{})
	p := s.Proxy()
	for name, c := range map[string]*redis.Client{"direct": s.Client(impatient), "by proxy": p.Client(impatient)} {
		set := func() error { return c.Set(t.Context(), "a", 1, 0).Err() }
		require.NoError(t, set(), name)
		s.FlushAll()
		assert.ErrorIs(t, c.Get(t.Context(), "a").Err(), redis.Nil)
		s.Stop()
		assert.Error(t, set(), name)
		s.Continue()
		assert.NoError(t, set(), name)
		s.Kill()
		assert.Error(t, set(), name)
		s.Restart()
		assert.ErrorIs(t, c.Get(t.Context(), "a").Err(), redis.Nil, "%s: it had nothing to remember by", name)
		p.Cut()
		assert.Equal(t, name == "direct", set() == nil)
		p.Heal()
		assert.NoError(t, set(), name)
		p.Latency(150 * time.Millisecond)
		assert.Equal(t, name == "direct", set() == nil)
		p.Latency(0)
		assert.NoError(t, set(), name)
	}
}

// TestAppendOnly: what was written before it was killed is there.
func TestAppendOnly(t *testing.T) {
	s := redistest.Start(t, redistest.Options{AppendOnly: true})
	s.Do("SET", "a", "1")
	s.Kill()
	s.Restart()
	assert.Equal(t, "1", s.Do("GET", "a"))
}

// TestUsers: over TLS, with a user who may do little.
func TestUsers(t *testing.T) {
	s := redistest.Start(t, redistest.Options{TLS: true, Rules: "~mine:* +get +set"})
	for _, c := range []*redis.Client{s.Client(), s.Proxy().Client()} {
		assert.NoError(t, c.Set(t.Context(), "mine:a", 1, 0).Err())
		assert.True(t, redis.IsPermissionError(c.Set(t.Context(), "a", 1, 0).Err()))
		assert.True(t, redis.IsPermissionError(c.FlushAll(t.Context()).Err()))
	}
}

// TestLimits: full, evicting, in a cluster, and another one after a failover.
func TestLimits(t *testing.T) {
	full := redistest.Start(t, redistest.Options{MaxMemory: "1"})
	assert.True(t, redis.IsOOMError(full.Client().Set(t.Context(), "a", 1, 0).Err()))
	cluster := redistest.Start(t, redistest.Options{Cluster: true, Policy: "allkeys-lru"})
	assert.ErrorContains(t, cluster.Client().MSet(t.Context(), "a", 1, "b", 2).Err(), "CROSSSLOT")
	assert.Equal(t, map[any]any{"maxmemory-policy": "allkeys-lru"}, cluster.Do("CONFIG", "GET", "maxmemory-policy"))
	first := redistest.Start(t, redistest.Options{})
	second := redistest.Start(t, redistest.Options{ReplicaOf: first})
	p := first.Proxy()
	c := p.Client()
	require.NoError(t, c.Set(t.Context(), "a", 1, 0).Err())
	redistest.Eventually(t, "it is there", func() bool { return second.Do("GET", "a") == "1" })
	p.Switch(second)
	assert.Error(t, c.Set(t.Context(), "a", 2, 0).Err(), "READONLY")
	second.Do("REPLICAOF", "NO", "ONE")
	assert.NoError(t, c.Set(t.Context(), "a", 2, 0).Err())
}
