package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// scenario is who sends as fast as they can at the same time, each over as many
// connections. The first is the one that is reported.
type scenario []string

func (c scenario) String() string {
	if len(c) == 1 {
		return c[0] + " alone"
	}
	return c[0] + " beside " + c[1]
}

// hostile compares honest clients beside honest ones with the same beside hostile ones,
// in turn, so that what else the machine does concerns both.
func (s *stage) hostile(ctx context.Context, o options) error {
	fmt.Println("| who sends | requests/s | p50 | p99 | p99.9 | not 2xx | no answer | requests/s of the other | probe p50 / p99 / max | MiB at most |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|")
	rivals := []scenario{{"honest", "honest"}, {"honest", "hostile"}}
	scenarios := []scenario{{"honest"}, {"hostile"}}
	for range o.rounds {
		scenarios = append(scenarios, rivals...)
	}
	p99 := map[string][]time.Duration{}
	for _, c := range scenarios {
		r, err := s.play(ctx, o, c)
		if err != nil {
			return err
		}
		p99[c.String()] = append(p99[c.String()], r.p99)
	}
	fmt.Printf("\ngateway: %d MiB after it\n", s.resident()>>20)
	for _, c := range rivals {
		times := slices.Sorted(slices.Values(p99[c.String()]))
		fmt.Printf("p99 of %s: median %s, %s to %s\n", c, short(times[len(times)/2]), short(times[0]), short(times[len(times)-1]))
	}
	fmt.Println()
	return nil
}

// play lets all send, and prints what the first saw.
func (s *stage) play(ctx context.Context, o options, c scenario) (seen, error) {
	results, errs := make([]seen, len(c)), make([]error, len(c))
	memory, probe := s.most(), s.startProbe(o.rate)
	var all sync.WaitGroup
	for i, file := range c {
		all.Go(func() { results[i], errs[i] = s.wrk(ctx, o, file) })
	}
	all.Wait()
	probed, most := probe.end(), memory()
	for _, err := range errs {
		if err != nil {
			return seen{}, err
		}
	}
	other := "-"
	if len(results) > 1 {
		other = fmt.Sprintf("%.0f", results[1].rate())
	}
	r := results[0]
	fmt.Printf("| %s | %.0f | %s | %s | %s | %d | %d | %s | %s | %d |\n", c, r.rate(), short(r.p50), short(r.p99), short(r.p999),
		r.refused, r.cut, other, probed, most>>20)
	return r, nil
}
