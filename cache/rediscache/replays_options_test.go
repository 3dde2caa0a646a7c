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
	"github.com/bearerguard/bearerguard/validator"
)

// TestOwnOptions: TLS, a user with the commands that are said to be enough, and a cluster.
func TestOwnOptions(t *testing.T) {
	t.Parallel()
	rules := "~bearerguard:* +@connection +eval +evalsha +info +time +hmget +hset +del +zscore +zremrangebyscore +zcard +zrange +zadd +pexpireat"
	s := redistest.Start(t, redistest.Options{TLS: true, Rules: rules})
	cluster := redistest.Start(t, redistest.Options{Cluster: true})
	nodes := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{cluster.Addr()}, ContextTimeoutEnabled: true})
	defer nodes.Close()
	a := newLongAPI(t)
	for server, client := range map[*redistest.Server]redis.UniversalClient{s: s.Client(), cluster: nodes} {
		store := replays(t, client, long, func(c *rediscache.ReplaysConfig) { c.PerKey = 1 })
		undecided(t, store.Ready(t.Context()), validator.ReasonProofUnavailable)
		server.FlushAll()
		aged(t, server)
		r := a.other().replica(t, replays(t, client, long, func(c *rediscache.ReplaysConfig) { c.PerKey = 1 }))
		proof := r.proof()
		require.NoError(t, r.present(t, proof))
		replayed(t, r.present(t, proof))
		undecided(t, r.present(t, r.proof()), validator.ReasonProofKeyFull)
	}
	// A user who may not is told of, and refused.
	s.Do("ACL", "SETUSER", "app", "-zadd")
	r := a.other().replica(t, replays(t, s.Client(), long))
	e := undecided(t, r.present(t, r.proof()), validator.ReasonProofUnavailable)
	assert.Contains(t, e.Detail, "can't run this command")
}

// TestSentinel: by the client's own options, the store follows a failover, and knows
// that the new master may lack what the old one was told last.
func TestSentinel(t *testing.T) {
	t.Parallel()
	first := redistest.Start(t, redistest.Options{})
	second := redistest.Start(t, redistest.Options{ReplicaOf: first})
	redistest.Eventually(t, "it is replicated", func() bool {
		return strings.Contains(second.Do("INFO", "replication").(string), "master_link_status:up")
	})
	sentinel := redistest.Start(t, redistest.Options{Watches: first})
	redistest.Eventually(t, "the sentinel knows of the replica", func() bool {
		return strings.Contains(sentinel.Do("INFO", "sentinel").(string), "slaves=1")
	})
	client := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: redistest.MasterName, SentinelAddrs: []string{sentinel.Addr()}, ContextTimeoutEnabled: true,
	})
	defer client.Close()
	aged(t, first)
	store := replays(t, client)
	r := newAPI(t).replica(t, store)
	used := r.proof(iat(time.Now().Add(window)))
	accepted(t, r, used)
	first.Kill()
	redistest.Eventually(t, "proofs are accepted again", func() bool {
		err := r.present(t, used)
		require.Error(t, err, "used, and accepted again")
		return r.present(t, r.proof()) == nil
	})
	assert.Contains(t, second.Do("INFO", "replication"), "role:master")
}
