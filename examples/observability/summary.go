package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"text/tabwriter"

	dto "github.com/prometheus/client_model/go"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// tally stands for a place that traces are sent to: it counts spans, by name and how they
// are joined.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

// ExportSpans implements sdktrace.SpanExporter.
func (t *tally) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	for _, span := range spans {
		kind := span.Name()
		switch {
		case len(span.Links()) > 0:
			kind += " (part of a request, links to what was read)"
		case !span.Parent().IsValid():
			kind += " (a trace of its own)"
		}
		t.counts[kind]++
	}
	return nil
}

// Shutdown implements sdktrace.SpanExporter.
func (*tally) Shutdown(context.Context) error { return nil }

// print says what became of all requests, and which spans there were.
func (t *tally) print(out io.Writer, a *api) error {
	families, err := a.registry.Gather()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "class\treason\tissuer\tdecisions")
	for _, family := range families {
		if family.GetName() == "bearerguard_decisions_total" {
			for _, m := range family.GetMetric() {
				fmt.Fprintf(table, "%s\t%s\t%s\t%.0f\n", label(m, "class"), label(m, "reason"), label(m, "issuer"), m.GetCounter().GetValue())
			}
		}
	}
	fmt.Fprintln(table, "\nspan\t\t\tcount")
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, kind := range slices.Sorted(maps.Keys(t.counts)) {
		fmt.Fprintf(table, "%s\t\t\t%d\n", kind, t.counts[kind])
	}
	return table.Flush()
}

func label(m *dto.Metric, name string) string {
	for _, pair := range m.GetLabel() {
		if pair.GetName() == name {
			return pair.GetValue()
		}
	}
	return ""
}
