// Package beside lets a guard look on while another library decides.
package beside

import (
	"net/http"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

// Handler asks the guard about each request and lets the old handler answer it, whatever
// the guard says. What would be refused is in the log of the guard's validator, with
// the reason.
func Handler(guard *middleware.Guard, policy validator.Policy, old http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = guard.Authorize(r, policy)
		old.ServeHTTP(w, r)
	})
}
