package grpcauth_test

import (
	"sync"
	"sync/atomic"
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

// withdraw makes v know that the key of all tokens so far is no longer listed.
func withdraw(t *testing.T, s *validatortest.Server, v *validator.Validator) {
	t.Helper()
	old := s.KID()
	s.Rotate("ES256")
	s.Withdraw(old)
	_, err := v.Validate(t.Context(), s.AccessToken())
	require.NoError(t, err)
}

// TestEveryMessageIsLookedAt: a token that stops being good before it expires sends
// and gets nothing more, whichever comes first.
func TestEveryMessageIsLookedAt(t *testing.T) {
	for name, tc := range map[string]struct {
		before, after func(grpc.ServerStream) error // the token was withdrawn between them
	}{
		"send":    {receive, send},
		"receive": {send, receive}, // although no message comes
	} {
		t.Run(name, func(t *testing.T) {
			s, v, h := newValidator(t, nil)
			started, withdrawn, ended := make(chan error), make(chan struct{}), make(chan error, 1)
			client := serve(t, orders{stream: func(stream grpc.ServerStream) error {
				started <- tc.before(stream)
				<-withdrawn
				ended <- tc.after(stream)
				return nil
			}}, newGuard(t, v, listed()).ServerOptions()...)
			stream, err := client.NewStream(bearer(t.Context(), s.AccessToken()), chatDesc, chat)
			require.NoError(t, err)
			if name == "send" {
				require.NoError(t, stream.SendMsg(wrapperspb.String("x")))
			}
			require.NoError(t, <-started)
			withdraw(t, s, v)
			h.take()
			close(withdrawn)
			err = <-ended
			assert.Equal(t, codes.Unauthenticated, status.Code(err))
			assert.ErrorIs(t, err, validator.ErrInvalidToken)
			for err = nil; err == nil; {
				err = stream.RecvMsg(new(wrapperspb.StringValue))
			}
			answered(t, err, stream.Trailer(), codes.Unauthenticated, "The access token is invalid", invalid)
			assert.Equal(t, []validator.Reason{validator.ReasonUnknownKey}, h.take())
		})
	}
}

func send(s grpc.ServerStream) error    { return s.SendMsg(wrapperspb.String("x")) }
func receive(s grpc.ServerStream) error { return s.RecvMsg(new(wrapperspb.StringValue)) }

// TestMessageThatComesTooLate: what arrives when the token is no longer good is not
// delivered, although it was waited for while it was.
func TestMessageThatComesTooLate(t *testing.T) {
	s, v, _ := newValidator(t, nil)
	waiting, ended := make(chan struct{}), make(chan error, 1)
	var once sync.Once
	outer := grpc.ChainStreamInterceptor(func(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		return next(server, &telling{stream, func() { once.Do(func() { close(waiting) }) }})
	})
	client := serve(t, orders{stream: func(stream grpc.ServerStream) error {
		m := wrapperspb.String("untouched")
		ended <- stream.RecvMsg(m)
		return nil
	}}, append([]grpc.ServerOption{outer}, newGuard(t, v, listed()).ServerOptions()...)...)
	stream, err := client.NewStream(bearer(t.Context(), s.AccessToken()), chatDesc, chat)
	require.NoError(t, err)
	<-waiting
	withdraw(t, s, v)
	require.NoError(t, stream.SendMsg(wrapperspb.String("too late")))
	assert.ErrorIs(t, <-ended, validator.ErrInvalidToken)
	err = stream.RecvMsg(new(wrapperspb.StringValue))
	answered(t, err, stream.Trailer(), codes.Unauthenticated, "The access token is invalid", invalid)
}

// telling tells when a message is waited for.
type telling struct {
	grpc.ServerStream
	tell func()
}

func (t *telling) RecvMsg(m any) error {
	t.tell()
	return t.ServerStream.RecvMsg(m)
}

// TestClockOfTheValidator decides when a stream ends: the timer only looks.
func TestClockOfTheValidator(t *testing.T) {
	var offset atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	s, v, h := newValidator(t, clock)
	require.NoError(t, v.Ready(t.Context()))
	synctest.Test(t, func(t *testing.T) {
		client := serveInMemory(t, orders{}, newGuard(t, v, listed()).ServerOptions()...)
		began := time.Now()
		stream := open(bearer(t.Context(), s.AccessToken(validatortest.Claim("iat", began.Add(-time.Hour).Unix()))), t, client)
		<-time.After(time.Minute)
		offset.Add(int64(-10 * time.Minute)) // the clock is set back
		<-time.After(lasts)                  // and it would have expired
		exchange(t, stream)
		err := stream.RecvMsg(new(wrapperspb.StringValue))
		answered(t, err, stream.Trailer(), codes.Unauthenticated, "The access token expired", expired)
		assert.Equal(t, lasts+10*time.Minute, time.Since(began))

		stream = open(bearer(t.Context(), s.AccessToken()), t, client)
		h.take()
		offset.Add(int64(2 * lasts)) // the clock is put forward: the next message notices
		require.NoError(t, stream.SendMsg(new(wrapperspb.StringValue)))
		err = stream.RecvMsg(new(wrapperspb.StringValue))
		answered(t, err, stream.Trailer(), codes.Unauthenticated, "The access token expired", expired)
		assert.Equal(t, []validator.Reason{validator.ReasonExpired}, h.take())
	})
}
