package middleware

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/internal/reply"
	"github.com/bearerguard/bearerguard/middleware/mtls"
	"github.com/bearerguard/bearerguard/validator"
)

// Config is what a Guard needs besides a Validator.
type Config struct {
	// Realm is the realm of the challenges (RFC 9110 11.5). Default: none.
	// Printable ASCII only.
	Realm string
	// Resource describes this API to clients (RFC 9728): every challenge then names
	// the address of the description. Default: none.
	Resource Resource
	// InsecureAllowHTTP accepts plain http addresses on loopback in Resource, for
	// tests and demonstrations.
	InsecureAllowHTTP bool
	// DPoP verifies proofs of possession of a key (RFC 9449). Default: none, the scheme
	// DPoP is not accepted, and tokens that are bound to such a key are refused.
	DPoP *dpop.Verifier
	// MutualTLS finds the client's certificate (RFC 8705). Default: none, and tokens that
	// are bound to one are refused.
	MutualTLS *mtls.Verifier
	// ErrorHandler writes the answers to requests that are refused. Default: the
	// standard ones, with a body of RFC 9457.
	ErrorHandler ErrorHandler
	// Logger gets, at Info, what a Shadow would have refused. Default: none. (Refusals
	// are logged by the Validator.)
	Logger *slog.Logger
}

// Guard decides on HTTP requests. It is safe for concurrent use.
type Guard struct {
	validator *validator.Validator
	dpop      *dpop.Verifier // nil: none
	mutualTLS *mtls.Verifier // nil: none
	answers   answers
	metadata  []byte // RFC 9728; nil: none
	logger    *slog.Logger
}

// New returns a Guard around v. The error joins a *validator.ConfigError for every
// mistake.
func New(v *validator.Validator, config Config) (*Guard, error) {
	var mistakes []error
	if v == nil {
		mistakes = append(mistakes, &validator.ConfigError{Field: "Validator", Problem: "is required"})
	}
	if !reply.Printable(config.Realm) {
		mistakes = append(mistakes, &validator.ConfigError{Field: "Realm", Problem: "must be printable ASCII"})
	}
	mistakes = append(mistakes, config.Resource.check(config.InsecureAllowHTTP)...)
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	return &Guard{
		validator: v,
		dpop:      config.DPoP,
		mutualTLS: config.MutualTLS,
		answers:   answers{reply.Challenges{Realm: config.Realm, ResourceMetadata: config.Resource.metadataURL(), DPoP: algorithms(config.DPoP)}, config.ErrorHandler},
		metadata:  config.document(v.Issuers()),
		logger:    config.Logger,
	}, nil
}

// Authenticate decides whether the request carries a good token, whatever it permits,
// and writes nothing: answer with Refuse and the error, or call SetNonce. Errors are of
// type *validator.Error.
//
// Where the policy is known, Authorize is the whole decision. Policy.Check on the token
// is not: the Observer does not hear of it, and it asks no issuer (Policy.Fresh).
func (g *Guard) Authenticate(r *http.Request) (*validator.Token, error) {
	return g.authenticate(r, nil)
}

// Authorize decides whether the request carries a good token that permits what the
// policy asks, as Require does, and writes nothing: answer with Refuse and the error, or
// call SetNonce. It is for routers and protocols with handlers of their own kind.
//
// Errors are of type *validator.Error. A policy that this Guard's Validator cannot
// evaluate refuses every good token, with class ErrInsufficientScope and
// ReasonPolicyInvalid: let Validator.CheckPolicy find it when the program starts. The
// lists of the policy must not change meanwhile.
func (g *Guard) Authorize(r *http.Request, policy validator.Policy) (*validator.Token, error) {
	return g.authenticate(r, &policy)
}

func (g *Guard) authenticate(r *http.Request, policy *validator.Policy) (*validator.Token, error) {
	c, err := g.credentials(r)
	return g.decide(r, c, err, policy)
}

// decide decides on what credentials returned.
func (g *Guard) decide(r *http.Request, c credentials, err error, policy *validator.Policy) (*validator.Token, error) {
	if err != nil {
		return nil, g.validator.Refused(r.Context(), err)
	}
	token, err := g.validator.ValidateWith(r.Context(), c.token, validator.Requirements{Policy: policy, Proofs: g.proofs(r, c.scheme)})
	if err != nil {
		return nil, reply.PresentedAs(c.scheme, err)
	}
	return token, nil
}

// Require returns a middleware that lets requests through whose token is good
// and permits what the policy asks; inside, validator.FromContext returns the
// token. It panics on a policy that this Guard's Validator cannot evaluate, as
// http.ServeMux does on a bad pattern: that is a mistake in the program, and no
// request should have to find it.
//
// It is a func(http.Handler) http.Handler like any other, so routers of the
// net/http kind need no adapter. Middlewares that answer without a token, such as
// CORS with its preflight requests, go outside of it.
func (g *Guard) Require(policy validator.Policy) func(http.Handler) http.Handler {
	own := g.checked(policy)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.serve(w, r, own, next) })
	}
}

// serve lets the request through to next if its token permits that.
func (g *Guard) serve(w http.ResponseWriter, r *http.Request, policy *validator.Policy, next http.Handler) {
	token, err := g.authenticate(r, policy)
	if err != nil {
		g.refuse(w, r, err)
		return
	}
	g.SetNonce(w, token)
	next.ServeHTTP(w, r.WithContext(validator.NewContext(r.Context(), token)))
}

// Refuse answers a request that was not let through with the standard answer:
// status, challenge (RFC 6750 3, RFC 9449 7.1) or Retry-After, no-store, and a body of RFC 9457.
// An error that is not a *validator.Error is answered with 503. The ErrorHandler is
// not asked, because there is no request to give it, and neither Logger nor Observer
// hear of it. It is for decisions of your own: Require and Routes answer by themselves,
// and what decides by the token is better in Policy.Permit.
func (g *Guard) Refuse(w http.ResponseWriter, err error) { g.refuse(w, nil, err) }

func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, err error) {
	g.answers.write(w, r, reply.Refusal(err))
}
