package jwks

import (
	"context"

	"github.com/bearerguard/bearerguard/internal/remote"
)

// Ready returns nil once a key set has been read or imported, and fetches the
// first one if nobody has. It never turns back: a later failure concerns unknown
// keys only, and those of a set that is older than MaxStale. Errors are those of
// Key, without ErrUnknownKey.
func (s *Source) Ready(ctx context.Context) error {
	for s.snapshot.Load() == nil {
		flight, err := s.first()
		if err == nil {
			err = s.await(ctx, flight)
		}
		if err != nil && s.snapshot.Load() == nil { // or else another process had one
			return err
		}
	}
	return nil
}

// first returns the flight that may bring the first set.
func (s *Source) first() (*flight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.depart(want{})
}

// Refresh waits for a fetch that began after the call, and returns nil when it
// brought a good answer. It is the owner's own wish, such as on a message that the
// server has rotated its keys: neither the bucket nor the backoff after failures
// holds it back, and it takes nothing from the bucket. So nobody may be able to
// cause it by sending tokens. Callers during one fetch share the next one. Errors
// are those of Ready.
func (s *Source) Refresh(ctx context.Context) error {
	s.mu.Lock()
	called := s.begun
	s.mu.Unlock()
	for {
		flight, err := s.board(called)
		if flight == nil {
			return err
		}
		if err = s.await(ctx, flight); err != nil && ctx.Err() != nil {
			return err // it may be in the air still: what it has found is not to be looked at
		}
		// One that was in the air before may have seen what was true before.
		// And one that took what another process had has seen nothing.
		if flight.number > called && !flight.borrowed {
			return err
		}
	}
}

// board returns the flight in the air, or one that departs whether it may or not.
// Without a flight, one that departed after the call has landed already.
func (s *Source) board(called uint64) (*flight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.flight != nil:
		return s.flight, nil
	case s.heard <= called:
		return s.launch(s.config.Clock(), want{asks: true}), nil
	case s.failure != nil:
		return nil, s.unavailable(s.failure)
	}
	return nil, nil
}

// await waits for a flight. One that failed decides nothing.
func (s *Source) await(ctx context.Context, flight *flight) error {
	over := s.waiting(ctx)
	_, err := flight.Wait(ctx)
	left := err != nil && ctx.Err() != nil
	if over != nil {
		over(flight.Number(), left)
	}
	if left {
		return context.Cause(ctx)
	}
	if flight.failure == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unavailable(flight.failure)
}

// waiting tells of a call that waits, and returns whom to tell when that is over. What
// waits on behalf of several is no call.
func (s *Source) waiting(ctx context.Context) (over func(flight uint64, left bool)) {
	if s.config.OnWait == nil || remote.FlightOf(ctx) != 0 {
		return nil
	}
	return s.config.OnWait(ctx)
}

// unavailable says what failed, and when asking again can help. s.mu is held.
func (s *Source) unavailable(cause error) error {
	now := s.config.Clock()
	return &UnavailableError{RetryAfter: max(s.backoffLeft(now), s.nextToken(now)), Cause: cause}
}
