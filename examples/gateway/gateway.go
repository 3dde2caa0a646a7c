package main

import (
	"log/slog"
	"maps"
	"net/http"
	"slices"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

// gateway is a configuration at work. It is immutable: a reload makes another.
type gateway struct {
	*config
	log       *slog.Logger
	validator *validator.Validator
	guard     *middleware.Guard
	table     table
	own       map[string]http.Handler // by path: before all routes
	admin     http.Handler
	used      *usedProofs // nil: there was no dpop yet

	revocations *validator.Revocations // nil: nothing is ever revoked
	fleet       *fleet                 // nil: nothing is shared
}

// newGateway puts a configuration to work. old, if there is one, hands on its keys,
// what was revoked and used proofs. The error has a line for every mistake.
func newGateway(c *config, old *gateway, transport http.RoundTripper, log *slog.Logger) (*gateway, error) {
	g := &gateway{config: c, log: log}
	build := validator.New
	if old != nil {
		build, g.used = old.validator.WithConfig, old.used
	}
	g.fleet = c.fleet(old)
	trusted := c.trust(log)
	trusted.Fleet = g.fleet.share()
	guarded := middleware.Config{Realm: c.Realm, Logger: log, DPoP: g.proofs(), MutualTLS: c.mutualTLS()}
	g.revocations = c.revocations(old)
	trusted.Revocations = g.revocations
	if err := c.err(); err != nil {
		return nil, err // what the library would say of it too
	}
	g.fleet.follow(c, g.revocations, old)
	var err error
	if g.validator, err = build(trusted); err == nil {
		g.guard, err = middleware.New(g.validator, guarded)
	}
	if err != nil {
		c.blame(err, inFile)
		return nil, c.err()
	}
	g.admin, g.table = g.healthMux(), table{g.guard.Routes(), http.NewServeMux()}
	g.addOwnPaths()
	g.addRoutes(transport)
	return g, c.err()
}

// ServeHTTP looks at the path before anything else, and lets the routes decide, unless
// it is the gateway's own.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := judge(r)
	if own := g.own[r.URL.Path]; own != nil && v == plain {
		own.ServeHTTP(w, r)
		return
	}
	if v == bad || v == ambiguous && !g.table.allows(r) {
		problem(w, http.StatusBadRequest)
		return
	}
	g.table.ServeHTTP(w, r)
}

// allows reports whether the route of a request allows an ambiguous path.
func (t *table) allows(r *http.Request) bool {
	handler, _ := t.encoded.Handler(r)
	allowed, ok := handler.(mark) // a redirect is none
	return ok && bool(allowed)
}

// audit logs who may pass where.
func (g *gateway) audit() {
	for _, path := range slices.Sorted(maps.Keys(g.own)) {
		g.log.Info("route", "pattern", path, "access", middleware.AccessPublic, "policy", "")
	}
	for _, route := range g.table.Audit() {
		g.log.Info("route", "pattern", route.Pattern, "access", route.Access, "policy", route.Policy)
	}
}
