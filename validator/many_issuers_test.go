package validator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// tenants are many issuers behind one listener, which have the same key.
type tenants struct {
	*httptest.Server
	signer *validatortest.Server // of their tokens
	issuer []validator.Issuer

	mu   sync.Mutex
	held map[string]chan struct{} // key sets that do not come until the channel is closed
	down map[string]bool
}

func newTenants(t testing.TB, n int) *tenants {
	t.Helper()
	ts := &tenants{signer: start(t, validatortest.Options{}), held: map[string]chan struct{}{}, down: map[string]bool{}}
	set := ts.signer.KeySet()
	ts.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, isKeys := strings.CutSuffix(r.URL.Path, "/keys")
		ts.mu.Lock()
		hold, down := ts.held[path], ts.down[path]
		ts.mu.Unlock()
		if hold != nil {
			<-hold
		}
		switch {
		case down:
			w.WriteHeader(http.StatusBadGateway)
		case isKeys:
			_, _ = w.Write(set)
		default:
			path = strings.TrimSuffix(path, "/.well-known/openid-configuration")
			_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, ts.URL+path, ts.URL+path+"/keys")
		}
	}))
	t.Cleanup(ts.Close)
	for i := range n {
		ts.issuer = append(ts.issuer, validator.Issuer{
			Name: fmt.Sprint("tenant-", i), URL: ts.url(i), Audiences: []string{audience}, ClientIDs: []string{client},
		})
	}
	return ts
}

func (ts *tenants) path(i int) string { return fmt.Sprint("/tenants/", i) }
func (ts *tenants) url(i int) string  { return ts.URL + ts.path(i) }

func (ts *tenants) token(i int, edits ...validatortest.Edit) string {
	return ts.signer.AccessToken(append(edits, validatortest.Claim("iss", ts.url(i)))...)
}

func (ts *tenants) hold(i int) (release func()) {
	gate := make(chan struct{})
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.held[ts.path(i)] = gate
	return sync.OnceFunc(func() { close(gate) })
}

func (ts *tenants) fail(i int) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.down[ts.path(i)] = true
}

// TestManyIssuers: each token belongs to its own issuer, out of hundreds.
func TestManyIssuers(t *testing.T) {
	const n = 300
	ts := newTenants(t, n)
	v := build(t, configure(ts.issuer...))
	require.NoError(t, v.Ready(t.Context()))
	for i := range n {
		token := accept(t, v, ts.token(i))
		assert.Equal(t, ts.url(i), token.Issuer())
		assert.Equal(t, fmt.Sprint("tenant-", i), token.IssuerName())
	}
	reject(t, v, ts.token(n), validator.ErrInvalidToken, validator.ReasonUnknownIssuer)
}

// TestOneTenantsOutage: what one tenant's server does, or a flood of unknown keys
// in its name, neither delays nor throttles the others, and the service stays ready.
func TestOneTenantsOutage(t *testing.T) {
	ts := newTenants(t, 3)
	v := build(t, configure(ts.issuer...))
	require.NoError(t, v.Ready(t.Context()))
	known := [3]string{ts.token(0), ts.token(1), ts.token(2)}
	for _, raw := range known {
		accept(t, v, raw)
	}
	release := ts.hold(0)
	defer release()
	ts.fail(1)

	var waiting sync.WaitGroup
	for range 100 { // they wait for a server that does not answer
		waiting.Go(func() {
			_, _ = v.Validate(t.Context(), ts.token(0, validatortest.HeaderParam("kid", "new")))
		})
	}
	for i := range 20 { // more than the bucket holds
		_, err := v.Validate(t.Context(), ts.token(1, validatortest.HeaderParam("kid", fmt.Sprint(i))))
		assert.ErrorIs(t, err, validator.ErrUnavailable)
	}
	// Nobody below waits for anything: the server that could let them go is held until
	// the end.
	for _, raw := range known {
		accept(t, v, raw) // cached
	}
	accept(t, v, ts.token(0, validatortest.Subject("new")))
	accept(t, v, ts.token(1, validatortest.Subject("new")))
	accept(t, v, ts.token(2, validatortest.Subject("new")))
	reject(t, v, ts.token(2, validatortest.HeaderParam("kid", "new")), validator.ErrInvalidToken, validator.ReasonUnknownKey)
	require.NoError(t, v.Ready(t.Context()))
	release()
	waiting.Wait()
}

// BenchmarkIssuers is what many issuers cost: to start with, each in memory with its
// keys, and for a token that is not cached.
func BenchmarkIssuers(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		ts := newTenants(b, n)
		config := configure(ts.issuer...)
		b.Run(fmt.Sprint("start/", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				build(b, config)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/issuer")
		})
		b.Run(fmt.Sprint("memory/", n), func(b *testing.B) {
			for b.Loop() { // once is enough
			}
			small := build(b, configure(ts.issuer[0])) // what a Validator costs at all
			before := heapInUse()
			v := build(b, config)
			fresh := heapInUse()
			require.NoError(b, v.Ready(b.Context()))
			after := heapInUse()
			b.ReportMetric(float64(fresh-before)/float64(n), "B/issuer-before-keys")
			b.ReportMetric(float64(after-before)/float64(n), "B/issuer")
			runtime.KeepAlive(small)
			runtime.KeepAlive(v)
		})
		b.Run(fmt.Sprint("refused/", n), func(b *testing.B) { // found, and for another audience
			v := build(b, config)
			require.NoError(b, v.Ready(b.Context()))
			raw := ts.token(n/2, validatortest.Audience("else"))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = v.Validate(b.Context(), raw)
			}
		})
	}
}

// BenchmarkOtherTenantsOutage: a hit and a token that is not cached, at one tenant,
// while a hundred requests wait for the keys of another one, as multiples of the same
// without that.
func BenchmarkOtherTenantsOutage(b *testing.B) {
	ts := newTenants(b, 2)
	config := configure(ts.issuer...)
	config.CacheSize = 64
	quiet, troubled := build(b, config), build(b, config)
	require.NoError(b, quiet.Ready(b.Context()))
	require.NoError(b, troubled.Ready(b.Context()))
	release := ts.hold(0)
	var waiting sync.WaitGroup
	for range 100 {
		raw := ts.token(0, validatortest.HeaderParam("kid", "new"))
		waiting.Go(func() { _, _ = troubled.Validate(b.Context(), raw) })
	}
	raws := make([]string, 1000)
	for i := range raws {
		raws[i] = ts.token(1, validatortest.Subject(fmt.Sprint(i)))
	}
	i := 0
	hit := func(v *validator.Validator) func() { return func() { must(b, v, raws[0]) } }
	next := func(v *validator.Validator) func() { return func() { must(b, v, raws[i%len(raws)]); i++ } }
	b.Run("hit", func(b *testing.B) { ratios(b, 2000, hit(troubled), hit(quiet)) })
	b.Run("uncached", func(b *testing.B) { ratios(b, 300, next(troubled), next(quiet)) })
	release()
	waiting.Wait()
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestIssuersInOrder: whatever the order of the configuration, and however often it names
// an audience.
func TestIssuersInOrder(t *testing.T) {
	var c validator.Config
	for _, name := range []string{"b", "c", "a"} {
		c.Issuers = append(c.Issuers, validator.Issuer{URL: "https://" + name + ".example", Audiences: strs{"api://" + name, "api://" + name}, AnyClient: true})
	}
	v := build(t, c)
	assert.Equal(t, []string{"https://a.example", "https://b.example", "https://c.example"}, v.Issuers())
	assert.NoError(t, v.CheckPolicy(validator.Policy{AnyToken: true, Audiences: strs{"api://b"}}), "it is one issuer's")
}

// TestOktaKeysThatAreDiscovered: at a domain of a customer's own too, metadata do not lead
// to the keys of the org server.
func TestOktaKeysThatAreDiscovered(t *testing.T) {
	const domain = "https://login.example.com"
	for keys, fits := range map[string]bool{domain + "/oauth2/aus1/v1/keys": true, domain + "/oauth2/v1/keys": false} {
		s := start(t, validatortest.Options{})
		asked := 0
		c := validator.Config{
			Issuers: []validator.Issuer{{URL: domain + "/oauth2/aus1", Profile: validator.Okta(), Audiences: strs{audience}, AnyClient: true}},
			HTTPClient: &http.Client{Transport: wire(func(r *http.Request) (*http.Response, error) {
				if r.URL.String() == keys {
					asked++
					return reply(r, http.StatusOK, string(s.KeySet())), nil
				}
				return reply(r, http.StatusOK, fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, domain+"/oauth2/aus1", keys)), nil
			})},
		}
		err := build(t, c).Ready(t.Context())
		if fits {
			require.NoError(t, err)
			assert.Equal(t, 1, asked)
			continue
		}
		refused(t, err, validator.ErrUnavailable, validator.ReasonKeysUnavailable)
		assert.Zero(t, asked)
	}
}

// TestCacheHoldsWhatItIsFor: tokens are spread over all of it.
func TestCacheHoldsWhatItIsFor(t *testing.T) {
	var calls atomic.Int64
	v := wired(t, counted(&calls, answer(nil)), func(c *validator.Config) { c.CacheSize = 1000 })
	for range 2 {
		for i := range 300 {
			accept(t, v, fmt.Sprint("opaque-token-", i))
		}
	}
	assert.EqualValues(t, 300, calls.Load())
}
