package grpcauth

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// finisher is grpc's own end of a stream. By what is documented only a handler ends
// a stream, by returning, and one that waits for a message does not. What is behind
// grpc.ServerTransportStream can end it, and with it what the handler waits for: it
// is asked whether it does, as with the optional interfaces of an
// http.ResponseWriter.
type finisher interface {
	SetTrailer(metadata.MD) error
	WriteStatus(*status.Status) error
}

// finisherOf is nil where there is none: see await.
func finisherOf(inner grpc.ServerStream) finisher {
	wire, _ := grpc.ServerTransportStreamFromContext(inner.Context()).(finisher)
	return wire
}

// await sends or receives a message without a finisher. It may wait for the client,
// but not beyond the end of the stream: the goroutine is left alone then, and ends
// as soon as the handler returns.
func (s *boundStream) await(exchange func(any) error, m any) error {
	done := make(chan outcome, 1)
	go func() { done <- try(exchange, m) }()
	select {
	case o := <-done:
		if o.panicked {
			panic(o.value) // for whoever recovers from those of the handler
		}
		return o.err
	case <-s.over:
		return s.ended()
	}
}

// outcome is what became of an exchange.
type outcome struct {
	err      error
	panicked bool
	value    any
}

func try(exchange func(any) error, m any) (o outcome) {
	o.panicked = true
	defer func() {
		if o.panicked {
			o.value = recover()
		}
	}()
	o.err = exchange(m)
	o.panicked = false
	return o
}
