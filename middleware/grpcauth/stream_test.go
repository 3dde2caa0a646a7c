package grpcauth_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// lasts is how long a token of the tests is good.
const lasts = time.Hour + validator.DefaultLeeway

// TestStreamEndsWithItsToken: at the very moment at which Validate refuses it, for a
// client that waits, and a handler that does.
func TestStreamEndsWithItsToken(t *testing.T) {
	inBubble(t, func(t *testing.T, s *validatortest.Server, v *validator.Validator, h *heard, serve serving) {
		type end struct{ received, sent, cause, context error }
		ended := make(chan end, 1)
		client := serve(t, orders{stream: func(stream grpc.ServerStream) error {
			e := end{received: echo(stream)}
			e.sent = stream.SendMsg(wrapperspb.String("too late"))
			e.context, e.cause = stream.Context().Err(), context.Cause(stream.Context())
			ended <- e
			return nil
		}}, newGuard(t, v, listed()).ServerOptions()...)
		began := time.Now()
		raw := s.AccessToken()
		stream := open(bearer(t.Context(), raw), t, client)
		<-time.After(lasts - time.Millisecond)
		exchange(t, stream)
		_, err := v.Validate(t.Context(), raw)
		require.NoError(t, err)
		assert.Equal(t, []validator.Reason{"accepted", "accepted"}, h.take())

		err = stream.RecvMsg(new(wrapperspb.StringValue))
		assert.Equal(t, lasts, time.Since(began))
		answered(t, err, stream.Trailer(), codes.Unauthenticated, "The access token expired", expired)
		detailed(t, err, reason("INVALID_TOKEN"))
		e := <-ended
		assert.Equal(t, []validator.Reason{validator.ReasonExpired}, h.take(), "once")
		for _, err := range []error{e.received, e.sent, e.cause} {
			assert.Equal(t, codes.Unauthenticated, status.Code(err))
			assert.ErrorIs(t, err, validator.ErrInvalidToken)
		}
		assert.ErrorIs(t, e.context, context.Canceled)
		_, err = v.Validate(t.Context(), raw)
		assert.ErrorIs(t, err, validator.ErrInvalidToken)
	})
}

// TestNetHTTP: a grpc.Server that is a handler of net/http. That lets nobody send
// WWW-Authenticate in a trailer, so the challenge is missing; the rest is the same.
func TestNetHTTP(t *testing.T) {
	s, v, h := newValidator(t, nil)
	require.NoError(t, v.Ready(t.Context()))
	synctest.Test(t, func(t *testing.T) {
		client := serveHTTPInMemory(t, orders{}, newGuard(t, v, listed()).ServerOptions()...)
		for _, way := range kinds {
			_, trailer, err := way.do(bearer(t.Context(), "x"), client, way.method)
			answered(t, err, trailer, codes.Unauthenticated, "The access token is invalid", "")
			detailed(t, err, reason("INVALID_TOKEN"))
		}
		h.take()
		stream := open(bearer(t.Context(), s.AccessToken()), t, client)
		began := time.Now()
		err := stream.RecvMsg(new(wrapperspb.StringValue))
		assert.Equal(t, lasts, time.Since(began))
		answered(t, err, stream.Trailer(), codes.Unauthenticated, "The access token expired", "")
		detailed(t, err, reason("INVALID_TOKEN"))
		assert.Equal(t, []validator.Reason{"accepted", validator.ReasonExpired}, h.take())
	})
}

// TestStreamEndsForHandlersThatWait for something else, and make of it what they
// like.
func TestStreamEndsForHandlersThatWait(t *testing.T) {
	for _, made := range []error{nil, errors.New("its own"), status.Error(codes.OK, ""), status.Error(codes.Internal, "its own")} {
		inBubble(t, func(t *testing.T, s *validatortest.Server, v *validator.Validator, _ *heard, serve serving) {
			client := serve(t, orders{stream: func(stream grpc.ServerStream) error {
				<-stream.Context().Done()
				return made
			}}, newGuard(t, v, listed()).ServerOptions()...)
			stream, err := client.NewStream(bearer(t.Context(), s.AccessToken()), chatDesc, chat)
			require.NoError(t, err)
			began := time.Now()
			err = stream.RecvMsg(new(wrapperspb.StringValue))
			assert.Equal(t, lasts, time.Since(began))
			answered(t, err, stream.Trailer(), codes.Unauthenticated, "The access token expired", expired)
		})
	}
}

// TestStreamEndsForClientsThatDoNotRead: a handler that cannot send waits no longer
// than its token lasts.
func TestStreamEndsForClientsThatDoNotRead(t *testing.T) {
	inBubble(t, func(t *testing.T, s *validatortest.Server, v *validator.Validator, _ *heard, serve serving) {
		stuck := make(chan error, 1)
		client := serve(t, orders{stream: func(stream grpc.ServerStream) error {
			for m := wrapperspb.String(strings.Repeat("x", 1<<14)); ; {
				if err := stream.SendMsg(m); err != nil {
					stuck <- err
					return nil
				}
			}
		}}, newGuard(t, v, listed()).ServerOptions()...)
		began := time.Now()
		stream, err := client.NewStream(bearer(t.Context(), s.AccessToken()), chatDesc, chat)
		require.NoError(t, err)
		err = <-stuck
		assert.Equal(t, lasts, time.Since(began))
		assert.Equal(t, codes.Unauthenticated, status.Code(err))
		assert.ErrorIs(t, err, validator.ErrInvalidToken)
		for err = nil; err == nil; {
			err = stream.RecvMsg(new(wrapperspb.StringValue))
		}
		answered(t, err, stream.Trailer(), codes.Unauthenticated, "The access token expired", expired)
	})
}

// TestStreamsOutliveTokens where that is said.
func TestStreamsOutliveTokens(t *testing.T) {
	inBubble(t, func(t *testing.T, s *validatortest.Server, v *validator.Validator, h *heard, serve serving) {
		config := listed()
		config.StreamsOutliveTokens = true
		client := serve(t, orders{}, newGuard(t, v, config).ServerOptions()...)
		ctx := bearer(t.Context(), s.AccessToken())
		stream := open(ctx, t, client)
		<-time.After(2 * lasts)
		exchange(t, stream)
		require.NoError(t, stream.CloseSend())
		require.NoError(t, ignoreEOF(stream.RecvMsg(new(wrapperspb.StringValue))))
		assert.Equal(t, []validator.Reason{"accepted"}, h.take())
		_, trailer, err := talk(ctx, client, chat)
		answered(t, err, trailer, codes.Unauthenticated, "The access token expired", expired)
	})
}

// TestStreamThatEndsByItself leaves nothing behind: no timer that fires, nothing for
// the observer to hear; its context ends, and its error is its own.
func TestStreamThatEndsByItself(t *testing.T) {
	inBubble(t, func(t *testing.T, s *validatortest.Server, v *validator.Validator, h *heard, serve serving) {
		contexts := make(chan context.Context, 1)
		client := serve(t, orders{stream: func(stream grpc.ServerStream) error {
			contexts <- stream.Context()
			return status.Error(codes.Aborted, "by itself")
		}}, newGuard(t, v, listed()).ServerOptions()...)
		_, trailer, err := talk(bearer(t.Context(), s.AccessToken()), client, chat)
		answered(t, err, trailer, codes.Aborted, "by itself", "")
		<-(<-contexts).Done()
		<-time.After(2 * lasts)
		assert.Equal(t, []validator.Reason{"accepted"}, h.take())
	})
}

// TestStreamOfACallerThatLeaves is cancelled as grpc has it.
func TestStreamOfACallerThatLeaves(t *testing.T) {
	inBubble(t, func(t *testing.T, s *validatortest.Server, v *validator.Validator, h *heard, serve serving) {
		ended := make(chan error, 2)
		client := serve(t, orders{stream: func(stream grpc.ServerStream) error {
			err := echo(stream)
			ended <- err
			<-stream.Context().Done() // a moment after what it waited for
			ended <- context.Cause(stream.Context())
			return err
		}}, newGuard(t, v, listed()).ServerOptions()...)
		ctx, cancel := context.WithCancel(bearer(t.Context(), s.AccessToken()))
		open(ctx, t, client)
		cancel()
		assert.Equal(t, codes.Canceled, status.Code(<-ended))
		assert.ErrorIs(t, <-ended, context.Canceled)
		assert.Equal(t, []validator.Reason{"accepted"}, h.take())
	})
}

// TestPanicInAStream gets to whoever recovers from it, also when it comes from
// another interceptor's stream.
func TestPanicInAStream(t *testing.T) {
	recovered := make(chan any, 1)
	recovering := grpc.ChainStreamInterceptor(func(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
		defer func() {
			recovered <- recover()
			err = status.Error(codes.Internal, "panicked")
		}()
		return next(server, &panicking{stream})
	})
	inBubble(t, func(t *testing.T, s *validatortest.Server, v *validator.Validator, _ *heard, serve serving) {
		for kind, handler := range map[string]func(grpc.ServerStream) error{
			"handler": func(grpc.ServerStream) error { panic("handler") },
			"send":    func(stream grpc.ServerStream) error { return stream.SendMsg(nil) },
			"receive": func(stream grpc.ServerStream) error { return stream.RecvMsg(nil) },
		} {
			client := serve(t, orders{stream: handler},
				append([]grpc.ServerOption{recovering}, newGuard(t, v, listed()).ServerOptions()...)...)
			_, _, err := talk(bearer(t.Context(), s.AccessToken()), client, chat)
			assert.Equal(t, codes.Internal, status.Code(err))
			assert.Equal(t, kind, <-recovered)
		}
	})
}

type panicking struct{ grpc.ServerStream }

func (panicking) SendMsg(any) error { panic("send") }
func (panicking) RecvMsg(any) error { panic("receive") }
