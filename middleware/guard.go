package middleware

import (
	"errors"
	"net/http"
	"slices"

	"github.com/bearerguard/bearerguard/validator"
)

// Config is what a Guard needs besides a Validator.
type Config struct {
	// Realm is the realm of the challenges (RFC 9110 11.5). Default: none.
	// Printable ASCII only.
	Realm string
}

// Guard decides on HTTP requests. It is safe for concurrent use.
type Guard struct {
	validator  *validator.Validator
	challenges challenges
}

// New returns a Guard around v. The error is a *validator.ConfigError.
func New(v *validator.Validator, config Config) (*Guard, error) {
	if v == nil {
		return nil, &validator.ConfigError{Field: "Validator", Problem: "is required"}
	}
	if !printable(config.Realm) {
		return nil, &validator.ConfigError{Field: "Realm", Problem: "must be printable ASCII"}
	}
	return &Guard{validator: v, challenges: newChallenges(config.Realm)}, nil
}

// Authenticate decides whether the request carries a good token, without a
// policy and without writing anything: call Policy.Check on the token, and Refuse
// with the error of either. Errors are of type *validator.Error.
func (g *Guard) Authenticate(r *http.Request) (*validator.Token, error) {
	return g.authenticate(r, nil)
}

func (g *Guard) authenticate(r *http.Request, policy *validator.Policy) (*validator.Token, error) {
	raw, err := bearer(r)
	if err != nil {
		return nil, g.validator.Refused(r.Context(), err)
	}
	return g.validator.ValidateWith(r.Context(), raw, validator.Requirements{Policy: policy})
}

// Require returns a middleware that lets requests through whose token is good
// and permits what the policy asks; inside, validator.FromContext returns the
// token. It panics on a policy that this Guard's Validator cannot evaluate, as
// http.ServeMux does on a bad pattern: that is a mistake in the program, and no
// request should have to find it.
func (g *Guard) Require(policy validator.Policy) func(http.Handler) http.Handler {
	if err := g.validator.CheckPolicy(policy); err != nil {
		panic(err)
	}
	policy.Scopes, policy.AnyScope = slices.Clone(policy.Scopes), slices.Clone(policy.AnyScope)
	policy.Issuers, policy.Audiences = slices.Clone(policy.Issuers), slices.Clone(policy.Audiences)
	policy.ClientIDs = slices.Clone(policy.ClientIDs)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token, err := g.authenticate(r, &policy)
			if err != nil {
				g.Refuse(w, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(validator.NewContext(r.Context(), token)))
		})
	}
}

// Refuse answers a request that was not let through, as Require does: status,
// challenge (RFC 6750 3) and Retry-After, and no body. An error that is not a
// *validator.Error is answered with 503.
func (g *Guard) Refuse(w http.ResponseWriter, err error) { g.challenges.write(w, refusal(err)) }

// refusal is err, which package validator always makes an *Error.
func refusal(err error) *validator.Error {
	var e *validator.Error
	if !errors.As(err, &e) || e == nil {
		return validator.NewError("", "") // undecided, not bad
	}
	return e
}
