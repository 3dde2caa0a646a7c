package validator

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// marked are Revocations with that many marks of subjects, and the facts of a token
// that none of them concerns. The benchmarks are in this package because a look-up is
// too fast to be seen beside the rest of a hit.
func marked(b *testing.B, count int) (*Revocations, *facts) {
	b.Helper()
	r, err := NewRevocations(RevocationsConfig{MaxMarks: max(count, 1) + 1_000_000})
	if err != nil {
		b.Fatal(err)
	}
	is := &issuer{url: "https://issuer.example.com/oauth2/default", marks: r.adopt(&Issuer{URL: "https://issuer.example.com/oauth2/default", MaxTokenLifetime: time.Hour}, time.Now, DefaultLeeway)}
	for i := range count {
		revoke(b, r, i)
	}
	return r, &facts{evidence: evidence{
		issuer: is, iss: is.url, subject: "jane.doe@example.com", session: "0c6f2a5e", id: "AT.0001", clientID: "0oa1b2c3d4",
		issuedAt: dateOf(time.Now()),
	}}
}

func revoke(b *testing.B, r *Revocations, i int) {
	subject := fmt.Sprintf("00u%017d", i)
	if err := r.Revoke(Revocation{Issuer: "https://issuer.example.com/oauth2/default", Subject: subject}); err != nil {
		b.Fatal(err)
	}
}

var sizes = []int{0, 1_000, 1_000_000}

// BenchmarkRevocationHit: what a hit pays while nothing is revoked.
func BenchmarkRevocationHit(b *testing.B) {
	for _, count := range sizes {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			_, known := marked(b, count)
			b.ReportAllocs()
			for b.Loop() {
				if known.revoked() {
					b.Fatal("revoked")
				}
			}
		})
	}
}

// BenchmarkRevocationFirstHit: what a token's first hit pays after a change. With marks
// of every kind, it looks for each thing that a token has.
func BenchmarkRevocationFirstHit(b *testing.B) {
	for _, count := range sizes {
		for _, kinds := range []string{"one kind", "all kinds"} {
			b.Run(fmt.Sprint(count, " ", kinds), func(b *testing.B) {
				r, known := marked(b, count)
				if kinds == "all kinds" {
					for _, x := range []Revocation{{Session: "a"}, {Session: "a", Subject: "a"}, {ClientID: "a"}, {TokenID: "a"}, {Subject: "a"}} {
						x.Issuer = known.iss
						if err := r.Revoke(x); err != nil {
							b.Fatal(err)
						}
					}
				}
				b.ReportAllocs()
				for b.Loop() {
					known.clean.Store(^uint64(0))
					if known.revoked() {
						b.Fatal("revoked")
					}
				}
			})
		}
	}
}

// BenchmarkRevoke: the making of a mark, in a table with room and in a full one.
func BenchmarkRevoke(b *testing.B) {
	for _, count := range sizes {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			r, _ := marked(b, count)
			i := count
			b.ReportAllocs()
			for b.Loop() {
				revoke(b, r, i)
				i++
			}
		})
	}
	b.Run("full", func(b *testing.B) {
		r, _ := marked(b, 0)
		r.max = 100_000
		for i := range r.max {
			revoke(b, r, i)
		}
		i := r.max
		b.ReportAllocs()
		for b.Loop() {
			revoke(b, r, i)
			i++
		}
	})
}

// BenchmarkRevokeWatched: what each open stream adds to that.
func BenchmarkRevokeWatched(b *testing.B) {
	const streams = 10_000
	r, known := marked(b, 0)
	token := new(Token)
	token.facts.Store(known)
	for range streams {
		_, stop := token.Watch(b.Context())
		defer stop()
	}
	i := 0
	for b.Loop() {
		revoke(b, r, i)
		i++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/streams, "ns/stream")
}

// BenchmarkMarkMemory reports what a mark costs.
func BenchmarkMarkMemory(b *testing.B) {
	for _, count := range sizes[1:] {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			for b.Loop() {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				r, _ := marked(b, count)
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(count), "B/mark")
				runtime.KeepAlive(r)
			}
		})
	}
}
