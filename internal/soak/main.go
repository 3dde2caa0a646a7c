// Command soak puts a mixed load on everything that this module decides, for as long as
// it is told, and checks every single answer:
//
//	go run ./internal/soak -for 20m
//
// An API behind a middleware.Guard, and the authorization servers that it trusts, run in
// this process on real listeners. Clients send good tokens of every kind and hostile
// ones, while keys rotate and are withdrawn, authorization servers fail in the ways in
// which they do, tokens are revoked by calls and by signals, and the configuration is
// reloaded. What each answer may be at that moment is known (see verdict.go); any other
// is a wrong verdict.
//
// It reports throughput, latencies, memory, goroutines and open files, and judges
// whether they grew. The exit status is 1 if there was a wrong verdict or growth, and 2
// if the load could not be put on.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are what a run is told. The zero value of each is filled in by parse.
type options struct {
	length, warm, interval time.Duration
	rate                   float64 // requests a second, of all clients together
	clients                int
	seed                   uint64
	json                   bool

	rotateEvery, outageEvery, outageFor time.Duration
	hooks                               hooks
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

const usage = `usage: soak [flags]

Exit status 1: a wrong verdict, or growth; 2: the load could not be put on.

Growth is judged after the warm-up, by samples that are taken while no request is under
way and no outage is on, after garbage collections: of bytes in use on the heap, of
goroutines, and of open files. There is growth if either
  - the median of the last quarter of the samples is above 1.2 times that of the first
    quarter, and by more than the allowance, or
  - the least-squares line through the second half of the samples rises within it by
    more than a tenth of its mean, and by more than the allowance.
The allowance is 2 MiB of heap, 16 goroutines or 16 files. Fewer than 8 samples are too
few to judge, which is told, and is no growth. RSS is reported and not judged: the
runtime returns memory to the system when it likes.

The warm-up should be 3m at least: proofs are remembered for two minutes, and marks of
revoked tokens for a minute and a half.

`

func parse(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	flags.DurationVar(&o.length, "for", 20*time.Minute, "how long to measure, after the warm-up")
	flags.DurationVar(&o.warm, "warm", 3*time.Minute, "how long to warm up")
	flags.DurationVar(&o.interval, "interval", 0, "between samples (default: a fortieth of -for, at least 100ms)")
	flags.Float64Var(&o.rate, "rate", 500, "requests a second to aim at")
	flags.IntVar(&o.clients, "clients", 24, "requests at once at most")
	flags.Uint64Var(&o.seed, "seed", 0, "what is tried, and when (default: by chance; keys and tokens always are)")
	flags.BoolVar(&o.json, "json", false, "report as JSON")
	flags.DurationVar(&o.rotateEvery, "rotate", 10*time.Second, "between rotations of a key")
	flags.DurationVar(&o.outageEvery, "outages", 25*time.Second, "between the beginnings of outages")
	flags.DurationVar(&o.outageFor, "outage", 4*time.Second, "how long an outage lasts")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.length <= 0 || o.warm < 0 || o.interval < 0 || o.rate <= 0 || o.clients <= 0 || o.clients > maxClients ||
		o.rotateEvery <= 0 || o.outageFor <= 0 || o.outageEvery <= o.outageFor {
		flags.Usage()
		return o, fmt.Errorf("durations and numbers must be positive, -clients at most %d, -outages above -outage", maxClients)
	}
	if o.interval == 0 {
		o.interval = max(o.length/40, 100*time.Millisecond)
	}
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	return o, nil
}

// run is the program; it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if err == flag.ErrHelp {
		return 0
	}
	if err == nil {
		var r *report
		if r, err = soak(ctx, o, stderr); err == nil {
			return r.write(o, stdout)
		}
	}
	fmt.Fprintln(stderr, "soak:", err)
	return 2
}

// soak puts the load on until it is time, or ctx ends.
func soak(ctx context.Context, o options, progress io.Writer) (*report, error) {
	fmt.Fprintf(progress, "seed %d\n", o.seed)
	w, err := newWorld(o)
	if err != nil {
		return nil, err
	}
	defer w.close()
	l := newLoad(w, o)
	d := newDirector(w, l, o, progress)
	return d.direct(ctx)
}

// write prints the report, and returns the exit status that it asks for.
func (r *report) write(o options, out io.Writer) int {
	if o.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		if e.Encode(r) != nil {
			return 2
		}
	} else if _, err := io.WriteString(out, r.String()); err != nil {
		return 2
	}
	if r.Wrong > 0 || len(r.Growth) > 0 {
		return 1
	}
	return 0
}
