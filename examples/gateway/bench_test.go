package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// The load of one round. Rounds of the two are interleaved, so that a machine that
// is busy for a while is busy for both.
const (
	benchClients  = 8
	benchRequests = 250 // of each client, in one round
	benchRounds   = 31
)

// BenchmarkGatewayOverBareProxy measures the throughput of the gateway with a cached
// token, as a ratio to a bare ReverseProxy with the same transport: "x-bare". The
// client and the upstream share the machine.
func BenchmarkGatewayOverBareProxy(b *testing.B) {
	body := []byte(`{"id":1,"item":"a chair"}`)
	up := upstream(b, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
	as := newIssuer(b, validatortest.Options{Algorithm: "RS256"})
	f := start(b, configure(b, simple, "ISSUER", as.Issuer(), "UPSTREAM", up.URL))
	bare := newBareProxy(b, up.URL)
	token := mint(as)
	for _, address := range []string{bare, "http://" + f.address} {
		round(b, address, token) // warm: connections, the cache
	}
	for b.Loop() {
		var ratios, ours, theirs []float64
		for range benchRounds {
			direct, through := round(b, bare, token), round(b, "http://"+f.address, token)
			ratios, theirs, ours = append(ratios, through/direct), append(theirs, direct), append(ours, through)
		}
		b.ReportMetric(median(ratios), "x-bare")
		b.ReportMetric(median(ours), "req/s")
		b.ReportMetric(median(theirs), "bare-req/s")
	}
}

// newBareProxy is what the gateway is compared with.
func newBareProxy(b *testing.B, address string) string {
	target, err := url.Parse(address)
	require.NoError(b, err)
	transport := newTransport(defaultUpstreamTimeout)
	s := httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport, BufferPool: buffers,
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.SetURL(target)
			pr.SetXForwarded()
		},
	})
	b.Cleanup(func() {
		s.Close()
		transport.CloseIdleConnections()
	})
	return s.URL
}

// round returns requests per second.
func round(b *testing.B, address, token string) float64 {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: benchClients}}
	defer client.CloseIdleConnections()
	var clients sync.WaitGroup
	begin := time.Now()
	for range benchClients {
		clients.Go(func() {
			for range benchRequests {
				r, _ := http.NewRequest(http.MethodGet, address+"/orders/1", nil)
				r.Header.Set("Authorization", "Bearer "+token)
				response, err := client.Do(r)
				if err != nil || response.StatusCode != http.StatusOK {
					b.Error(response, err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				response.Body.Close()
			}
		})
	}
	clients.Wait()
	return benchClients * benchRequests / time.Since(begin).Seconds()
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
