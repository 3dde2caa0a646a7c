package main

import (
	"context"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/bearerguard/bearerguard/examples/observability/otelmetrics"
	"github.com/bearerguard/bearerguard/examples/observability/otelspans"
	"github.com/bearerguard/bearerguard/examples/observability/prommetrics"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// observers are the adapters, each alone.
func observers(t testing.TB) map[string]validator.Observer {
	t.Helper()
	counters, err := otelmetrics.New(sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())))
	require.NoError(t, err)
	return map[string]validator.Observer{
		"none":        {},
		"prommetrics": prommetrics.New(prometheus.NewRegistry()).Observer(),
		"otelmetrics": counters.Observer(),
		"otelspans":   otelspans.New(sdktrace.NewTracerProvider()).Observer(), // of a request that is not traced
	}
}

// known is a validator that knows a token.
func known(t testing.TB, o validator.Observer) (*validator.Validator, string) {
	t.Helper()
	as, err := validatortest.Start(validatortest.Options{Audience: audience, Algorithm: "ES256"})
	require.NoError(t, err)
	t.Cleanup(as.Close)
	v, err := validator.New(validator.Config{
		Issuers:           []validator.Issuer{{Name: "main", URL: as.Issuer(), Audiences: []string{audience}, AnyClient: true}},
		InsecureAllowHTTP: true, Observer: o,
	})
	require.NoError(t, err)
	raw := as.AccessToken()
	_, err = v.Validate(t.Context(), raw)
	require.NoError(t, err)
	return v, raw
}

// TestCountingAllocatesNothing: a known token costs no allocation, counted by Prometheus,
// or by a tracer that does not trace the request.
func TestCountingAllocatesNothing(t *testing.T) {
	for name, o := range observers(t) {
		v, raw := known(t, o)
		ctx := context.Background()
		allocations := testing.AllocsPerRun(100, func() { _, _ = v.Validate(ctx, raw) })
		if name == "otelmetrics" { // its SDK allocates, once for each counter
			assert.LessOrEqual(t, allocations, 2.0, name)
			continue
		}
		assert.Zero(t, allocations, name)
	}
}

// BenchmarkHit is a known token, and what it costs to count it.
func BenchmarkHit(b *testing.B) {
	for name, o := range observers(b) {
		b.Run(name, func(b *testing.B) {
			v, raw := known(b, o)
			ctx := context.Background()
			b.ReportAllocs()
			for b.Loop() {
				_, _ = v.Validate(ctx, raw)
			}
		})
	}
}
