// Command fleet is three gateways (examples/gateway) that share one Redis, with the
// authorization server that they trust and an upstream, all on loopback. It sends requests
// to all of them, does to Redis what happens to one, and prints what became of the requests.
//
//	go run ./examples/fleet        # two tables, then curl lines
//	go run ./examples/fleet -once  # the tables only; fails if something is not as docs/fleet.md says
//
// It needs a redis-server, and is run inside the repository: it builds the gateway.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		stop()
		os.Exit(1)
	}
}

// run is the program: it ends with an error, after the tables with -once, or with ctx.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("fleet", flag.ContinueOnError)
	once := flags.Bool("once", false, "end after the tables")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	s, err := newStage(ctx)
	if err != nil {
		return err
	}
	defer s.end()
	r, err := tell(ctx, s)
	if err != nil {
		return err
	}
	r.print(stdout)
	if unexpected := r.unexpected(); len(unexpected) > 0 {
		return errors.Join(unexpected...)
	}
	fmt.Fprintln(stdout, "\nEverything is as docs/fleet.md says.")
	if *once {
		return nil
	}
	s.invite(stdout)
	<-ctx.Done()
	return nil
}
