package rediscache

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// AnswersConfig is what an Answers is made of. NewAnswers copies and checks it whole.
type AnswersConfig struct {
	// Client is required. It must have ContextTimeoutEnabled, and be no redis.Ring. Its
	// user needs the commands EVAL, EVALSHA, TIME, HSTRLEN, HGET, HSET, PEXPIRE, GET, SET
	// and DEL, for keys that begin with Prefix.
	Client redis.UniversalClient
	// Prefix is what all keys begin with, followed by "answers:" or "claims:". Default
	// DefaultPrefix.
	Prefix string
}

// Answers is a validator.AnswerStore in Redis: what one replica was told about a token,
// the others need not ask. It is safe for concurrent use, and starts no goroutine.
//
// Redis sees names and values that mean nothing to it, and nothing depends on what it
// remembers: it may be flushed, restarted, fail over or evict at any time (any
// maxmemory-policy will do, but see Replays, should they share it). While it is down,
// slow or full, replicas ask as if each were alone; see validator.Fleet for how long that
// takes. Each token is in a slot of a cluster of its own.
type Answers struct {
	client redis.UniversalClient
	prefix string
}

// NewAnswers returns an Answers. It does not ask Redis. The error joins a
// *validator.ConfigError for every mistake.
func NewAnswers(config AnswersConfig) (*Answers, error) {
	var m mistakes
	checkClient(&m, config.Client)
	checkPrefix(&m, config.Prefix)
	if err := m.err(); err != nil {
		return nil, err
	}
	return &Answers{config.Client, cmp.Or(config.Prefix, DefaultPrefix)}, nil
}

// maxAnswer is the longest value that is read, in bytes: twice the longest answer that
// is taken from an issuer.
const maxAnswer = 128 << 10

var (
	//go:embed answers_take.lua
	takeText string
	//go:embed answers_put.lua
	putText string
	//go:embed answers_release.lua
	releaseText string

	// These may be sent again when their answer was lost: the second time changes nothing.
	takeScript, putScript, releaseScript = redis.NewScript(takeText), redis.NewScript(putText), redis.NewScript(releaseText)
)

// keys are those of a name, in one slot.
func (a *Answers) keys(name string) []string {
	return []string{a.prefix + "answers:{" + name + "}", a.prefix + "claims:{" + name + "}"}
}

// Take implements validator.AnswerStore.
func (a *Answers) Take(ctx context.Context, name string, seen []byte, owner string, lease time.Duration) (kept []byte, claimed bool, err error) {
	answer, err := takeScript.Run(ctx, a.client, a.keys(name), seen, owner, milliseconds(lease), maxAnswer).Slice()
	if err != nil {
		return nil, false, err
	}
	if len(answer) == 2 {
		claim, _ := answer[0].(int64)
		switch value, ok := answer[1].(string); {
		case !ok:
		case value != "":
			return []byte(value), false, nil
		default:
			return nil, claim == 1, nil
		}
	}
	return nil, false, errors.New("redis: not an answer of this script")
}

// Put implements validator.AnswerStore.
func (a *Answers) Put(ctx context.Context, name string, value []byte, sent time.Time, ttl time.Duration, owner string) error {
	return putScript.Run(ctx, a.client, a.keys(name), value, sent.UnixMicro(), milliseconds(ttl), owner).Err()
}

// Release implements validator.AnswerStore.
func (a *Answers) Release(ctx context.Context, name, owner string) error {
	return releaseScript.Run(ctx, a.client, a.keys(name), owner).Err()
}

// milliseconds are d rounded up: less than one is not nothing.
func milliseconds(d time.Duration) int64 {
	return (min(d, 1<<62) + time.Millisecond - 1).Milliseconds()
}
