package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
)

// nothing is a ResponseWriter that costs nothing.
type nothing struct{ header http.Header }

func (n nothing) Header() http.Header         { return n.header }
func (n nothing) Write(b []byte) (int, error) { return len(b), nil }
func (n nothing) WriteHeader(int)             {}

// guarded are the ways in which a request gets to an empty handler.
func guarded(t testing.TB) (map[string]http.Handler, *http.Request) {
	s, g := newGuard(t)
	empty := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	routes, mux := g.Routes(), http.NewServeMux()
	routes.Handle("GET /orders", scoped("read"), empty)
	routes.Handle("GET /orders/{id}", scoped("read"), empty)
	routes.Optional("GET /optional", scoped("read"), empty)
	routes.Public("GET /public", empty)
	mux.Handle("GET /orders", empty)
	r := httptest.NewRequest("GET", "/orders?page=2&sort=date", nil)
	r.Header.Set("Authorization", "Bearer "+s.AccessToken())
	return map[string]http.Handler{"bare": mux, "Require": g.Require(scoped("read"))(empty), "Routes": routes}, r
}

// BenchmarkGuardHit is the whole middleware on a cached token.
func BenchmarkGuardHit(b *testing.B) { benchmarkHit(b, "Require", "/orders") }

// BenchmarkRoutesHit is the same with the mux in it, for a route of each kind.
func BenchmarkRoutesHit(b *testing.B) {
	for _, path := range []string{"/orders", "/orders/7", "/optional", "/public"} {
		b.Run(path[1:], func(b *testing.B) { benchmarkHit(b, "Routes", path) })
	}
}

// BenchmarkServeMux is what BenchmarkRoutesHit stands on.
func BenchmarkServeMux(b *testing.B) { benchmarkHit(b, "bare", "/orders") }

func benchmarkHit(b *testing.B, kind, path string) {
	handlers, r := guarded(b)
	r.URL.Path = path
	h, w := handlers[kind], nothing{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}

// TestGuardHitAllocations: at most three over the bare handler, on a route of any
// kind.
func TestGuardHitAllocations(t *testing.T) {
	handlers, r := guarded(t)
	w := nothing{http.Header{}}
	assert.Zero(t, testing.AllocsPerRun(100, func() { handlers["bare"].ServeHTTP(w, r) }))
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { handlers["Require"].ServeHTTP(w, r) }), 3.0)
	for _, r.URL.Path = range []string{"/orders", "/optional", "/public"} {
		assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { handlers["Routes"].ServeHTTP(w, r) }), 3.0, r.URL.Path)
	}
}
