package jwks

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bearerguard/bearerguard/internal/remote"
)

// join returns the flight to wait for, or nil when the snapshot answers the
// question: it has the key by now, or is recent enough to say that there is none.
func (s *Source) join(q question, arose uint64) (*flight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.snapshot.Load().find(q) != nil {
		return nil, nil
	}
	if s.failures == 0 && s.landed > arose && s.fresh() {
		return nil, nil
	}
	return s.depart()
}

// fresh reports whether the last good answer may still stand for "no such key".
// It may for one refill of the bucket, and no longer than the default one: the
// key may have been published since.
func (s *Source) fresh() bool {
	age := s.config.Clock().Sub(s.landedAt)
	return age >= 0 && age < min(s.config.RefreshInterval, DefaultRefreshInterval)
}

// depart returns the flight in the air, or starts one if we may. s.mu is held.
func (s *Source) depart() (*flight, error) {
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
	s.begun++
	number, t := s.begun, task{s.url, s.snapshot.Load(), s.failures >= rediscoverAfter-1}
	s.flight = &flight{number: number, Flight: remote.Launch(flightTimeout,
		func(ctx context.Context) (answer, error) { return s.fetcher.fetch(ctx, t) },
		func(found answer, err error) { s.land(number, found, err) })}
	return s.flight, nil
}

// nextToken is how long the bucket stays empty.
func (s *Source) nextToken(now time.Time) time.Duration {
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
func (s *Source) land(number uint64, found answer, err error) {
	report := s.record(number, found, err)
	if s.config.OnFetch != nil {
		s.config.OnFetch(report)
	}
}

func (s *Source) record(number uint64, found answer, err error) Fetch {
	s.mu.Lock()
	defer s.mu.Unlock()
	report := Fetch{Err: err}
	s.flight = nil
	if found.url != "" {
		s.url = found.url
	}
	if err != nil {
		s.fail(err)
	} else {
		report.Changed = s.install(found.set)
		s.landed, s.landedAt, s.failures, s.failure = number, s.config.Clock(), 0, nil
	}
	if current := s.snapshot.Load(); current != nil {
		report.Keys, report.Skipped = len(current.keys), slices.Clone(current.skipped)
	}
	return report
}

func (s *Source) fail(err error) {
	s.backoff = min(firstBackoff<<min(s.failures, 8), maxBackoff)
	var failed *remote.Error
	if errors.As(err, &failed) {
		s.backoff = max(s.backoff, failed.RetryAfter)
	}
	s.failures++
	s.failure, s.failedAt = err, s.config.Clock()
}

// install makes next the snapshot; nil means that the server said "not
// modified". What is no longer listed is distrusted at once, and so is the
// memory of what an earlier set did not list.
func (s *Source) install(next *set) (changed bool) {
	if next == nil {
		return false
	}
	old := s.snapshot.Load()
	changed = next.adopt(old)
	next.assign()
	s.snapshot.Store(next)
	if changed {
		old.retireAllBut(next)
		s.unknown.Purge()
	}
	return changed
}
