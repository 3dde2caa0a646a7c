package jwks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/internal/remote"
)

const (
	flightTimeout = 20 * time.Second // up to two places of the metadata, and the key set before and after
	firstBackoff  = time.Second      // doubles with each failure in a row
	maxBackoff    = 10 * time.Second
	maxUnknown    = 1024 // unknown kids remembered; what falls out costs a fetch, not a wrong answer
)

// Errors about keys and sets.
var (
	// ErrUnknownKey: the server answered after the question arose, and lists no such key.
	ErrUnknownKey = errors.New("jwks: no such key")
	// ErrNoUsableKey: a well-formed key set in which no key can verify tokens.
	ErrNoUsableKey = errors.New("jwks: no key that can verify tokens")
)

// UnavailableError means that it could not be decided whether a key exists, or
// whether one that is listed still is.
type UnavailableError struct {
	// Throttled: too many unknown keys lately. Otherwise the last fetch failed.
	Throttled bool
	// RetryAfter is when asking again can help.
	RetryAfter time.Duration
	// Cause is what was wrong with the last fetch; nil when Throttled.
	Cause error
}

func (e *UnavailableError) Error() string {
	if e.Throttled {
		return "jwks: too many requests for unknown keys"
	}
	return fmt.Sprintf("jwks: key set unavailable: %v", e.Cause)
}

// Source keeps the keys of one authorization server. It is safe for concurrent use.
type Source struct {
	config  Config
	fetcher *fetcher

	snapshot atomic.Pointer[set] // replaced as a whole, and read without a lock; nil until the first good set
	wished   atomic.Int64        // when a fetch for the age of the set was last tried, in nanoseconds of Unix time

	mu         sync.Mutex // guards all that follows it, and is never held during I/O
	url        string     // where the set is; empty: not discovered yet
	flight     *flight    // the one in the air, if any
	begun      uint64     // flights begun; the number of the last one
	landed     uint64     // number of the last flight that landed well
	heard      uint64     // number of the last flight that asked the server
	landedAt   time.Time
	limiter    *rate.Limiter
	asked      time.Time                        // when the limiter was asked last
	unknown    *simplelru.LRU[question, uint64] // kid -> flights begun when it was first seen
	emptySince time.Time                        // when the server began to serve sets without a usable key; zero: it does not
	failures   int                              // in a row
	failure    error
	failedAt   time.Time
	backoff    time.Duration
}

// flight is one fetch, numbered in the order of departure.
type flight struct {
	*remote.Flight[answer]
	number   uint64
	departed time.Time
	basis    *set  // the set that was known at departure
	failure  error // nil: it landed well; written before those who wait are told, as is:
	borrowed bool  // nobody was asked: what is not in the set may still be at the server
}

// question is what a token asks for. An empty kid asks for the only key that fits.
type question struct {
	kid       string
	algorithm jose.Algorithm
}

// Key returns the key that is listed under kid and fits the algorithm (a JWS
// alg, such as "RS256"); with an empty kid, the only key that fits. A listed key
// costs no lock and no wait, unless the set is older than MaxStale. Any other may
// cause a fetch, which it waits for. Errors are ErrUnknownKey (at once for an
// algorithm or a kid that no key here can have), *UnavailableError, or the cause
// of the context (context.Cause) when the caller left.
func (s *Source) Key(ctx context.Context, kid, algorithm string) (*Key, error) {
	alg, ok := jose.ParseAlgorithm(algorithm)
	if !ok || len(kid) > jose.MaxKeyID { // unknown kids are remembered: they must not be long
		return nil, ErrUnknownKey
	}
	q := question{kid, alg}
	set := s.snapshot.Load()
	if k := set.find(q); k != nil && (s.config.MaxAge == 0 && !set.standsIn || s.young(set, s.config.Clock())) {
		return k, nil
	}
	return s.fetchKey(ctx, q)
}

// Lost reports whether the key that a token names cannot be looked for, because
// the last fetch failed. It waits for nothing, but lets the next fetch begin when
// it is due, so that whoever goes on without the key learns when it is back.
func (s *Source) Lost(kid, algorithm string) bool {
	alg, _ := jose.ParseAlgorithm(algorithm)
	if s.listed(question{kid, alg}) != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures == 0 {
		return false
	}
	_, _ = s.depart(want{key: question{kid, alg}}) // nobody waits for it, or for the reason why there is none
	return true
}

// listed returns the key with which the set may answer.
func (s *Source) listed(q question) *Key {
	set := s.snapshot.Load()
	k := set.find(q)
	if k != nil && s.stale(set.age(s.config.Clock())) {
		return nil
	}
	return k
}

// fetchKey waits for flights until one has decided the question: one that
// brings the key, or one that began after the question arose and does not.
func (s *Source) fetchKey(ctx context.Context, q question) (*Key, error) {
	arose := s.firstSeen(q)
	for {
		k, flight, err := s.join(q, arose)
		if k != nil || err != nil {
			return k, err
		}
		if err := s.await(ctx, flight); err != nil {
			if k := s.listed(q); k != nil {
				return k, nil // another process had it
			}
			return nil, err
		}
		// Only a flight that began after the question arose can have seen a key
		// that was published at that time; and what it has seen is young enough,
		// however long it took.
		if flight.number <= arose || flight.borrowed {
			continue
		}
		if k := s.snapshot.Load().find(q); k != nil {
			return k, nil
		}
		return nil, ErrUnknownKey
	}
}

// firstSeen notes when the question first arose, counted in flights begun. The
// note is not renewed by asking again. About a key that is listed, but in a set
// that is too old, every question is a new one.
func (s *Source) firstSeen(q question) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.snapshot.Load().find(q) != nil {
		return s.begun
	}
	arose, known := s.unknown.Get(q)
	if !known {
		arose = s.begun
		q.kid = strings.Clone(q.kid) // and nothing of the token around it
		s.unknown.Add(q, arose)
	}
	return arose
}
