package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"
)

// step is one call of what is measured. An error ends the run: a call that fails is
// not the one that was to be timed.
type step func() error

// cursor goes around a list. It fills two cache lines, so that the cursors of two
// workers do not slow each other down.
type cursor struct {
	at  int
	sum [32]byte
	_   [88]byte
}

func (c *cursor) next(list []string) string {
	item := list[c.at%len(list)]
	c.at++
	return item
}

// rotating is a step that judges one token after the other, from the one at start.
func rotating(decide verify, raws []string, start int) step {
	ctx, c := context.Background(), &cursor{at: start}
	return func() error { return decide(ctx, c.next(raws)) }
}

// lane is what one contender runs in a race.
type lane struct {
	name  string
	step  step
	calls int // in a round; 0: as many as the others
}

// timing is what a race found out about one lane: per round, in the rounds' order,
// how long a call took and how many times that of the first lane it was.
type timing struct {
	nanoseconds, ratios []float64
	allocations         float64 // of one call
}

func (t timing) ns() float64    { return median(t.nanoseconds) }
func (t timing) ratio() float64 { return median(t.ratios) }

// race times all lanes in every round, each beginning with a heap that was just
// collected, and in a turn that moves on from round to round, so that what else the
// machine does, and who comes after whom, hits all alike. The first lane is the
// yardstick of its round. A round nobody times comes first, to warm up.
func race(rounds, calls int, lanes []lane) ([]timing, error) {
	timings := make([]timing, len(lanes))
	for round := -1; round < rounds; round++ {
		took := make([]float64, len(lanes))
		for k := range lanes {
			i := (k + round + 1) % len(lanes)
			elapsed, allocated, err := clock(cmp.Or(lanes[i].calls, calls), lanes[i].step)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", lanes[i].name, err)
			}
			took[i], timings[i].allocations = elapsed, allocated
		}
		if round < 0 {
			continue
		}
		for i := range lanes {
			timings[i].nanoseconds = append(timings[i].nanoseconds, took[i])
			timings[i].ratios = append(timings[i].ratios, took[i]/took[0])
		}
	}
	return timings, nil
}

// clock returns how many nanoseconds and allocations one of the calls took.
func clock(calls int, f step) (nanoseconds, allocations float64, err error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := time.Now()
	for range calls {
		if err := f(); err != nil {
			return 0, 0, err
		}
	}
	elapsed := time.Since(begin)
	runtime.ReadMemStats(&after)
	per := func(n uint64) float64 { return float64(n) / float64(calls) }
	return per(uint64(elapsed)), math.Round(per(after.Mallocs - before.Mallocs)), nil
}

// pair is what a contender runs on two cores: a step for each worker.
type pair struct {
	name  string
	steps [2]step
}

// raceInPairs returns, for each pair, how many times the calls of one worker two
// workers do in the same time: per round, which has the rules of race.
func raceInPairs(rounds, calls int, pairs []pair) ([][]float64, error) {
	gains := make([][]float64, len(pairs))
	for round := -1; round < rounds; round++ {
		for k := range pairs {
			i := (k + round + 1) % len(pairs)
			alone, _, err := clock(calls, pairs[i].steps[0])
			if err == nil {
				var together float64
				together, _, err = clock(1, func() error { return both(calls, pairs[i].steps) })
				if round >= 0 {
					gains[i] = append(gains[i], 2*alone*float64(calls)/together)
				}
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", pairs[i].name, err)
			}
		}
	}
	return gains, nil
}

// both runs each step calls times, the two at once.
func both(calls int, steps [2]step) error {
	var errs [2]error
	var workers sync.WaitGroup
	for w, f := range steps {
		workers.Go(func() {
			for range calls {
				if err := f(); err != nil {
					errs[w] = err
					return
				}
			}
		})
	}
	workers.Wait()
	return errors.Join(errs[:]...)
}

// median of a list that is not empty.
func median(list []float64) float64 { return quantile(list, 0.5) }

// quantile is the value that the share q of the list does not exceed.
func quantile(list []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}

// spread is how far the middle half of the list goes from its median, as a share of
// it.
func spread(list []float64) float64 {
	m := median(list)
	return max(quantile(list, 0.75)-m, m-quantile(list, 0.25)) / m
}
