package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// print prints the tables.
func (r *report) print(stdout io.Writer) {
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "what\tresult\ttime")
	for _, f := range r.facts {
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.what, f.got, short(f.took))
	}
	fmt.Fprintln(table, "\t\t")
	table.Flush()
	fmt.Fprintln(table, "Redis\trequests\tserved\trefused (503)\tlost\trecovery")
	for _, t := range r.faults {
		for kind, of := range t.kinds {
			fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%s\n", t.fault, kindNames[kind],
				of.counts[served], of.counts[refused], of.counts[lost], short(of.recovery))
		}
	}
	table.Flush()
}

func short(d time.Duration) string { return max(d, 0).Round(time.Millisecond).String() }

// unexpected are what is not as docs/fleet.md says. Times are only shown.
func (r *report) unexpected() (errs []error) {
	for _, f := range r.facts {
		if f.got != f.want {
			errs = append(errs, fmt.Errorf("%s: %s, and not %s", f.what, f.got, f.want))
		}
	}
	for _, t := range r.faults {
		for kind, of := range t.kinds {
			if of.counts[lost] > 0 {
				errs = append(errs, fmt.Errorf("%s: %d requests with a %s were lost", t.fault, of.counts[lost], kindNames[kind]))
			}
		}
		for _, kind := range []int{jwts, opaques} { // which do not depend on Redis
			if n := t.kinds[kind].counts[refused]; n > 0 {
				errs = append(errs, fmt.Errorf("%s: %d requests with a %s were refused", t.fault, n, kindNames[kind]))
			}
		}
		for _, kind := range []int{proofs, refusing} { // which do, so this must show
			if t.kinds[kind].counts[refused] == 0 {
				errs = append(errs, fmt.Errorf("%s: no %s was refused", t.fault, kindNames[kind]))
			}
		}
		if t.twice > 0 {
			errs = append(errs, fmt.Errorf("%s: %d proofs were accepted twice", t.fault, t.twice))
		}
	}
	return errs
}
