package validator

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerguard/bearerguard/cache"
	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/jwks"
)

// Validator decides on access tokens. It is immutable and safe for concurrent
// use; it starts no goroutine that outlives a fetch of keys or a question to an
// issuer, so there is nothing to close.
type Validator struct {
	trusted *trusted
	witness *witness
	leeway  time.Duration
	cap     time.Duration
	clock   func() time.Time
	cache   *cache.Cache[[sha256.Size]byte, facts]
	headers *headers
	lists   *lists

	// What issuers are asked, and which opaque tokens they called inactive.
	opaqueIssuer func(string) string
	inquiries    remote.Group[[sha256.Size]byte, verdict]
	inactive     *cache.Cache[[sha256.Size]byte, struct{}]
	answers      *sharedAnswers // nil: they are not shared

	// The status lists that tokens name, by issuer and address.
	statuses      *cache.Cache[[sha256.Size]byte, statusList]
	statusFlights remote.Group[[sha256.Size]byte, *statusList]
	statusClient  *remote.Client

	// What a reload shares.
	sources map[sourceSpec]*jwks.Source
	revoked *Revocations // nil: nothing is ever revoked
	*shared
}

// shared is what a reload shares as it is.
type shared struct {
	newest atomic.Pointer[witness] // hears of key fetches
	ready  atomic.Bool             // once, and for good
}

// New returns a Validator for the configuration. It does no I/O: keys are
// fetched when the first token, or Ready, asks for them, so that a service
// starts while its authorization server is down. The error joins a *ConfigError
// for every mistake.
func New(config Config) (*Validator, error) {
	return build(config, nil, new(shared))
}

// WithConfig returns a new Validator for a changed configuration. It shares with
// v the keys (and what is known about unknown ones) of every issuer whose Name,
// URL, JWKSURL, Okta profile, refresh settings, HTTPClient (the pointer) and
// InsecureAllowHTTP are the same, the Revocations (the configuration need not repeat them,
// and must not have others), and whether v was ready: an issuer that is new and cannot be
// reached is no reason to take the service out of use. Where only Name, Fleet.Keys or refresh settings
// differ, the new key source begins with the keys that are known. A shared key source
// keeps the Clock it began with; the Logger and Observer of the newest
// configuration hear of its fetches. What is known about tokens is not shared: the cache
// begins empty. v stays usable, and is unaffected by an
// error.
func (v *Validator) WithConfig(config Config) (*Validator, error) {
	if config.Revocations == nil {
		config.Revocations = v.revoked
	}
	if v.revoked != nil && config.Revocations != v.revoked {
		return nil, &ConfigError{"Revocations", "must be those of the Validator whose configuration changes, or nil: others know nothing of what was revoked"}
	}
	return build(config, v.sources, v.shared)
}

func build(config Config, old map[sourceSpec]*jwks.Source, reload *shared) (*Validator, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	v := &Validator{
		trusted: &trusted{issuers: make(map[string]*issuer, len(config.Issuers)), audiences: map[string]int{}},
		witness: &witness{config.Observer, config.Logger},
		leeway:  config.leeway(), cap: config.CacheCap, clock: config.Clock,
		sources: make(map[sourceSpec]*jwks.Source, len(config.Issuers)),
		revoked: config.Revocations, shared: reload, opaqueIssuer: config.OpaqueIssuer,
	}
	if v.clock == nil {
		v.clock = time.Now
	}
	v.headers, v.lists = newHeaders(), newLists()
	v.trusted.clock, v.trusted.leeway = v.clock, v.leeway
	size := config.CacheSize
	if size == 0 {
		size = DefaultCacheSize
	}
	var err error
	if v.cache, err = cache.New[[sha256.Size]byte, facts](size, spread); err != nil {
		return nil, err
	}
	if v.inactive, err = cache.New[[sha256.Size]byte, struct{}](size, spread); err != nil {
		return nil, err
	}
	if v.answers, err = newSharedAnswers(config.Fleet.inForce(), size, v.clock); err != nil {
		return nil, err
	}
	if v.statuses, err = cache.New[[sha256.Size]byte, statusList](maxStatusLists, spread); err != nil {
		return nil, err
	}
	v.statusClient = remote.NewClient(config.HTTPClient, func(u *url.URL) error { return remote.CheckURL(u, config.InsecureAllowHTTP) })
	if err := v.addIssuers(config, old); err != nil {
		return nil, err
	}
	v.newest.Store(v.witness)
	return v, nil
}

func (v *Validator) addIssuers(config Config, old map[sourceSpec]*jwks.Source) error {
	for _, c := range config.Issuers {
		is := newIssuer(c)
		if v.revoked != nil {
			is.marks = v.revoked.adopt(&c, v.clock, v.leeway)
		}
		spec := sourceSpec{
			is.name, is.url, c.JWKSURL, is.rules.metadataOf(is.url), c.keyRefresh(), config.HTTPClient,
			endpointRule{config.InsecureAllowHTTP, is.rules == oktaRules}, config.Fleet.inForce().keySharing(),
		}
		if err := v.addKeys(is, c, spec, old); err != nil {
			return err
		}
		if err := v.addIntrospection(is, c, spec); err != nil {
			return err
		}
		is.trusted = v.trusted
		v.trusted.add(is)
		for i, a := range is.audiences {
			if !slices.Contains(is.audiences[:i], a) {
				v.trusted.audiences[a]++
			}
		}
	}
	return nil
}

func (v *Validator) addKeys(is *issuer, c Issuer, spec sourceSpec, old map[sourceSpec]*jwks.Source) error {
	if c.OpaqueOnly {
		return nil
	}
	source, shared := old[spec]
	if !shared {
		var err error
		if source, err = newSource(spec, v.clock, &v.newest); err != nil {
			return err
		}
		inherit(source, spec, old)
	}
	is.keys, v.sources[spec] = source, source
	return nil
}

// inherit gives a source the keys that were known before its label, its refresh
// settings or its fleet changed: they came from the same place, by the same client.
func inherit(source *jwks.Source, spec sourceSpec, old map[sourceSpec]*jwks.Source) {
	for before, known := range old {
		before.name, before.refresh, before.sharing = spec.name, spec.refresh, spec.sharing
		if before != spec {
			continue
		}
		if set, err := known.Export(); err == nil {
			_ = source.Import(set) // without it, the first token fetches
		}
	}
}

func (v *Validator) addIntrospection(is *issuer, c Issuer, spec sourceSpec) (err error) {
	if c.Introspection == nil {
		return nil
	}
	is.introspection, err = introspect.New(introspect.Server{
		Issuer: is.url, CheckURL: spec.rule.check, HTTPClient: spec.client, Clock: v.clock,
		Verify: func(ctx context.Context, answer string, audiences []string, sent time.Time) (string, error) {
			return v.verifyAnswer(ctx, is, answer, audiences, sent)
		},
	}, *c.Introspection)
	if err != nil {
		return err
	}
	is.prefix, is.about = c.Introspection.Format.Prefix, aboutAnswers(is)
	v.trusted.opaque = append(v.trusted.opaque, is)
	return nil
}

// Issuers returns the URLs of the configured issuers, in alphabetical order: what
// the metadata of a protected resource calls its authorization servers (RFC 9728 2).
func (v *Validator) Issuers() []string {
	urls := make([]string, len(v.trusted.all))
	for i, is := range v.trusted.all {
		urls[i] = strings.Replace(is.url, tenantID, "common", 1) // what its clients call it
	}
	slices.Sort(urls)
	return urls
}

// spread picks a shard by the first bytes of a SHA-256 hash.
func spread(digest [sha256.Size]byte) uint64 { return binary.LittleEndian.Uint64(digest[:8]) }

// Ready returns nil once every issuer has had a key set, unless it is OpaqueOnly,
// and fetches those that are missing; and, with a feed of revocations, once that has
// caught up (RefuseWhileBehind) or has said that it cannot (ServeWhileBehind). Once ready it stays ready: an outage later on concerns only tokens
// with unknown keys. After a failure it answers from memory until RetryAfter (1 s,
// doubling to 10 s), so that a probe may call it often. Errors are of class
// ErrUnavailable, and name the issuer's addresses: they are for logs. With many
// issuers, one that is down from the start holds all up; see Status for a rule of
// your own.
func (v *Validator) Ready(ctx context.Context) error {
	if v.ready.Load() {
		return nil
	}
	errs := make([]error, len(v.trusted.all))
	var wg sync.WaitGroup
	for i, is := range v.trusted.all {
		if is.keys == nil {
			continue
		}
		wg.Go(func() {
			if err := is.keys.Ready(ctx); err != nil {
				errs[i] = keyError(ctx, err)
			}
		})
	}
	var behind error
	if e := v.revoked.ready(ctx); e != nil {
		behind = e
	}
	wg.Wait()
	err := errors.Join(append(errs, behind)...)
	if err == nil {
		v.ready.Store(true)
	}
	return err
}
