package grpcauth_test

import (
	"context"
	"runtime"
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

// revoke revokes the tokens of a user.
func revoke(t *testing.T, r *validator.Revocations, s *validatortest.Server, subject string) {
	t.Helper()
	require.NoError(t, r.Revoke(validator.Revocation{Issuer: s.Issuer(), Subject: subject}))
}

// TestRevokedOnTheNextCall: a token that is cached for an hour is refused, whatever
// kind of call it is, and others are not.
func TestRevokedOnTheNextCall(t *testing.T) {
	s, v, h, r := newRevocable(t, nil)
	client := serve(t, orders{}, newGuard(t, v, listed()).ServerOptions()...)
	for kind, way := range kinds {
		t.Run(kind, func(t *testing.T) {
			h.take()
			revoked := bearer(t.Context(), s.AccessToken(validatortest.Subject(kind)))
			other := bearer(t.Context(), s.AccessToken(validatortest.Subject("other")))
			for _, ctx := range []context.Context{revoked, other, revoked} {
				_, _, err := way.do(ctx, client, way.method)
				require.NoError(t, err)
			}
			revoke(t, r, s, kind)
			for range 2 {
				_, trailer, err := way.do(revoked, client, way.method)
				answered(t, err, trailer, codes.Unauthenticated, "The access token is invalid", invalid)
				detailed(t, err, reason("INVALID_TOKEN"))
			}
			_, _, err := way.do(other, client, way.method)
			require.NoError(t, err)
			assert.Equal(t, []validator.Reason{
				"accepted", "accepted", "accepted", validator.ReasonRevoked, validator.ReasonRevoked, "accepted",
			}, h.take())
		})
	}
}

// TestStreamEndsWhenRevoked: at once, although nothing is said, for handlers that wait
// for a message and for those that wait for something else.
func TestStreamEndsWhenRevoked(t *testing.T) {
	for waits, handler := range map[string]func(grpc.ServerStream) error{
		"for a message": echo,
		"for its end": func(stream grpc.ServerStream) error {
			if err := receive(stream); err != nil {
				return err
			}
			if err := stream.SendMsg(wrapperspb.String(subject(stream.Context()))); err != nil {
				return err
			}
			<-stream.Context().Done()
			return nil
		},
	} {
		for name, serve := range ways {
			t.Run(waits+" on "+name, func(t *testing.T) {
				s, v, h, r := newRevocable(t, nil)
				require.NoError(t, v.Ready(t.Context()))
				synctest.Test(t, func(t *testing.T) {
					causes := make(chan error, 1)
					client := serve(t, orders{stream: func(stream grpc.ServerStream) error {
						defer func() { causes <- context.Cause(stream.Context()) }()
						return handler(stream)
					}}, newGuard(t, v, listed()).ServerOptions()...)
					stream := open(bearer(t.Context(), s.AccessToken()), t, client)
					h.take()
					began := time.Now()
					time.AfterFunc(time.Minute, func() { revoke(t, r, s, "nobody") })
					time.AfterFunc(2*time.Minute, func() { revoke(t, r, s, validatortest.DefaultSubject) })
					err := stream.RecvMsg(new(wrapperspb.StringValue))
					assert.Equal(t, 2*time.Minute, time.Since(began))
					answered(t, err, stream.Trailer(), codes.Unauthenticated, "The access token is invalid", invalid)
					detailed(t, err, reason("INVALID_TOKEN"))
					cause := <-causes
					assert.Equal(t, codes.Unauthenticated, status.Code(cause))
					assert.ErrorIs(t, cause, validator.ErrInvalidToken)
					synctest.Wait()
					assert.Equal(t, []validator.Reason{validator.ReasonRevoked}, h.take(), "once")
					assert.Zero(t, r.Status().Watched)
				})
			})
		}
	}
}

// TestStreamEndsWhenRevokedOverANetwork: hers, and nobody else's.
func TestStreamEndsWhenRevokedOverANetwork(t *testing.T) {
	s, v, h, r := newRevocable(t, nil)
	ended := make(chan error, 2)
	client := serve(t, orders{stream: func(stream grpc.ServerStream) error {
		if err := send(stream); err != nil {
			return err
		}
		err := receive(stream)
		if subject(stream.Context()) == "jane" {
			ended <- err
		}
		return ignoreEOF(err)
	}}, newGuard(t, v, listed()).ServerOptions()...)
	start := func(subject string) grpc.ClientStream {
		stream, err := client.NewStream(bearer(t.Context(), s.AccessToken(validatortest.Subject(subject))), chatDesc, chat)
		require.NoError(t, err)
		require.NoError(t, stream.RecvMsg(new(wrapperspb.StringValue)))
		return stream
	}
	hers, others := start("jane"), start("joe")
	h.take()
	assert.Equal(t, 2, r.Status().Watched)
	revoke(t, r, s, "jane")
	err := hers.RecvMsg(new(wrapperspb.StringValue))
	answered(t, err, hers.Trailer(), codes.Unauthenticated, "The access token is invalid", invalid)
	assert.ErrorIs(t, <-ended, validator.ErrInvalidToken)
	assert.Equal(t, []validator.Reason{validator.ReasonRevoked}, h.take())
	require.NoError(t, others.CloseSend())
	assert.NoError(t, ignoreEOF(others.RecvMsg(new(wrapperspb.StringValue))))
}

// TestRevokedBeforeTheStreamBegins: between the decision and the handler.
func TestRevokedBeforeTheStreamBegins(t *testing.T) {
	s, v, h, r := newRevocable(t, nil)
	h.then = func() { revoke(t, r, s, validatortest.DefaultSubject) }
	inner := &lone{ctx: incoming(t.Context(), s.AccessToken())}
	err := stream(newGuard(t, v, listed()), inner, func(_ any, s grpc.ServerStream) error {
		<-s.Context().Done()
		return nil
	})
	assert.Equal(t, codes.Unauthenticated, status.Code(err))
	assert.ErrorIs(t, err, validator.ErrInvalidToken)
	assert.Equal(t, []string{invalid}, inner.trailer["www-authenticate"])
	assert.Equal(t, []validator.Reason{"accepted", validator.ReasonRevoked}, h.take())
	assert.Zero(t, r.Status().Watched)
}

// TestStreamsOutliveRevocation where that is said, and then nothing is watched.
func TestStreamsOutliveRevocation(t *testing.T) {
	s, v, h, r := newRevocable(t, nil)
	config := listed()
	config.StreamsOutliveTokens = true
	client := serve(t, orders{}, newGuard(t, v, config).ServerOptions()...)
	ctx := bearer(t.Context(), s.AccessToken())
	stream := open(ctx, t, client)
	assert.Zero(t, r.Status().Watched)
	revoke(t, r, s, validatortest.DefaultSubject)
	exchange(t, stream)
	require.NoError(t, stream.CloseSend())
	require.NoError(t, ignoreEOF(stream.RecvMsg(new(wrapperspb.StringValue))))
	_, trailer, err := talk(ctx, client, chat)
	answered(t, err, trailer, codes.Unauthenticated, "The access token is invalid", invalid)
	assert.Equal(t, []validator.Reason{"accepted", validator.ReasonRevoked}, h.take())
}

// TestNothingIsWatchedAfterAStream, also of one whose handler panicked; no goroutine
// waits while there is one, and the observer hears of no other end.
func TestNothingIsWatchedAfterAStream(t *testing.T) {
	for name, handler := range map[string]func(){"returns": func() {}, "panics": func() { panic("handler") }} {
		t.Run(name, func(t *testing.T) {
			s, v, h, r := newRevocable(t, nil)
			require.NoError(t, v.Ready(t.Context()))
			g := newGuard(t, v, listed())
			synctest.Test(t, func(t *testing.T) {
				inner := &lone{ctx: incoming(t.Context(), s.AccessToken())}
				var left context.Context
				func() {
					defer func() { _ = recover() }()
					_ = stream(g, inner, func(_ any, s grpc.ServerStream) error {
						left = s.Context()
						assert.Equal(t, 1, ofTheGuard(), "this one")
						assert.Equal(t, 1, r.Status().Watched)
						handler()
						return nil
					})
				}()
				assert.Zero(t, r.Status().Watched)
				assert.ErrorIs(t, left.Err(), context.Canceled)
				synctest.Wait()
				assert.Equal(t, []validator.Reason{"accepted"}, h.take())
			})
		})
	}
}

// ofTheGuard counts the goroutines of this bubble that the Guard is in, or has begun.
func ofTheGuard() (count int) {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		if strings.Contains(stack, "synctest bubble") && strings.Contains(stack, "/grpcauth.(") {
			count++
		}
	}
	return count
}
