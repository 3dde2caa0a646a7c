package main

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// keys is what rotations and unknown keys lead to, for those who fetch keys themselves.
func keys(p plan) ([]table, error) {
	const callers, delay = 50, 100 * time.Millisecond
	t := table{
		title: "Keys that are not known",
		text: fmt.Sprintf("Rotation: %d requests at once with the new key, a key server that takes %v. One bogus kid: when a real new key is "+
			"accepted after it, tried for %v. Flood: %s tokens with distinct unknown kids within %v, and how many times longer the slowest 1 %% of "+
			"the good tokens takes under it.", callers, delay, p.settling, thousands(p.flooding), p.flood),
		columns: []string{"rotation: accepted", "rotation: fetches", "after one bogus kid", "flood: fetches", "flood: p99 of known kids"},
	}
	for _, c := range only(func(c *contender) bool { return !c.keysOnce && (!c.cache || c.name == ours) }) {
		algorithm := "ES256"
		if !c.verifies(algorithm) {
			algorithm = "RS256"
		}
		r := row{name: c.name}
		for _, scene := range []func(*fixture, verify) []cell{
			func(f *fixture, decide verify) []cell { return rotation(f, decide, callers, delay) },
			func(f *fixture, decide verify) []cell { return bogusThenReal(f, decide, p.settling) },
			func(f *fixture, decide verify) []cell { return flood(f, decide, p.flooding, p.flood) },
		} {
			cells, err := staged(&c, algorithm, scene)
			if err != nil {
				return nil, named(c.name, err)
			}
			r.cells = append(r.cells, cells...)
		}
		t.rows = append(t.rows, r)
	}
	return []table{t}, nil
}

// staged plays a scene with a server of its own and a contender that has its keys.
func staged(c *contender, algorithm string, scene func(*fixture, verify) []cell) ([]cell, error) {
	f, err := newFixture(algorithm)
	if err != nil {
		return nil, err
	}
	defer f.close()
	decide, err := c.verifier(f, 0)
	if err != nil {
		return nil, err
	}
	if err := decide(f.ctx, f.token()); err != nil {
		return nil, err
	}
	return scene(f, decide), nil
}

func rotation(f *fixture, decide verify, callers int, delay time.Duration) []cell {
	f.server.Rotate(f.algorithm)
	f.server.SetDelay(delay)
	raws, before := f.tokens(callers), f.server.KeyRequests()
	ctx, cancel := context.WithTimeout(f.ctx, 5*time.Second)
	defer cancel()
	in := accepted(together(callers, func(i int) error { return decide(ctx, raws[i]) }))
	asked := f.server.KeyRequests() - before
	return []cell{{float64(in), fmt.Sprint(in)}, {float64(asked), fmt.Sprint(asked)}}
}

// bogusThenReal tries a real new key after a bogus one, for a while and once at least.
func bogusThenReal(f *fixture, decide verify, settling time.Duration) []cell {
	_ = decide(f.ctx, f.token(validatortest.HeaderParam("kid", "bogus"))) // what it says does not matter
	f.server.Rotate(f.algorithm)
	raw := f.token()
	ctx, cancel := context.WithTimeout(f.ctx, settling+5*time.Second)
	defer cancel()
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		err := decide(ctx, raw)
		took := time.Since(begin)
		switch {
		case err == nil:
			return []cell{{float64(took), "accepted after " + duration(float64(took))}}
		case took >= settling:
			return []cell{{math.NaN(), fmt.Sprintf("not within %v", settling)}}
		}
	}
}

// flood sends the tokens with unknown keys at an even pace, from several callers, while
// another one asks about good tokens.
func flood(f *fixture, decide verify, n int, takes time.Duration) []cell {
	good, bogus := f.tokens(100), make([]string, n)
	for i := range bogus {
		bogus[i] = f.token(validatortest.HeaderParam("kid", fmt.Sprint("flood-", i)))
	}
	quiet := slowest(f.ctx, decide, good, takes)
	before := f.server.KeyRequests()
	ctx, cancel := context.WithTimeout(f.ctx, takes)
	defer cancel()
	const callers = 32
	var flooding sync.WaitGroup
	begin := time.Now()
	for w := range callers {
		flooding.Go(func() {
			for i := w; i < n && ctx.Err() == nil; i += callers {
				time.Sleep(time.Until(begin.Add(takes * time.Duration(i) / time.Duration(n))))
				_ = decide(ctx, bogus[i])
			}
		})
	}
	under := slowest(ctx, decide, good, takes)
	flooding.Wait()
	asked := f.server.KeyRequests() - before
	return []cell{{float64(asked), thousands(asked)}, {under / quiet, significant(under/quiet) + " x"}}
}

// slowest is how long, in nanoseconds, the slowest hundredth of calls with good tokens
// takes, at a thousand calls a second.
func slowest(ctx context.Context, decide verify, raws []string, takes time.Duration) float64 {
	var took []float64
	end := time.Now().Add(takes)
	for i := 0; time.Now().Before(end) || len(took) == 0; i++ {
		begin := time.Now()
		if decide(ctx, raws[i%len(raws)]) != nil && ctx.Err() != nil {
			break
		}
		took = append(took, float64(time.Since(begin)))
		time.Sleep(time.Millisecond)
	}
	if len(took) == 0 {
		return float64(takes)
	}
	return quantile(took, 0.99)
}
