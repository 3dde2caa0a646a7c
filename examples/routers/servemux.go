package main

import (
	"net/http"

	"github.com/bearerguard/bearerguard/middleware"
)

// serveMux is net/http's own, as Routes wraps it: what is not listed is refused.
func serveMux(guard *middleware.Guard) http.Handler {
	routes := guard.Routes()
	routes.Handle("GET /orders/{id}", readers, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tell(w, r.Context(), r.PathValue("id"))
	}))
	routes.Handle("DELETE /orders/{id}", cancellers, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tell(w, r.Context(), r.PathValue("id"))
	}))
	routes.Public("GET /healthz", http.HandlerFunc(healthy))
	return routes
}
