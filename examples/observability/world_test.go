package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.uber.org/goleak"

	"github.com/bearerguard/bearerguard/examples/observability/otelmetrics"
	"github.com/bearerguard/bearerguard/examples/observability/prommetrics"
	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an issuer, who decides about its tokens, and what is counted, by a clock of the
// test.
type world struct {
	as          *validatortest.Server
	v           *validator.Validator
	registry    *prometheus.Registry
	otel        *prometheus.Registry // the same through OpenTelemetry
	metrics     *prommetrics.Metrics
	revocations *validator.Revocations
	feed        *validator.Follower
	proofs      *dpop.Memory

	mu  sync.Mutex
	now time.Time
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC), registry: prometheus.NewRegistry(), otel: prometheus.NewRegistry()}
	var err error
	w.as, err = validatortest.Start(validatortest.Options{Audience: audience, OpaquePrefix: prefix, Algorithm: "ES256", Clock: w.clock, Lifetime: time.Hour})
	require.NoError(t, err)
	t.Cleanup(w.as.Close)
	w.as.AddClient(apiID, apiSecret)
	w.revocations, err = validator.NewRevocations(validator.RevocationsConfig{MaxMarks: 100, WhileBehind: validator.ServeWhileBehind})
	require.NoError(t, err)
	w.feed, err = w.revocations.Follow(func([]validator.RevocationMark) {})
	require.NoError(t, err)
	w.proofs, err = dpop.NewMemory(dpop.MemoryConfig{Capacity: 10, Clock: w.clock})
	require.NoError(t, err)
	w.metrics = prommetrics.New(w.registry)
	reader, err := exporter.New(exporter.WithRegisterer(w.otel))
	require.NoError(t, err)
	counters, err := otelmetrics.New(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	require.NoError(t, err)
	w.v, err = validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			Name: "main", URL: w.as.Issuer(), Audiences: []string{audience}, ClientIDs: []string{client}, Profile: validator.RFC9068(),
			MaxTokenLifetime: 2 * time.Hour, EventAudiences: []string{eventsFor}, KeyMaxAge: 5 * time.Minute, KeyMaxStale: 10 * time.Minute,
			Introspection: &introspect.Config{
				Auth: introspect.ClientSecretBasic(apiID, introspect.StaticSecret(apiSecret)), Format: introspect.Format{Prefix: prefix},
			},
		}},
		Revocations: w.revocations, InsecureAllowHTTP: true, Observer: validator.Observers(w.metrics.Observer(), counters.Observer()), Clock: w.clock,
	})
	require.NoError(t, err)
	w.registry.MustRegister(prommetrics.State{Validator: func() *validator.Validator { return w.v }, Revocations: w.revocations, Replays: w.proofs})
	return w
}

func (w *world) token(edits ...validatortest.Edit) string {
	return traffic{as: w.as}.token(edits...)
}

// try has a number of tokens decided about. What comes of it is for the metrics to tell.
func (w *world) try(raw ...string) {
	for _, one := range raw {
		_, _ = w.v.Validate(context.Background(), one)
	}
}

// opaque is several tokens that nobody was asked about.
func (w *world) opaque(n int) (raw []string) {
	for range n {
		raw = append(raw, traffic{as: w.as}.opaque())
	}
	return raw
}

// use remembers so many proofs.
func (w *world) use(n int) {
	for i := range n {
		_, _ = w.proofs.Add(context.Background(), fmt.Sprint("key", i), sha256.Sum256(fmt.Append(nil, w.clock(), i)), w.clock().Add(time.Minute))
	}
}
