package middleware

import (
	"errors"
	"net/http"

	"github.com/bearerguard/bearerguard/validator"
)

// serveOptional is serve, but a request without a token is let through without one.
func (g *Guard) serveOptional(w http.ResponseWriter, r *http.Request, policy *validator.Policy, next http.Handler) {
	c, err := g.credentials(r)
	var token *validator.Token // nil hides the token of a context further out
	if !absent(err) {
		if token, err = g.decide(r, c, err, policy); err != nil {
			g.refuse(w, r, err)
			return
		}
		g.SetNonce(w, token)
	}
	next.ServeHTTP(w, r.WithContext(validator.NewContext(r.Context(), token)))
}

// absent reports whether there was no token at all, rather than one in a wrong
// place or of another scheme, which are of the same class.
func absent(err error) bool {
	if err == nil {
		return false
	}
	var e *validator.Error
	return errors.As(err, &e) && e.Reason == validator.ReasonNoToken
}
