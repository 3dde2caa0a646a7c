package main

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/bearerguard/bearerguard/middleware"
)

// chiRouter takes Require as it is.
func chiRouter(guard *middleware.Guard) http.Handler {
	order := func(w http.ResponseWriter, r *http.Request) { tell(w, r.Context(), chi.URLParam(r, "id")) }
	router := chi.NewRouter()
	router.With(guard.Require(readers)).Get("/orders/{id}", order)
	router.With(guard.Require(cancellers)).Delete("/orders/{id}", order)
	router.Get("/healthz", healthy)
	return router
}
