package remote

import (
	"context"
	"fmt"
	"time"
)

// Flight is one piece of work that several callers wait for. It runs under a
// context of its own, so that no caller's departure fails the others, and a
// panic in it is an error to all of them instead of the end of the process.
type Flight[T any] struct {
	done  chan struct{}
	value T // written before done is closed, read after
	err   error
}

// Launch starts work, which must end when its context does. land is called with
// the outcome before anybody who waits learns of it.
func Launch[T any](timeout time.Duration, work func(context.Context) (T, error), land func(T, error)) *Flight[T] {
	f := &Flight[T]{done: make(chan struct{}), err: &Error{Kind: Panicked, Detail: "ended without a result"}}
	go f.fly(timeout, work, land)
	return f
}

func (f *Flight[T]) fly(timeout time.Duration, work func(context.Context) (T, error), land func(T, error)) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	// Deferred, because work runs a transport of the user's, which may panic or
	// call runtime.Goexit: those who wait must be told in either case.
	defer func() {
		if cause := recover(); cause != nil {
			f.err = &Error{Kind: Panicked, Detail: fmt.Sprint(cause)}
		}
		cancel()
		land(f.value, f.err)
		close(f.done)
	}()
	f.value, f.err = work(ctx)
}

// Wait returns the outcome, or the context's error as soon as the caller leaves.
func (f *Flight[T]) Wait(ctx context.Context) (T, error) {
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		var zero T
		return zero, context.Cause(ctx)
	}
}
