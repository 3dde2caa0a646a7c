package jwks

import (
	"errors"
	"time"
)

// errOvertaken: "not modified" is about the set that was known when we asked.
var errOvertaken = errors.New("not modified, but another set has been imported meanwhile")

// judge says whether an answer that came is a good one, and keeps account of how
// long the server has served sets without a usable key. s.mu is held.
func (s *Source) judge(f *flight, next *set, now time.Time) error {
	switch {
	case next == nil && s.snapshot.Load() != f.basis:
		return errOvertaken
	case next != nil && len(next.keys) == 0:
		return s.judgeEmpty(f.departed, now)
	}
	s.emptySince = time.Time{} // "not modified" too: a set without keys is asked for without its tag
	return nil
}

// judgeEmpty judges a set without a usable key. One is more likely a slip than the
// end of all keys, which would refuse every token: it has to last. It never is the
// first set, because "no such key" would then be said of every key.
func (s *Source) judgeEmpty(departed, now time.Time) error {
	current := s.snapshot.Load()
	begins := s.emptySince.IsZero() || departed.Before(s.emptySince) // or the clock was set back
	if begins {
		s.emptySince = now
	}
	switch {
	case current == nil:
		return ErrNoUsableKey
	case len(current.keys) == 0:
		return nil // no news
	case begins || departed.Sub(s.emptySince) < s.config.EmptyGrace:
		return ErrNoUsableKey
	}
	return nil
}
