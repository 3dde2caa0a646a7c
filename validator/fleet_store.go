package validator

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/bearerguard/bearerguard/internal/remote"
)

// The pauses after failures of a store: the first, and the longest.
const (
	firstStorePause = time.Second
	maxStorePause   = 10 * time.Second
)

// errStoreSuspended means that a store was not asked, because it failed a moment ago.
var errStoreSuspended = errors.New("the store failed a moment ago, and is not asked now")

// guard keeps a shared store from holding anybody up: each call has its time, and after
// a failure there is a pause.
type guard struct {
	timeout time.Duration
	clock   func() time.Time

	mu       sync.Mutex
	pause    time.Duration // 0: the last call went well
	failedAt time.Time
	trying   bool // one call finds out whether the pause was long enough
}

// guarded calls a store. It returns in time even if the store is deaf to its context,
// and survives its panics.
func guarded[T any](ctx context.Context, g *guard, call func(context.Context) (T, error)) (T, error) {
	if !g.admit() {
		var none T
		return none, errStoreSuspended
	}
	limited, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	got, err := remote.Launch(g.timeout, call, func(T, error) {}).Wait(limited)
	g.report(err == nil)
	return got, err
}

// admit reports whether the store may be asked. Who was admitted reports.
func (g *guard) admit() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pause == 0 {
		return true
	}
	if g.pausing() || g.trying {
		return false
	}
	g.trying = true
	return true
}

// pausing: a clock that was set back ends the pause.
func (g *guard) pausing() bool {
	since := g.clock().Sub(g.failedAt)
	return since >= 0 && since < g.pause
}

// report notes what came of a call. One that took the time of all that waits for it has
// failed too: ctx is a flight's, which nobody ends by leaving.
func (g *guard) report(ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case ok:
		g.pause, g.trying = 0, false
	case g.pause != 0 && !g.trying: // it began before the pause
	default:
		g.pause = min(max(2*g.pause, firstStorePause), maxStorePause)
		g.failedAt, g.trying = g.clock(), false
	}
}
