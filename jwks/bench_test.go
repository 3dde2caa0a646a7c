package jwks_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// BenchmarkKnownKey is what a listed key costs: one atomic load and a short scan.
func BenchmarkKnownKey(b *testing.B) {
	source, server := benchSource(b, time.Now)
	kid := server.KID()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := source.Key(context.Background(), kid, "ES256"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkKnownKeyOfAYoungSet is that with a bound to the age of the set.
func BenchmarkKnownKeyOfAYoungSet(b *testing.B) {
	source, kid := benchAging(b, time.Now)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := source.Key(context.Background(), kid, "ES256"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFresh is what a hit costs beside, where MaxAge is configured: a young set,
// and one that is due while the server is down.
func BenchmarkFresh(b *testing.B) {
	for name, age := range map[string]time.Duration{"young": 0, "due": 90 * time.Minute} {
		b.Run(name, func(b *testing.B) {
			var passed atomic.Int64
			begin := time.Now()
			now := func() time.Time { return begin.Add(time.Duration(passed.Load())) }
			source, _ := benchAging(b, now)
			passed.Store(int64(age))
			at := now()
			b.ReportAllocs()
			for b.Loop() {
				if !source.Fresh(at) {
					b.Fatal("stale")
				}
			}
		})
	}
}

func benchAging(b *testing.B, clock func() time.Time) (source *jwks.Source, kid string) {
	b.Helper()
	server := startServer(b, validatortest.Options{})
	source, err := jwks.New(jwks.Config{Issuer: server.Issuer(), CheckURL: allowLoopback, Clock: clock, MaxAge: time.Hour, MaxStale: 2 * time.Hour})
	require.NoError(b, err)
	require.NoError(b, source.Ready(context.Background()))
	server.SetMode(validatortest.ModeDown)
	return source, server.KID()
}

// BenchmarkMemoryOfAnIssuer reports the heap that a Source keeps which has read a set
// as large servers publish it: four RSA-2048 keys with certificates.
func BenchmarkMemoryOfAnIssuer(b *testing.B) {
	certificate := selfSigned(b)
	keys := make([]fmt.Stringer, 4)
	for i := range keys {
		keys[i] = certificate.with("kid", fmt.Sprintf("%040d", i), "alg", "RS256", "use", "sig")
	}
	body := setOf(keys...)
	client := serving(body).client()
	const sources = 200
	var kept [sources]*jwks.Source
	for b.Loop() {
		before := heap()
		for i := range kept {
			source, err := jwks.New(jwks.Config{URL: "https://as.example/keys", HTTPClient: client})
			require.NoError(b, err)
			require.NoError(b, source.Ready(context.Background()))
			kept[i] = source
		}
		b.ReportMetric(float64(heap()-before)/sources, "bytes/issuer")
		runtime.KeepAlive(&kept)
		clear(kept[:])
	}
	b.ReportMetric(float64(len(body)), "bytes-of-the-set")
}

// heap is what is in use after a collection.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// selfSigned is an RSA-2048 key with its certificate in x5c.
func selfSigned(b *testing.B) jwk {
	b.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(b, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(b, err)
	return jwk{"kty": "RSA", "n": b64.EncodeToString(private.N.Bytes()), "e": "AQAB", "x5c": []string{base64.StdEncoding.EncodeToString(der)}}
}

// BenchmarkRotation: 50 requests at once with a new kid, against a key server
// that takes 100 ms. It reports how many are accepted and how many fetches they cost.
func BenchmarkRotation(b *testing.B) {
	source, server := benchSource(b, leaping(time.Hour))
	server.SetDelay(100 * time.Millisecond)
	var accepted, rounds atomic.Int64
	before := server.KeyRequests()
	for b.Loop() {
		kid := server.Rotate("ES256")
		rounds.Add(1)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := source.Key(context.Background(), kid, "ES256"); err == nil {
					accepted.Add(1)
				}
			})
		}
		wg.Wait()
	}
	b.ReportMetric(float64(accepted.Load())/float64(rounds.Load()), "accepted-of-50")
	b.ReportMetric(float64(server.KeyRequests()-before)/float64(rounds.Load()), "fetches")
}

// BenchmarkKnownKeyUnderFlood reports the 99th percentile of a listed key's
// look-up, alone and while 10,000 unknown kids arrive in 2 s, and the fetches
// that those cause.
func BenchmarkKnownKeyUnderFlood(b *testing.B) {
	for _, flood := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("%d-bogus", flood), func(b *testing.B) {
			var p99, fetches []float64
			for b.Loop() {
				source, server := benchSource(b, time.Now)
				before := server.KeyRequests()
				ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
				var wg sync.WaitGroup
				wg.Go(func() { bogus(ctx, source, flood) })
				p99 = append(p99, percentile(ctx, source, server.KID()))
				stop()
				wg.Wait()
				fetches = append(fetches, float64(server.KeyRequests()-before))
			}
			slices.Sort(p99)
			slices.Sort(fetches)
			b.ReportMetric(p99[len(p99)/2], "p99-ns")
			b.ReportMetric(fetches[len(fetches)-1], "fetches")
		})
	}
}

// bogus asks for that many unknown kids, evenly over 2 s.
func bogus(ctx context.Context, source *jwks.Source, kids int) {
	if kids == 0 {
		return
	}
	tick := time.NewTicker(2 * time.Second / time.Duration(kids))
	defer tick.Stop()
	for i := range kids {
		select {
		case <-tick.C:
			go func() { _, _ = source.Key(ctx, fmt.Sprint("bogus-", i), "ES256") }()
		case <-ctx.Done():
			return
		}
	}
}

// percentile asks for a listed key until ctx ends.
func percentile(ctx context.Context, source *jwks.Source, kid string) float64 {
	var took []time.Duration
	for ctx.Err() == nil {
		begin := time.Now()
		for range 100 {
			_, _ = source.Key(context.Background(), kid, "ES256")
		}
		took = append(took, time.Since(begin)/100)
	}
	slices.Sort(took)
	return float64(took[len(took)*99/100])
}

// leaping is a clock that goes that far with each look: the bucket is never empty.
func leaping(step time.Duration) func() time.Time {
	var steps atomic.Int64
	begin := time.Now()
	return func() time.Time { return begin.Add(time.Duration(steps.Add(1)) * step) }
}

func benchSource(b *testing.B, clock func() time.Time) (*jwks.Source, *validatortest.Server) {
	b.Helper()
	server, err := validatortest.Start(validatortest.Options{Algorithm: "ES256"})
	require.NoError(b, err)
	b.Cleanup(server.Close)
	source, err := jwks.New(jwks.Config{Issuer: server.Issuer(), CheckURL: allowLoopback, Clock: clock})
	require.NoError(b, err)
	require.NoError(b, source.Ready(context.Background()))
	return source, server
}
