package dpop

import (
	"container/heap"
	"context"
	"crypto/sha256"
	"hash/maphash"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerguard/bearerguard/validator"
)

// Defaults of MemoryConfig.
const (
	// DefaultCapacity is enough for some 2,000 proofs a second (each is remembered for
	// two minutes), and at most some 65 MB.
	DefaultCapacity = 1 << 18
	// DefaultPerKey is enough for some 130 proofs a second of one client.
	DefaultPerKey = 1 << 14
)

// MemoryConfig is how much a Memory remembers.
type MemoryConfig struct {
	// Capacity is how many proofs are remembered in all. When there is no room, every
	// proof is refused until one has had its time: forgetting one would let it be used
	// again. Default (0) DefaultCapacity.
	Capacity int
	// PerKey is how many proofs of one key are remembered: when there is no room, those
	// of that key are refused, and no others. Default (0) DefaultPerKey, or Capacity
	// where that is less.
	PerKey int
	// Clock defaults to time.Now. It must be safe for concurrent use.
	Clock func() time.Time
}

// Memory is a ReplayStore in the memory of this process. It is safe for concurrent
// use, and starts no goroutine. It knows nothing of other replicas, nor of what was
// before a restart: a proof younger than the window can then be used once more. Where
// that matters, share a store, or use Nonces whose secrets are made when the process
// starts.
type Memory struct {
	capacity int64
	perKey   int
	clock    func() time.Time
	seed     maphash.Seed
	count    atomic.Int64 // proofs in all shards
	shards   [64]shard    // by key, so that each knows how many a key has
}

type shard struct {
	mu        sync.Mutex // guards all below
	seen      map[[sha256.Size]byte]struct{}
	keys      map[string]*holder
	queue     queue
	forgotten int64 // the latest until of what was forgotten; nothing of before 1970 is remembered
}

// holder counts the remembered proofs of one key.
type holder struct {
	jkt   string
	count int
}

// remembered is one proof, in the order in which proofs are forgotten.
type remembered struct {
	until int64 // Unix nanoseconds
	id    [sha256.Size]byte
	by    *holder
}

// NewMemory returns an empty Memory. The error joins a *validator.ConfigError for every
// mistake.
func NewMemory(config MemoryConfig) (*Memory, error) {
	var m mistakes
	if config.Capacity < 0 {
		m.add("Capacity", "must not be negative")
	}
	if config.PerKey < 0 {
		m.add("PerKey", "must not be negative")
	}
	if err := m.err(); err != nil {
		return nil, err
	}
	if config.Capacity == 0 {
		config.Capacity = DefaultCapacity
	}
	if config.PerKey == 0 {
		config.PerKey = min(DefaultPerKey, config.Capacity)
	}
	if config.Clock == nil {
		config.Clock = time.Now
	}
	s := &Memory{capacity: int64(config.Capacity), perKey: config.PerKey, clock: config.Clock, seed: maphash.MakeSeed()}
	for i := range s.shards {
		s.shards[i].seen, s.shards[i].keys = map[[sha256.Size]byte]struct{}{}, map[string]*holder{}
	}
	return s, nil
}

// Add implements ReplayStore.
func (s *Memory) Add(_ context.Context, jkt string, jti [sha256.Size]byte, until time.Time) (fresh bool, err error) {
	now := s.clock().UnixNano()
	e := remembered{until: until.UnixNano(), id: sha256.Sum256(append([]byte(jkt), jti[:]...))}
	shard := &s.shards[maphash.String(s.seed, jkt)%uint64(len(s.shards))]
	fresh, full := s.add(shard, jkt, e, now)
	if full == validator.ReasonProofStoreFull {
		s.forget(now) // of other keys: a shard looks after itself only when it is used
		fresh, full = s.add(shard, jkt, e, now)
	}
	switch full {
	case validator.ReasonProofKeyFull:
		return false, retry(full, shard.first()-now)
	case validator.ReasonProofStoreFull:
		return false, retry(full, s.first()-now)
	}
	return fresh, nil
}

func (s *Memory) add(shard *shard, jkt string, e remembered, now int64) (fresh bool, full validator.Reason) {
	shard.mu.Lock()
	defer shard.mu.Unlock()
	s.count.Add(-shard.forget(now))
	if _, seen := shard.seen[e.id]; seen || e.until <= shard.forgotten || e.until <= now {
		// What may have been forgotten counts as seen: when a clock was set forward and
		// back again, proofs that were forgotten in between are recent once more.
		return false, ""
	}
	by := shard.keys[jkt]
	if by != nil && by.count >= s.perKey {
		return false, validator.ReasonProofKeyFull
	}
	if s.count.Add(1) > s.capacity {
		s.count.Add(-1)
		return false, validator.ReasonProofStoreFull
	}
	if by == nil {
		by = &holder{jkt: jkt}
		shard.keys[jkt] = by
	}
	by.count++
	e.by = by
	shard.seen[e.id] = struct{}{}
	heap.Push(&shard.queue, e)
	return true, ""
}

// forget drops what has had its time, in all shards.
func (s *Memory) forget(now int64) {
	for i := range s.shards {
		shard := &s.shards[i]
		shard.mu.Lock()
		s.count.Add(-shard.forget(now))
		shard.mu.Unlock()
	}
}

// forget drops what has had its time, and returns how many those were. The caller holds
// mu.
func (s *shard) forget(now int64) (dropped int64) {
	for len(s.queue) > 0 && s.queue[0].until <= now {
		e := heap.Pop(&s.queue).(remembered)
		delete(s.seen, e.id)
		if e.by.count--; e.by.count == 0 {
			delete(s.keys, e.by.jkt)
		}
		s.forgotten = max(s.forgotten, e.until)
		dropped++
	}
	s.shrink()
	return dropped
}

// roomy is how many proofs a shard may have room for whatever it holds.
const roomy = 64

// shrink gives back the room of what was forgotten, which maps and slices keep: else
// each shard would for ever have room for the most that it ever held, and all of them
// together for many times the capacity. The caller holds mu.
func (s *shard) shrink() {
	if cap(s.queue) <= roomy || len(s.queue) > cap(s.queue)/4 { // seldom, so that it costs little for each proof
		return
	}
	s.queue = append(make(queue, 0, len(s.queue)), s.queue...)
	s.seen, s.keys = make(map[[sha256.Size]byte]struct{}, len(s.queue)), map[string]*holder{}
	for _, e := range s.queue {
		s.seen[e.id], s.keys[e.by.jkt] = struct{}{}, e.by
	}
}

// retry says that there is room again when the next proof is forgotten.
func retry(full validator.Reason, wait int64) error {
	e := validator.NewError(full, "")
	e.RetryAfter = time.Duration(max(wait, 0))
	return e
}

// first is when the next proof is forgotten, of any key.
func (s *Memory) first() int64 {
	first := int64(math.MaxInt64)
	for i := range s.shards {
		first = min(first, s.shards[i].first())
	}
	return first
}

func (s *shard) first() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return math.MaxInt64
	}
	return s.queue[0].until
}

// queue is a heap (container/heap).
type queue []remembered

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].until < q[j].until }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(e any)        { *q = append(*q, e.(remembered)) }

func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	(*q)[len(*q)-1] = remembered{}
	*q = (*q)[:len(*q)-1]
	return last
}
