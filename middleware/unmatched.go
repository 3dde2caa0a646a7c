package middleware

import (
	"net/http"
	"strings"

	"github.com/bearerguard/bearerguard/validator"
)

// unmatched answers a request that no route took; t holds what the mux said to it.
func (rt *Routes) unmatched(w http.ResponseWriter, r *http.Request, t *turnstile) {
	if target := rt.target(r, t); target != nil {
		target.serve(w, r, t)
		return
	}
	token, err := rt.guard.authenticate(r, nil)
	switch {
	case err != nil:
	case rt.permittedOtherwise(r, t, token):
		t.ServeHTTP(w, r)
		return
	default:
		e := validator.NewError(validator.ReasonRouteUnknown, "")
		e.Verified = true
		err = rt.guard.validator.Refused(r.Context(), e)
	}
	rt.guard.refuse(w, r, err)
}

// target is the route that a redirect of the mux leads to; nil: it is none, or
// leads nowhere. ServeMux gives the pattern with the redirect, except for CONNECT,
// which is never redirected here.
func (rt *Routes) target(r *http.Request, t *turnstile) *route {
	if t.status/100 != 3 || r.Method == http.MethodConnect {
		return nil
	}
	return rt.lookup(r.Pattern)
}

// permittedOtherwise reports whether the mux would have had a route for another
// method (405), and one of them would have been open to the token.
func (rt *Routes) permittedOtherwise(r *http.Request, t *turnstile, token *validator.Token) bool {
	if t.status != http.StatusMethodNotAllowed {
		return false
	}
	other := *r
	for _, other.Method = range strings.Split(t.header.Get("Allow"), ", ") {
		_, pattern := rt.mux.Handler(&other)
		if e := rt.lookup(pattern); e != nil && e.permits(r.Context(), token) {
			return true
		}
	}
	return false
}
