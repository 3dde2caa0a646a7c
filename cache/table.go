package cache

import (
	"sync"
	"sync/atomic"
)

// minSlots is a power of two.
const minSlots = 8

// shard is a part of a cache. Its table is read without mu, which guards all changes to
// it, and all that follows.
type shard[K comparable, V any] struct {
	table atomic.Pointer[table[K, V]]
	_     [120]byte // what is written stays off the line that every hit reads

	mu                     sync.Mutex
	length                 int // entries at most
	entries                int
	hand                   int // the slot at which the next search for an entry to drop begins
	misses                 atomic.Uint64
	evictions, expirations uint64
	_                      [64]byte // and off the next shard's
}

// table is an open hash table with linear probing. At least half of its slots, a power
// of two in number, are empty, so that every search ends.
type table[K comparable, V any] struct {
	slots []atomic.Pointer[Entry[K, V]]
}

func newTable[K comparable, V any](slots int) *table[K, V] {
	return &table[K, V]{make([]atomic.Pointer[Entry[K, V]], slots)}
}

// home is the slot at which the search for a hash begins; next, how it goes on.
func (t *table[K, V]) home(hash uint64) int { return int(hash>>32) & (len(t.slots) - 1) }
func (t *table[K, V]) next(at int) int      { return (at + 1) & (len(t.slots) - 1) }

// find returns the entry of a key and its slot; nil and the slot for it if there is none.
func (t *table[K, V]) find(key K, hash uint64) (*Entry[K, V], int) {
	for at := t.home(hash); ; at = t.next(at) {
		if e := t.slots[at].Load(); e == nil || e.hash == hash && e.key == key {
			return e, at
		}
	}
}

func (s *shard[K, V]) put(e *Entry[K, V]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.table.Load()
	old, at := t.find(e.key, e.hash)
	if old != nil {
		e.asked.Store(old.asked.Load())
		t.slots[at].Store(e)
		return
	}
	if s.entries == s.length {
		s.evict()
		s.evictions++
	} else if 2*(s.entries+1) > len(t.slots) {
		t = s.grow()
	}
	_, at = t.find(e.key, e.hash) // both have moved others
	t.slots[at].Store(e)
	s.entries++
}

// grow doubles the table. Those that still read the old one find what was in it.
func (s *shard[K, V]) grow() *table[K, V] {
	old := s.table.Load().slots
	t := newTable[K, V](2 * len(old))
	for i := range old {
		if e := old[i].Load(); e != nil {
			_, at := t.find(e.key, e.hash)
			t.slots[at].Store(e)
		}
	}
	s.table.Store(t)
	return t
}

// patience is how many entries get a second chance until one leaves all the same.
const patience = 64

// evict drops the next entry that was not asked for since it was last considered.
func (s *shard[K, V]) evict() {
	t := s.table.Load()
	for chances := patience; ; s.hand = t.next(s.hand) {
		e := t.slots[s.hand].Load()
		switch {
		case e == nil:
		case chances > 0 && e.asked.Load():
			e.asked.Store(false)
			chances--
		default:
			s.drop(s.hand)
			s.hand = t.next(s.hand) // whatever has moved up was put in later
			return
		}
	}
}

// expire drops an entry that somebody found to be past its deadline, unless it was
// replaced meanwhile.
func (s *shard[K, V]) expire(e *Entry[K, V]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.misses.Add(1)
	if now, at := s.table.Load().find(e.key, e.hash); now == e {
		s.drop(at)
		s.expirations++
	}
}

// drop empties a slot, and moves up what would not be found any more. Each of those is
// in two slots before it is in one.
func (s *shard[K, V]) drop(hole int) {
	t := s.table.Load()
	for at := t.next(hole); ; at = t.next(at) {
		e := t.slots[at].Load()
		if e == nil {
			break
		}
		mask := len(t.slots) - 1
		if (at-t.home(e.hash))&mask >= (at-hole)&mask { // its search passes the hole
			t.slots[hole].Store(e)
			hole = at
		}
	}
	t.slots[hole].Store(nil)
	s.entries--
}
