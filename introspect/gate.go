package introspect

import (
	"context"
	"sync/atomic"
	"time"
)

// gate bounds how many questions are on their way, and how many wait for that.
type gate struct {
	slots      chan struct{}
	waiting    atomic.Int64
	maxWaiting int64
	patience   time.Duration
}

func newGate(inFlight, waiting int, patience time.Duration) *gate {
	return &gate{slots: make(chan struct{}, inFlight), maxWaiting: int64(waiting), patience: patience}
}

// busyWait is when those who were sent away may come again.
const busyWait = time.Second

// enter waits for its turn. Who is let in must leave.
func (g *gate) enter(ctx context.Context) error {
	select {
	case g.slots <- struct{}{}:
		return nil
	default:
	}
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > g.maxWaiting {
		return &Error{Kind: Busy, RetryAfter: busyWait, Detail: "too many questions wait already"}
	}
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-time.After(g.patience):
	case <-ctx.Done():
	}
	return &Error{Kind: Busy, RetryAfter: busyWait, Detail: "its turn did not come"}
}

func (g *gate) leave() { <-g.slots }
