package jwks

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bearerguard/bearerguard/internal/remote"
)

// join returns the key, if the set has it by now, or else the flight to wait for.
// The set may be recent enough to say that there is no such key.
func (s *Source) join(q question, arose uint64) (*Key, *flight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.listed(q); k != nil {
		return k, nil, nil
	}
	if s.failures == 0 && s.landed > arose && s.fresh() {
		return nil, nil, ErrUnknownKey
	}
	flight, err := s.depart(want{key: q})
	return nil, flight, err
}

// fresh reports whether the last good answer may still stand for "no such key".
// It may for one refill of the bucket, and no longer than the default one: the
// key may have been published since.
func (s *Source) fresh() bool {
	age := s.config.Clock().Sub(s.landedAt)
	return age >= 0 && age < min(s.config.RefreshInterval, DefaultRefreshInterval)
}

// depart returns the flight in the air, or starts one if we may. s.mu is held.
func (s *Source) depart(wanted want) (*flight, error) {
	if s.flight != nil {
		return s.flight, nil
	}
	now := s.config.Clock()
	if left := s.backoffLeft(now); left > 0 {
		return nil, &UnavailableError{RetryAfter: max(left, s.nextToken(now)), Cause: s.failure}
	}
	if now.Before(s.asked) {
		s.limiter = newLimiter(s.config) // a clock that was set back would leave it empty for that long
	}
	s.asked = now
	if !s.limiter.AllowN(now, 1) {
		return nil, &UnavailableError{Throttled: s.failures == 0, RetryAfter: s.nextToken(now), Cause: s.failure}
	}
	return s.launch(now, wanted), nil
}

// errLost: landing itself failed, by a clock of the user's that panicked.
var errLost = errors.New("the outcome of the fetch was lost")

// launch starts a flight. None is in the air, and s.mu is held.
func (s *Source) launch(now time.Time, wanted want) *flight {
	s.begun++
	f := &flight{number: s.begun, departed: now, basis: s.snapshot.Load(), failure: errLost}
	t := task{s.url, f.basis, s.failures >= rediscoverAfter-1}
	f.Flight = remote.Launch(flightTimeout,
		func(ctx context.Context) (answer, error) { return s.fly(ctx, t, wanted) },
		func(found answer, err error) { s.land(f, found, err) })
	s.flight = f
	return f
}

// nextToken is how long the bucket stays empty.
func (s *Source) nextToken(now time.Time) time.Duration {
	if now.Before(s.asked) {
		return 0 // the next one to ask gets a new bucket
	}
	missing := 1 - s.limiter.TokensAt(now)
	return max(time.Duration(missing*float64(s.config.RefreshInterval)), 0)
}

// backoffLeft is how long the backoff after failures still lasts. A clock that
// was set back ends it: the bucket bounds us all the same.
func (s *Source) backoffLeft(now time.Time) time.Duration {
	age := now.Sub(s.failedAt)
	if s.failures == 0 || age < 0 {
		return 0
	}
	return max(s.backoff-age, 0)
}

// land takes the outcome of a flight in, before anybody who waits for it wakes.
func (s *Source) land(f *flight, found answer, err error) {
	report, fetched := s.record(f, found, err)
	s.save(fetched)
	if s.config.OnFetch != nil {
		s.config.OnFetch(report)
	}
}

// record returns what there is to tell, and what was fetched, if anything was.
func (s *Source) record(f *flight, found answer, err error) (report Fetch, fetched *set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight = nil
	now := s.config.Clock()
	if found.url != "" {
		s.url = found.url
	}
	f.borrowed = err == nil && found.shared != nil
	if !f.borrowed {
		s.heard = f.number
		if err == nil {
			err = s.judge(f, found.set, now)
		}
	}
	report = Fetch{Err: err, Shared: found.shared != nil, Flight: f.Number(), Took: now.Sub(f.departed)}
	f.failure = err
	if err != nil {
		s.fail(err, now)
	}
	switch {
	case found.shared != nil:
		report.Changed = s.takeShared(found.shared)
	case err == nil:
		report.Changed = s.take(found.set, f.departed)
		s.landed, s.landedAt, s.failures, s.failure = f.number, now, 0, nil
		fetched = s.snapshot.Load()
	}
	if current := s.snapshot.Load(); current != nil {
		report.Keys, report.Skipped = len(current.keys), slices.Clone(current.skipped)
	}
	if err == ErrNoUsableKey {
		report.Skipped = slices.Clone(found.set.skipped) // why
	}
	return report, fetched
}

func (s *Source) fail(err error, now time.Time) {
	s.backoff = min(firstBackoff<<min(s.failures, 8), maxBackoff)
	var failed *remote.Error
	if errors.As(err, &failed) {
		s.backoff = max(s.backoff, failed.RetryAfter)
	}
	s.failures++
	s.failure, s.failedAt = err, now
}

// take takes a good answer in; nil means that the server said "not modified". The
// set is as old as the flight: what the server said may have been true at its
// departure, and no longer at its landing.
func (s *Source) take(next *set, departed time.Time) (changed bool) {
	if next == nil {
		renewed := *s.snapshot.Load()
		renewed.asked = departed
		s.snapshot.Store(&renewed)
		return false
	}
	next.asked = departed
	return s.install(next)
}

// install makes next the snapshot. What is no longer listed is distrusted at once,
// and so is the memory of what an earlier set did not list.
func (s *Source) install(next *set) (changed bool) {
	old := s.snapshot.Load()
	changed, next.early = next.adopt(old), s.early()
	next.assign()
	s.snapshot.Store(next)
	if changed {
		old.retireAllBut(next)
		s.unknown.Purge()
	}
	return changed
}
