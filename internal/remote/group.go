package remote

import (
	"context"
	"sync"
	"time"
)

// Group lets callers who ask the same share one flight. It holds a key only
// while something is in the air about it. The zero Group is ready to use, and
// safe for concurrent use.
type Group[K comparable, T any] struct {
	mu  sync.Mutex
	air map[K]*pair[T] // guarded by mu
}

// pair is what is in the air about one key.
type pair[T any] struct {
	begun  *Flight[T]
	next   *Flight[T] // begins when begun lands; nil: nobody needs it
	errand Errand[T]  // of next
}

// Errand is what a caller of Group.Do wants.
type Errand[T any] struct {
	// Timeout is what one flight may take.
	Timeout time.Duration
	// Fresh: an answer counts only if its flight began after the caller came.
	Fresh bool
	// Known returns what an earlier flight left behind. It is asked while no
	// flight can land, so that none lands unnoticed between look-up and departure.
	// Not asked where Fresh.
	Known func() (T, bool)
	// Work is done by one of those who share the flight.
	Work func(context.Context) (T, error)
	// Waited, if set, is told which flight the caller waited for, and whether the caller
	// left before it landed. Not told where Known had the answer.
	Waited func(flight uint64, left bool)
}

// Do returns the outcome of a flight about key, or the cause of the context's
// end as soon as the caller leaves. However many ask at once, at most one flight
// about a key is in the air, and one more is to follow.
func (g *Group[K, T]) Do(ctx context.Context, key K, e Errand[T]) (T, error) {
	f, known, ok := g.join(key, e)
	if ok {
		return known, nil
	}
	value, err := f.Wait(ctx)
	if e.Waited != nil {
		e.Waited(f.number, err != nil && ctx.Err() != nil)
	}
	return value, err
}

func (g *Group[K, T]) join(key K, e Errand[T]) (f *Flight[T], known T, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.air[key]
	switch {
	case p == nil:
		if !e.Fresh {
			if known, ok = e.Known(); ok {
				return nil, known, true
			}
		}
		return g.depart(key, newFlight[T](), e), known, false
	case !e.Fresh:
		return p.begun, known, false
	case p.next == nil:
		p.next, p.errand = newFlight[T](), e
	}
	return p.next, known, false
}

// depart lets f begin. g.mu is held.
func (g *Group[K, T]) depart(key K, f *Flight[T], e Errand[T]) *Flight[T] {
	if g.air == nil {
		g.air = map[K]*pair[T]{}
	}
	g.air[key] = &pair[T]{begun: f}
	go f.fly(e.Timeout, e.Work, func(T, error) { g.land(key) })
	return f
}

// land lets the next flight begin, if anybody waits for one.
func (g *Group[K, T]) land(key K) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p := g.air[key]; p.next != nil {
		g.depart(key, p.next, p.errand)
		return
	}
	delete(g.air, key)
}
