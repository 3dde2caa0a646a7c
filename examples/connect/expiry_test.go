package main

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// soon is an exp that is near, in whole seconds, and still to come.
func soon() time.Time { return time.Now().Add(2 * time.Second).Truncate(time.Second) }

func (h *house) stream(procedure string, f func(context.Context, *connect.ServerStream[structpb.Struct]) error) {
	h.mux.Handle(procedure, connect.NewServerStreamHandler(procedure,
		func(ctx context.Context, _ *connect.Request[emptypb.Empty], stream *connect.ServerStream[structpb.Struct]) error {
			return f(ctx, stream)
		}, connect.WithInterceptors(h.gate)))
}

// assertEnded: the stream was permitted, and ended because the token did.
func (h *house) assertEnded(t *testing.T, err error, exp time.Time) {
	t.Helper()
	assert.False(t, time.Now().Before(exp))
	assert.Equal(t, validator.Reason(""), <-h.reasons, "permitted when it began")
	h.assertRefused(t, err, connect.CodeUnauthenticated, validator.ReasonExpired)
	var refusal *connect.Error
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, "The access token expired", refusal.Message())
}

// TestStreamEndsAtExpiry: the context of the handler ends.
func TestStreamEndsAtExpiry(t *testing.T) {
	h := newHouse(t)
	h.stream("/test.v1.Test/Stream", func(ctx context.Context, stream *connect.ServerStream[structpb.Struct]) error {
		if err := stream.Send(&structpb.Struct{}); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	})
	for _, w := range h.ways() {
		if !w.streamed {
			continue
		}
		exp := soon()
		messages, err := w.call(t.Context(), h.address+"/test.v1.Test/Stream", bearer(h.as.AccessToken(validatortest.Expiry(exp))))
		assert.Equal(t, 1, messages, w.name)
		h.assertEnded(t, err, exp)
	}
}

// TestStreamEndsWhenRevoked: at once, although nothing is said; and the next call with
// the token, which is cached, is refused.
func TestStreamEndsWhenRevoked(t *testing.T) {
	h := newHouse(t)
	opened := make(chan struct{})
	h.stream("/test.v1.Test/Stream", func(ctx context.Context, stream *connect.ServerStream[structpb.Struct]) error {
		if err := stream.Send(&structpb.Struct{}); err != nil {
			return err
		}
		opened <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	for _, w := range h.ways() {
		if !w.streamed {
			continue
		}
		token := bearer(h.as.AccessToken(validatortest.Subject(w.name)))
		revoked := make(chan error, 1)
		go func() {
			<-opened
			revoked <- h.revoked.Revoke(validator.Revocation{Issuer: h.as.Issuer(), Subject: w.name})
		}()
		messages, err := w.call(t.Context(), h.address+"/test.v1.Test/Stream", token)
		require.NoError(t, <-revoked)
		assert.Equal(t, 1, messages, w.name)
		assert.Equal(t, validator.Reason(""), <-h.reasons, "permitted when it began")
		h.assertRefused(t, err, connect.CodeUnauthenticated, validator.ReasonRevoked)
		_, err = w.call(t.Context(), h.address+"/test.v1.Test/Stream", token)
		h.assertRefused(t, err, connect.CodeUnauthenticated, validator.ReasonRevoked)
	}
	assert.Zero(t, h.revoked.Status().Watched)
}

// TestDeafHandler: messages stop even where the handler does not look at its context.
func TestDeafHandler(t *testing.T) {
	h := newHouse(t)
	h.stream("/test.v1.Test/Stream", func(ctx context.Context, stream *connect.ServerStream[structpb.Struct]) error {
		if err := stream.Send(&structpb.Struct{}); err != nil {
			return err
		}
		<-ctx.Done()
		return stream.Send(&structpb.Struct{}) // all the same
	})
	exp := soon()
	messages, err := h.ways()[1].call(t.Context(), h.address+"/test.v1.Test/Stream", bearer(h.as.AccessToken(validatortest.Expiry(exp))))
	assert.Equal(t, 1, messages)
	h.assertEnded(t, err, exp)
}

// TestLateMessage: one that arrives after exp is not given to the handler.
func TestLateMessage(t *testing.T) {
	h := newHouse(t)
	late := make(chan struct{})
	received := make(chan error, 3)
	h.mux.Handle("/test.v1.Test/Stream", connect.NewBidiStreamHandler("/test.v1.Test/Stream",
		func(ctx context.Context, stream *connect.BidiStream[emptypb.Empty, emptypb.Empty]) error {
			_, err := stream.Receive()
			received <- err
			<-ctx.Done()
			close(late)
			_, err = stream.Receive()
			received <- err
			return err
		}, connect.WithInterceptors(h.gate)))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	exp := soon()
	stream := connect.NewClient[emptypb.Empty, emptypb.Empty](h.h2c, h.address+"/test.v1.Test/Stream", connect.WithGRPC()).CallBidiStream(ctx)
	stream.RequestHeader()["Authorization"] = bearer(h.as.AccessToken(validatortest.Expiry(exp)))
	require.NoError(t, stream.Send(&emptypb.Empty{}))
	require.NoError(t, <-received)
	<-late
	if err := stream.Send(&emptypb.Empty{}); err != nil { // the server may have ended it already
		assert.ErrorIs(t, err, io.EOF)
	}
	var refusal *validator.Error
	assert.ErrorAs(t, <-received, &refusal)
	assert.Equal(t, validator.ReasonExpired, refusal.Reason)
	_, err := stream.Receive()
	h.assertEnded(t, err, exp)
	assert.NoError(t, errors.Join(stream.CloseRequest(), stream.CloseResponse()))
}

// TestStreamInTheLeeway: who was let in after exp stays until the leeway is over.
func TestStreamInTheLeeway(t *testing.T) {
	h := newHouse(t)
	ends := make(chan time.Time, 1)
	h.stream("/test.v1.Test/Stream", func(ctx context.Context, stream *connect.ServerStream[structpb.Struct]) error {
		end, _ := ctx.Deadline()
		ends <- end
		return stream.Send(&structpb.Struct{})
	})
	exp := time.Now().Add(-time.Second).Truncate(time.Second)
	for exp, want := range map[time.Time]time.Time{exp: exp.Add(validator.DefaultLeeway), exp.Add(time.Hour): exp.Add(time.Hour)} {
		messages, err := h.ways()[1].call(t.Context(), h.address+"/test.v1.Test/Stream", bearer(h.as.AccessToken(validatortest.Expiry(exp))))
		require.NoError(t, err)
		assert.Equal(t, 1, messages)
		assert.True(t, want.Equal(<-ends))
	}
}

// TestPublicStream: there is no token that could end it.
func TestPublicStream(t *testing.T) {
	h := newHouse(t)
	h.stream("/test.v1.Test/PublicStream", func(ctx context.Context, stream *connect.ServerStream[structpb.Struct]) error {
		_, known := validator.FromContext(ctx)
		assert.False(t, known)
		_, ends := ctx.Deadline()
		assert.False(t, ends)
		return stream.Send(&structpb.Struct{})
	})
	for _, w := range h.ways() {
		if w.streamed {
			messages, err := w.call(t.Context(), h.address+"/test.v1.Test/PublicStream", bearer("bad"))
			require.NoError(t, err)
			assert.Equal(t, 1, messages)
		}
	}
}

func TestStreamEndsForOtherReasons(t *testing.T) {
	h := newHouse(t)
	h.stream("/test.v1.Test/Stream", func(context.Context, *connect.ServerStream[structpb.Struct]) error {
		return connect.NewError(connect.CodeNotFound, errors.New("no such order"))
	})
	_, err := h.ways()[1].call(t.Context(), h.address+"/test.v1.Test/Stream", bearer(h.as.AccessToken()))
	assert.Equal(t, connect.CodeNotFound, connect.CodeOf(err), "what the handler says is left alone")
	assert.Zero(t, h.revoked.Status().Watched)
	assert.Equal(t, validator.Reason(""), <-h.reasons)
}
