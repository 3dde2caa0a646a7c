package rediscache

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerguard/bearerguard/cache"
	"github.com/bearerguard/bearerguard/validator"
)

// FeedConfig is what a Feed is made of. NewFeed copies and checks it whole.
type FeedConfig struct {
	// Client is required. It must have ContextTimeoutEnabled, be no redis.Ring, and read
	// from masters alone (redis.ClusterOptions.ReadOnly and what implies it, and
	// redis.FailoverOptions.ReplicaOnly, which nobody can notice here): a replica that lags
	// or is cut off has a feed catch up with less than there is. Its user needs the commands
	// EVAL, EVALSHA, TIME, EXISTS, XADD, XRANGE, XREAD, SET and PTTL, for keys that begin
	// with Prefix. One connection of its pool is always in use.
	Client redis.UniversalClient
	// Prefix is what all keys begin with, followed by "{revocations}:". Default
	// DefaultPrefix. Replicas of one API have the same.
	Prefix string
	// Revocations are whose marks are carried. Required; their WhileBehind must say what
	// becomes of tokens while this feed is behind.
	Revocations *validator.Revocations
	// Sealer seals the marks. Required; its secret is the same on all replicas.
	Sealer *cache.Sealer
	// Silence is after how long without an answer from Redis the feed is behind. Redis is
	// asked five times as often. Default (0) DefaultSilence; at least 500 ms, at most an
	// hour.
	Silence time.Duration
}

// DefaultSilence outlasts a failover by sentinels that were told to hurry.
const DefaultSilence = 10 * time.Second

// maxPending is how many marks wait to be published; beyond, all that are held are
// compared with what Redis has.
const maxPending = 2 * batch

// Feed carries the marks of Revocations between replicas, through a stream in Redis, which
// sees neither whom they are about nor how many. It is safe for concurrent use; nothing
// happens unless Run does.
//
// A mark that is made on one replica reaches the others at once: after one round trip to
// publish it, and half of one to each. A replica that starts reads what was
// published for as long as it can matter; one that was cut off goes on where it was. It
// is behind (RevocationsConfig.WhileBehind) until it has read to the end, and again after
// Silence without an answer. Marks of an issuer that is configured later count within a
// fifth of Silence; until then it is behind for that one. Marks that cannot be published wait, and no request does.
//
// Redis may lose everything: be flushed, restarted without data or with old data, fail
// over to a server that lacks the last marks, evict. Each replica notices when what it
// read last is gone, and publishes again what is missing of all that it holds. For
// Silence after that, and after the stream began, all are behind, because others may
// still have something to say. So the very first replica of a service takes Silence
// until it has caught up.
//
// What Redis could do, or who controls it, is to withhold marks, which nobody notices, and
// to repeat them, by which no other token is refused than was revoked. A full Redis takes no more
// marks (FeedStatus.Unpublished); those that it has go on.
type Feed struct {
	client      redis.UniversalClient
	stream      string // keys
	turn        string
	loss        string
	about       []string
	sealer      atomic.Pointer[cache.Sealer]
	revocations *validator.Revocations
	follower    *validator.Follower
	silence     time.Duration
	origin      string // who published: ourselves, if it is this
	running     atomic.Bool
	wake        chan struct{} // there is something to publish

	mu      sync.Mutex
	pending []validator.RevocationMark // to be published, the last of those that were made
	made    uint64                     // marks, since the beginning
	told    uint64                     // of them, all up to this one were published
	gap     bool                       // some before pending were not, and are not in it
	missing bool                       // Redis may lack what we hold: it is compared
	losses  uint64                     // how often that was noticed
	due     time.Time                  // when
	turns   int                        // how often it was another replica's turn
	changed chan struct{}              // closed when told rises
	last    string                     // id of what was published last
	status  FeedStatus
}

// FeedStatus is how a Feed is, for health pages and metrics. Whether it is behind is in
// validator.RevocationStatus.
type FeedStatus struct {
	// Touched is when Redis answered last; zero: never.
	Touched time.Time
	// ReadError and PublishError are what went wrong last, for operators; empty: nothing
	// since the last success.
	ReadError, PublishError string
	// Unpublished marks were made here, and nobody else knows of them yet.
	Unpublished int
	// Published and Received count marks since the beginning; a Revocation of both
	// Subject and Session is two.
	Published, Received uint64
	// Unreadable counts what did not open: changed, or sealed under another secret.
	Unreadable uint64
	// Refused counts marks that did not apply here, such as those of an issuer that is
	// not configured.
	Refused uint64
	// Lost counts how often Redis had lost what was read or published: one incident may
	// count twice.
	Lost uint64
}

// NewFeed returns a Feed that is attached to its Revocations, and asks Redis nothing
// until Run. The error joins a *validator.ConfigError for every mistake.
func NewFeed(config FeedConfig) (*Feed, error) {
	var m mistakes
	checkClient(&m, config.Client)
	checkReads(&m, config.Client)
	checkPrefix(&m, config.Prefix)
	checkDuration(&m, "Silence", config.Silence, 500*time.Millisecond, time.Hour)
	if config.Sealer == nil {
		m.add("Sealer", "is required: Redis must neither read nor make marks")
	}
	if config.Revocations == nil {
		m.add("Revocations", "are required")
	}
	if err := m.err(); err != nil {
		return nil, err
	}
	prefix := cmp.Or(config.Prefix, DefaultPrefix) + "{revocations}:"
	f := &Feed{
		client: config.Client, stream: prefix + "marks", turn: prefix + "turn", loss: prefix + "loss",
		about:       []string{"revocation marks 1", prefix},
		revocations: config.Revocations, silence: cmp.Or(config.Silence, DefaultSilence),
		origin: rand.Text(), wake: make(chan struct{}, 1), changed: make(chan struct{}), last: beginning,
	}
	f.sealer.Store(config.Sealer)
	var err error
	if f.follower, err = config.Revocations.Follow(f.publish); err != nil {
		return nil, err
	}
	return f, nil
}

// Run carries marks until ctx ends, and returns its cause; it reconnects by itself. It ends
// within a fifth of Silence and a second. From then on the feed is behind. A second Run at
// the same time is an error.
func (f *Feed) Run(ctx context.Context) error {
	if !f.running.CompareAndSwap(false, true) {
		return errors.New("rediscache: this Feed runs already")
	}
	defer f.running.Store(false)
	var both sync.WaitGroup
	both.Go(func() { f.publishing(ctx) })
	newReader(f).follow(ctx)
	both.Wait()
	f.follower.Behind("Feed.Run has ended", f.silence)
	return context.Cause(ctx)
}

// Reseal has marks sealed and opened by another Sealer from now on, as for a change of the
// fleet secret (see cache.NewSealer for the order). It panics if sealer is nil.
func (f *Feed) Reseal(sealer *cache.Sealer) {
	if sealer == nil {
		panic("rediscache: Reseal without a Sealer")
	}
	f.sealer.Store(sealer)
}

// Revoke is Revocations.Revoke, and waits until the mark is published. When ctx ends before
// that, the error is its cause: the tokens are refused here, and elsewhere once the mark
// can be published. Any other error is a *validator.ConfigError, and nothing was revoked.
func (f *Feed) Revoke(ctx context.Context, revocation validator.Revocation) error {
	if err := f.revocations.Revoke(revocation); err != nil {
		return err
	}
	f.mu.Lock()
	last := f.made
	f.mu.Unlock()
	for {
		f.mu.Lock()
		told, changed := f.told, f.changed
		f.mu.Unlock()
		if told >= last {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("rediscache: revoked here, and not published yet: %w", context.Cause(ctx))
		}
	}
}

// Status returns what is known at this instant. It does no I/O.
func (f *Feed) Status() FeedStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	status := f.status
	status.Unpublished = int(f.made - f.told) // #nosec G115 -- never told more than was made, and what waits is bounded
	return status
}

// note changes what Status says.
func (f *Feed) note(change func(*FeedStatus)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.status)
}

// beat is how often Redis is asked at least.
func (f *Feed) beat() time.Duration { return f.silence / 5 }

// patience is how long one answer may take.
func (f *Feed) patience() time.Duration { return max(f.beat()/2, time.Second) }

// rest waits, and reports whether to go on.
func rest(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
