package rediscache

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerguard/bearerguard/jwks"
)

// KeySetsConfig is what a KeySets is made of. NewKeySets copies and checks it whole.
type KeySetsConfig struct {
	// Client is required. It must have ContextTimeoutEnabled, and be no redis.Ring. Its
	// user needs the commands EVAL, EVALSHA, TIME, HSTRLEN, HGET, HSET and PEXPIRE, for
	// keys that begin with Prefix.
	Client redis.UniversalClient
	// Prefix is what all keys begin with, followed by "keys:". Default DefaultPrefix.
	Prefix string
	// MaxSkew is how far apart the clocks of replicas and servers may be. Default (0)
	// DefaultMaxSkew; at least 10 ms, at most a minute.
	MaxSkew time.Duration
}

// keepKeys is how long a set is kept that nobody replaces: longer than it can be of use,
// unless Issuer.KeyMaxStale is longer.
const keepKeys = 30 * 24 * time.Hour

// KeySets is a validator.KeySetStore in Redis: what one replica fetched, the others need
// not. It is safe for concurrent use, and starts no goroutine.
//
// Nothing depends on what Redis remembers: it may be flushed, restarted, fail over or
// evict at any time. While it is down, slow or full, each replica fetches for itself. An
// older set never takes the place of a newer one, unless that is from the future by
// Redis's own clock: one replica whose clock is wrong does not keep the others out.
type KeySets struct {
	client redis.UniversalClient
	prefix string
	skew   time.Duration
}

// NewKeySets returns a KeySets. It does not ask Redis. The error joins a
// *validator.ConfigError for every mistake.
func NewKeySets(config KeySetsConfig) (*KeySets, error) {
	var m mistakes
	checkClient(&m, config.Client)
	checkPrefix(&m, config.Prefix)
	checkDuration(&m, "MaxSkew", config.MaxSkew, 10*time.Millisecond, time.Minute)
	if err := m.err(); err != nil {
		return nil, err
	}
	return &KeySets{config.Client, cmp.Or(config.Prefix, DefaultPrefix), cmp.Or(config.MaxSkew, DefaultMaxSkew)}, nil
}

// maxKeySet is the longest value that is read, in bytes: more than the longest envelope
// takes when it is sealed.
const maxKeySet = jwks.MaxEnvelope + 1<<10

var (
	//go:embed keysets_save.lua
	saveKeysText string
	//go:embed keysets_load.lua
	loadKeysText string

	saveKeysScript, loadKeysScript = redis.NewScript(saveKeysText), redis.NewScript(loadKeysText)
)

func (k *KeySets) key(name string) string { return k.prefix + "keys:{" + name + "}" }

// LoadKeys implements validator.KeySetStore.
func (k *KeySets) LoadKeys(ctx context.Context, name string) ([]byte, error) {
	set, err := loadKeysScript.Run(ctx, k.client, []string{k.key(name)}, maxKeySet).Text()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []byte(set), nil
}

// SaveKeys implements validator.KeySetStore.
func (k *KeySets) SaveKeys(ctx context.Context, name string, set []byte, fetched time.Time) error {
	return saveKeysScript.Run(ctx, k.client, []string{k.key(name)},
		set, fetched.UnixMilli(), k.skew.Milliseconds(), keepKeys.Milliseconds()).Err()
}
