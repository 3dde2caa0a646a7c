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
	keys                *jwks.Source // nil: its tokens are never JWTs

	introspection         *introspect.Client // nil: it is not asked about tokens
	prefix                string             // of its opaque tokens
	answerRules           *profileRules
	always                bool
	maxAge, staleIfError  time.Duration // 0: until exp; none
	allowMissingAudience  bool
	allowMissingExpiry    time.Duration // 0: not allowed
	allowMissingTokenType bool
}

// trusted is all issuers of a Validator. It is immutable.
type trusted struct {
	issuers   map[string]*issuer // by exact iss
	audiences map[string]int     // by how many issuers each is served
	opaque    []*issuer          // those that are asked about tokens
	clock     func() time.Time   // by which a policy judges their tokens
	leeway    time.Duration
}

// ambiguous reports whether a policy that names these audiences, and no issuer,
// leaves open which issuer or audience it means.
func (t *trusted) ambiguous(audiences []string) bool {
	if len(audiences) == 0 {
		return len(t.issuers) > 1 || len(t.audiences) > 1
	}
	return slices.ContainsFunc(audiences, func(a string) bool { return t.audiences[a] > 1 })
}

// sourceSpec is what a key source depends on: a reload keeps the sources whose
// spec did not change.
type sourceSpec struct {
	name, url, jwksURL string
	burst              int
	interval           time.Duration
	client             *http.Client
	rule               endpointRule
}

func newIssuer(is Issuer) *issuer {
	rules := is.Profile.rules()
	algorithms := rules.algorithms
	if len(is.Algorithms) > 0 {
		algorithms = 0
		for _, name := range is.Algorithms {
			a, _ := jose.ParseAlgorithm(name) // Config.check saw it
			algorithms |= jose.NewAlgorithms(a)
		}
	}
	return &issuer{
		name: is.name(), url: is.URL,
		audiences: slices.Clone(is.Audiences), clientIDs: slices.Clone(is.ClientIDs),
		anyClient: is.AnyClient, audienceMayBeClient: is.AudienceMayBeClient,
		algorithms: algorithms, rules: rules,
		answerRules: rules.forAnswers(), always: is.IntrospectAlways,
		maxAge: is.IntrospectionMaxAge, staleIfError: is.StaleIfError,
		allowMissingAudience: is.AllowMissingAudience, allowMissingExpiry: is.AllowMissingExpiry,
		allowMissingTokenType: is.AllowMissingTokenType,
	}
}

func (is *issuer) in(names []string) bool {
	return slices.Contains(names, is.name) || slices.Contains(names, is.url)
}

// newSource makes the key source of an issuer. Keys never leave it: there is one
// for each issuer, even where two have the same key set.
func newSource(spec sourceSpec, clock func() time.Time, seen *atomic.Pointer[witness]) (*jwks.Source, error) {
	return jwks.New(jwks.Config{
		Issuer: spec.url, URL: spec.jwksURL,
		RefreshBurst: spec.burst, RefreshInterval: spec.interval,
		CheckURL: spec.rule.check, HTTPClient: spec.client, Clock: clock,
		OnFetch: func(f jwks.Fetch) {
			seen.Load().keyFetch(KeyFetch{Issuer: spec.name, Err: f.Err, Keys: f.Keys, Skipped: f.Skipped, Changed: f.Changed})
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
