package cache_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What was found without a lock is found as it was put last, and not when it has left.
func TestFoundAgainAsItIsNow(t *testing.T) {
	const capacity = 64 // one shard, in which 16 are moved before one is looked up in the table
	for name, leave := range map[string]func(values[uint64, string]){
		"replaced": func(c values[uint64, string]) { c.Put(1, "new", later) },
		"removed":  func(c values[uint64, string]) { c.Remove(1) },
		"purged":   func(c values[uint64, string]) { c.Purge() },
		"expired":  func(c values[uint64, string]) { c.Put(1, "new", now); c.Get(1, now) },
		"displaced": func(c values[uint64, string]) {
			for key := range uint64(capacity) {
				c.Put(1000+key, "other", later)
			}
		},
	} {
		for _, hash := range []func(uint64) uint64{mix, oneShard} { // oneShard: one slot, too
			t.Run(name, func(t *testing.T) {
				c := newCache(t, capacity, hash)
				c.Put(1, "old", later)
				for range 3 {
					value, hit := c.Get(1, now)
					require.True(t, hit)
					require.Equal(t, "old", value)
				}
				leave(c)
				value, hit := c.Get(1, now)
				assert.Equal(t, name == "replaced", hit)
				if hit {
					assert.Equal(t, "new", value)
				}
			})
		}
	}
}

// Keys that share a slot are told apart, and their hits are counted, each once.
func TestKeysThatShareASlot(t *testing.T) {
	c := newCache(t, 1000, oneShard)
	const keys, times = 8, 50
	for key := range uint64(keys) {
		c.Put(key, fmt.Sprint(key), later)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range uint64(keys * times) {
				value, hit := c.Get(i%keys, now)
				assert.True(t, hit)
				assert.Equal(t, fmt.Sprint(i%keys), value)
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, 4*keys*times, c.Stats().Hits)
	assert.Zero(t, c.Stats().Misses)
}

func TestHitTakesNoMemory(t *testing.T) {
	c := newCache(t, 1000, mix)
	c.Put(1, "value", later)
	assert.Zero(t, testing.AllocsPerRun(100, func() { c.Get(1, now) }))
}
