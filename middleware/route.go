package middleware

import (
	"context"
	"net/http"
	"strings"

	"github.com/bearerguard/bearerguard/validator"
)

// route is a pattern, who may pass, and what is behind. It is immutable, and the
// only kind of handler in the mux of a Routes.
type route struct {
	guard   *Guard
	pattern string
	access  string
	policy  *validator.Policy // nil: public
	handler http.Handler
	connect bool // the pattern names the method CONNECT
}

// namesConnect reads the method of a pattern as ServeMux does.
func namesConnect(pattern string) bool {
	end := strings.IndexAny(pattern, " \t")
	return end >= 0 && pattern[:end] == http.MethodConnect
}

// ServeHTTP is called by the mux, for the route it found.
func (e *route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A pattern without a method matches CONNECT too, whose paths ServeMux does not
	// clean: "/public/../admin" would be under "/public/".
	if r.Method == http.MethodConnect && !e.connect {
		return
	}
	t := w.(*turnstile)
	t.passed = true
	e.serve(t.w, r, e.handler)
}

// serve lets the request through to next if the route is open to it.
func (e *route) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	switch e.access {
	case AccessPublic:
		next.ServeHTTP(w, r)
	case AccessOptional:
		e.guard.serveOptional(w, r, e.policy, next)
	default:
		e.guard.serve(w, r, e.policy, next)
	}
}

// permits reports whether the route would be open to a good token.
func (e *route) permits(ctx context.Context, token *validator.Token) bool {
	return e.policy == nil || e.policy.Check(ctx, token) == nil
}
