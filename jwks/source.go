package jwks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/internal/remote"
)

// Defaults of Config.
const (
	DefaultRefreshBurst    = 5
	DefaultRefreshInterval = 10 * time.Second
)

const (
	flightTimeout = 20 * time.Second // up to two places of the metadata, and the key set before and after
	firstBackoff  = time.Second      // doubles with each failure in a row
	maxBackoff    = 10 * time.Second
	maxUnknown    = 1024 // unknown kids remembered; what falls out costs a fetch, not a wrong answer
)

// Config describes where the keys are and how often to ask for them.
type Config struct {
	// Issuer is the authorization server's issuer identifier, used for discovery.
	Issuer string
	// URL is the address of the JWK Set; empty means discovery (RFC 8414, OpenID
	// Connect Discovery).
	URL string
	// MetadataURL is asked for discovery instead of the well-known places of Issuer;
	// the document must name Issuer all the same.
	MetadataURL string
	// RefreshBurst is how many fetches unknown keys may cause at once; default 5.
	RefreshBurst int
	// RefreshInterval is how long it takes for one more; default 10 s.
	RefreshInterval time.Duration
	// CheckURL judges every address before it is asked, discovered ones and
	// redirects included. Default: https only.
	CheckURL func(*url.URL) error
	// HTTPClient is copied and bounded; nil means one of our own.
	HTTPClient *http.Client
	// Clock defaults to time.Now.
	Clock func() time.Time
	// OnFetch, if set, is called after each fetch, by the goroutine that fetched.
	OnFetch func(Fetch)
}

// Fetch tells how one fetch of a key set ended.
type Fetch struct {
	Err     error // nil: the set was read, or had not changed (304)
	Keys    int   // usable keys known now
	Skipped []Skipped
	Changed bool // other keys than before
}

// ErrUnknownKey: the server answered after the question arose, and lists no such key.
var ErrUnknownKey = errors.New("jwks: no such key")

// UnavailableError means that it could not be decided whether a key exists.
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
//
// The snapshot is replaced as a whole and read without a lock; mu guards all
// that follows it, and is never held during I/O.
type Source struct {
	config  Config
	fetcher *fetcher

	snapshot atomic.Pointer[set] // nil until the first good set

	mu       sync.Mutex
	url      string  // where the set is; empty: not discovered yet
	flight   *flight // the one in the air, if any
	begun    uint64  // flights begun; the number of the last one
	landed   uint64  // number of the last flight that landed well
	landedAt time.Time
	limiter  *rate.Limiter
	asked    time.Time                        // when the limiter was asked last
	unknown  *simplelru.LRU[question, uint64] // kid -> flights begun when it was first seen
	failures int                              // in a row
	failure  error
	failedAt time.Time
	backoff  time.Duration
}

// flight is one fetch, numbered in the order of departure.
type flight struct {
	*remote.Flight[answer]
	number uint64
}

// question is what a token asks for. An empty kid asks for the only key that fits.
type question struct {
	kid       string
	algorithm jose.Algorithm
}

// New returns a Source that has fetched nothing yet: it does no I/O.
func New(config Config) (*Source, error) {
	if config.CheckURL == nil {
		config.CheckURL = func(u *url.URL) error { return remote.CheckURL(u, false) }
	}
	if config.RefreshBurst <= 0 {
		config.RefreshBurst = DefaultRefreshBurst
	}
	if config.RefreshInterval <= 0 {
		config.RefreshInterval = DefaultRefreshInterval
	}
	if config.Clock == nil {
		config.Clock = time.Now
	}
	unknown, err := simplelru.NewLRU[question, uint64](maxUnknown, nil)
	if err != nil {
		return nil, err
	}
	return &Source{
		config:  config,
		fetcher: &fetcher{remote.NewClient(config.HTTPClient, config.CheckURL), config.CheckURL, config.Issuer, config.MetadataURL, config.URL == ""},
		url:     config.URL,
		limiter: newLimiter(config),
		unknown: unknown,
	}, nil
}

func newLimiter(config Config) *rate.Limiter {
	return rate.NewLimiter(rate.Every(config.RefreshInterval), config.RefreshBurst)
}

// Key returns the key that is listed under kid and fits the algorithm (a JWS
// alg, such as "RS256"); with an empty kid, the only key that fits. A listed key
// costs no lock and no wait. Any other may cause a fetch, which it waits for.
// Errors are ErrUnknownKey (at once for an algorithm that no key here can have),
// *UnavailableError, or the cause of the context (context.Cause) when the caller
// left.
func (s *Source) Key(ctx context.Context, kid, algorithm string) (*Key, error) {
	alg, ok := jose.ParseAlgorithm(algorithm)
	if !ok {
		return nil, ErrUnknownKey
	}
	q := question{kid, alg}
	if k := s.snapshot.Load().find(q); k != nil {
		return k, nil
	}
	return s.fetchKey(ctx, q)
}

// Lost reports whether the key that a token names cannot be looked for, because
// the last fetch failed. It waits for nothing, but lets the next fetch begin when
// it is due, so that whoever goes on without the key learns when it is back.
func (s *Source) Lost(kid, algorithm string) bool {
	alg, _ := jose.ParseAlgorithm(algorithm)
	if s.snapshot.Load().find(question{kid, alg}) != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures == 0 {
		return false
	}
	_, _ = s.depart() // nobody waits for it, or for the reason why there is none
	return true
}

// fetchKey waits for flights until one has decided the question: one that
// brings the key, or one that began after the question arose and does not.
func (s *Source) fetchKey(ctx context.Context, q question) (*Key, error) {
	arose := s.firstSeen(q)
	for {
		flight, err := s.join(q, arose)
		if err != nil {
			return nil, err
		}
		if flight != nil {
			if err := s.await(ctx, flight); err != nil {
				return nil, err
			}
		}
		if k := s.snapshot.Load().find(q); k != nil {
			return k, nil
		}
		// Only a flight that began after the question arose can have seen a key
		// that was published at that time.
		if flight == nil || flight.number > arose {
			return nil, ErrUnknownKey
		}
	}
}

// Ready returns nil once a key set has been read, and fetches the first one if
// nobody has. It never turns back: a later failure concerns unknown keys only.
func (s *Source) Ready(ctx context.Context) error {
	for s.snapshot.Load() == nil {
		flight, err := s.first()
		if err != nil {
			return err
		}
		if err := s.await(ctx, flight); err != nil {
			return err
		}
	}
	return nil
}

// first returns the flight that may bring the first set.
func (s *Source) first() (*flight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.depart()
}

// await waits for a flight. One that failed decides nothing.
func (s *Source) await(ctx context.Context, flight *flight) error {
	_, err := flight.Wait(ctx)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Clock()
	return &UnavailableError{RetryAfter: max(s.backoffLeft(now), s.nextToken(now)), Cause: err}
}

// firstSeen notes when the question first arose, counted in flights begun. The
// note is not renewed by asking again.
func (s *Source) firstSeen(q question) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	arose, known := s.unknown.Get(q)
	if !known {
		arose = s.begun
		q.kid = strings.Clone(q.kid) // and nothing of the token around it
		s.unknown.Add(q, arose)
	}
	return arose
}
