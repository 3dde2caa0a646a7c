package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator"
)

// nothing is a ResponseWriter that costs nothing.
type nothing struct{ header http.Header }

func (n nothing) Header() http.Header         { return n.header }
func (n nothing) Write(b []byte) (int, error) { return len(b), nil }
func (n nothing) WriteHeader(int)             {}

func guarded(t testing.TB) (http.Handler, *http.Request) {
	s, g := newGuard(t)
	h := g.Require(validator.Policy{Scopes: []string{"read"}})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest("GET", "/orders?page=2&sort=date", nil)
	r.Header.Set("Authorization", "Bearer "+s.AccessToken())
	return h, r
}

// BenchmarkGuardHit is the whole middleware on a cached token.
func BenchmarkGuardHit(b *testing.B) {
	h, r := guarded(b)
	w := nothing{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}

// TestGuardHitAllocations: at most three over the bare handler.
func TestGuardHitAllocations(t *testing.T) {
	h, r := guarded(t)
	w := nothing{http.Header{}}
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }), 3.0)
}
