package main

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// herd is many requests at once with one opaque token.
func herd(p plan) ([]table, error) {
	f, err := newFixture("ES256")
	if err != nil {
		return nil, err
	}
	defer f.close()
	const delay = 100 * time.Millisecond
	f.server.SetIntrospectionDelay(delay)
	t := table{
		title:   "One opaque token, many requests",
		text:    fmt.Sprintf("%s requests at once, a server that takes %v to answer (RFC 7662).", thousands(p.herd), delay),
		columns: []string{"introspections", "accepted", "all answered after"},
	}
	for _, c := range only(func(c *contender) bool { return c.introspector != nil }) {
		ask, err := c.introspector(f)
		if err != nil {
			return nil, named(c.name, err)
		}
		raw, before, begin := f.opaque(), f.server.IntrospectionRequests(), time.Now()
		errs := together(p.herd, func(int) error { return ask(f.ctx, raw) })
		took, asked := time.Since(begin), f.server.IntrospectionRequests()-before
		t.rows = append(t.rows, row{c.name, []cell{
			{float64(asked), thousands(asked)},
			{float64(accepted(errs)), thousands(accepted(errs))},
			{float64(took), duration(float64(took))},
		}})
		if accepted(errs) == 0 {
			return nil, named(c.name, errors.Join(errs[0], errNotAccepted))
		}
	}
	return []table{t}, nil
}

var errNotAccepted = errors.New("no good token was accepted")

// together calls f n times at once and returns what it returned.
func together(n int, f func(i int) error) []error {
	errs, start := make([]error, n), make(chan struct{})
	var callers sync.WaitGroup
	for i := range errs {
		callers.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	callers.Wait()
	return errs
}

func accepted(errs []error) int {
	n := 0
	for _, err := range errs {
		if err == nil {
			n++
		}
	}
	return n
}
