package grpcauth_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
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

// TestLoad: hundreds of calls at once, of all kinds, over real connections, while
// keys rotate and tokens expire under streams. Each gets its own answer.
func TestLoad(t *testing.T) {
	var offset atomic.Int64
	s, v, h := newValidator(t, func() time.Time { return time.Now().Add(time.Duration(offset.Load())) })
	for name, options := range map[string][]grpc.ServerOption{"grpc's own": nil, "another": {grpc.ChainStreamInterceptor(hiding)}} {
		t.Run(name, func(t *testing.T) {
			h.take()
			client := serve(t, orders{}, append(options, newGuard(t, v, listed()).ServerOptions()...)...)
			var group, talking sync.WaitGroup
			failures := make(chan error, 1000)
			start := func(n int, do func() error) {
				for range n {
					group.Go(func() {
						if err := do(); err != nil {
							failures <- err
						}
					})
				}
			}
			expiring := func() string {
				return s.AccessToken(validatortest.Expiry(time.Now().Add(time.Duration(offset.Load()) + 10*time.Minute)))
			}
			later := make(chan struct{})
			talking.Add(50)
			start(48, func() error { return untilExpired(t.Context(), client, expiring(), &talking, later) })
			start(2, func() error { return untilExpired(t.Context(), client, expiring(), &talking, nil) })
			start(100, repeat(t.Context(), client, get, codes.OK, func() string { return s.AccessToken() }))
			start(50, repeat(t.Context(), client, get, codes.Unauthenticated, func() string { return "x" }))
			start(50, repeat(t.Context(), client, get, codes.PermissionDenied, func() string { return s.AccessToken(validatortest.Scope("write")) }))
			start(50, repeat(t.Context(), client, drop, codes.PermissionDenied, func() string { return s.AccessToken() }))
			talking.Wait()
			s.Rotate("ES256")
			offset.Add(int64(20 * time.Minute))
			close(later)
			group.Wait()
			close(failures)
			for err := range failures {
				assert.NoError(t, err)
			}
			heard := map[validator.Reason]int{}
			for _, reason := range h.take() {
				heard[reason]++
			}
			assert.Equal(t, map[validator.Reason]int{
				"accepted": 50 + 100*calls, validator.ReasonExpired: 50, validator.ReasonNotJWT: 50 * calls,
				validator.ReasonInsufficientScope: 50 * calls, validator.ReasonRouteUnknown: 50 * calls,
			}, heard)
		})
	}
}

const calls = 4

// repeat calls a method with a token of its own, and demands an answer.
func repeat(ctx context.Context, client *grpc.ClientConn, method string, want codes.Code, mint func() string) func() error {
	return func() error {
		ctx := bearer(ctx, mint())
		for range calls {
			answer, _, err := call(ctx, client, method)
			if status.Code(err) != want || want == codes.OK && answer != validatortest.DefaultSubject {
				return fmt.Errorf("%s: %q, %v, want %v", method, answer, err, want)
			}
		}
		return nil
	}
}

// untilExpired exchanges messages until it is refused: without a pause, in both
// directions at once; or four, and then one more when it is time.
func untilExpired(ctx context.Context, client *grpc.ClientConn, raw string, talking *sync.WaitGroup, later <-chan struct{}) error {
	stream, err := client.NewStream(bearer(ctx, raw), chatDesc, chat)
	if err != nil {
		return err
	}
	sending := make(chan struct{})
	go func() {
		defer close(sending)
		for n := 0; stream.SendMsg(wrapperspb.String("x")) == nil && (later == nil || n < 4); n++ {
			if n == 3 && later != nil {
				<-later
			}
		}
	}()
	for n := 0; err == nil; n++ {
		if n == 3 {
			talking.Done()
		}
		err = stream.RecvMsg(new(wrapperspb.StringValue))
	}
	<-sending
	if status.Code(err) != codes.Unauthenticated || status.Convert(err).Message() != "The access token expired" {
		return err
	}
	return nil
}

// TestRootModule: who uses no gRPC does not get it.
func TestRootModule(t *testing.T) {
	text, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	require.Contains(t, string(text), "module github.com/bearerguard/bearerguard\n")
	for _, heavy := range []string{"google.golang.org/", "golang.org/x/net"} {
		assert.NotContains(t, string(text), heavy)
	}
}
