package validator

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/bearerguard/bearerguard/cache"
	"github.com/bearerguard/bearerguard/jwks"
)

// KeySetStore keeps sealed key sets for all replicas. Names are those of cache.Sealer.
// Both methods must be safe for concurrent use and should end with their context.
// cache/rediscache has one.
type KeySetStore interface {
	// LoadKeys returns what is kept under name; nil if that is nothing.
	LoadKeys(ctx context.Context, name string) ([]byte, error)
	// SaveKeys keeps set, in one atomic step, unless what is there was fetched later.
	SaveKeys(ctx context.Context, name string, set []byte, fetched time.Time) error
}

// keySharing is how an issuer's keys are shared. It is comparable, as a part of sourceSpec.
type keySharing struct {
	store   KeySetStore // nil: they are not
	sealer  *cache.Sealer
	skew    time.Duration
	timeout time.Duration
}

func (f *Fleet) keySharing() (k keySharing) {
	if f == nil || f.Keys == nil {
		return k
	}
	return keySharing{f.Keys, f.Sealer, f.MaxSkew, f.StoreTimeout}
}

// sharedKeys is the place in the store of one issuer's keys.
type sharedKeys struct {
	keySharing
	guard guard
	name  string   // of the issuer, in what is told
	about []string // what they are, and from where
	clock func() time.Time
	seen  *atomic.Pointer[witness]
}

// shared is what a key source is given; nil where nothing is shared.
func (k keySharing) shared(spec sourceSpec, clock func() time.Time, seen *atomic.Pointer[witness]) *jwks.Shared {
	if k.store == nil {
		return nil
	}
	s := &sharedKeys{
		keySharing: k, guard: guard{timeout: k.timeout, clock: clock}, name: spec.name,
		// Replicas that would fetch from different places do not share: each trusts its own.
		about: []string{"key set 1", spec.url, spec.jwksURL, spec.metadata}, clock: clock, seen: seen,
	}
	return &jwks.Shared{Load: s.load, Save: s.save, MaxSkew: k.skew}
}

// load returns what opens, under the current secret or a previous one.
func (s *sharedKeys) load(ctx context.Context) ([]byte, error) {
	began, outcome := s.clock(), FleetAsked
	for _, name := range s.sealer.Names(nil, s.about...) {
		sealed, err := guarded(ctx, &s.guard, func(ctx context.Context) ([]byte, error) { return s.store.LoadKeys(ctx, name) })
		if err != nil {
			s.tell(began, FleetUnavailable, err)
			return nil, err
		}
		if sealed == nil {
			continue
		}
		set, err := s.sealer.Open(sealed, nil, s.about...)
		if err == nil {
			s.tell(began, FleetFound, nil)
			return set, nil
		}
		outcome = FleetUnreadable
	}
	s.tell(began, outcome, nil)
	return nil, nil
}

func (s *sharedKeys) save(ctx context.Context, set []byte, fetched time.Time) error {
	began := s.clock()
	name, sealed := s.sealer.Names(nil, s.about...)[0], s.sealer.Seal(set, nil, s.about...)
	_, err := guarded(ctx, &s.guard, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.store.SaveKeys(ctx, name, sealed, fetched)
	})
	s.tell(began, FleetKept, err)
	return err
}

func (s *sharedKeys) tell(began time.Time, outcome FleetOutcome, err error) {
	switch {
	case errors.Is(err, errStoreSuspended):
		outcome, err = FleetSuspended, nil
	case err != nil:
		outcome = FleetUnavailable
	}
	s.seen.Load().fleet(FleetEvent{Issuer: s.name, Use: FleetKeys, Outcome: outcome, Err: err, Took: s.clock().Sub(began)})
}
