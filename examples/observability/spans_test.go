package main

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/bearerguard/bearerguard/examples/observability/otelspans"
	"github.com/bearerguard/bearerguard/validator"
)

// recorder keeps all spans.
type recorder struct {
	mu    sync.Mutex
	ended []sdktrace.ReadOnlySpan
}

func (r *recorder) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = append(r.ended, spans...)
	return nil
}

func (*recorder) Shutdown(context.Context) error { return nil }

func (r *recorder) named(prefix string) (found []sdktrace.ReadOnlySpan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, span := range r.ended {
		if strings.HasPrefix(span.Name(), prefix) {
			found = append(found, span)
		}
	}
	return found
}

func attributesOf(pairs []attribute.KeyValue) map[string]string {
	all := map[string]string{}
	for _, pair := range pairs {
		all[string(pair.Key)] = pair.Value.String()
	}
	return all
}

// TestTraces: each request has its decision as an event; who waited has a child span for
// that, which links to the trace of what was read; and there is nothing of tokens in any.
func TestTraces(t *testing.T) {
	p := play(t)
	requests, waits, reads := p.spans.named("GET"), p.spans.named("bearerguard.wait"), p.spans.named("bearerguard.read")
	require.NotEmpty(t, requests)
	spans := map[string]sdktrace.ReadOnlySpan{}
	for _, request := range requests {
		require.Len(t, request.Events(), 1)
		assert.Equal(t, "bearerguard.decision", request.Events()[0].Name)
		spans[request.SpanContext().SpanID().String()] = request
	}
	first := attributesOf(requests[0].Events()[0].Attributes)
	assert.Equal(t, map[string]string{
		"bearerguard.issuer": "main", "bearerguard.class": "accepted", "bearerguard.reason": "none",
		"bearerguard.cache": "miss", "bearerguard.origin": "local",
	}, first)
	last := attributesOf(requests[len(requests)-1].Events()[0].Attributes)
	assert.Equal(t, map[string]string{
		"bearerguard.issuer": "main", "bearerguard.class": "unavailable", "bearerguard.reason": "key_refresh_throttled", "bearerguard.cache": "miss",
	}, last)

	byID := map[string]sdktrace.ReadOnlySpan{}
	failed := 0
	for _, read := range reads {
		assert.False(t, read.Parent().IsValid(), "it is shared, and nobody's child")
		byID[read.SpanContext().SpanID().String()] = read
		if read.Status().Code == codes.Error {
			failed++
		}
	}
	assert.Equal(t, 5, failed, "questions about tokens")
	linked := 0
	for _, wait := range waits {
		request := spans[wait.Parent().SpanID().String()]
		require.NotNil(t, request)
		assert.Equal(t, request.SpanContext().TraceID(), wait.SpanContext().TraceID())
		for _, link := range wait.Links() {
			read := byID[link.SpanContext.SpanID().String()]
			require.NotNil(t, read)
			assert.Equal(t, attributesOf(read.Attributes())["bearerguard.what"], attributesOf(wait.Attributes())["bearerguard.what"])
			linked++
		}
	}
	assert.Equal(t, len(waits)-1, linked, "all but the one that the circuit refused")
	assert.Equal(t, len(reads), linked)
	for _, span := range p.spans.named("") {
		for _, event := range span.Events() {
			assertClosed(t, event.Attributes)
		}
		if strings.HasPrefix(span.Name(), "bearerguard.") {
			assertClosed(t, span.Attributes())
		}
	}
}

// TestWaits: what is not traced costs no span; and a number that has been overwritten, or
// is not told of yet, is no link to something else.
func TestWaits(t *testing.T) {
	spans := new(recorder)
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	o := otelspans.New(tracers).Observer()
	ctx, request := tracers.Tracer("test").Start(t.Context(), "request")
	o.KeyFetch(validator.KeyFetch{Issuer: "main", Flight: 7})
	for _, wait := range []struct {
		ctx    context.Context
		flight uint64
	}{{t.Context(), 7}, {ctx, 7}, {ctx, 8}, {ctx, 7 + 256}} {
		o.Wait(wait.ctx, validator.Wait{Issuer: "main", For: validator.WaitKeys, Flight: wait.flight, Took: time.Second})
	}
	o.KeyFetch(validator.KeyFetch{Issuer: "main", Flight: 7 + 256})
	o.Wait(ctx, validator.Wait{Issuer: "main", For: validator.WaitKeys, Flight: 7})
	request.End()
	waits := spans.named("bearerguard.wait")
	require.Len(t, waits, 4)
	assert.Len(t, waits[0].Links(), 1)
	assert.Equal(t, time.Second, waits[0].EndTime().Sub(waits[0].StartTime()))
	for _, wait := range waits[1:] {
		assert.Empty(t, wait.Links())
	}
}

// assertClosed: attributes are ours, and short words.
func assertClosed(t *testing.T, attributes []attribute.KeyValue) {
	t.Helper()
	for name, value := range attributesOf(attributes) {
		assert.Regexp(t, `^bearerguard\.(issuer|class|reason|cache|origin|what|left|kind|outcome)$`, name)
		assert.Regexp(t, `^[a-z_]{2,40}$`, value)
	}
}
