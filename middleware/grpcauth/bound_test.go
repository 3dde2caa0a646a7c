package grpcauth_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerguard/bearerguard/middleware/grpcauth"
	"github.com/bearerguard/bearerguard/validator"
)

// wire is what is behind a stream, as slow as a test wants it.
type wire struct {
	grpc.ServerTransportStream
	trailer     metadata.MD
	status      chan *status.Status
	slow, stuck time.Duration
}

func (w *wire) SetTrailer(md metadata.MD) error {
	<-time.After(w.slow)
	w.trailer = metadata.Join(w.trailer, md)
	return nil
}

func (w *wire) WriteStatus(s *status.Status) error {
	<-time.After(w.stuck)
	w.status <- s
	return nil
}

// incoming is the context of a call with a token.
func incoming(ctx context.Context, raw string) context.Context {
	return metadata.NewIncomingContext(ctx, metadata.Pairs("authorization", "Bearer "+raw))
}

func stream(g *grpcauth.Guard, inner grpc.ServerStream, handler grpc.StreamHandler) error {
	return g.Stream(nil, inner, &grpc.StreamServerInfo{FullMethod: chat}, handler)
}

// TestOneChallenge: it is in the trailer before the call ends, once, also when the
// handler is faster than the transport, and nobody waits for a transport that sends.
func TestOneChallenge(t *testing.T) {
	s, v, _ := newValidator(t, nil)
	require.NoError(t, v.Ready(t.Context()))
	g := newGuard(t, v, listed())
	synctest.Test(t, func(t *testing.T) {
		w := &wire{status: make(chan *status.Status, 1), slow: time.Second, stuck: time.Hour}
		began := time.Now()
		inner := &lone{ctx: grpc.NewContextWithServerTransportStream(incoming(t.Context(), s.AccessToken()), w)}
		err := stream(g, inner, func(_ any, s grpc.ServerStream) error {
			<-s.Context().Done()
			return nil
		})
		assert.Equal(t, lasts+time.Second, time.Since(began))
		assert.Equal(t, codes.Unauthenticated, status.Code(err))
		assert.Equal(t, []string{expired}, w.trailer["www-authenticate"])
		assert.Empty(t, inner.trailer)
		assert.Equal(t, status.Convert(err).Proto(), (<-w.status).Proto())
		assert.Equal(t, lasts+time.Second+time.Hour, time.Since(began))
	})
}

// TestStreamThatReturnedIsOver: its context has ended, whatever the transport does,
// what goes on in it is the transport's affair, and nothing is kept of it until its
// token expires.
func TestStreamThatReturnedIsOver(t *testing.T) {
	s, v, h := newValidator(t, nil)
	g := newGuard(t, v, listed())
	kept := func() weak.Pointer[lone] {
		inner := &lone{ctx: incoming(t.Context(), s.AccessToken())}
		var left grpc.ServerStream
		require.NoError(t, stream(g, inner, func(_ any, s grpc.ServerStream) error {
			left = s
			return nil
		}))
		assert.ErrorIs(t, left.Context().Err(), context.Canceled)
		withdraw(t, s, v)
		h.take()
		assert.Equal(t, errLone, left.SendMsg(nil))
		assert.Equal(t, errLone, left.RecvMsg(nil))
		assert.Empty(t, h.take())
		return weak.Make(inner)
	}()
	for n := 0; n < 1000 && kept.Value() != nil; n++ { // a goroutine that sent may not have ended yet
		runtime.Gosched()
		runtime.GC()
	}
	assert.Nil(t, kept.Value())
}

// TestOneRefusal: two that find out at the same time are one end.
func TestOneRefusal(t *testing.T) {
	var offset atomic.Int64
	var both sync.WaitGroup
	s, v, h := newValidator(t, func() time.Time {
		if offset.Load() != 0 {
			both.Done()
			both.Wait()
		}
		return time.Now().Add(time.Duration(offset.Load()))
	})
	inner := &lone{ctx: incoming(t.Context(), s.AccessToken())}
	err := stream(newGuard(t, v, listed()), inner, func(_ any, s grpc.ServerStream) error {
		both.Add(2)
		offset.Add(int64(2 * lasts))
		var group sync.WaitGroup
		for _, do := range []func(any) error{s.SendMsg, s.RecvMsg} {
			group.Go(func() { assert.ErrorIs(t, do(nil), validator.ErrInvalidToken) })
		}
		group.Wait()
		return nil
	})
	assert.Equal(t, codes.Unauthenticated, status.Code(err))
	assert.Equal(t, []string{expired}, inner.trailer["www-authenticate"])
	assert.Equal(t, []validator.Reason{"accepted", validator.ReasonExpired}, h.take())
}
