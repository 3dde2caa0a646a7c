package main

import (
	"context"
	"net/http"
	"time"

	"github.com/bearerguard/bearerguard/validator"
)

// untilExpiry ends a request when its token expires (a token that was accepted in
// the leeway: with that). MCP has streams without another end.
func untilExpiry(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := validator.FromContext(r.Context())
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		ends := token.Expiry()
		if !time.Now().Before(ends) {
			ends = ends.Add(validator.DefaultLeeway)
		}
		ctx, cancel := context.WithDeadline(r.Context(), ends)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
