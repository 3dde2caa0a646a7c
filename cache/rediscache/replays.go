package rediscache

import (
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/validator"
)

// ReplaysConfig is what a Replays is made of. NewReplays copies and checks it whole.
type ReplaysConfig struct {
	// Client is required. It must have ContextTimeoutEnabled, and be no redis.Ring. With
	// DialerRetries 1 it says at once when nobody listens, else after Timeout. Its user
	// needs the commands EVAL, EVALSHA, INFO, TIME, HMGET, HSET, DEL, ZSCORE,
	// ZREMRANGEBYSCORE, ZCARD, ZRANGE, ZADD and PEXPIREAT, for keys that begin with Prefix.
	Client redis.UniversalClient
	// Prefix is what all keys begin with, followed by "{dpop}:". Default DefaultPrefix.
	// Replicas of one API have the same; APIs with another Window have another.
	Prefix string
	// Window is that of dpop.Config. Default (0) dpop.DefaultWindow; at most
	// dpop.MaxWindow.
	Window time.Duration
	// MaxSkew is how far apart the clocks of replicas and servers may be, each from each.
	// Default (0) DefaultMaxSkew; at least 10 ms, at most a minute.
	MaxSkew time.Duration
	// PerKey is how many proofs of one key are remembered: when there is no room, those
	// of that key are refused, and no others. Default (0) dpop.DefaultPerKey.
	PerKey int
	// Timeout is how long a request waits for Redis before it is refused. Default (0)
	// DefaultTimeout; at least 10 ms, at most 10 s.
	Timeout time.Duration
}

// Defaults of the configurations here.
const (
	DefaultPrefix  = "bearerguard:"
	DefaultMaxSkew = 5 * time.Second
	DefaultTimeout = 250 * time.Millisecond
)

// Replays is a dpop.ReplayStore in Redis: of any number of requests with one proof, to
// whichever replicas, one is accepted. It is safe for concurrent use, and starts no
// goroutine.
//
// It never takes for fresh what Redis may have forgotten. Whenever Redis was emptied,
// was started again (with whatever data, which may lack the last), or is another server
// after a failover, proofs are refused as ReasonProofUnavailable, with RetryAfter: those
// that are made within Window and twice MaxSkew after the first question, for one that
// was used before may be as recent. That includes the first deployment: let readiness
// wait for Ready. A Redis that evicts (it has a limit, and a maxmemory-policy other than
// noeviction) has every proof refused. What it cannot notice: two servers that both take
// themselves for the master, a cluster's slot among them, and a clock of Redis that was
// set forward and back while nobody asked.
//
// A Redis that cannot be reached, does not answer within Timeout, or is full, has the
// request refused with RetryAfter, as ReasonProofUnavailable or ReasonProofStoreFull. The
// proof may be used up then: Redis is asked once, for a second question could not tell
// its own first from a replay.
//
// All proofs are in one slot of a cluster, so that what is forgotten is forgotten at
// once. Each takes some 50 to 100 bytes for twice Window.
type Replays struct {
	client   redis.UniversalClient
	prefix   string
	window   time.Duration
	lifetime time.Duration // the longest from the use of a proof to its until
	skew     time.Duration
	perKey   int
	timeout  time.Duration
	epoch    atomic.Int64 // of the last answer
}

// NewReplays returns a Replays. It does not ask Redis. The error joins a
// *validator.ConfigError for every mistake.
func NewReplays(config ReplaysConfig) (*Replays, error) {
	var m mistakes
	checkClient(&m, config.Client)
	checkPrefix(&m, config.Prefix)
	checkDuration(&m, "Window", config.Window, time.Second, dpop.MaxWindow)
	checkDuration(&m, "MaxSkew", config.MaxSkew, 10*time.Millisecond, time.Minute)
	checkDuration(&m, "Timeout", config.Timeout, 10*time.Millisecond, 10*time.Second)
	if config.PerKey < 0 {
		m.add("PerKey", "must not be negative")
	}
	if err := m.err(); err != nil {
		return nil, err
	}
	r := &Replays{
		client: config.Client, prefix: cmp.Or(config.Prefix, DefaultPrefix) + "{dpop}:",
		window: cmp.Or(config.Window, dpop.DefaultWindow), skew: cmp.Or(config.MaxSkew, DefaultMaxSkew),
		perKey: cmp.Or(config.PerKey, dpop.DefaultPerKey), timeout: cmp.Or(config.Timeout, DefaultTimeout),
	}
	// A proof is used when its iat is at most a window ahead, by the clock of a replica,
	// and until is two windows after iat.
	r.lifetime = 3*r.window + r.skew
	return r, nil
}

// Add implements dpop.ReplayStore.
func (r *Replays) Add(ctx context.Context, jkt string, jti [sha256.Size]byte, until time.Time) (fresh bool, err error) {
	return r.ask(ctx, jkt, jti[:], until)
}

// Ready returns nil once a proof that is made now, and was not used, would be accepted:
// for a readiness probe. It uses nothing up, and may return an error again when Redis
// was restarted. Errors are those of Add.
func (r *Replays) Ready(ctx context.Context) error {
	made := time.Now().Truncate(time.Second) // as clients write iat
	_, err := r.ask(ctx, "", nil, made.Add(2*r.window))
	return err
}

//go:embed replays.lua
var replaysText string

var replaysScript = newScript(replaysText)

func (r *Replays) ask(ctx context.Context, jkt string, proof []byte, until time.Time) (fresh bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	answer, err := replaysScript.runOnce(ctx, r.client, []string{r.prefix + "epoch", r.prefix + "proofs:" + jkt},
		proof, until.Add(time.Millisecond-1).UnixMilli(), r.lifetime.Milliseconds(), r.skew.Milliseconds(), r.perKey, r.epoch.Load())
	switch {
	case redis.IsOOMError(err):
		return false, refuse(validator.ReasonProofStoreFull, again, "Redis has no memory left")
	case err != nil:
		return false, refuse(validator.ReasonProofUnavailable, again, "redis: "+err.Error())
	case len(answer) != 3:
		return false, refuse(validator.ReasonProofUnavailable, again, "redis: not an answer of this script")
	}
	verdict, _ := answer[0].(string)
	wait, _ := answer[1].(int64)
	epoch, _ := answer[2].(int64)
	r.epoch.Store(epoch)
	return read(verdict, time.Duration(wait)*time.Millisecond)
}

// again is when to try again where nobody knows better.
const again = time.Second

// read is what a verdict of the script means.
func read(verdict string, wait time.Duration) (fresh bool, err error) {
	switch verdict {
	case "fresh":
		return true, nil
	case "replayed":
		return false, nil
	case "full":
		return false, refuse(validator.ReasonProofKeyFull, wait, "")
	case "unknown":
		return false, refuse(validator.ReasonProofUnavailable, wait, "Redis was started or emptied, and may have forgotten that this proof was used")
	case "evicting":
		return false, refuse(validator.ReasonProofUnavailable, again, "Redis evicts: its maxmemory-policy must be noeviction")
	case "past", "ahead":
		return false, refuse(validator.ReasonProofUnavailable, again,
			"the clocks of Redis and of this replica are not within MaxSkew, or Window is not that of dpop.Config")
	}
	return false, refuse(validator.ReasonProofUnavailable, again, "redis: not an answer of this script")
}

func refuse(reason validator.Reason, wait time.Duration, detail string) error {
	e := validator.NewError(reason, detail)
	e.RetryAfter = wait
	return e
}
