package main

import (
	"context"
	"fmt"
	"sync"
)

// scenario is who sends as fast as they can at the same time, each over as many
// connections.
type scenario struct {
	name  string
	files []string // the first is the one that is reported in full
}

var scenarios = []scenario{
	{"honest alone", []string{"honest"}},
	{"honest beside honest", []string{"honest", "honest"}},
	{"honest beside hostile", []string{"honest", "hostile"}},
	{"hostile alone", []string{"hostile"}},
	{"honest beside honest, again", []string{"honest", "honest"}},
	{"honest beside hostile, again", []string{"honest", "hostile"}},
}

// hostile compares honest clients beside honest ones with the same beside hostile ones.
func (s *stage) hostile(ctx context.Context, o options) error {
	fmt.Println("| who sends | requests/s | p50 | p99 | p99.9 | not 2xx | no answer | requests/s of the other | probe p50 / p99 / max | MiB at most |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|")
	for _, c := range scenarios {
		results, errs := make([]seen, len(c.files)), make([]error, len(c.files))
		memory, probe := s.most(), s.startProbe(o.rate)
		var all sync.WaitGroup
		for i, file := range c.files {
			all.Go(func() { results[i], errs[i] = s.wrk(ctx, o, file) })
		}
		all.Wait()
		probed, most := probe.end(), memory()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		other := "-"
		if len(results) > 1 {
			other = fmt.Sprintf("%.0f", results[1].rate())
		}
		r := results[0]
		fmt.Printf("| %s | %.0f | %s | %s | %s | %d | %d | %s | %s | %d |\n", c.name, r.rate(), short(r.p50), short(r.p99), short(r.p999),
			r.refused, r.cut, other, probed, most>>20)
	}
	fmt.Printf("\ngateway: %d MiB after it\n\n", s.resident()>>20)
	return nil
}
