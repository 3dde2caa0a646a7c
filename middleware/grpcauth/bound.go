package grpcauth

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/bearerguard/bearerguard/middleware/internal/reply"
	"github.com/bearerguard/bearerguard/validator"
)

// boundStream is a stream that ends with its token. The token is looked at with
// every message, so that what was withdrawn sends and gets nothing more. A stream
// without messages ends too: when the token expires, by one timer, and when it is
// revoked, by what Token.Watch calls. No goroutine waits for either.
type boundStream struct {
	stream
	guard   *Guard
	token   *validator.Token
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	unwatch func()
	wire    finisher // nil: it cannot be had

	// verdict is nil while the stream lasts. It is written once: by what ends the
	// stream first, its handler (returned) or its token.
	verdict atomic.Pointer[refusal]
	over    chan struct{} // closed when the token has ended the stream
}

// returned is the verdict on a stream whose handler returned by itself.
var returned = new(refusal)

// bind makes a stream end with its token. The caller must close and release it.
func (g *Guard) bind(inner grpc.ServerStream, token *validator.Token) *boundStream {
	s := &boundStream{guard: g, token: token, wire: finisherOf(inner), over: make(chan struct{})}
	s.ServerStream = inner
	s.ctx, s.cancel = context.WithCancelCause(validator.NewContext(inner.Context(), token))
	s.timer = time.AfterFunc(math.MaxInt64, s.expire)
	s.watch()
	s.expire() // sets it; sees what was revoked before
	return s
}

// watch ends the stream when its token is revoked. The context watched is of nothing
// else, so that it ends for no other reason.
func (s *boundStream) watch() {
	watched, stop := s.token.Watch(context.Background())
	unhook := context.AfterFunc(watched, func() { s.end(context.Cause(watched)) })
	s.unwatch = func() {
		unhook() // before it ends for this reason
		stop()
	}
}

// close ends the stream with its handler. What ended it before, if anything did, is
// what it returns.
func (s *boundStream) close() *refusal {
	if s.verdict.CompareAndSwap(nil, returned) {
		return nil
	}
	<-s.over
	return s.verdict.Load()
}

// release leaves nothing behind, also where the handler panicked.
func (s *boundStream) release() {
	s.verdict.CompareAndSwap(nil, returned)
	s.timer.Stop()
	s.unwatch()
	s.cancel(nil)
}

// expire looks at the token when it should have expired, and sets the timer again
// if it has not: its clock is the Validator's, not the timer's.
func (s *boundStream) expire() {
	left, err := s.guard.validator.Recheck(s.token)
	if err != nil {
		s.end(err)
		return
	}
	s.timer.Reset(left)
	if s.verdict.Load() != nil {
		s.timer.Stop() // released meanwhile
	}
}

// end ends the stream with the refusal of its token: for the client, and for the
// handler, whatever it waits for.
func (s *boundStream) end(err error) {
	verdict := s.guard.refuse(reply.PresentedAs(schemeOf(s.token), err))
	if !s.verdict.CompareAndSwap(nil, verdict) {
		return
	}
	_ = s.guard.validator.Refused(s.ctx, err) // the observer hears of it
	s.cancel(verdict)                         // before grpc does, without a cause
	if s.wire == nil {
		close(s.over)
		return
	}
	_ = s.wire.SetTrailer(verdict.trailer)
	close(s.over)
	_ = s.wire.WriteStatus(verdict.status) // may wait for what was sent before (net/http)
}

// refused is what ended the stream; nil: nothing did. It looks at the token.
func (s *boundStream) refused() error {
	if _, err := s.guard.validator.Recheck(s.token); err != nil {
		s.end(err)
	}
	return s.ended()
}

func (s *boundStream) ended() error {
	if verdict := s.verdict.Load(); verdict != nil && verdict != returned {
		return verdict
	}
	return nil
}

// SendMsg sends nothing under a token that is no longer good.
func (s *boundStream) SendMsg(m any) error {
	if err := s.refused(); err != nil {
		return err
	}
	var err error
	if s.wire != nil {
		err = s.ServerStream.SendMsg(m)
	} else {
		err = s.await(s.ServerStream.SendMsg, m)
	}
	if ended := s.ended(); ended != nil && err != nil {
		return ended // that is why
	}
	return err
}

// RecvMsg delivers nothing under a token that is no longer good.
func (s *boundStream) RecvMsg(m any) error {
	if err := s.refused(); err != nil {
		return err
	}
	var err error
	if s.wire != nil {
		err = s.ServerStream.RecvMsg(m)
	} else {
		err = s.await(s.ServerStream.RecvMsg, m)
	}
	if refused := s.refused(); refused != nil { // it may have waited for long
		return refused
	}
	return err
}
