package cache_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache"
)

var (
	now   = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	later = now.Add(time.Hour)
)

// mix spreads small numbers over the shards (splitmix64).
func mix(key uint64) uint64 {
	key += 0x9e3779b97f4a7c15
	key = (key ^ key>>30) * 0xbf58476d1ce4e5b9
	key = (key ^ key>>27) * 0x94d049bb133111eb
	return key ^ key>>31
}

// oneShard sends every key to the same shard.
func oneShard(uint64) uint64 { return 0 }

// values is a cache of values, as most tests see it.
type values[K comparable, V any] struct{ *cache.Cache[K, V] }

func newCache(t testing.TB, capacity int, hash func(uint64) uint64) values[uint64, string] {
	t.Helper()
	return newCacheOf[uint64, string](t, capacity, hash)
}

func newCacheOf[K comparable, V any](t testing.TB, capacity int, hash func(K) uint64) values[K, V] {
	t.Helper()
	c, err := cache.New[K, V](capacity, hash)
	require.NoError(t, err)
	return values[K, V]{c}
}

func (c values[K, V]) Get(key K, now time.Time) (value V, hit bool) {
	if found := c.Cache.Get(key, now); found != nil {
		return *found, true
	}
	return value, false
}

func TestNewRefusesWhatCannotBeACache(t *testing.T) {
	for name, test := range map[string]struct {
		capacity int
		hash     func(uint64) uint64
	}{
		"capacity 0":        {0, mix},
		"negative capacity": {-1, mix},
		"no hash":           {10, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := cache.New[uint64, string](test.capacity, test.hash)
			assert.Error(t, err) // a mistake of the program: it has no class
			assert.Nil(t, c)
		})
	}
}

func TestLenIsNeverAboveCapacity(t *testing.T) {
	for _, capacity := range []int{1, 2, 3, 63, 64, 65, 127, 128, 129, 1000, 5000} {
		t.Run(fmt.Sprint(capacity), func(t *testing.T) {
			c := newCache(t, capacity, mix)
			for key := range uint64(4 * capacity) {
				c.Put(key, "value", later)
				require.LessOrEqual(t, c.Len(), capacity)
			}
			stats := c.Stats()
			assert.EqualValues(t, 4*capacity, stats.Evictions+uint64(stats.Entries))
		})
	}
}

// The shards' lengths add up: with enough keys everything is in use.
func TestWholeCapacityIsUsed(t *testing.T) {
	for _, capacity := range []int{1, 2, 63, 64, 65, 127, 128, 129, 1000, 4097, 10_001} {
		c := newCache(t, capacity, mix)
		for key := range uint64(50 * capacity) {
			c.Put(key, "value", later)
		}
		assert.Equal(t, capacity, c.Len())
	}
}

// A cache of fewer than 128 entries is one shard: its keys do not evict each
// other before it is full.
func TestSmallCacheHoldsItsWholeCapacityWhateverTheHash(t *testing.T) {
	for _, hash := range []func(uint64) uint64{mix, oneShard, func(key uint64) uint64 { return key << 32 }} {
		c := newCache(t, 127, hash)
		for key := range uint64(127) {
			c.Put(key, "value", later)
		}
		assert.Equal(t, 127, c.Len())
		assert.Zero(t, c.Stats().Evictions)
	}
}

func TestLargeCacheIsShardedByTheLowBitsOfTheHash(t *testing.T) {
	c := newCache(t, 128, func(key uint64) uint64 { return key })
	for key := range uint64(128) {
		c.Put(2*key, "value", later) // even ones: one of two shards
	}
	assert.Equal(t, 64, c.Len())

	c = newCache(t, 64*64*4, func(key uint64) uint64 { return key })
	for key := range uint64(64 * 64 * 4) {
		c.Put(128*key, "value", later) // one of 64 shards, and no more than 64
	}
	assert.Equal(t, 64*4, c.Len())
	c.Put(1, "value", later)
	assert.Equal(t, 64*4+1, c.Len(), "another shard has room")
}

func TestEntryIsThereUntilItsDeadline(t *testing.T) {
	for name, test := range map[string]struct {
		deadline, at time.Time
		hit          bool
	}{
		"long before":                    {later, now, true},
		"one nanosecond before":          {now.Add(1), now, true},
		"at the deadline":                {now, now, false},
		"one nanosecond after":           {now, now.Add(1), false},
		"put after its deadline":         {now.Add(-time.Hour), now, false},
		"another zone, same instant":     {now.In(time.FixedZone("", 3600)), now, false},
		"another zone, before":           {now.In(time.FixedZone("", 3600)).Add(1), now, true},
		"year 9999":                      {time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), now, true},
		"year 2263":                      {time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC), now, true},
		"year 2262, before and after":    {time.Date(2262, 4, 11, 0, 0, 0, 0, time.UTC), time.Date(2262, 4, 11, 0, 0, 0, 1, time.UTC), false},
		"year 1":                         {time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), now, false},
		"zero time":                      {time.Time{}, now, false},
		"year -1000":                     {time.Date(-1000, 1, 1, 0, 0, 0, 0, time.UTC), now, false},
		"year 1677":                      {time.Date(1677, 1, 1, 0, 0, 0, 0, time.UTC), now, false},
		"the last second of Unix time":   {time.Unix(9223372036, 900_000_000), now, true},
		"beyond what Unix seconds carry": {time.Unix(1<<62, 0), now, true},
		"before the epoch, before it":    {time.Unix(-1, 0), time.Unix(-2, 0), true},
		"before the epoch, after it":     {time.Unix(-2, 0), time.Unix(-1, 0), false},
		"clock in the year 1":            {now, time.Time{}, true},
		"clock in the year 9999":         {now, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCache(t, 10, mix)
			c.Put(1, "value", test.deadline)
			value, hit := c.Get(1, test.at)
			assert.Equal(t, test.hit, hit)
			if test.hit {
				assert.Equal(t, "value", value)
				assert.Equal(t, cache.Stats{Hits: 1, Entries: 1}, c.Stats())
			} else {
				assert.Empty(t, value, "no expired value gets out")
				assert.Equal(t, cache.Stats{Misses: 1, Expirations: 1}, c.Stats(), "dropped")
			}
		})
	}
}

// What was dropped does not come back when the clock is set back.
func TestExpiredEntryIsGone(t *testing.T) {
	c := newCache(t, 10, mix)
	c.Put(1, "value", now)
	_, hit := c.Get(1, now)
	require.False(t, hit)
	_, hit = c.Get(1, now.Add(-time.Hour))
	assert.False(t, hit)
	assert.Zero(t, c.Len())
}

func TestExpiredEntriesCountUntilAskedFor(t *testing.T) {
	c := newCache(t, 10, mix)
	c.Put(1, "value", now)
	assert.Equal(t, 1, c.Len())
	c.Get(1, later)
	assert.Zero(t, c.Len())
}

func TestPutReplacesValueAndDeadline(t *testing.T) {
	c := newCache(t, 10, mix)
	c.Put(1, "old", later)
	c.Put(1, "new", now.Add(1))
	value, hit := c.Get(1, now)
	assert.True(t, hit)
	assert.Equal(t, "new", value)
	assert.Equal(t, 1, c.Len())
	assert.Zero(t, c.Stats().Evictions)
	_, hit = c.Get(1, now.Add(1))
	assert.False(t, hit, "the old deadline counts no more")
}

func TestRemoveDropsOneEntry(t *testing.T) {
	c := newCache(t, 10, mix)
	c.Put(1, "one", later)
	c.Put(2, "two", later)
	c.Remove(1)
	c.Remove(1)
	c.Remove(3)
	_, hit := c.Get(1, now)
	assert.False(t, hit)
	_, hit = c.Get(2, now)
	assert.True(t, hit)
	assert.Equal(t, cache.Stats{Hits: 1, Misses: 1, Entries: 1}, c.Stats())
}

func TestPurgeDropsEverythingAndKeepsTheCounts(t *testing.T) {
	c := newCache(t, 1000, mix)
	for key := range uint64(500) {
		c.Put(key, "value", later)
	}
	c.Get(0, now)
	evicted := c.Stats().Evictions
	c.Purge()
	assert.Equal(t, cache.Stats{Hits: 1, Evictions: evicted}, c.Stats())
	for key := range uint64(500) {
		_, hit := c.Get(key, now)
		require.False(t, hit)
	}
	c.Put(1, "value", later)
	_, hit := c.Get(1, now)
	assert.True(t, hit, "it is of use again")
}

func TestStatsAddUpOverTheShards(t *testing.T) {
	c := newCache(t, 10_000, mix)
	for key := range uint64(100) {
		c.Put(key, "value", now.Add(time.Duration(key%2)*time.Hour)) // every other one expired
	}
	for key := range uint64(150) {
		c.Get(key, now)
	}
	assert.Equal(t, cache.Stats{Hits: 50, Misses: 100, Expirations: 50, Entries: 50}, c.Stats())
}

// Any comparable key, any value, and keys that hash alike stay apart.
func TestKeysAreComparedNotOnlyHashed(t *testing.T) {
	type key struct {
		issuer string
		digest [4]byte
	}
	c := newCacheOf[key, []int](t, 10, func(key) uint64 { return 7 })
	c.Put(key{"a", [4]byte{1}}, []int{1}, later)
	c.Put(key{"b", [4]byte{1}}, []int{2}, later)
	value, hit := c.Get(key{"a", [4]byte{1}}, now)
	assert.True(t, hit)
	assert.Equal(t, []int{1}, value)
	_, hit = c.Get(key{"a", [4]byte{2}}, now)
	assert.False(t, hit)
	c.Put(key{}, nil, later)
	value, hit = c.Get(key{}, now)
	assert.True(t, hit, "a nil value is a value")
	assert.Nil(t, value)
}

// Values carry their key and their deadline, so that whoever gets one can tell
// that it is his and still good.
func TestConcurrentUseKeepsTheInvariants(t *testing.T) {
	type fact struct {
		key      uint64
		deadline time.Time
	}
	const capacity, goroutines, rounds, keys = 512, 8, 1500, 1000
	c := newCacheOf[uint64, fact](t, capacity, mix)
	var group sync.WaitGroup
	var asked [goroutines]uint64
	for g := range goroutines {
		group.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(g)))
			for i := range rounds {
				key, at := random.Uint64N(keys), now.Add(time.Duration(random.IntN(100)))
				switch random.IntN(10) {
				case 0, 1, 2, 3:
					c.Put(key, fact{key, at}, at)
				case 4:
					c.Remove(key)
				case 5:
					if i%100 == 0 {
						c.Purge()
					}
				default:
					asked[g]++
					if found, hit := c.Get(key, at); hit && (found.key != key || !at.Before(found.deadline)) {
						t.Errorf("asked for %d at %v, got %v", key, at, found)
					}
				}
				if stats := c.Stats(); stats.Entries > capacity || stats.Expirations > stats.Misses {
					t.Errorf("inconsistent: %+v", stats)
				}
			}
		})
	}
	group.Wait()
	var gets uint64
	for _, n := range asked {
		gets += n
	}
	stats := c.Stats()
	assert.Equal(t, gets, stats.Hits+stats.Misses)
	assert.Equal(t, c.Len(), stats.Entries)
}

// FuzzCache runs a program of operations on a cache and on a map that never
// evicts. Whatever the cache answers, the map agrees on; what the map has and
// the cache has not was evicted; and the counts are those of the program.
func FuzzCache(f *testing.F) {
	f.Add(uint8(1), []byte{0, 1, 5, 1, 1, 4, 1, 1, 5, 2, 1, 0, 3, 0, 0})
	f.Add(uint8(200), []byte("put get remove purge and so on, for any bytes are a program"))
	f.Fuzz(func(t *testing.T, capacity uint8, program []byte) {
		if capacity == 0 {
			capacity = 1
		}
		c := newCache(t, int(capacity), mix)
		type entry struct {
			value    string
			deadline time.Time
		}
		model := map[uint64]entry{}
		var want cache.Stats
		for ; len(program) >= 3; program = program[3:] {
			key, at := uint64(program[1]), time.Unix(int64(program[2]), 0)
			switch program[0] % 4 {
			case 0:
				value := fmt.Sprint(key, at)
				c.Put(key, value, at)
				model[key] = entry{value, at}
			case 1:
				value, hit := c.Get(key, at)
				expected, known := model[key]
				alive := known && at.Before(expected.deadline)
				if hit && (!alive || value != expected.value) {
					t.Fatalf("got %q for %d at %v, the model has %v", value, key, at, expected)
				}
				if !hit && value != "" {
					t.Fatalf("a miss with a value: %q", value)
				}
				if hit {
					want.Hits++
				} else {
					want.Misses++
					if alive && c.Stats().Evictions == 0 {
						t.Fatalf("lost %d without an eviction", key)
					}
					delete(model, key)
				}
			case 2:
				c.Remove(key)
				delete(model, key)
			case 3:
				c.Purge()
				clear(model)
			}
			stats := c.Stats()
			if stats.Entries > int(capacity) || stats.Entries > len(model) || stats.Entries != c.Len() {
				t.Fatalf("%d entries, capacity %d, model %d", stats.Entries, capacity, len(model))
			}
			if stats.Evictions == 0 && stats.Entries != len(model) {
				t.Fatalf("%d entries without an eviction, model %d", stats.Entries, len(model))
			}
			if stats.Hits != want.Hits || stats.Misses != want.Misses || stats.Expirations > stats.Misses {
				t.Fatalf("stats %+v, want %+v", stats, want)
			}
		}
	})
}

// The years outside of 1678 to 2262, which nanoseconds do not reach, are before and
// after all others, and the last second within counts.
func TestDeadlinesOfFarYears(t *testing.T) {
	c := newCache(t, 10, mix)
	for name, test := range map[string]struct {
		deadline, now time.Time
		there         bool
	}{
		"the zero deadline in 1969":   {time.Time{}, time.Unix(-1, 0), false},
		"the first second, before it": {time.Unix(-9223372036, 0), time.Unix(-9223372037, 0), true},
		"the first second, within":    {time.Unix(-9223372036, 1), time.Unix(-9223372036, 1), false},
		"a far year, now":             {time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), now, true},
	} {
		c.Put(1, "value", test.deadline)
		_, ok := c.Get(1, test.now)
		assert.Equal(t, test.there, ok, name)
	}
}
