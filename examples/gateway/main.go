// Command gateway is a reverse proxy that lets requests through to an upstream
// whose access token its configuration permits, and tells the upstream who asks.
//
//	go run ./examples/gateway -config FILE
//
// README.md documents the file. SIGHUP reads it again; SIGTERM and an interrupt
// let the requests under way finish.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"
)

func main() {
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)                                             // a second signal ends the process at once
	redis.SetLogger(redisLog{slog.New(slog.NewJSONHandler(os.Stderr, nil))}) // there is one for the process
	if err := run(ctx, reload, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		complain(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

// complain prints an error, of which each line is one mistake.
func complain(stderr io.Writer, err error) {
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(stderr, "gateway: %s\n", strings.TrimSuffix(line, "\n"))
	}
}

const usage = "usage: gateway -config FILE"

// run is the program: it ends with an error, or some time after ctx.
func run(ctx context.Context, reload <-chan os.Signal, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("gateway", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // an error is printed once, by main
	path := flags.String("config", "", "")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			_, err = fmt.Fprintln(stdout, usage)
		}
		return err
	}
	if *path == "" || flags.NArg() > 0 {
		return errors.New(usage)
	}
	s, err := newService(*path, slog.New(slog.NewJSONHandler(stderr, nil)))
	if err != nil {
		return err
	}
	return s.serve(ctx, reload, stdout)
}
