package validator

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/jwks"
)

// issuer is a configured Issuer at work. It is immutable.
type issuer struct {
	name, url           string
	audiences           []string
	clientIDs           []string
	anyClient           bool
	audienceMayBeClient bool
	trusted             *trusted
	algorithms          jose.Algorithms
	rules               *profileRules
	template            template      // of Entra ID's
	maxLifetime         time.Duration // 0: any
	keys                *jwks.Source  // nil: its tokens are never JWTs
	keysAge             bool          // they may be too old to use
	marks               *marks        // of what was revoked; nil: nothing ever is

	eventAudiences, logoutClientIDs []string // ours, in what it tells of revocations
	statusListHosts                 []string // beside its own
	allowUnknownStatus              bool

	introspection         *introspect.Client // nil: it is not asked about tokens
	prefix                string             // of its opaque tokens
	about                 []string           // what its answers depend on beside the token
	answerRules           *profileRules
	always                bool
	maxAge, staleIfError  time.Duration // 0: until exp; none
	allowMissingAudience  bool
	allowMissingExpiry    time.Duration // 0: not allowed
	allowMissingTokenType bool
}

// trusted is all issuers of a Validator. It is immutable.
type trusted struct {
	all       []*issuer
	issuers   map[string]*issuer // by exact iss
	templates []*issuer          // those that stand for many
	audiences map[string]int     // by how many issuers each is served
	opaque    []*issuer          // those that are asked about tokens
	clock     func() time.Time   // by which a policy judges their tokens
	leeway    time.Duration
}

// find returns the issuer that an iss belongs to; nil if it is none.
func (t *trusted) find(iss string) *issuer {
	if is := t.issuers[iss]; is != nil {
		return is
	}
	for _, is := range t.templates {
		if is.template.tenant(iss) != "" { // no URL is one of another template's (Config.check)
			return is
		}
	}
	return nil
}

func (t *trusted) add(is *issuer) {
	t.all = append(t.all, is)
	if is.rules.tenants != nil && is.template.only == "" {
		t.templates = append(t.templates, is) // its URL is nobody's iss
		return
	}
	t.issuers[is.url] = is
}

// ambiguous reports whether a policy that names these audiences, and no issuer,
// leaves open which issuer or audience it means.
func (t *trusted) ambiguous(audiences []string) bool {
	if len(audiences) == 0 {
		return len(t.all) > 1 || len(t.audiences) > 1
	}
	return slices.ContainsFunc(audiences, func(a string) bool { return t.audiences[a] > 1 })
}

// sourceSpec is what a key source depends on: a reload keeps the sources whose
// spec did not change.
type sourceSpec struct {
	name, url, jwksURL string
	metadata           string // where the metadata are; empty: where they always are
	refresh            keyRefresh
	client             *http.Client
	rule               endpointRule
	sharing            keySharing
}

// keyRefresh is when keys are asked for.
type keyRefresh struct {
	burst                                  int
	interval, maxAge, maxStale, emptyGrace time.Duration
}

func (is *Issuer) keyRefresh() keyRefresh {
	return keyRefresh{is.KeyRefreshBurst, is.KeyRefreshInterval, is.KeyMaxAge, is.KeyMaxStale, is.KeyEmptyGrace}
}

func newIssuer(is Issuer) *issuer {
	rules := is.Profile.rules()
	accepted := rules.algorithms
	if len(is.Algorithms) > 0 {
		accepted = algorithms(is.Algorithms)
	}
	shape, _ := newTemplate(is.URL)
	return &issuer{
		name: is.name(), url: is.URL,
		audiences: slices.Clone(is.Audiences), clientIDs: slices.Clone(is.ClientIDs),
		anyClient: is.AnyClient, audienceMayBeClient: is.AudienceMayBeClient,
		algorithms: accepted, rules: rules, template: shape, maxLifetime: is.MaxTokenLifetime, keysAge: is.KeyMaxAge > 0,
		eventAudiences: slices.Clone(is.EventAudiences), logoutClientIDs: slices.Clone(is.LogoutClientIDs),
		statusListHosts: slices.Clone(is.StatusListHosts), allowUnknownStatus: is.AllowUnknownStatus,
		answerRules: rules.forAnswers(), always: is.IntrospectAlways,
		maxAge: is.IntrospectionMaxAge, staleIfError: is.StaleIfError,
		allowMissingAudience: is.AllowMissingAudience, allowMissingExpiry: is.AllowMissingExpiry,
		allowMissingTokenType: is.AllowMissingTokenType,
	}
}

// algorithms is the set of names that Config.check found to be good.
func algorithms(names []string) (set jose.Algorithms) {
	for _, name := range names {
		a, _ := jose.ParseAlgorithm(name)
		set |= jose.NewAlgorithms(a)
	}
	return set
}

// hasScopes reports whether its tokens can have any: an answer always can (RFC 7662 2.2).
func (is *issuer) hasScopes() bool { return len(is.rules.scope) > 0 || is.introspection != nil }

func (is *issuer) in(names []string) bool {
	return slices.Contains(names, is.name) || slices.Contains(names, is.url)
}

// newSource makes the key source of an issuer. Keys never leave it: there is one
// for each issuer, even where two have the same key set.
func newSource(spec sourceSpec, clock func() time.Time, seen *atomic.Pointer[witness]) (*jwks.Source, error) {
	return jwks.New(jwks.Config{
		Issuer: spec.url, URL: spec.jwksURL, MetadataURL: spec.metadata,
		RefreshBurst: spec.refresh.burst, RefreshInterval: spec.refresh.interval,
		MaxAge: spec.refresh.maxAge, MaxStale: spec.refresh.maxStale, EmptyGrace: spec.refresh.emptyGrace,
		CheckURL: spec.rule.check, HTTPClient: spec.client, Clock: clock,
		Shared: spec.sharing.shared(spec, clock, seen),
		OnFetch: func(f jwks.Fetch) {
			seen.Load().keyFetch(KeyFetch{
				Issuer: spec.name, Err: f.Err, Keys: f.Keys, Skipped: f.Skipped, Changed: f.Changed, Shared: f.Shared,
				Took: f.Took, Flight: f.Flight,
			})
		},
		OnWait: func(ctx context.Context) func(uint64, bool) {
			return seen.Load().waiting(ctx, spec.name, WaitKeys, clock)
		},
	})
}

// key finds the key that a token names. Only the issuer's own keys are asked.
func (is *issuer) key(ctx context.Context, kid string, algorithm jose.Algorithm) (*jwks.Key, *Error) {
	if is.keys == nil {
		return nil, refuse(ReasonUnknownKey, "this issuer signs no tokens (OpaqueOnly)")
	}
	key, err := is.keys.Key(ctx, kid, algorithm.String())
	if err != nil {
		return nil, keyError(ctx, err)
	}
	return key, nil
}

// keyError tells "there is no such key", which is the token's fault, from
// "we could not find out", which is not.
func keyError(ctx context.Context, err error) *Error {
	var unavailable *jwks.UnavailableError
	switch {
	case errors.Is(err, jwks.ErrUnknownKey):
		return refuse(ReasonUnknownKey, "")
	case errors.As(err, &unavailable):
		reason := ReasonKeysUnavailable
		if unavailable.Throttled {
			reason = ReasonKeyRefreshThrottled
		}
		e := refuse(reason, err.Error())
		e.RetryAfter = unavailable.RetryAfter
		return e
	}
	if e := callerLeft(ctx); e != nil {
		return e
	}
	return refuse(ReasonKeysUnavailable, err.Error())
}
