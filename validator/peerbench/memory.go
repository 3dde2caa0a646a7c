package main

import (
	"context"
	"fmt"
	"runtime"
)

// memory is what a cached token takes, whatever is found out about it included. The
// token itself belongs to the request, and is gone.
func memory(p plan) ([]table, error) {
	f, err := newFixture("EdDSA")
	if err != nil {
		return nil, err
	}
	defer f.close()
	t := table{
		title:   "Memory",
		text:    fmt.Sprintf("Of one of %s cached EdDSA tokens of %d bytes, what is known about it included.", thousands(p.many), len(f.token())),
		columns: []string{"bytes"},
	}
	for _, c := range only(func(c *contender) bool { return c.cache }) {
		bytes, err := bytesPerToken(p.many, &c, f)
		if err != nil {
			return nil, named(c.name, err)
		}
		t.rows = append(t.rows, row{c.name, []cell{{bytes, fmt.Sprintf("%.0f", bytes)}}})
	}
	return []table{t}, nil
}

func bytesPerToken(n int, c *contender, f *fixture) (float64, error) {
	decide, err := c.verifier(f, 2*n)
	if err != nil {
		return 0, err
	}
	before := heap()
	for range n {
		if err := decide(context.Background(), f.token()); err != nil {
			return 0, err
		}
	}
	grown := heap() - before
	runtime.KeepAlive(decide)
	return grown / float64(n), nil
}

// heap is what is alive now, in bytes.
func heap() float64 {
	runtime.GC()
	runtime.GC() // what has a finalizer goes the second time
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
