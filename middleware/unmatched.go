package middleware

import (
	"context"
	"net/http"
	"strings"

	"github.com/bearerguard/bearerguard/validator"
)

// unmatched answers a request that no route took; t holds what the mux said to it,
// if anything.
func (rt *Routes) unmatched(w http.ResponseWriter, r *http.Request, t *turnstile) {
	if target := rt.target(r, t); target != nil {
		target.serve(w, r, t)
		return
	}
	// A policy that permits nothing is what "deny by default" is, and makes this a
	// decision like any other: the observer hears of it once.
	rt.guard.serve(w, r, &validator.Policy{AnyTrustedIssuer: true, Permit: func(ctx context.Context, token *validator.Token) error {
		if t.status == http.StatusMethodNotAllowed && rt.permittedOtherwise(ctx, r, t, token) {
			return nil
		}
		return validator.NewError(validator.ReasonRouteUnknown, "")
	}}, t)
}

// target is the route that a redirect of the mux leads to; nil: it is none, or
// leads nowhere. ServeMux gives the pattern with the redirect, except for CONNECT,
// which is never redirected here. To "*" it says 400, and leaves a pattern of a mux
// further out where it was.
func (rt *Routes) target(r *http.Request, t *turnstile) *route {
	if t.status/100 != 3 || r.Method == http.MethodConnect {
		return nil
	}
	return rt.lookup(r.Pattern)
}

// permittedOtherwise reports whether a route of another method at that path would
// be open to the token.
func (rt *Routes) permittedOtherwise(ctx context.Context, r *http.Request, t *turnstile, token *validator.Token) bool {
	other := *r
	for _, other.Method = range strings.Split(t.header.Get("Allow"), ", ") {
		_, pattern := rt.mux.Handler(&other)
		// nil: a redirect of CONNECT.
		if e := rt.lookup(pattern); e != nil && e.permits(ctx, token) {
			return true
		}
	}
	return false
}
