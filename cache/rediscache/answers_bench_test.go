package rediscache_test

import (
	"testing"

	"github.com/bearerguard/bearerguard/cache/rediscache/internal/redistest"
	"github.com/bearerguard/bearerguard/validator"
)

// BenchmarkAnswers is one opaque token that this process does not know, with Redis and
// the issuer on the same machine: found in Redis, asked about and put there, and asked
// about without Redis.
func BenchmarkAnswers(b *testing.B) {
	issuer, s := newIssuer(b), redistest.Start(b, redistest.Options{})
	small := func(c *validator.Config) { c.CacheSize = 1 } // the other token takes its place
	alone := func(c *validator.Config) { c.Fleet = nil }
	tokens := []string{issuer.OpaqueToken(), issuer.OpaqueToken()}
	for _, bc := range []struct {
		name  string
		edits []func(*validator.Config)
		token func(i int) string
	}{
		{"found", []func(*validator.Config){small}, func(i int) string { return tokens[i%2] }},
		{"asked", []func(*validator.Config){small}, func(int) string { return issuer.OpaqueToken() }},
		{"alone", []func(*validator.Config){small, alone}, func(int) string { return issuer.OpaqueToken() }},
	} {
		r := newSharing(b, issuer, s.Client(), bc.edits...)
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				raw := bc.token(i)
				b.StartTimer()
				r.accepts(b, raw)
			}
		})
	}
}
