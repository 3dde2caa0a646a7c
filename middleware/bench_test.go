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
	mux.Handle("GET /orders/{id}", empty)
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

// TestGuardHitAllocations: over the bare handler, two by Require and three by Routes, of
// which a public route has its own one.
func TestGuardHitAllocations(t *testing.T) {
	handlers, r := guarded(t)
	w := nothing{http.Header{}}
	for _, c := range []struct {
		kind, path string
		want       float64
	}{
		{"bare", "/orders", 0}, {"bare", "/orders/7", 1}, {"Require", "/orders", 2}, {"Routes", "/orders", 3},
		{"Routes", "/orders/7", 4}, {"Routes", "/optional", 3}, {"Routes", "/public", 1},
	} {
		r.URL.Path = c.path
		assert.Equal(t, c.want, testing.AllocsPerRun(100, func() { handlers[c.kind].ServeHTTP(w, r) }), "%s %s", c.kind, c.path)
	}
}
