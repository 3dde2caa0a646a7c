package main

import (
	"fmt"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// report is what a run found.
type report struct {
	Seed     uint64        `json:"seed"`
	Measured time.Duration `json:"measured_ns"`
	Machine  string        `json:"machine"`
	Requests uint64        `json:"requests"` // measured ones
	Rate     float64       `json:"requests_per_second"`
	Wrong    uint64        `json:"wrong_verdicts"`
	Problems []string      `json:"problems,omitempty"` // the first wrong verdicts
	Growth   []string      `json:"growth,omitempty"`
	Judged   bool          `json:"growth_judged"`
	Happened counts        `json:"happened"`
	Classes  []classReport `json:"classes"`
	Samples  []sample      `json:"samples"`
}

// classReport is what a class saw. Requests that are part of an attempt, such as
// a signal, count too.
type classReport struct {
	Name      string        `json:"name"`
	Requests  uint64        `json:"requests"`
	Accepted  uint64        `json:"accepted"`
	Refused   uint64        `json:"refused"`
	Undecided uint64        `json:"undecided"` // 503
	Cut       uint64        `json:"cut"`       // no answer
	Wrong     uint64        `json:"wrong_verdicts"`
	P50       time.Duration `json:"p50_ns"`
	P99       time.Duration `json:"p99_ns"`
	P999      time.Duration `json:"p999_ns"`
	Max       time.Duration `json:"max_ns"`
}

func (d *director) report() *report {
	r := &report{
		Seed: d.o.seed, Happened: d.counts, Samples: d.samples, Problems: d.load.problems(),
		Machine: fmt.Sprintf("%s/%s, GOMAXPROCS %d, %s", runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), runtime.Version()),
		Wrong:   d.load.wrong.Load(), Growth: growth(d.samples), Judged: len(d.samples) >= fewest,
	}
	for i := range d.load.classes {
		c := d.load.seen[i].report(d.load.classes[i].name)
		r.Classes, r.Requests = append(r.Classes, c), r.Requests+c.Requests
	}
	if !d.began.IsZero() {
		r.Measured = time.Since(d.began)
		r.Rate = float64(r.Requests) / r.Measured.Seconds()
	}
	return r
}

func (s *seen) report(name string) classReport {
	return classReport{
		Name: name, Requests: s.times.total.Load(), Accepted: s.accepted.Load(), Refused: s.refused.Load(),
		Undecided: s.undecided.Load(), Cut: s.cut.Load(), Wrong: s.wrong.Load(),
		P50: s.times.quantile(0.5), P99: s.times.quantile(0.99), P999: s.times.quantile(0.999),
		Max: time.Duration(s.times.max.Load()),
	}
}

// line is the sample on one line.
func (s sample) line() string {
	return fmt.Sprintf("%8s  %6.0f req/s  heap %6.2f MiB  RSS %6.1f MiB  %4d goroutines  %4d files  %d wrong",
		s.At.Round(time.Second), s.Rate, mib(s.Heap), mib(s.RSS), s.Goroutines, s.Files, s.Wrong)
}

func mib(bytes uint64) float64 { return float64(bytes) / (1 << 20) }

// String is the report for people.
func (r *report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nseed %d; %s measured; %d requests, %.0f a second; %d rotations, %d outages, %d reloads\n\n",
		r.Machine, r.Seed, r.Measured.Round(time.Second), r.Requests, r.Rate, r.Happened.Rotations, r.Happened.Outages, r.Happened.Reloads)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "requests\taccepted\trefused\tundecided\tcut\twrong\tp50\tp99\tp99.9\tmax\t  class")
	for _, c := range r.Classes {
		fmt.Fprintf(table, "%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t  %s\n", c.Requests, c.Accepted, c.Refused, c.Undecided, c.Cut, c.Wrong,
			short(c.P50), short(c.P99), short(c.P999), short(c.Max), c.Name)
	}
	table.Flush()
	b.WriteString("\nsamples at rest:\n")
	for _, s := range r.Samples {
		fmt.Fprintln(&b, s.line())
	}
	fmt.Fprintf(&b, "\n%d wrong verdicts\n", r.Wrong)
	for _, p := range r.Problems {
		fmt.Fprintln(&b, "  "+p)
	}
	switch {
	case !r.Judged:
		fmt.Fprintf(&b, "growth: not judged, for there are fewer than %d samples\n", fewest)
	case len(r.Growth) == 0:
		b.WriteString("growth: none\n")
	}
	for _, g := range r.Growth {
		fmt.Fprintln(&b, "growth: "+g)
	}
	return b.String()
}

// short is a duration in three digits.
func short(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}
