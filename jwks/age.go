package jwks

import (
	"math/rand/v2"
	"time"
)

// wishPause is how long a fetch for the age of the set is not tried again,
// however many ask: while the server is down, hits stay as cheap as they are.
const wishPause = 100 * time.Millisecond

// Fresh reports whether, as far as the age of the set goes, the keys that it
// lists may be used at now, which is a reading of Config.Clock. It is for callers
// that keep what they verified with a key, and do not ask Key again: together
// with Key.TrustedFor it says what Key would at that instant. After false, ask
// Key, which waits until the server has confirmed its keys.
//
// It is true for ever without MaxAge. Past MaxAge it starts the fetch that is due,
// for which nobody waits. Past MaxStale, and while there is no set, it is false. It
// never waits for a lock, and allocates nothing but for a fetch that it starts.
func (s *Source) Fresh(now time.Time) bool {
	if s.config.MaxAge == 0 {
		return true
	}
	set := s.snapshot.Load()
	return set != nil && s.young(set, now)
}

// young reports whether the set may answer, and sees to its renewal.
func (s *Source) young(set *set, now time.Time) bool {
	age := set.age(now)
	if s.stale(age) {
		return false // who asks will wait for the next one
	}
	if s.due(set, age) {
		s.wish(now)
	}
	return true
}

// due reports whether a set of that age is to be asked for again. One that was taken
// because the server was down is: it may list what was withdrawn a day ago. A negative age
// means that the clock was set back: nobody knows how old the set is.
func (s *Source) due(set *set, age time.Duration) bool {
	return set.standsIn || s.config.MaxAge > 0 && (age > s.config.MaxAge-set.early || age < 0)
}

// early is by how much a set is due before MaxAge: by chance, or else processes that
// started together would ask together for ever. Not so early that the bucket, which has
// a token for each RefreshInterval, is empty when an unknown key comes.
func (s *Source) early() time.Duration {
	most := min(s.config.MaxAge/10, s.config.MaxAge-s.config.RefreshInterval)
	if most <= 0 {
		return 0
	}
	return rand.N(most) // #nosec G404 -- spreads fetches over time; no secret
}

// stale reports whether a set of that age is too old to answer with.
func (s *Source) stale(age time.Duration) bool {
	return s.config.MaxStale > 0 && age > s.config.MaxStale
}

// age is how long ago the set was asked for, by whichever clock says longer: the
// monotonic one stands still while the machine sleeps, and the wall clock can be
// set back.
func (s *set) age(now time.Time) time.Duration {
	return max(now.Sub(s.asked), time.Duration(now.UnixNano()-s.asked.UnixNano()))
}

// wish starts the fetch that is due, if one may start. Whoever holds the lock is
// not waited for.
func (s *Source) wish(now time.Time) {
	at := now.UnixNano()
	if pause := at - s.wished.Load(); pause >= 0 && pause < int64(wishPause) || !s.mu.TryLock() {
		return
	}
	defer s.mu.Unlock()
	s.wished.Store(at)
	// Once more, with the lock held: a set may have landed since now was read.
	if set := s.snapshot.Load(); s.due(set, set.age(s.config.Clock())) {
		_, _ = s.depart(want{}) // nobody waits for it, or for the reason why there is none
	}
}
