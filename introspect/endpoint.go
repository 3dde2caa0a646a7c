package introspect

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerguard/bearerguard/internal/metadata"
	"github.com/bearerguard/bearerguard/internal/remote"
)

// discoveryTimeout bounds the reading of the metadata, at its two places.
const discoveryTimeout = 2 * remote.Timeout

// finder knows where to ask.
type finder struct {
	client     *remote.Client
	check      func(*url.URL) error
	issuer     string
	hosts      []string // other than the issuer's
	mutualTLS  bool
	configured bool

	clock    func() time.Time
	endpoint atomic.Pointer[string] // nil: not known (any more)
	flights  remote.Group[struct{}, string]

	mu       sync.Mutex // guards all below
	failure  error      // of the last discovery; nil: none
	failedAt time.Time
	failures int // in a row
}

// find returns the endpoint. Those who do not know it share the discovery.
func (f *finder) find(ctx context.Context) (string, error) {
	if address, ok := f.known(); ok {
		return address, nil
	}
	if err := f.lately(); err != nil {
		return "", err
	}
	return f.flights.Do(ctx, struct{}{}, remote.Errand[string]{Timeout: discoveryTimeout, Known: f.known, Work: f.discover})
}

func (f *finder) known() (string, bool) {
	if address := f.endpoint.Load(); address != nil {
		return *address, true
	}
	return "", false
}

// forget makes the next question discover the endpoint again: it was gone.
func (f *finder) forget() {
	if !f.configured {
		f.endpoint.Store(nil)
	}
}

// discover discovers the endpoint, and remembers how that went.
func (f *finder) discover(ctx context.Context) (string, error) {
	address, err := f.locate(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failure, f.failedAt = err, f.clock()
	f.failures++
	if err == nil {
		f.failures = 0
		f.endpoint.Store(&address)
	}
	return address, err
}

// lately is why discovery failed, and failed again, for as long as trying once more
// is too early: others choose how many questions there are, and metadata is longer
// than they are.
func (f *finder) lately() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failures < 2 {
		return nil
	}
	age, pause := f.clock().Sub(f.failedAt), min(firstPause<<min(f.failures-2, maxBackoff), maxPause)
	if age < 0 || age >= pause {
		return nil
	}
	return f.failure
}

func (f *finder) locate(ctx context.Context) (string, error) {
	document, err := metadata.Discover(ctx, f.client, f.issuer, "")
	if err != nil {
		return "", fmt.Errorf("discovery: %w", err)
	}
	address := document.IntrospectionEndpoint(f.mutualTLS)
	if address == "" {
		return "", errors.New("discovery: the metadata names no introspection_endpoint")
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", errors.New("discovery: the introspection_endpoint is no URL")
	}
	if err := f.check(u); err != nil {
		return "", fmt.Errorf("discovery: introspection_endpoint: %w", err)
	}
	// It will get our secret and our users' tokens: whoever can change a document
	// must not be able to choose where they go.
	if !f.trusted(u) {
		return "", fmt.Errorf("discovery: the introspection_endpoint is at another host, %.100q: name it in Hosts if it may be there", u.Host)
	}
	return address, nil
}

func (f *finder) trusted(u *url.URL) bool {
	issuer, err := url.Parse(f.issuer)
	if err == nil && strings.EqualFold(u.Host, issuer.Host) {
		return true
	}
	return slices.ContainsFunc(f.hosts, func(host string) bool {
		return strings.EqualFold(host, u.Host) || strings.EqualFold(strings.Trim(host, "[]"), u.Hostname())
	})
}
