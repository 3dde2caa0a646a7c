package cache

import (
	"sync"
	"sync/atomic"
)

// counter is counted up by all processors at once: each has, most of the time, a lane of
// its own, so that they do not wait for each other's writes.
type counter struct {
	lanes [lanes]struct {
		count atomic.Uint64
		_     [56]byte // one cache line each
	}
}

const lanes = 16

var (
	// numbers are those of lanes: a sync.Pool hands a processor what it gave back.
	numbers = sync.Pool{New: func() any { return new(drawn.Add(1) % lanes) }}
	drawn   atomic.Uint32
)

func (c *counter) add() {
	number := numbers.Get().(*uint32)
	c.lanes[*number].count.Add(1)
	numbers.Put(number)
}

func (c *counter) sum() (sum uint64) {
	for i := range c.lanes {
		sum += c.lanes[i].count.Load()
	}
	return sum
}
