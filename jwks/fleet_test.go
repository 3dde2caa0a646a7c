package jwks_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
)

// The fleet of the simulation.
const (
	answerTime  = 100 * time.Millisecond // of the authorization server
	storeTime   = time.Millisecond       // of the store
	between     = 5 * time.Second        // requests to one replica
	simulated   = 15 * time.Minute       // MaxAge
	rotatesAt   = 20 * time.Minute
	clocksApart = 2 * time.Second // MaxSkew
)

// crowd is a server that many replicas ask, by the second.
type crowd struct {
	keyServer
	began time.Time
	at    map[int]int // second: fetches
}

func (c *crowd) RoundTrip(r *http.Request) (*http.Response, error) {
	c.set(func(*keyServer) { c.at[int(time.Since(c.began)/time.Second)]++ })
	pass(answerTime)
	return c.keyServer.RoundTrip(r)
}

// load is how many fetches there were from one instant to another, and in the worst second.
func (c *crowd) load(from, to time.Duration) (load simLoad) {
	c.set(func(*keyServer) {
		for second, count := range c.at {
			if at := time.Duration(second) * time.Second; at >= from && at < to {
				load.total, load.peak = load.total+count, max(load.peak, count)
			}
		}
	})
	return load
}

type simLoad struct{ total, peak int }

func (l simLoad) String() string { return fmt.Sprintf("%5d  %5d/s", l.total, l.peak) }

// simOutcome is what became of one fleet.
type simOutcome struct {
	deployed, aged, rotated simLoad
	refused                 int64
}

// simulate lets replicas that are deployed at the same instant live through the age of
// their first set and through a rotation: requests bring the new key as soon as it is
// published.
func simulate(t *testing.T, replicas int, jitter, shared bool) (o simOutcome) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{began: time.Now(), at: map[int]int{}}
		c.list(es256(t, "old"))
		old, next := c.listed[0], es256(t, "new")
		p := &pool{}
		config := jwks.Config{URL: setURL, HTTPClient: &http.Client{Transport: c}, MaxAge: simulated}
		if !jitter {
			config.RefreshInterval = simulated // which leaves no room for any
		}
		if shared {
			config.Shared = &jwks.Shared{
				MaxSkew: clocksApart,
				Load: func(ctx context.Context) ([]byte, error) {
					pass(storeTime)
					return p.take(ctx)
				},
				Save: func(ctx context.Context, envelope []byte, fetched time.Time) error {
					pass(storeTime)
					return p.put(ctx, envelope, fetched)
				},
			}
		}
		var refused atomic.Int64
		var all sync.WaitGroup
		for range replicas {
			source, err := jwks.New(config)
			require.NoError(t, err)
			all.Go(func() {
				for _, busy := range []struct {
					from, to time.Duration
					kid      string
				}{{0, 10 * time.Second, "old"}, {13 * time.Minute, 16 * time.Minute, "old"}, {rotatesAt, rotatesAt + 20*time.Second, "new"}} {
					pass(busy.from - time.Since(c.began) + rand.N(between))
					for time.Since(c.began) < busy.to {
						if _, err := source.Key(context.Background(), busy.kid, "ES256"); err != nil {
							refused.Add(1)
						}
						pass(between)
					}
				}
			})
		}
		pass(rotatesAt)
		c.list(old, next)
		all.Wait()
		o = simOutcome{c.load(0, time.Minute), c.load(time.Minute, rotatesAt), c.load(rotatesAt, time.Hour), refused.Load()}
	})
	return o
}

// TestFleetsAsk: what the authorization server is asked by 10, 100 and 1,000 replicas,
// with and without jitter and shared sets. go test -v prints the table.
func TestFleetsAsk(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "\nreplicas  jitter  shared    deployed          of age            rotation          refused\n")
	for _, replicas := range []int{10, 100, 1000} {
		for _, has := range []struct{ jitter, shared bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
			o := simulate(t, replicas, has.jitter, has.shared)
			fmt.Fprintf(&table, "%8d  %-6v  %-6v  %v    %v    %v    %5d\n", replicas, has.jitter, has.shared, o.deployed, o.aged, o.rotated, o.refused)
			assert.Zero(t, o.refused)
			if !has.shared {
				assert.Equal(t, replicas, o.deployed.total, "each asks")
				assert.Equal(t, replicas, o.rotated.total)
				continue
			}
			// Those who come while the first one is still on its way ask too.
			most := 5 + replicas*int(3*answerTime/time.Millisecond)/int(between/time.Millisecond)
			for _, load := range []simLoad{o.deployed, o.aged, o.rotated} {
				assert.LessOrEqual(t, load.total, most)
			}
		}
	}
	t.Log(table.String())
}
