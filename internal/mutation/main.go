// Command mutation breaks packages of this module in small ways, one at a time,
// and demands that their tests notice:
//
//	go run ./internal/mutation ./jwks ./internal/jose
//
// All mutants of a package are compiled into one test binary, behind a number
// from the environment, so a mutant costs a process and not a build. A mutant
// meets only the tests that reach it; the tests of the packages that import its
// own come last. What no test notices must be listed in equivalents.txt with the
// reason why no test could, and what is listed must exist and go unnoticed.
//
// The exit status is 1 if a mutant survives that is not listed, or the list is
// wrong; 2 if the packages could not be tried.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

type options struct {
	cache     string         // directory of results; empty: none are kept
	list      string         // file of equivalents
	only      *regexp.Regexp // of keys; nil: all
	importers bool           // also try the tests of packages that import the mutated one
	trust     bool           // what was killed in any earlier state of the sources counts
	show      bool           // list the mutants, run nothing
	patience  time.Duration  // what tests may take beyond a few times what they took
}

func main() {
	// The machine is for others first. A failure only makes us less polite.
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, 19)
	if os.Getenv("GOMAXPROCS") == "" {
		os.Setenv("GOMAXPROCS", "1")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, out io.Writer) int {
	o, patterns, err := parse(args, out)
	if err != nil {
		return 2
	}
	fine, err := mutate(ctx, o, patterns, out)
	switch {
	case err != nil:
		fmt.Fprintln(out, "mutation:", err)
		return 2
	case !fine:
		return 1
	}
	return 0
}

func parse(args []string, out io.Writer) (options, []string, error) {
	var o options
	flags := flag.NewFlagSet("mutation", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.cache, "cache", "", "keep results in this `directory`, and go on from there")
	flags.StringVar(&o.list, "list", filepath.Join("internal", "mutation", "equivalents.txt"), "`file` of equivalent mutants")
	flags.BoolVar(&o.importers, "importers", true, "try survivors with the tests of the packages that import theirs")
	flags.BoolVar(&o.trust, "trust", false, "believe that what was killed before the sources changed is killed still")
	flags.BoolVar(&o.show, "show", false, "print the mutants and run nothing")
	flags.DurationVar(&o.patience, "patience", 5*time.Second, "how long tests may take beyond a multiple of what they take undisturbed")
	only := flags.String("only", "", "only mutants whose line in the list matches this `expression`")
	if err := flags.Parse(args); err != nil {
		return o, nil, err
	}
	if *only != "" {
		var err error
		if o.only, err = regexp.Compile(*only); err != nil {
			fmt.Fprintln(out, "mutation: -only:", err)
			return o, nil, err
		}
	}
	if flags.NArg() == 0 {
		fmt.Fprintln(out, "mutation: which packages?")
		return o, nil, flag.ErrHelp
	}
	return o, flags.Args(), nil
}

// mutate reports whether every mutant of the packages is killed or rightly listed.
func mutate(ctx context.Context, o options, patterns []string, out io.Writer) (bool, error) {
	listed, err := readEquivalents(o.list)
	if err != nil {
		return false, err
	}
	world, err := load(ctx, patterns)
	if err != nil {
		return false, err
	}
	dir, err := os.MkdirTemp("", "mutation")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)

	fine := true
	for i, p := range world.targets {
		began := time.Now()
		t := &trial{
			options: o, world: world, target: p, listed: listed, out: out,
			dir: filepath.Join(dir, fmt.Sprint(i)), recent: map[string]int{},
		}
		ok, err := t.run(ctx)
		if err != nil {
			return false, fmt.Errorf("%s: %w", p.path, err)
		}
		if !o.show {
			fmt.Fprintf(out, "%s: %s, in %s\n", p.path, t.count, time.Since(began).Round(time.Second))
		}
		fine = fine && ok
	}
	return fine, ctx.Err()
}
