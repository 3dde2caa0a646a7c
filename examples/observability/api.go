package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/bearerguard/bearerguard/examples/observability/otelmetrics"
	"github.com/bearerguard/bearerguard/examples/observability/otelspans"
	"github.com/bearerguard/bearerguard/examples/observability/prommetrics"
	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/signals"
	"github.com/bearerguard/bearerguard/validator"
)

const (
	audience  = "api://orders"                   // the name of this API, as the authorization server knows it
	eventsFor = "https://api.example.com/events" // and where it tells us of revocations
	client    = "orders-app"
	apiID     = "orders-api" // as which we ask about opaque tokens
	apiSecret = "a secret"
	prefix    = "opaque_"
)

// api is the protected API, and what is known about it.
type api struct {
	handler  http.Handler // for clients
	metrics  http.Handler // for Prometheus: never on the listener that clients reach
	registry *prometheus.Registry
	otel     *prometheus.Registry // the same, through OpenTelemetry
	meters   *sdkmetric.MeterProvider
	guarded  *validator.Validator
	observer validator.Observer
	reload   func() error
}

// newAPI returns an API for the tokens of one issuer. Its traces go to tracers.
func newAPI(issuer string, tracers trace.TracerProvider) (*api, error) {
	revocations, err := validator.NewRevocations(validator.RevocationsConfig{})
	if err != nil {
		return nil, err
	}
	proofs, err := dpop.NewMemory(dpop.MemoryConfig{})
	if err != nil {
		return nil, err
	}
	config := validator.Config{
		Issuers: []validator.Issuer{{
			Name: "main", URL: issuer, Audiences: []string{audience}, ClientIDs: []string{client}, Profile: validator.RFC9068(),
			MaxTokenLifetime: time.Hour, EventAudiences: []string{eventsFor},
			Introspection: &introspect.Config{
				Auth: introspect.ClientSecretBasic(apiID, introspect.StaticSecret(apiSecret)), Format: introspect.Format{Prefix: prefix},
			},
		}},
		Revocations:       revocations,
		InsecureAllowHTTP: true, // the authorization server is on loopback, without TLS
	}

	// Prometheus, and traces.
	registry := prometheus.NewRegistry()
	metrics := prommetrics.New(registry)
	config.Observer = validator.Observers(metrics.Observer(), otelspans.New(tracers).Observer())

	// The same metrics through OpenTelemetry. One of the two is enough.
	a := &api{registry: registry, otel: prometheus.NewRegistry()}
	reader, err := exporter.New(exporter.WithRegisterer(a.otel))
	if err != nil {
		return nil, err
	}
	a.meters = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	counters, err := otelmetrics.New(a.meters)
	if err != nil {
		return nil, err
	}
	config.Observer = validator.Observers(config.Observer, counters.Observer())

	v, err := validator.New(config)
	if err != nil {
		return nil, err
	}
	now := func() *validator.Validator { return v } // after a reload, the one in force
	registry.MustRegister(prommetrics.State{Validator: now, Revocations: revocations, Replays: proofs})
	if err := (otelmetrics.State{Validator: now, Revocations: revocations, Replays: proofs}).Register(a.meters); err != nil {
		return nil, err
	}

	a.guarded, a.observer = v, config.Observer
	a.reload = func() error { // a service would read its configuration again, and serve by what this returns
		_, err := v.WithConfig(config)
		metrics.Reloaded(err)
		counters.Reloaded(err)
		return err
	}
	a.metrics = scrapes(registry, a.otel)
	a.handler, err = routes(v, proofs, tracers)
	return a, err
}

// routes are those of clients, each request a span.
func routes(v *validator.Validator, proofs *dpop.Memory, tracers trace.TracerProvider) (http.Handler, error) {
	possession, err := dpop.New(dpop.Config{Origins: []string{"https://api.example.com"}, Replays: proofs})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(v, middleware.Config{Realm: "orders", DPoP: possession})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("POST /events", signals.Events(v))
	mux.Handle("GET /orders", guard.Require(validator.Policy{Scopes: []string{"orders.read"}})(http.HandlerFunc(listOrders)))
	return otelhttp.NewHandler(mux, "request", otelhttp.WithTracerProvider(tracers)), nil
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	token, _ := validator.FromContext(r.Context())
	fmt.Fprintf(w, "the orders of %q\n", token.Subject())
}

// scrapes serves metrics, those that came through OpenTelemetry beside the others.
func scrapes(registry, otel *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.Handle("GET /otel/metrics", promhttp.HandlerFor(otel, promhttp.HandlerOpts{}))
	return mux
}
