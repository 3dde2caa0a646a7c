// Package beside lets a guard look on while another library decides.
package beside

import (
	"context"
	"net/http"
	"time"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

// Handler asks the guard about each request and lets the old handler answer it, whatever
// the guard says. What would be refused is in the log of the guard's validator, with
// the reason. Where issuers cannot be reached, the old handler waits 200 ms and no longer.
func Handler(guard *middleware.Guard, policy validator.Policy, old http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 200*time.Millisecond)
		_, _ = guard.Authorize(r.WithContext(ctx), policy)
		cancel()
		old.ServeHTTP(w, r)
	})
}
