package jwks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
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
	flightTimeout = 10 * time.Second // metadata and key set together
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
	// RefreshBurst is how many fetches unknown keys may cause at once; default 5.
	RefreshBurst int
	// RefreshInterval is how long it takes for one more; default 10 s.
	RefreshInterval time.Duration
	// CheckURL judges every address before it is asked, discovered ones and
	// redirects included. Required.
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
		return nil, errors.New("jwks: Config.CheckURL is required")
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
		fetcher: &fetcher{remote.NewClient(config.HTTPClient, config.CheckURL), config.CheckURL, config.Issuer, config.URL == ""},
		url:     config.URL,
		limiter: newLimiter(config),
		unknown: unknown,
	}, nil
}

func newLimiter(config Config) *rate.Limiter {
	return rate.NewLimiter(rate.Every(config.RefreshInterval), config.RefreshBurst)
}

// Key returns the key that is listed under kid and fits the algorithm; with an
// empty kid, the only key that fits. A listed key costs no lock and no wait. Any
// other may cause a fetch, which it waits for. Errors are ErrUnknownKey,
// *UnavailableError, or the cause of the context (context.Cause) when the caller
// left.
func (s *Source) Key(ctx context.Context, kid string, algorithm jose.Algorithm) (*Key, error) {
	q := question{kid, algorithm}
	if k := s.snapshot.Load().find(q); k != nil {
		return k, nil
	}
	return s.fetchKey(ctx, q)
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
		s.unknown.Add(q, arose)
	}
	return arose
}

// join returns the flight to wait for, or nil when the snapshot answers the
// question: it has the key by now, or is recent enough to say that there is none.
func (s *Source) join(q question, arose uint64) (*flight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.snapshot.Load().find(q) != nil {
		return nil, nil
	}
	if s.landed > arose && s.fresh() {
		return nil, nil
	}
	return s.depart()
}

// fresh reports whether the last good answer may still stand for "no such key".
// It may for one refill of the bucket: after that a fetch costs nothing that the
// bucket does not allow, and the key may have been published since.
func (s *Source) fresh() bool {
	age := s.config.Clock().Sub(s.landedAt)
	return age >= 0 && age < s.config.RefreshInterval
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
	s.snapshot.Store(next)
	if changed {
		old.retireAllBut(next)
		s.unknown.Purge()
	}
	return changed
}
