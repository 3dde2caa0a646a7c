package rediscache_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache/rediscache/internal/redistest"
	"github.com/bearerguard/bearerguard/validator"
)

// BenchmarkFeed is one revocation: until its caller knows that it is published, and until
// the last of ten replicas refuses the token; in nanoseconds with Redis beside them, and in
// round trips where one takes 50 ms.
func BenchmarkFeed(b *testing.B) {
	const trip = 50 * time.Millisecond
	for _, far := range []bool{false, true} {
		b.Run(fmt.Sprintf("far=%v", far), func(b *testing.B) {
			f, s := newFleet(b), redistest.Start(b, redistest.Options{})
			p := s.Proxy()
			members := make([]*member, 10)
			for i := range members {
				members[i] = f.join(b, p.Client(), validator.ServeWhileBehind)
			}
			for _, m := range members {
				m.caughtUp(b)
			}
			if far {
				p.Latency(trip)
				<-time.After(3 * silence / 5) // until all connections are slow
			}
			var published, everywhere time.Duration
			count := 0
			for b.Loop() {
				count++
				subject := fmt.Sprint(count)
				raw := f.token(subject)
				for _, m := range members {
					m.decides(b, raw, nil, "")
				}
				if far {
					<-time.After(3 * trip) // nobody is busy with the one before
				}
				began := time.Now()
				var told sync.WaitGroup
				told.Go(func() {
					if err := members[0].feed.Revoke(b.Context(), f.of(subject)); err != nil {
						b.Error(err)
					}
					published += time.Since(began)
				})
				for _, m := range members {
					told.Go(func() {
						for {
							if _, err := m.Validate(b.Context(), raw); err != nil {
								return
							}
							<-time.After(100 * time.Microsecond)
						}
					})
				}
				told.Wait()
				everywhere += time.Since(began)
			}
			require.Positive(b, count)
			each := func(d time.Duration) float64 { return float64(d) / float64(count) }
			if far {
				b.ReportMetric(each(published)/float64(trip), "trips/published")
				b.ReportMetric(each(everywhere)/float64(trip), "trips/everywhere")
			} else {
				b.ReportMetric(each(published), "ns/published")
				b.ReportMetric(each(everywhere), "ns/everywhere")
			}
			b.ReportAllocs()
		})
	}
}
