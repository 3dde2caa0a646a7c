package jwks

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"github.com/bearerguard/bearerguard/internal/remote"
)

// Defaults of Config.
const (
	DefaultRefreshBurst    = 5
	DefaultRefreshInterval = 10 * time.Second
	DefaultEmptyGrace      = 5 * time.Minute
)

// Config describes where the keys are and how often to ask for them.
type Config struct {
	// Issuer is the authorization server's issuer identifier, used for discovery,
	// Export, Import and Keyfunc.
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
	// MaxAge is how old the set may be before a fetch is started that nobody waits
	// for: up to a tenth of it earlier, by chance, so that processes that started together
	// do not fetch together, but not less than RefreshInterval. Its age counts from when
	// the last good answer was asked for. Default 0:
	// only unknown keys cause fetches, and a key that was withdrawn is trusted until
	// one of them does. Not shorter than RefreshInterval: those fetches come out of the
	// same bucket.
	MaxAge time.Duration
	// MaxStale is how old the set may be before its keys are not answered with any
	// more until the server confirms them. It is at least MaxAge, and means nothing
	// without it. Default 0: they always are.
	MaxStale time.Duration
	// EmptyGrace is for how long the server has to serve sets without a usable key,
	// and nothing better in between, before one replaces a good set; default 5 min.
	EmptyGrace time.Duration
	// CheckURL judges every address before it is asked, discovered ones and
	// redirects included. Default: https only.
	CheckURL func(*url.URL) error
	// HTTPClient is copied and bounded; nil means one of our own.
	HTTPClient *http.Client
	// Clock defaults to time.Now.
	Clock func() time.Time
	// OnFetch, if set, is called after each fetch, by the goroutine that fetched.
	OnFetch func(Fetch)
	// OnWait, if set, is called when a call of Key, Ready or Refresh begins to wait for a
	// fetch, with the context of that call; and what it returns, unless that is nil, when
	// the wait is over, with Fetch.Flight, and whether the context had ended before the
	// fetch did. Both by the goroutine of the call. It is not called for
	// what waits on behalf of several callers, such as a question whose answer is signed.
	OnWait func(context.Context) (over func(flight uint64, left bool))
	// Shared is where other processes have the same keys; nil: nowhere.
	Shared *Shared
}

// Fetch tells how one fetch of a key set ended.
type Fetch struct {
	Err     error     // nil: the set was read, or had not changed (304)
	Keys    int       // usable keys known now
	Skipped []Skipped // of the set known now; of the one that was read, when Err is ErrNoUsableKey
	Changed bool      // other keys than before
	// Shared: the set is one that another process fetched (Config.Shared), and nobody was
	// asked; beside an Err, that one stands in for what could not be had.
	Shared bool

	Flight uint64        // its number, unique in this process; see Config.OnWait
	Took   time.Duration // by Config.Clock
}

// New returns a Source that has fetched nothing yet: it does no I/O. The error is
// a *ConfigError, about MaxAge or MaxStale.
func New(config Config) (*Source, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	config.setDefaults()
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

// ConfigError is a mistake in a Config.
type ConfigError struct{ Field, Problem string }

func (e *ConfigError) Error() string { return "jwks: " + e.Field + " " + e.Problem }

// Check returns the *ConfigError that New would return: it refuses what somebody may
// rely on, a bound that would be none.
func (c *Config) Check() error {
	switch {
	case c.MaxAge < 0:
		return &ConfigError{"MaxAge", "must not be negative"}
	case c.MaxStale < 0:
		return &ConfigError{"MaxStale", "must not be negative"}
	case c.MaxAge > 0 && c.MaxAge < cmp.Or(max(c.RefreshInterval, 0), DefaultRefreshInterval):
		return &ConfigError{"MaxAge", fmt.Sprintf("must not be shorter than RefreshInterval (%v if it is not set): "+
			"sets would grow older than that, and unknown keys find the bucket empty", DefaultRefreshInterval)}
	case c.MaxStale > 0 && c.MaxAge == 0:
		return &ConfigError{"MaxStale", "needs MaxAge: otherwise nobody asks for a newer set before this one is too old"}
	case c.MaxStale > 0 && c.MaxStale < c.MaxAge:
		return &ConfigError{"MaxStale", "must not be shorter than MaxAge"}
	}
	return nil
}

func (c *Config) setDefaults() {
	if c.CheckURL == nil {
		c.CheckURL = func(u *url.URL) error { return remote.CheckURL(u, false) }
	}
	if c.RefreshBurst <= 0 {
		c.RefreshBurst = DefaultRefreshBurst
	}
	if c.RefreshInterval <= 0 {
		c.RefreshInterval = DefaultRefreshInterval
	}
	if c.EmptyGrace <= 0 {
		c.EmptyGrace = DefaultEmptyGrace
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
}

func newLimiter(config Config) *rate.Limiter {
	return rate.NewLimiter(rate.Every(config.RefreshInterval), config.RefreshBurst)
}
