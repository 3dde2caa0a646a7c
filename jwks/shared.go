package jwks

import (
	"context"
	"time"

	"github.com/bearerguard/bearerguard/internal/remote"
)

// Bounds of Shared.
const (
	// sharedFor is how old a set that another process fetched may be to stand in for a
	// fetch of our own: many processes that start, or meet a new key, in that time are one
	// to the server; and what it withdrew before is not trusted by a new process.
	sharedFor = 5 * time.Minute
	// sharedWhileDown is the same where our own fetch failed, and MaxStale says nothing.
	sharedWhileDown = 24 * time.Hour
	loadTimeout     = 250 * time.Millisecond // those who wait for keys wait for it
	saveTimeout     = 2 * time.Second        // nobody waits for it
)

// Shared is where several processes share what they fetched, as Export writes it. What
// Load returns is as trusted as the configuration, as with Import: it must be proof
// against whoever can write where it is kept.
//
// Before a fetch, Load is asked for 250 ms at most. A set is taken instead of a fetch if
// it lists the key that is looked for, was fetched after the one that is known, and at
// most 5 minutes (or MaxAge, if that is less) ago. If the fetch then fails, it may be as
// old as MaxStale, or 24 hours, and the server is asked again as soon as it can be, when a
// key is asked for. It is judged by the rules of Import; whatever is refused,
// and whatever fails, is as if there were nothing. Refresh asks the server in any case,
// and no key is found to be unknown without asking it.
type Shared struct {
	// Load returns what was saved last; nil if that is nothing.
	Load func(context.Context) ([]byte, error)
	// Save keeps an envelope, unless it has one that was fetched later. It is called
	// after a fetch, for 2 s at most; nobody waits for it.
	Save func(ctx context.Context, envelope []byte, fetched time.Time) error
	// MaxSkew is by how much the clocks of two processes may differ. A set is taken to be
	// that much older than it says: one that may be older than what is known never
	// replaces it, and none is used longer than the bounds allow.
	MaxSkew time.Duration
}

// want is what a flight is for.
type want struct {
	key  question // that is looked for; zero: none, but a newer set
	asks bool     // the server is asked in any case
}

func (w want) in(s *set) bool { return w.key == question{} || s.find(w.key) != nil }

// fly is the work of a flight: to look whether somebody else has done it, and else to do it.
func (s *Source) fly(ctx context.Context, t task, wanted want) (answer, error) {
	shared := s.loadShared(ctx, t.current, wanted)
	if shared != nil && s.standsIn(shared) {
		return answer{shared: shared}, nil
	}
	found, err := s.fetcher.fetch(ctx, t)
	if err != nil && shared != nil {
		shared.standsIn = true
		found.shared = shared // better than nothing
	}
	return found, err
}

// loadShared returns the shared set if it is worth more than the one that is known; nil
// if there is none.
func (s *Source) loadShared(ctx context.Context, current *set, wanted want) *set {
	if s.config.Shared == nil || wanted.asks {
		return nil
	}
	data, err := remote.Launch(loadTimeout, s.config.Shared.Load, func([]byte, error) {}).Wait(ctx)
	if err != nil {
		return nil
	}
	next, fetched, err := s.readImport(data)
	if err != nil {
		return nil // or there was nothing, which is no envelope either
	}
	now := s.config.Clock()
	if fetched.Sub(now.Round(0)) > s.config.Shared.MaxSkew {
		return nil // by no clock that may be right
	}
	next.asked = fetched.Add(-s.config.Shared.MaxSkew)
	bound := sharedWhileDown
	if s.config.MaxStale > 0 {
		bound = s.config.MaxStale
	}
	if next.age(now) > bound || !next.newer(current) || !wanted.in(next) {
		return nil
	}
	return next
}

// standsIn reports whether a shared set is young enough to ask nobody.
func (s *Source) standsIn(shared *set) bool {
	age := shared.age(s.config.Clock())
	return age <= sharedFor && !s.due(shared, age)
}

// newer reports whether s was fetched after the set that is known, whatever the clocks.
func (s *set) newer(current *set) bool {
	return current == nil || s.asked.After(current.asked.Round(0))
}

// takeShared takes a shared set in. It says nothing about what the server does now. s.mu is held.
func (s *Source) takeShared(shared *set) (changed bool) {
	if !shared.newer(s.snapshot.Load()) {
		return false // another one was imported meanwhile
	}
	s.hasServed(shared)
	return s.install(shared)
}

// save gives what was fetched to others; nil: nothing was.
func (s *Source) save(fetched *set) {
	if s.config.Shared == nil {
		return
	}
	data, err := s.export(fetched)
	if err != nil {
		return // too long, or no key in it
	}
	remote.Launch(saveTimeout,
		func(ctx context.Context) (struct{}, error) {
			return struct{}{}, s.config.Shared.Save(ctx, data, fetched.asked)
		},
		func(struct{}, error) {})
}
