package main

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// table is one of the report's.
type table struct {
	title   string
	text    string // what is measured, and in what
	columns []string
	rows    []row
	spread  float64 // the largest of its cells; 0: not rounds
}

type row struct {
	name  string
	cells []cell
}

// cell is a figure and how it is written. The chart is drawn from figures.
type cell struct {
	figure float64
	text   string
}

// The cells that are no figures.
var (
	notSupported  = cell{math.NaN(), "–"}
	notComparable = cell{math.NaN(), "not comparable"}
)

// timed is a cell about a lane of a race.
func (t *table) timed(r timing) cell {
	t.spread = max(t.spread, spread(r.ratios))
	return cell{r.ratio(), fmt.Sprintf("%s x (%s, %.0f)", significant(r.ratio()), duration(r.ns()), r.allocations)}
}

// column is where a row's cell of the column with this name is.
func (t *table) column(name string) int {
	for i, c := range t.columns {
		if c == name {
			return i
		}
	}
	return -1
}

func (t *table) markdown(w io.Writer) {
	fmt.Fprintf(w, "\n## %s\n\n%s", t.title, t.text)
	if t.spread > 0 {
		fmt.Fprintf(w, " The middle half of the rounds is within %.0f %% of the median, or less, in each cell.", math.Ceil(100*t.spread))
	}
	fmt.Fprintf(w, "\n\n| | %s |\n|---|%s\n", strings.Join(t.columns, " | "), strings.Repeat("---|", len(t.columns)))
	for _, r := range t.rows {
		fmt.Fprintf(w, "| %s |", r.name)
		for _, c := range r.cells {
			fmt.Fprintf(w, " %s |", c.text)
		}
		fmt.Fprintln(w)
	}
}

// significant writes three digits or so.
func significant(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

// duration writes nanoseconds in the unit that fits.
func duration(ns float64) string {
	switch {
	case ns >= 1e9:
		return significant(ns/1e9) + " s"
	case ns >= 1e6:
		return significant(ns/1e6) + " ms"
	case ns >= 1e3:
		return significant(ns/1e3) + " µs"
	}
	return fmt.Sprintf("%.0f ns", ns)
}

// thousands writes 100000 as 100,000.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
