// Package cache is a bounded store of facts, each until its own deadline.
//
// It is sharded over golang-lru's simplelru, because one lock would be the
// slowest part of a hit. It starts no goroutine: a fact that is past its
// deadline is dropped when it is asked for, or when its shard needs the room.
//
// The cache decides nothing. The validator stores what it has established about
// a token (never the token itself) and looks at everything that can change on
// every hit.
package cache

import (
	"errors"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// maxShards is a power of two. Small caches have fewer shards, so that their
// capacity is not cut into slivers that evict each other's hot entries.
const (
	maxShards      = 64
	minShardLength = 64
)

// Cache maps keys to values, at most as many as New was told. It is safe for
// concurrent use.
type Cache[K comparable, V any] struct {
	shards []shard[K, V]
	hash   func(K) uint64
	quick  counter // hits without a lock
}

// shard is a part of a cache. What is read without mu stands apart from what those who
// have it write, on another cache line.
type shard[K comparable, V any] struct {
	recent atomic.Pointer[slots[K, V]] // nil until there is an entry
	moves  atomic.Uint64               // to the front
	slack  uint64                      // so many of the entries used last are in any order
	_      [104]byte

	mu     sync.Mutex // guards all below
	items  *simplelru.LRU[K, *Entry[K, V]]
	length int
	stats  Stats // the quick hits apart
}

// slots hold entries of a shard's items, and no others, each in the one slot of its key: who
// finds it there needs no lock. They are changed under mu.
type slots[K comparable, V any] []atomic.Pointer[Entry[K, V]]

// Entry is a value, and what the cache notes about it beside it: one piece of memory, so
// that who finds the entry has found the value. It belongs to the cache from PutEntry on.
type Entry[K comparable, V any] struct {
	key      K
	deadline int64         // Unix nanoseconds; past 2262 it is the last instant there is
	moved    atomic.Uint64 // moves of the shard when this one was moved last

	Value V
}

// Stats counts what happened since New. Entries is what is held now, expired
// entries that nobody has asked for included.
type Stats struct {
	Hits, Misses, Evictions, Expirations uint64
	Entries                              int
}

// New returns an empty cache of at most capacity entries (at least 1). hash
// spreads the keys over the shards, and in them: its low bits must be well mixed.
func New[K comparable, V any](capacity int, hash func(K) uint64) (*Cache[K, V], error) {
	if capacity < 1 {
		return nil, errors.New("cache: capacity must be at least 1")
	}
	if hash == nil {
		return nil, errors.New("cache: hash is required")
	}
	count := 1
	for count < maxShards && capacity/(count*2) >= minShardLength {
		count *= 2
	}
	c := &Cache[K, V]{shards: make([]shard[K, V], count), hash: hash}
	for i := range c.shards {
		s := &c.shards[i]
		length := capacity / count
		if i < capacity%count {
			length++ // the shards' lengths add up to capacity exactly
		}
		items, err := simplelru.NewLRU(length, func(key K, e *Entry[K, V]) {
			s.recent.Load().of(c.hash(key)).CompareAndSwap(e, nil)
		})
		if err != nil {
			return nil, err
		}
		s.items, s.slack, s.length = items, uint64(length/4), length // #nosec G115 -- a length is not negative
	}
	return c, nil
}

// Get returns the value of key if now is before its deadline; nil if there is none.
func (c *Cache[K, V]) Get(key K, now time.Time) *V {
	hash, instant := c.hash(key), nanoseconds(now)
	s := c.shard(hash)
	if recent := s.recent.Load(); recent != nil {
		if e := recent.of(hash).Load(); e != nil && e.key == key && instant < e.deadline && !s.behind(e) {
			c.quick.add()
			return &e.Value
		}
	}
	return s.get(key, hash, instant)
}

// get is Get under the lock.
func (s *shard[K, V]) get(key K, hash uint64, instant int64) *V {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.items.Peek(key)
	switch {
	case !ok:
		s.stats.Misses++
		return nil
	case instant >= e.deadline:
		s.items.Remove(key)
		s.stats.Expirations++
		s.stats.Misses++
		return nil
	case s.behind(e):
		// Not each time: it writes to the entry's neighbours, which nobody asked for.
		s.items.Get(key)
		s.move(e)
	}
	s.stats.Hits++
	s.recent.Load().of(hash).Store(e)
	return &e.Value
}

// Put stores value under key until deadline. Of a full shard, an entry leaves that was
// not used for the longest time, or is at most a quarter of the shard away from that.
func (c *Cache[K, V]) Put(key K, value V, deadline time.Time) {
	c.PutEntry(key, &Entry[K, V]{Value: value}, deadline)
}

// PutEntry is Put of a value that was made in its place. The entry must be a new one.
func (c *Cache[K, V]) PutEntry(key K, e *Entry[K, V], deadline time.Time) {
	hash := c.hash(key)
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	e.key, e.deadline = key, nanoseconds(deadline)
	recent := s.slots()
	if s.items.Add(key, e) {
		s.stats.Evictions++
	}
	s.move(e)
	recent.of(hash).Store(e) // after what is displaced has left it
}

// move notes that an entry is at the front.
func (s *shard[K, V]) move(e *Entry[K, V]) {
	e.moved.Store(s.moves.Add(1))
}

// behind reports whether so many were moved since that the entry may be near the end.
func (s *shard[K, V]) behind(e *Entry[K, V]) bool {
	return s.moves.Load()-e.moved.Load() >= s.slack
}

// Remove drops the entry of key, if there is one.
func (c *Cache[K, V]) Remove(key K) {
	s := c.shard(c.hash(key))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items.Remove(key)
}

// Purge drops everything.
func (c *Cache[K, V]) Purge() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.items.Purge()
		s.mu.Unlock()
	}
}

// Len is the number of entries held, expired ones that nobody asked for included.
func (c *Cache[K, V]) Len() int { return c.Stats().Entries }

// Stats adds up the shards, one after the other: under load the sum is of
// slightly different instants.
func (c *Cache[K, V]) Stats() (sum Stats) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		sum.Hits += s.stats.Hits
		sum.Misses += s.stats.Misses
		sum.Evictions += s.stats.Evictions
		sum.Expirations += s.stats.Expirations
		sum.Entries += s.items.Len()
		s.mu.Unlock()
	}
	sum.Hits += c.quick.sum()
	return sum
}

func (c *Cache[K, V]) shard(hash uint64) *shard[K, V] {
	return &c.shards[hash&uint64(len(c.shards)-1)] // #nosec G115 -- a length is not negative
}

// slots makes room for two to four times as many entries as there can be, so that few share a slot,
// before there is the first one. mu is held.
func (s *shard[K, V]) slots() *slots[K, V] {
	if recent := s.recent.Load(); recent != nil {
		return recent
	}
	recent := make(slots[K, V], 1<<bits.Len(uint(2*s.length)))
	s.recent.Store(&recent)
	return &recent
}

// of is where the entries of a hash may be.
func (t *slots[K, V]) of(hash uint64) *atomic.Pointer[Entry[K, V]] {
	return &(*t)[hash/maxShards&uint64(len(*t)-1)] // #nosec G115 -- a length is not negative
}

// nanoseconds is t.UnixNano, which wraps around outside the years 1678 to 2262,
// with the ends of that range for what lies beyond.
func nanoseconds(t time.Time) int64 {
	const last = int64(^uint64(0) >> 1)
	switch seconds := t.Unix(); {
	case seconds >= last/int64(time.Second):
		return last
	case seconds < -last/int64(time.Second):
		return -last
	}
	return t.UnixNano()
}
