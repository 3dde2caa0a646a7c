package dpop_test

import (
	"crypto/sha256"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/validator"
)

func memory(t testing.TB, config dpop.MemoryConfig) *dpop.Memory {
	t.Helper()
	m, err := dpop.NewMemory(config)
	require.NoError(t, err)
	return m
}

// TestMemoryIsBounded: when there is no room, in all or for a key, proofs are refused
// until one has had its time. None is forgotten before.
func TestMemoryIsBounded(t *testing.T) {
	a := newAPI(t, "ES256")
	v := a.verifier(t, remembering(memory(t, dpop.MemoryConfig{Capacity: 5, PerKey: 3, Clock: a.clock.Now})))
	b, c := *a, *a
	for _, other := range []*api{&b, &c} {
		other.key = dpoptest.NewKey("ES256")
		other.key.Clock = a.clock.Now
		other.token = a.server.AccessToken(other.key.Bind())
	}
	var used []string
	for range 3 {
		used = append(used, a.proof())
		require.NoError(t, a.present(t, v, used[len(used)-1]))
	}
	// The key is full: others are not.
	e := refused(t, a.present(t, v, a.proof()), validator.ErrUnavailable, validator.ReasonProofKeyFull)
	assert.Equal(t, 2*dpop.DefaultWindow, e.RetryAfter)
	a.clock.Advance(time.Second)
	require.NoError(t, b.present(t, v, b.proof()))
	require.NoError(t, b.present(t, v, b.proof()))
	// All is full, for every key; and a replay is still one.
	for _, other := range []*api{&b, &c} {
		e = refused(t, other.present(t, v, other.proof()), validator.ErrUnavailable, validator.ReasonProofStoreFull)
		assert.Equal(t, 2*dpop.DefaultWindow-time.Second, e.RetryAfter)
	}
	refused(t, a.present(t, v, a.proof()), validator.ErrUnavailable, validator.ReasonProofKeyFull)
	for _, proof := range used {
		invalid(t, a.present(t, v, proof), validator.ReasonProofReplayed)
	}
	// When the first three have had their time, there is room for three, of any key.
	a.clock.Advance(2*dpop.DefaultWindow - time.Second)
	for range 3 {
		require.NoError(t, c.present(t, v, c.proof()))
	}
	refused(t, b.present(t, v, b.proof()), validator.ErrUnavailable, validator.ReasonProofStoreFull)
	a.clock.Advance(time.Second)
	require.NoError(t, a.present(t, v, a.proof()))
	require.NoError(t, a.present(t, v, a.proof()))
	refused(t, b.present(t, v, b.proof()), validator.ErrUnavailable, validator.ReasonProofStoreFull)
}

// TestMemoryDefaults: one key cannot fill it.
func TestMemoryDefaults(t *testing.T) {
	c := newClock()
	m := memory(t, dpop.MemoryConfig{Clock: c.Now})
	until := c.Now().Add(time.Minute)
	add := func(jkt string, i int) (bool, error) {
		return m.Add(t.Context(), jkt, sha256.Sum256([]byte(fmt.Sprint(i))), until)
	}
	for i := range dpop.DefaultPerKey {
		fresh, err := add("a", i)
		require.True(t, fresh)
		require.NoError(t, err)
	}
	fresh, err := add("a", dpop.DefaultPerKey)
	assert.False(t, fresh)
	var e *validator.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, validator.ReasonProofKeyFull, e.Reason)
	assert.Equal(t, time.Minute, e.RetryAfter)
	fresh, err = add("b", 0)
	assert.True(t, fresh)
	assert.NoError(t, err)
	// A capacity below the default of a key is that of a key too.
	m = memory(t, dpop.MemoryConfig{Capacity: 1, Clock: c.Now})
	_, err = add("a", 0)
	require.NoError(t, err)
	_, err = add("a", 1)
	require.ErrorAs(t, err, &e)
	assert.Equal(t, validator.ReasonProofKeyFull, e.Reason)
	_, err = add("b", 1)
	require.ErrorAs(t, err, &e)
	assert.Equal(t, validator.ReasonProofStoreFull, e.Reason)
	// What has had its time already was not fresh.
	m = memory(t, dpop.MemoryConfig{Clock: c.Now})
	until = c.Now()
	fresh, err = add("a", 0)
	assert.False(t, fresh)
	assert.NoError(t, err)
}

// TestMemoryUnderLoad: concurrent proofs of many keys, while time goes by, are fresh
// exactly once each, and never more than there is room for.
func TestMemoryUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory(t, dpop.MemoryConfig{Capacity: 500, PerKey: 100})
		var fresh [2000]atomic.Int32
		var accepted, full atomic.Int32
		var group sync.WaitGroup
		for worker := range 8 {
			group.Go(func() {
				for i := range fresh {
					i = (i*7 + worker*250) % len(fresh)
					ok, err := m.Add(t.Context(), fmt.Sprint(i%13), sha256.Sum256([]byte(fmt.Sprint(i))), time.Now().Add(time.Hour))
					switch {
					case err != nil:
						full.Add(1)
						assert.False(t, ok)
					case ok:
						accepted.Add(1)
						fresh[i].Add(1)
					}
				}
			})
		}
		group.Wait()
		for i := range fresh {
			assert.LessOrEqual(t, fresh[i].Load(), int32(1))
		}
		assert.EqualValues(t, 500, accepted.Load())
		assert.Positive(t, full.Load())
		<-time.After(time.Hour)
		for i := range 500 {
			ok, err := m.Add(t.Context(), fmt.Sprint(i%13), sha256.Sum256([]byte(fmt.Sprint("later", i))), time.Now().Add(time.Hour))
			require.NoError(t, err)
			require.True(t, ok)
		}
	})
}

// TestMemoryForgets: what has had its time takes no memory, neither the proofs nor the
// keys that they were of.
func TestMemoryForgets(t *testing.T) {
	c := newClock()
	m := memory(t, dpop.MemoryConfig{Capacity: 1000, Clock: c.Now})
	before := heap()
	for i := range 100_000 {
		if i%1000 == 0 {
			c.Advance(time.Minute)
		}
		fresh, err := m.Add(t.Context(), fmt.Sprintf("%043d", i), sha256.Sum256([]byte(fmt.Sprint(i))), c.Now().Add(time.Minute))
		require.NoError(t, err)
		require.True(t, fresh)
	}
	assert.Less(t, heap(), before+2<<20)
	runtime.KeepAlive(m)
}

// TestMemoryShrinks: what was full for a while, and is in another place when another
// key fills it, takes memory only once.
func TestMemoryShrinks(t *testing.T) {
	c := newClock()
	m := memory(t, dpop.MemoryConfig{Capacity: 1000, Clock: c.Now})
	before := heap()
	for key := range 300 {
		c.Advance(time.Minute)
		for i := range 1000 {
			fresh, err := m.Add(t.Context(), fmt.Sprintf("%043d", key), sha256.Sum256([]byte(fmt.Sprint(i))), c.Now().Add(time.Minute))
			require.NoError(t, err)
			require.True(t, fresh)
		}
	}
	assert.Less(t, heap(), before+2<<20)
	runtime.KeepAlive(m)
}

// TestMemoryShrinksAroundTheLiving: what has not had its time is still known, and counted.
func TestMemoryShrinksAroundTheLiving(t *testing.T) {
	c := newClock()
	m := memory(t, dpop.MemoryConfig{Capacity: 1000, PerKey: 1000, Clock: c.Now})
	add := func(i int, lasts time.Duration) (bool, error) {
		return m.Add(t.Context(), "a", sha256.Sum256([]byte(fmt.Sprint(i))), c.Now().Add(lasts))
	}
	for i := range 1000 {
		fresh, err := add(i, time.Minute+time.Duration(i%20/19)*time.Hour) // one in twenty lasts
		require.NoError(t, err)
		require.True(t, fresh)
	}
	c.Advance(time.Minute)
	for i := range 1000 {
		fresh, err := add(i, time.Hour)
		require.NoError(t, err)
		require.Equal(t, i%20 != 19, fresh)
	}
	_, err := add(1000, time.Hour)
	var e *validator.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, validator.ReasonProofKeyFull, e.Reason)
}

// heap is how much memory is in use.
func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// TestMemoryTellsKeysApart: each of many keys may use the same jti once.
func TestMemoryTellsKeysApart(t *testing.T) {
	m := memory(t, dpop.MemoryConfig{})
	for _, want := range []bool{true, false} {
		for i := range 500 {
			fresh, err := m.Add(t.Context(), fmt.Sprint(i), sha256.Sum256(nil), time.Now().Add(time.Minute))
			require.NoError(t, err)
			require.Equal(t, want, fresh)
		}
	}
}

// TestMemoryCountsAKeyOnAfterForgetting: that one of its proofs was forgotten does not
// make its others uncounted.
func TestMemoryCountsAKeyOnAfterForgetting(t *testing.T) {
	c := newClock()
	m := memory(t, dpop.MemoryConfig{PerKey: 2, Clock: c.Now})
	add := func(i byte, lasts time.Duration) (bool, error) {
		return m.Add(t.Context(), "key", sha256.Sum256([]byte{i}), c.Now().Add(lasts))
	}
	for i, lasts := range []time.Duration{time.Second, time.Hour} {
		fresh, err := add(byte(i), lasts)
		require.NoError(t, err)
		assert.True(t, fresh)
	}
	c.Advance(time.Second)
	fresh, err := add(2, time.Hour)
	require.NoError(t, err)
	assert.True(t, fresh)
	_, err = add(3, time.Hour)
	var e *validator.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, validator.ReasonProofKeyFull, e.Reason)
	assert.ErrorIs(t, err, validator.ErrUnavailable)
}
