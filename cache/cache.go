// Package cache is a bounded store of facts, each until its own deadline.
//
// Asking takes no lock, and writes nothing that is not the entry's own: what two cores
// have asked for stays in the caches of both, and neither waits for the other. It
// starts no goroutine: a fact that is past its deadline is dropped when it is asked
// for, or when its shard needs the room.
//
// A full shard drops an entry that nobody has asked for of late, by second chance
// (Corbató's clock): a list in exact order of use would be written to by every hit.
//
// The cache decides nothing. The validator stores what it has established about
// a token (never the token itself) and looks at everything that can change on
// every hit.
package cache

import (
	"errors"
	"sync/atomic"
	"time"
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
}

// Stats counts what happened since New. Entries is what is held now, expired
// entries that nobody has asked for included. Hits are not counted: a count that all
// cores write to would cost more than the rest of a hit.
type Stats struct {
	Misses, Evictions, Expirations uint64
	Entries                        int
}

// Entry is a value, and what the cache notes about it beside it: one piece of memory, so
// that who finds the entry has found the value. It belongs to the cache from PutEntry on.
type Entry[K comparable, V any] struct {
	key      K
	hash     uint64
	deadline int64       // Unix nanoseconds; past 2262 it is the last instant there is
	asked    atomic.Bool // since the hand last passed by

	Value V
}

// New returns an empty cache of at most capacity entries (at least 1). hash
// spreads the keys over the shards by its low bits, and within a shard by its high
// ones: both must be well mixed.
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
		s.length = capacity / count
		if i < capacity%count {
			s.length++ // the shards' lengths add up to capacity exactly
		}
		s.table.Store(newTable[K, V](minSlots))
	}
	return c, nil
}

// Get returns the value of key if now is before its deadline; nil if there is none. It
// may miss an entry while another one is being dropped.
func (c *Cache[K, V]) Get(key K, now time.Time) *V {
	hash := c.hash(key)
	s := c.shard(hash)
	e, _ := s.table.Load().find(key, hash)
	switch {
	case e == nil:
		s.misses.Add(1)
		return nil
	case nanoseconds(now) >= e.deadline:
		s.expire(e)
		return nil
	}
	if !e.asked.Load() { // else it is only read, by as many cores as like
		e.asked.Store(true)
	}
	return &e.Value
}

// Put stores value under key until deadline. Of a full shard, an entry that was not
// asked for since it was last considered leaves.
func (c *Cache[K, V]) Put(key K, value V, deadline time.Time) {
	c.PutEntry(key, &Entry[K, V]{Value: value}, deadline)
}

// PutEntry is Put of a value that was made in its place. The entry must be a new one.
func (c *Cache[K, V]) PutEntry(key K, e *Entry[K, V], deadline time.Time) {
	e.key, e.hash, e.deadline = key, c.hash(key), nanoseconds(deadline)
	c.shard(e.hash).put(e)
}

// Remove drops the entry of key, if there is one.
func (c *Cache[K, V]) Remove(key K) {
	hash := c.hash(key)
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, at := s.table.Load().find(key, hash); e != nil {
		s.drop(at)
	}
}

// Purge drops everything.
func (c *Cache[K, V]) Purge() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.table.Store(newTable[K, V](minSlots))
		s.entries, s.hand = 0, 0
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
		sum.Misses += s.misses.Load()
		sum.Evictions += s.evictions
		sum.Expirations += s.expirations
		sum.Entries += s.entries
		s.mu.Unlock()
	}
	return sum
}

func (c *Cache[K, V]) shard(hash uint64) *shard[K, V] {
	return &c.shards[hash&uint64(len(c.shards)-1)]
}

// nanoseconds is t.UnixNano, which wraps around outside the years 1678 to 2262,
// with the ends of that range for what lies beyond.
func nanoseconds(t time.Time) int64 {
	const last = int64(^uint64(0) >> 1)
	switch seconds := t.Unix(); {
	case seconds >= last/int64(time.Second):
		return last
	case seconds <= -last/int64(time.Second):
		return -last
	}
	return t.UnixNano()
}
