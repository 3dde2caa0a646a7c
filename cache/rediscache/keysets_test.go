package rediscache_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/cache/rediscache/internal/redistest"
	"github.com/bearerguard/bearerguard/jwks"
	"github.com/bearerguard/bearerguard/validator"
)

var _ validator.KeySetStore = (*rediscache.KeySets)(nil)

// TestKeySets: older never replaces newer, by servers of every kind, with TLS, and a user
// with the commands that are said to be enough.
func TestKeySets(t *testing.T) {
	t.Parallel()
	rules := "~bearerguard:* +@connection +eval +evalsha +time +hstrlen +hget +hset +pexpire"
	plain := redistest.Start(t, redistest.Options{TLS: true, Rules: rules})
	cluster := redistest.Start(t, redistest.Options{Cluster: true})
	nodes := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{cluster.Addr()}, ContextTimeoutEnabled: true})
	defer nodes.Close()
	for server, client := range map[*redistest.Server]redis.UniversalClient{plain: plain.Client(), cluster: nodes} {
		k, err := rediscache.NewKeySets(rediscache.KeySetsConfig{Client: client})
		require.NoError(t, err)
		now := time.Now()
		save := func(set string, fetched time.Time) {
			t.Helper()
			require.NoError(t, k.SaveKeys(t.Context(), "name", []byte(set), fetched))
		}
		has := func(name, set string) {
			t.Helper()
			kept, err := k.LoadKeys(t.Context(), name)
			require.NoError(t, err)
			assert.Equal(t, set, string(kept))
			assert.Equal(t, set == "", kept == nil)
		}
		has("name", "")
		save("first", now.Add(-time.Minute))
		has("name", "first")
		has("other", "")
		save("older", now.Add(-time.Hour))
		has("name", "first")
		save("newer", now)
		has("name", "newer")
		save("as new", now)
		has("name", "as new")
		save("ahead", now.Add(time.Second)) // by a clock that may be right
		has("name", "ahead")
		save("of tomorrow", now.Add(24*time.Hour))
		has("name", "ahead")
		ttl := server.Do("PTTL", "bearerguard:keys:{name}").(int64)
		assert.InDelta(t, (30 * 24 * time.Hour).Milliseconds(), ttl, 60_000)

		// The longest that is read is longer than any that is saved.
		const longest = jwks.MaxEnvelope + 1<<10
		for _, size := range []int{1, jwks.MaxEnvelope, longest} {
			set := strings.Repeat("x", size)
			save(set, now.Add(2*time.Second))
			has("name", set)
		}
		for _, size := range []int{0, longest + 1} {
			server.Do("HSET", "bearerguard:keys:{name}", "set", strings.Repeat("x", size))
			has("name", "")
		}

		// What is from the future all the same does not stay: the clock of Redis was set back.
		server.Do("HSET", "bearerguard:keys:{name}", "fetched", now.Add(time.Hour).UnixMilli())
		save("of now", now)
		has("name", "of now")
	}
}

// TestKeySetsAhead by no more than MaxSkew are kept, and by more they are not.
func TestKeySetsAhead(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	k, err := rediscache.NewKeySets(rediscache.KeySetsConfig{Client: s.Client(), MaxSkew: time.Minute})
	require.NoError(t, err)
	for ahead, want := range map[time.Duration]string{half: "ahead", time.Minute + half: ""} {
		s.FlushAll()
		require.NoError(t, k.SaveKeys(t.Context(), "name", []byte("ahead"), time.Now().Add(ahead)))
		kept, err := k.LoadKeys(t.Context(), "name")
		require.NoError(t, err)
		assert.Equal(t, want, string(kept), ahead)
	}
}

// TestKeySetsOfNow: the clock of Redis is read to the millisecond.
func TestKeySetsOfNow(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	k, err := rediscache.NewKeySets(rediscache.KeySetsConfig{Client: s.Client(), MaxSkew: 10 * time.Millisecond})
	require.NoError(t, err)
	redistest.Eventually(t, "it is late in a second", func() bool { return time.Now().Nanosecond() > int(500*time.Millisecond) })
	require.NoError(t, k.SaveKeys(t.Context(), "name", []byte("of now"), time.Now()))
	kept, err := k.LoadKeys(t.Context(), "name")
	require.NoError(t, err)
	assert.Equal(t, "of now", string(kept))
}

func TestKeySetsMistakes(t *testing.T) {
	mistaken := func(field string, config rediscache.KeySetsConfig) {
		t.Helper()
		k, err := rediscache.NewKeySets(config)
		var mistake *validator.ConfigError
		require.ErrorAs(t, err, &mistake)
		assert.Equal(t, field, mistake.Field)
		assert.Nil(t, k)
	}
	client := redis.NewClient(&redis.Options{ContextTimeoutEnabled: true})
	defer client.Close()
	mistaken("Client", rediscache.KeySetsConfig{})
	mistaken("Prefix", rediscache.KeySetsConfig{Client: client, Prefix: "{a}"})
	mistaken("MaxSkew", rediscache.KeySetsConfig{Client: client, MaxSkew: 5})
}
