// Command load puts a gateway under load and prints what its honest clients saw, as
// Markdown tables:
//
//	go run ./examples/gateway/load
//
// It builds the gateway and starts it as a process of its own, with an upstream and an
// authorization server in this one, and needs wrk (a package of that name on Debian).
// docs/load.md says what is compared, and has results.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

type options struct {
	length      time.Duration
	connections int
	slow, idle  int
	rate        int
	rounds      int
}

func main() {
	var o options
	flag.DurationVar(&o.length, "for", 15*time.Second, "how long each measurement takes")
	flag.IntVar(&o.connections, "connections", 32, "of each wrk")
	flag.IntVar(&o.slow, "slow", 2000, "clients that send headers a byte a second")
	flag.IntVar(&o.idle, "idle", 10_000, "connections on which nothing is under way")
	flag.IntVar(&o.rate, "rate", 50, "requests a second of the probe")
	flag.IntVar(&o.rounds, "rounds", 5, "how often honest and hostile rivals take turns")
	flag.Parse()
	if o.length < time.Second || o.connections < 1 || o.slow < 0 || o.idle < 0 || o.rate < 1 || o.rounds < 1 || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	s, err := newStage(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.verify(); err != nil {
		return err
	}
	if err := s.writeRequests(); err != nil {
		return err
	}
	fmt.Printf("gateway: %d MiB at rest\n\n", s.resident()>>20)
	if err := s.hostile(ctx, o); err != nil {
		return err
	}
	if err := s.slowClients(ctx, o); err != nil {
		return err
	}
	return s.idleConnections(ctx, o)
}
