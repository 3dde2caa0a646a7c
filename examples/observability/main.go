// Command observability is a protected API with metrics for Prometheus, the same through
// OpenTelemetry, and traces. It starts an authorization server and the API on loopback,
// sends requests, and says where the metrics are:
//
//	go run ./examples/observability        # traffic and metrics until Ctrl-C
//	go run ./examples/observability -once  # one round, a summary, and the end
//
// What a service of its own takes is newAPI, and the adapters: prommetrics, otelmetrics,
// otelspans. dashboard.json is for Grafana, alerts.yaml for Prometheus.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "observability:", err)
		stop()
		os.Exit(1)
	}
}

// run is the program: it ends with an error, after one round with -once, or with ctx.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("observability", flag.ContinueOnError)
	flags.SetOutput(out)
	once := flags.Bool("once", false, "end after one round of traffic, with a summary")
	at := flags.String("metrics", "127.0.0.1:9464", "where Prometheus finds the metrics")
	every := flags.Duration("every", 5*time.Second, "time between two rounds")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if *every <= 0 {
		return errors.New("-every must be positive")
	}
	as, err := validatortest.Start(validatortest.Options{Audience: audience, OpaquePrefix: prefix, Algorithm: "ES256"})
	if err != nil {
		return err
	}
	defer as.Close()
	as.AddClient(apiID, apiSecret)

	spans := new(tally)
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	defer tracers.Shutdown(context.WithoutCancel(ctx))
	a, err := newAPI(as.Issuer(), tracers)
	if err != nil {
		return err
	}
	defer a.meters.Shutdown(context.WithoutCancel(ctx))
	address, stop, err := serve("127.0.0.1:0", a.handler)
	if err != nil {
		return err
	}
	defer stop()
	scraped, stopMetrics, err := serve(*at, a.metrics)
	if err != nil {
		return err
	}
	defer stopMetrics()
	fmt.Fprintf(out, "metrics          %s/metrics\nby OpenTelemetry %s/otel/metrics\n\n", scraped, scraped)

	browser := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	defer browser.CloseIdleConnections()
	return drive(ctx, a, traffic{as, browser, address}, *once, *every, func() error { return spans.print(out, a) })
}

// drive sends traffic, for one round or until ctx ends.
func drive(ctx context.Context, a *api, t traffic, once bool, every time.Duration, summarise func() error) error {
	rounds := time.NewTicker(every)
	defer rounds.Stop()
	for {
		if err := errors.Join(t.round(ctx), a.reload()); err != nil && ctx.Err() == nil {
			return err
		}
		if once {
			return summarise()
		}
		select {
		case <-rounds.C:
		case <-ctx.Done():
			return summarise()
		}
	}
}

// serve serves the handler at an address until stop is called.
func serve(at string, handler http.Handler) (address string, stop func(), err error) {
	listener, err := net.Listen("tcp", at)
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener)
	}()
	return "http://" + listener.Addr().String(), func() { server.Close(); <-ended }, nil
}
