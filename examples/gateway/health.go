package main

import (
	"context"
	"io"
	"net/http"
	"time"
)

// readyTimeout is how long a readiness probe waits for keys: less than probes do.
const readyTimeout = 900 * time.Millisecond

// health are the paths that are the gateway's own.
func (g *gateway) health() []ownPath {
	return []ownPath{
		{"/healthz", probe(func(context.Context) error { return nil })},
		{"/readyz", probe(g.ready)},
	}
}

// ready returns nil when requests can be decided on.
func (g *gateway) ready(ctx context.Context) error {
	if err := g.validator.Ready(ctx); err != nil {
		return err
	}
	if err := g.inTouch(); err != nil { // Ready does not flip back, and this does
		return err
	}
	return g.used.began(ctx)
}

type ownPath struct {
	path    string
	handler http.Handler
}

// healthMux serves nothing but health.
func (g *gateway) healthMux() http.Handler {
	mux := http.NewServeMux()
	for _, own := range g.health() {
		mux.Handle(own.path, own.handler)
	}
	return mux
}

// probe answers 200, or 503 without saying why: that is in the log.
func probe(check func(context.Context) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			problem(w, http.StatusMethodNotAllowed)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if check(ctx) != nil {
			problem(w, http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		_, _ = io.WriteString(w, "ok\n")
	})
}
