package main

import (
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator"
)

// TestHistogram: quantiles are those of a sorted list, rounded up by 1/32 at most.
func TestHistogram(t *testing.T) {
	var h histogram
	assert.Zero(t, h.quantile(0.99))
	random := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(math.Exp(random.Float64() * 25)) // up to a minute
		all = append(all, d)
		h.add(d)
	}
	slices.Sort(all)
	for _, q := range []float64{0.001, 0.5, 0.9, 0.99, 0.999, 1} {
		exact := all[int(math.Ceil(q*float64(len(all))))-1]
		got := h.quantile(q)
		assert.GreaterOrEqual(t, got, exact, q)
		assert.LessOrEqual(t, float64(got), float64(exact)*33/32+1, q)
	}
	assert.Equal(t, all[len(all)-1], h.quantile(1))
	for _, d := range []time.Duration{-1, 0, 1, 31, 32, 33, 63, 64, 65, time.Hour, math.MaxInt64} {
		b := bucket(d)
		assert.LessOrEqual(t, max(d, 0), upper(b))
		if b > 0 {
			assert.Greater(t, max(d, 0), upper(b-1))
		}
		h.add(d)
	}
}

func samplesOf(n int, of func(i int) sample) []sample {
	list := make([]sample, n)
	for i := range list {
		list[i] = of(i)
	}
	return list
}

// TestGrowth: each measure, and what is none of it.
func TestGrowth(t *testing.T) {
	const base = 100 << 20
	noise := func(i int) uint64 { return uint64(i*7919%11) << 20 } // up to 10 MiB
	for name, tc := range map[string]struct {
		of   func(i int) sample
		says string // empty: no growth
	}{
		"nothing":                 {func(int) sample { return sample{} }, ""},
		"level":                   {func(int) sample { return sample{Heap: base, Goroutines: 50, Files: 50} }, ""},
		"noise":                   {func(i int) sample { return sample{Heap: base + noise(i)} }, ""},
		"falls":                   {func(i int) sample { return sample{Heap: base - uint64(i)<<20, Goroutines: 100 - i} }, ""},
		"higher, then level":      {func(i int) sample { return sample{Heap: base + uint64(min(i, 5))<<20} }, ""},
		"1 % a sample":            {func(i int) sample { return sample{Heap: base + uint64(i)<<20 + noise(i)} }, "heap: from"},
		"rises late":              {func(i int) sample { return sample{Heap: base + uint64(max(i-20, 0))<<20} }, "heap: rises"},
		"a step":                  {func(i int) sample { return sample{Heap: base + uint64(i/20)*base} }, "heap: from"},
		"small":                   {func(i int) sample { return sample{Heap: 1<<20 + uint64(i)<<15} }, ""},
		"a goroutine a sample":    {func(i int) sample { return sample{Goroutines: 50 + i} }, "goroutines: from"},
		"a few more goroutines":   {func(i int) sample { return sample{Goroutines: 10 + i/4} }, ""},
		"files":                   {func(i int) sample { return sample{Files: 50 + i} }, "open files: from"},
		"RSS alone is not judged": {func(i int) sample { return sample{RSS: uint64(i) << 30} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			grown := growth(samplesOf(40, tc.of))
			if tc.says == "" {
				assert.Empty(t, grown)
				return
			}
			assert.Len(t, grown, 1)
			assert.Contains(t, strings.Join(grown, ""), tc.says)
			assert.Empty(t, growth(samplesOf(fewest-1, tc.of)), "too few to judge")
		})
	}
}

// TestAllowed: an answer is right only if all of it is.
func TestAllowed(t *testing.T) {
	challenge := func(status int) answer { return answer{status: status, challenged: true} }
	for name, tc := range map[string]struct {
		allowed allowed
		answer  answer
		right   bool
	}{
		"200":                      {only(200), answer{status: 200}, true},
		"200 for them":             {accepted("alice"), answer{status: 200, subject: "alice"}, true},
		"200 for another":          {accepted("alice"), answer{status: 200, subject: "bob"}, false},
		"200 instead of 401":       {only(401), answer{status: 200}, false},
		"401":                      {only(401), challenge(401), true},
		"401 without a challenge":  {only(401), answer{status: 401}, false},
		"401 instead of 200":       {accepted("alice"), challenge(401), false},
		"503":                      {only(503), answer{status: 503, retry: true}, true},
		"503 without Retry-After":  {only(503), answer{status: 503}, false},
		"503 with a challenge":     {only(503), answer{status: 503, retry: true, challenged: true}, false},
		"503 where it may not be":  {only(401).or(false, 503), answer{status: 503, retry: true}, false},
		"503 where it may be":      {only(401).or(true, 503), answer{status: 503, retry: true}, true},
		"500":                      {only(401, 503), answer{status: 500}, false},
		"none":                     {only(200), answer{err: errors.New("cut")}, false},
		"none where it may be cut": {allowed{statuses: []int{431}, cut: true}, answer{err: errors.New("cut")}, true},
	} {
		assert.Equal(t, tc.right, tc.allowed.wrong(tc.answer) == "", name)
	}
	for reason, status := range map[validator.Reason]int{
		validator.ReasonExpired: http.StatusUnauthorized, validator.ReasonProofReplayed: http.StatusUnauthorized,
		validator.ReasonTokenAlphabet: http.StatusBadRequest, validator.ReasonInsufficientScope: http.StatusForbidden,
		validator.ReasonKeysUnavailable: http.StatusServiceUnavailable, validator.ReasonNoToken: http.StatusUnauthorized,
	} {
		assert.Equal(t, status, statusOf(reason), reason)
	}
}

// TestOutage: it is felt from its beginning until its tail ends, and not before or after.
func TestOutage(t *testing.T) {
	o := outage{tail: time.Minute}
	now := time.Now()
	felt := func(began, ended time.Duration) bool { return o.felt(now.Add(began), now.Add(ended)) }
	assert.False(t, felt(0, time.Hour))
	o.begin()
	assert.False(t, felt(-time.Hour, -time.Minute))
	assert.True(t, felt(-time.Hour, time.Minute))
	assert.True(t, felt(time.Hour, 2*time.Hour), "it goes on")
	o.end()
	assert.True(t, felt(59*time.Second, time.Hour))
	assert.False(t, felt(62*time.Second, time.Hour))
	for range 2 * remembered {
		o.begin()
		o.end()
	}
	assert.Len(t, o.spans, remembered)
}

// TestWithdrawnKey: it is trusted for the age of the set at most, unless there was an
// outage.
func TestWithdrawnKey(t *testing.T) {
	now, quiet := time.Now(), outage{}
	key := rotatedKey{withdrawn: now}
	at := func(d time.Duration) answer { return answer{began: now.Add(d), ended: now.Add(d)} }
	assert.True(t, key.trusted(at(0), &quiet))
	assert.False(t, key.trusted(at(keysAge+refillInterval+slowest), &quiet))
	quiet.begin()
	assert.True(t, key.trusted(at(time.Hour), &quiet))
	fresh := rotatedKey{published: now}
	assert.True(t, fresh.unknown(now))
	assert.False(t, fresh.unknown(now.Add(refillInterval+slowest)))
}
