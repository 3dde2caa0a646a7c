// Package otelspans shows in OpenTelemetry traces what bearerguard decides and reads. It is
// one file, to be copied.
package otelspans

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/bearerguard/bearerguard/validator"
)

const scope = "github.com/bearerguard/bearerguard/examples/observability/otelspans"

// Spans tell a trace what became of its requests. A decision is an event of the span that
// is current: most take a microsecond, for which a span of its own would be too much. A
// call that waited has a child span for it, and what it waited for is a trace of its own,
// because it is shared: the child links to it. It is safe for concurrent use.
//
// Attributes are from closed sets. There is no subject, not even hashed: what identifies
// few can be guessed, and so its hash be found. A handler may set enduser.id itself, where
// that is wanted: it has the token.
type Spans struct {
	tracer trace.Tracer

	mu     sync.Mutex
	recent [256]flight // by number, which rises: of a thousand at once, some lose their links
}

// flight is something that was read, for links.
type flight struct {
	number uint64
	span   trace.SpanContext
}

// New returns Spans that tell a tracer of provider.
func New(provider trace.TracerProvider) *Spans {
	return &Spans{tracer: provider.Tracer(scope)}
}

// Observer is for validator.Config.
func (s *Spans) Observer() validator.Observer {
	return validator.Observer{
		Decision: decided,
		Wait:     s.waited,
		KeyFetch: func(f validator.KeyFetch) { s.read(f.Issuer, validator.WaitKeys, f.Flight, f.Took, f.Err != nil) },
		Introspection: func(i validator.Introspection) {
			s.read(i.Issuer, validator.WaitIntrospection, i.Flight, i.Took, i.Err != nil && i.Err.Class == validator.ErrUnavailable)
		},
		StatusFetch: func(f validator.StatusFetch) {
			s.read(f.Issuer, validator.WaitStatusList, f.Flight, f.Took, f.Err != nil)
		},
		Signal: func(ctx context.Context, told validator.Signal) {
			_, reason := told.Err.Labels()
			trace.SpanFromContext(ctx).AddEvent("bearerguard.signal", trace.WithAttributes(
				attribute.String("bearerguard.issuer", issuer(told.Issuer)), attribute.String("bearerguard.kind", string(told.Kind)),
				attribute.String("bearerguard.outcome", string(told.Outcome)), attribute.String("bearerguard.reason", reason)))
		},
	}
}

func decided(ctx context.Context, d validator.Decision) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	class, reason := d.Err.Labels()
	attributes := []attribute.KeyValue{
		attribute.String("bearerguard.issuer", issuer(d.Issuer)), attribute.String("bearerguard.class", class),
		attribute.String("bearerguard.reason", reason), attribute.String("bearerguard.cache", cache(d)),
	}
	if d.Token != nil {
		attributes = append(attributes, attribute.String("bearerguard.origin", string(d.Token.Origin())))
	}
	span.AddEvent("bearerguard.decision", trace.WithAttributes(attributes...))
}

// waited is only of calls that are traced: without a parent it would say nothing.
func (s *Spans) waited(ctx context.Context, w validator.Wait) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return
	}
	now := time.Now()
	options := []trace.SpanStartOption{trace.WithTimestamp(now.Add(-w.Took)), attributesOf(w.Issuer, w.For), trace.WithAttributes(attribute.Bool("bearerguard.left", w.Left))}
	if of := s.spanOf(w.Flight); of.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: of}))
	}
	_, span := s.tracer.Start(ctx, "bearerguard.wait", options...)
	span.End(trace.WithTimestamp(now))
}

// read is told after the fact: the span is as long ago as it took.
func (s *Spans) read(issuer string, what validator.WaitFor, number uint64, took time.Duration, failed bool) {
	now := time.Now()
	_, span := s.tracer.Start(context.Background(), "bearerguard.read", trace.WithSpanKind(trace.SpanKindClient),
		trace.WithTimestamp(now.Add(-took)), attributesOf(issuer, what))
	if failed {
		span.SetStatus(codes.Error, "") // why is in the log: it may quote what a server said
	}
	span.End(trace.WithTimestamp(now))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recent[number%uint64(len(s.recent))] = flight{number, span.SpanContext()}
}

func (s *Spans) spanOf(number uint64) trace.SpanContext {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.recent[number%uint64(len(s.recent))]; f.number == number {
		return f.span
	}
	return trace.SpanContext{}
}

func attributesOf(issuer string, what validator.WaitFor) trace.SpanStartEventOption {
	return trace.WithAttributes(attribute.String("bearerguard.issuer", issuer), attribute.String("bearerguard.what", string(what)))
}

// issuer is for what named no configured issuer, too.
func issuer(name string) string {
	if name == "" {
		return "none"
	}
	return name
}

func cache(d validator.Decision) string {
	switch {
	case d.Stale:
		return "stale"
	case d.Cached:
		return "hit"
	}
	return "miss"
}
