// Command peerbench measures bearerguard beside other ways to decide on access tokens:
// the same tokens, the same checks, each peer as its documentation shows it.
//
//	go run ./validator/peerbench -rounds 10 -out docs/performance
//
// All contenders take their turn in every round. What is reported are medians of the
// rounds, most of them as ratios to bare cryptography in the same round. Run it on a
// machine that does nothing else. See contenders for who takes part, and README.md for
// what is comparable.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// plan is how much is measured.
type plan struct {
	rounds      int           // timed ones; one more warms up
	calls, hits int           // in a round: of verifications, and of cached tokens
	fresh       int           // tokens that take turns so that none is found in a cache of a tenth of that
	many        int           // tokens in a large cache
	growth      int           // tokens in the largest
	issuers     int           // at most
	herd        int           // requests at once with one opaque token
	flood       time.Duration // of unknown keys
	flooding    int           // distinct ones in that time
	settling    time.Duration // until a new key is to be accepted after a bogus one
}

// sections are the parts of the report, in its order.
var sections = []struct {
	name    string
	measure func(plan) ([]table, error)
}{
	{"uncached", uncached},
	{"hits", hits},
	{"refusals", refusals},
	{"garbage", garbage},
	{"middleware", inMiddleware},
	{"possession", possession},
	{"revocations", revocations},
	{"herd", herd},
	{"keys", keys},
	{"memory", memory},
	{"growth", growth},
}

func main() {
	log.SetFlags(0)
	p := plan{fresh: 1000, settling: time.Second}
	flag.IntVar(&p.rounds, "rounds", 10, "timed `rounds`")
	flag.IntVar(&p.calls, "calls", 500, "verifications and refusals of each contender in a round")
	flag.IntVar(&p.hits, "hits", 50_000, "cached tokens that each contender judges in a round")
	flag.IntVar(&p.many, "many", 100_000, "tokens in a large cache; a tenth of it is measured too")
	flag.IntVar(&p.growth, "growth", 1_000_000, "tokens in the largest cache of ours, which takes some 3 kB for each")
	flag.IntVar(&p.issuers, "issuers", 1000, "configured issuers at most")
	flag.IntVar(&p.herd, "herd", 1000, "requests at once with one opaque token")
	flag.IntVar(&p.flooding, "flooding", 10_000, "tokens with distinct unknown keys in a flood")
	flag.DurationVar(&p.flood, "flood", 2*time.Second, "how long a flood takes")
	out := flag.String("out", "", "`directory` for results.md and chart.svg; without it, the tables are printed")
	part := flag.String("only", "", "a `section` to measure alone: "+sectionNames())
	flag.Parse()
	if err := run(p, *out, *part); err != nil {
		log.Fatalf("peerbench: %v", err)
	}
}

func run(p plan, out, part string) error {
	if out != "" && part != "" {
		return fmt.Errorf("-out is for whole reports, -only for parts")
	}
	tables, err := measure(p, part)
	if err != nil {
		return err
	}
	if out == "" {
		return write(os.Stdout, p, tables)
	}
	var text bytes.Buffer
	if err := write(&text, p, tables); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, "results.md"), text.Bytes(), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "chart.svg"), chart(tables), 0o644)
}

// measure runs one section, or all of them.
func measure(p plan, part string) ([]table, error) {
	var tables []table
	found := false
	for _, s := range sections {
		if part != "" && part != s.name {
			continue
		}
		found = true
		begin := time.Now()
		more, err := s.measure(p)
		if err != nil {
			return nil, named(s.name, err)
		}
		tables = append(tables, more...)
		log.Printf("%s: %v", s.name, time.Since(begin).Round(time.Second))
	}
	if !found {
		return nil, fmt.Errorf("there is no section %q, only %s", part, sectionNames())
	}
	return tables, nil
}

func sectionNames() string {
	var names []string
	for _, s := range sections {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

func write(w io.Writer, p plan, tables []table) error {
	var text bytes.Buffer
	preamble(&text, p)
	for _, t := range tables {
		t.markdown(&text)
	}
	_, err := w.Write(text.Bytes())
	return err
}

// named says whose error it is.
func named(whose string, err error) error { return fmt.Errorf("%s: %w", whose, err) }
