package rediscache_test

import (
	"crypto/sha256"
	"encoding/binary"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/cache/rediscache/internal/redistest"
)

// BenchmarkReplays is one new proof of one of many keys, with Redis on the same machine:
// one after the other, and from many requests at once.
func BenchmarkReplays(b *testing.B) {
	s := redistest.Start(b, redistest.Options{})
	aged(b, s)
	r := replays(b, s.Client(), patient, func(c *rediscache.ReplaysConfig) { c.Window = time.Minute })
	var n atomic.Uint64
	add := func(b *testing.B) {
		i := n.Add(1)
		var jti [sha256.Size]byte
		binary.BigEndian.PutUint64(jti[:], i)
		fresh, err := r.Add(b.Context(), strconv.FormatUint(i%1000, 10), jti, time.Now().Add(2*time.Minute))
		if err != nil || !fresh {
			b.Error(fresh, err)
		}
	}
	report := func(b *testing.B) {
		stats := regexp.MustCompile(`cmdstat_evalsha:calls=\d+,usec=\d+,usec_per_call=([\d.]+)`).FindStringSubmatch(s.Do("INFO", "commandstats").(string))
		require.NotNil(b, stats)
		µs, err := strconv.ParseFloat(stats[1], 64)
		require.NoError(b, err)
		b.ReportMetric(µs, "redis-µs/op")
		count, size := s.Do("ZCARD", "bearerguard:{dpop}:proofs:1").(int64), s.Do("MEMORY", "USAGE", "bearerguard:{dpop}:proofs:1").(int64)
		b.ReportMetric(float64(size)/float64(count), "bytes/proof")
		b.ReportAllocs()
	}
	b.Run("one", func(b *testing.B) {
		s.Do("CONFIG", "RESETSTAT")
		for b.Loop() {
			add(b)
		}
		report(b)
	})
	b.Run("many", func(b *testing.B) {
		s.Do("CONFIG", "RESETSTAT")
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				add(b)
			}
		})
		report(b)
	})
}
