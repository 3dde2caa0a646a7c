package main

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// histogram counts durations in buckets of which each is 1/32 of its own size wide, so
// that its memory does not grow with what it counts. It is safe for concurrent use.
type histogram struct {
	counts [buckets]atomic.Uint64
	total  atomic.Uint64
	max    atomic.Int64
}

const (
	fine    = 32 // buckets for each doubling
	fineLog = 5
	buckets = (64 - fineLog) * fine
)

// bucket is where a duration belongs: exact below 32 ns.
func bucket(d time.Duration) int {
	n := uint64(max(d, 0))
	if n < fine {
		return int(n)
	}
	shift := bits.Len64(n) - fineLog - 1
	return (shift+1)*fine + int(n>>shift) - fine
}

// upper is the longest duration that belongs into a bucket.
func upper(bucket int) time.Duration {
	if bucket < fine {
		return time.Duration(bucket)
	}
	shift := bucket/fine - 1
	return time.Duration(uint64(fine+bucket%fine+1)<<shift - 1)
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucket(d)].Add(1)
	h.total.Add(1)
	for {
		most := h.max.Load()
		if int64(d) <= most || h.max.CompareAndSwap(most, int64(d)) {
			return
		}
	}
}

// quantile is a duration that a share q of what was counted does not exceed, rounded up
// by at most 1/32.
func (h *histogram) quantile(q float64) time.Duration {
	rank := uint64(math.Ceil(q * float64(h.total.Load())))
	var seen uint64
	for i := range h.counts {
		if seen += h.counts[i].Load(); seen >= rank && seen > 0 {
			return min(upper(i), time.Duration(h.max.Load()))
		}
	}
	return time.Duration(h.max.Load())
}
