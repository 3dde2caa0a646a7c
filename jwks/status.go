package jwks

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"
)

// Status is what a Source knows, for health pages and metrics. There is no secret
// in it, but addresses: LastError may name some that only operators should see.
type Status struct {
	URL     string // of the key set, as configured or discovered; empty: not known yet
	Keys    []KeyStatus
	Skipped []Skipped
	// Thumbprint is that of the set: base64url of SHA-256 over its keys, with all
	// that makes them what they are, in any order. It is the same wherever the same
	// keys are known. Empty while there is no set.
	Thumbprint string
	Fetched    time.Time // when the last good answer was asked for; zero: there is no set
	Imported   bool      // or from Config.Shared, and no fetch has replaced it

	Failures  int       // of fetches, in a row
	LastError string    // of the last fetch; empty when it did not fail
	FailedAt  time.Time // zero when it did not
	NextTry   time.Time // when a fetch may start; zero: at once, or one is in the air
	// EmptySince is since when the server has served sets without a usable key, and
	// nothing better in between; zero: it does not.
	EmptySince time.Time

	Due   bool // older than Config.MaxAge, or from Config.Shared while the server was down: asked for again
	Stale bool // older than Config.MaxStale: not used
}

// KeyStatus is one usable key.
type KeyStatus struct {
	ID         string   // kid; empty when it has none
	Issuer     string   // its issuer member; empty when it has none
	Algorithms []string // that it may verify, by their JWS names
	Thumbprint string   // base64url of its SHA-256 JWK thumbprint (RFC 7638)
}

// Status returns what is known at this instant. It does no I/O, and starts none.
func (s *Source) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Clock()
	status := Status{URL: s.url, Failures: s.failures, EmptySince: s.emptySince}
	if s.failures > 0 {
		status.LastError, status.FailedAt = s.failure.Error(), s.failedAt
	}
	if wait := max(s.backoffLeft(now), s.nextToken(now)); wait > 0 && s.flight == nil {
		status.NextTry = now.Add(wait)
	}
	if set := s.snapshot.Load(); set != nil {
		status.Keys, status.Skipped, status.Thumbprint = set.status(), slices.Clone(set.skipped), set.thumbprint()
		status.Fetched, status.Imported = set.asked, set.imported
		age := set.age(now)
		status.Due, status.Stale = s.due(set, age), s.stale(age)
	}
	return status
}

func (s *set) status() []KeyStatus {
	list := make([]KeyStatus, len(s.keys))
	for i, k := range s.keys {
		list[i] = KeyStatus{k.ID(), k.issuer, k.public.Algorithms().Names(), base64.RawURLEncoding.EncodeToString(k.thumbprint[:])}
	}
	return list
}

func (s *set) thumbprint() string {
	identities := make([][]byte, len(s.keys))
	for i, k := range s.keys {
		identities[i] = k.identity[:]
	}
	slices.SortFunc(identities, bytes.Compare)
	sum := sha256.Sum256(bytes.Join(identities, nil)) // all of one length
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
