package grpcauth_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/bearerguard/bearerguard/validator"
)

// sending is a stream whose messages a test sends.
type sending struct {
	*lone
	send func() error
}

func (s sending) SendMsg(any) error { return s.send() }

// TestNothingIsSentUnderABadToken: the transport is not even asked, whatever it would
// say, and although no timer has fired.
func TestNothingIsSentUnderABadToken(t *testing.T) {
	var offset atomic.Int64
	s, v, _ := newValidator(t, func() time.Time { return time.Now().Add(time.Duration(offset.Load())) })
	sent := 0
	// With a way to end the stream, so that nothing is sent beside who waits for it.
	ctx := grpc.NewContextWithServerTransportStream(incoming(t.Context(), s.AccessToken()), &wire{status: make(chan *status.Status, 1)})
	inner := sending{&lone{ctx: ctx}, func() error { sent++; return nil }}
	err := stream(newGuard(t, v, listed()), inner, func(_ any, s grpc.ServerStream) error {
		assert.NoError(t, s.SendMsg(nil))
		offset.Add(int64(2 * lasts))
		assert.ErrorIs(t, s.SendMsg(nil), validator.ErrInvalidToken)
		return nil
	})
	assert.ErrorIs(t, err, validator.ErrInvalidToken)
	assert.Equal(t, 1, sent)
}

// TestMessageThatIsUnderwayWhenTheTokenEnds: who sends it learns what became of it: that
// it was sent, or that it was not because of the token. Without a way to end the stream
// under the transport, it is not waited for.
func TestMessageThatIsUnderwayWhenTheTokenEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		wired  bool
		result error
		sent   bool
	}{
		"sent":              {true, nil, true},
		"not sent":          {true, errLone, false},
		"nobody can tell":   {false, nil, false},
		"nor that it fails": {false, errLone, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, v, _ := newValidator(t, nil)
			require.NoError(t, v.Ready(t.Context()))
			g := newGuard(t, v, listed())
			synctest.Test(t, func(t *testing.T) {
				ctx, done := incoming(t.Context(), s.AccessToken()), make(chan struct{})
				if tc.wired {
					ctx = grpc.NewContextWithServerTransportStream(ctx, &wire{status: make(chan *status.Status, 1)})
				}
				inner := sending{&lone{ctx: ctx}, func() error { <-done; return tc.result }}
				err := stream(g, inner, func(_ any, s grpc.ServerStream) error {
					context.AfterFunc(s.Context(), func() {
						if tc.wired {
							close(done)
						}
					})
					err := s.SendMsg(nil)
					if tc.sent {
						assert.NoError(t, err)
					} else {
						assert.ErrorIs(t, err, validator.ErrInvalidToken)
					}
					return nil
				})
				assert.ErrorIs(t, err, validator.ErrInvalidToken)
				if !tc.wired {
					close(done)
				}
			})
		})
	}
}

// TestUnaryPassesOn: what a handler answers and finds is not the guard's, and on a public
// method not even the token that an interceptor further out has found.
func TestUnaryPassesOn(t *testing.T) {
	s, v, _ := newValidator(t, nil)
	token, err := v.Validate(t.Context(), s.AccessToken())
	require.NoError(t, err)
	config := listed()
	config.Public = []string{drop}
	g := newGuard(t, v, config)
	own := errors.New("the handler's own")
	for _, method := range []string{get, drop} {
		ctx := validator.NewContext(incoming(t.Context(), s.AccessToken()), token)
		answer, err := g.Unary(ctx, "request", &grpc.UnaryServerInfo{FullMethod: method}, func(ctx context.Context, request any) (any, error) {
			found, ok := validator.FromContext(ctx)
			assert.True(t, ok)
			assert.Equal(t, method == drop, found == token)
			return request, own
		})
		assert.Equal(t, "request", answer)
		assert.ErrorIs(t, err, own)
	}
}

// TestStreamPassesOn: nor is what a handler of a stream returns, whether or not its token
// can end it.
func TestStreamPassesOn(t *testing.T) {
	s, v, _ := newValidator(t, nil)
	own := errors.New("the handler's own")
	for _, outlive := range []bool{false, true} {
		config := listed()
		config.StreamsOutliveTokens = outlive
		inner := &lone{ctx: incoming(t.Context(), s.AccessToken())}
		assert.Equal(t, own, stream(newGuard(t, v, config), inner, func(any, grpc.ServerStream) error { return own }))
		assert.Empty(t, inner.trailer)
	}
}
