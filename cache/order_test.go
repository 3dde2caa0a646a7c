package cache_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// leaving is the order in which eight entries, 0 to 7, leave a cache that had room for
// them, and in which more was done then.
func leaving(t *testing.T, more func(values[uint64, string])) (order []uint64) {
	t.Helper()
	gone := map[uint64]bool{}
	for others := range uint64(9) {
		// Another one each time, for asking what is left changes the order.
		c := newCache(t, 8, oneShard)
		for key := range uint64(8) {
			c.Put(key, "value", later)
		}
		more(c)
		for key := range others {
			c.Put(100+key, "another", later)
		}
		for key := range uint64(8) {
			if _, hit := c.Get(key, now); !hit && !gone[key] {
				gone[key], order = true, append(order, key)
			}
		}
	}
	return order
}

// TestOrderOfLeaving: what is used goes to the end of the queue, but not if it is among
// the last quarter, here two: then the queue is left as it is.
func TestOrderOfLeaving(t *testing.T) {
	for name, test := range map[string]struct {
		used []uint64
		want []uint64
	}{
		"none used":              {nil, []uint64{0, 1, 2, 3, 4, 5, 6, 7}},
		"the first":              {[]uint64{0}, []uint64{1, 2, 3, 4, 5, 6, 7, 0}},
		"the last":               {[]uint64{7}, []uint64{0, 1, 2, 3, 4, 5, 6, 7}},
		"the last but one":       {[]uint64{6}, []uint64{0, 1, 2, 3, 4, 5, 6, 7}},
		"the last but two":       {[]uint64{5}, []uint64{0, 1, 2, 3, 4, 6, 7, 5}},
		"twice":                  {[]uint64{5, 5}, []uint64{0, 1, 2, 3, 4, 6, 7, 5}},
		"again after one other":  {[]uint64{0, 1, 0}, []uint64{2, 3, 4, 5, 6, 7, 0, 1}},
		"again after two others": {[]uint64{0, 1, 2, 0}, []uint64{3, 4, 5, 6, 7, 1, 2, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, leaving(t, func(c values[uint64, string]) {
				for _, key := range test.used {
					_, hit := c.Get(key, now)
					require.True(t, hit)
				}
			}))
		})
	}
}

func TestLeastRecentlyUsedEntryLeaves(t *testing.T) {
	c := newCache(t, 3, oneShard)
	for key := range uint64(3) {
		c.Put(key, "value", later)
	}
	c.Get(0, now)            // 1 is the oldest now
	c.Put(2, "again", later) // and 1 still is
	c.Put(3, "value", later) // evicts 1
	c.Put(4, "value", later) // evicts 0
	for key, there := range []bool{false, false, true, true, true} {
		_, hit := c.Get(uint64(key), now)
		assert.Equal(t, there, hit, key)
	}
	assert.EqualValues(t, 2, c.Stats().Evictions)
}

// However many come once, those that are asked for again and again stay.
func TestFloodOfOthersLeavesWhatIsInUse(t *testing.T) {
	const capacity, inUse = 1000, 500
	c := newCache(t, capacity, mix)
	for key := range uint64(inUse) {
		c.Put(key, "value", later)
	}
	lost := 0
	for flood := range uint64(50) {
		for key := range uint64(inUse) {
			if _, hit := c.Get(key, now); !hit {
				lost++
				c.Put(key, "value", later)
			}
		}
		for key := range uint64(inUse / 10) {
			c.Put(1000+flood*1000+key, "once", later)
		}
	}
	assert.Zero(t, lost)
	assert.Equal(t, capacity, c.Len())
}

// Where everything is in use, something leaves all the same, and soon.
func TestRoomIsMadeWhereAllIsInUse(t *testing.T) {
	c := newCache(t, 127, mix) // one shard
	for key := range uint64(1000) {
		c.Put(key, "value", later)
		_, hit := c.Get(key, now)
		require.True(t, hit)
	}
	assert.Equal(t, 127, c.Len())
}
