package remote

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Flight is one piece of work that several callers wait for. It runs under a
// context of its own, so that no caller's departure fails the others, and a
// panic in it is an error to all of them instead of the end of the process.
type Flight[T any] struct {
	number uint64
	done   chan struct{}
	outcome[T]
}

// flights numbers all flights of this process, so that whoever is told of one can be
// told apart from who waited for another.
var flights atomic.Uint64

// numberKey is where the context of a flight has its number.
type numberKey struct{}

// FlightOf returns the number of the flight that a context is of; 0 for a caller's own.
func FlightOf(ctx context.Context) uint64 {
	number, _ := ctx.Value(numberKey{}).(uint64)
	return number
}

// Number is unique in this process, and above 0.
func (f *Flight[T]) Number() uint64 { return f.number }

// outcome is written before done is closed, and read after.
type outcome[T any] struct {
	value T
	err   error
}

// grace is how long work may take to notice that its time is over.
const grace = time.Second

// Launch starts work and gives it that much time. land is called with the
// outcome before anybody who waits learns of it.
func Launch[T any](timeout time.Duration, work func(context.Context) (T, error), land func(T, error)) *Flight[T] {
	f := newFlight[T]()
	go f.fly(timeout, work, land)
	return f
}

func newFlight[T any]() *Flight[T] {
	return &Flight[T]{number: flights.Add(1), done: make(chan struct{})}
}

func (f *Flight[T]) fly(timeout time.Duration, work func(context.Context) (T, error), land func(T, error)) {
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), numberKey{}, f.number), timeout)
	result := make(chan outcome[T], 1)
	go guarded(ctx, work, result)
	// A transport of the user's may be deaf to its context. Those who wait are not
	// held for it, and what it still returns is nobody's.
	select {
	case f.outcome = <-result:
	case <-time.After(timeout + grace):
		f.err = &Error{Kind: Transport, Detail: "took longer than " + timeout.String()}
	}
	cancel()
	defer close(f.done)
	defer func() { _ = recover() }() // land tells a function of the user's: its panic is its own affair
	land(f.value, f.err)
}

// guarded works with a transport of the user's, which may panic or call
// runtime.Goexit: an outcome comes out of it in either case.
func guarded[T any](ctx context.Context, work func(context.Context) (T, error), result chan<- outcome[T]) {
	o := outcome[T]{err: &Error{Kind: Panicked, Detail: "ended without a result"}}
	defer func() {
		if cause := recover(); cause != nil {
			o.err = &Error{Kind: Panicked, Detail: fmt.Sprint(cause)}
		}
		result <- o
	}()
	o.value, o.err = work(ctx)
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
