package grpcauth_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerguard/bearerguard/middleware/grpcauth"
)

// servers are the ways to serve that the benchmarks compare.
func servers(t testing.TB) (raw string, options map[string][]grpc.ServerOption) {
	s, v, _ := newValidator(t, nil)
	outlive := listed()
	outlive.StreamsOutliveTokens = true
	return s.AccessToken(), map[string][]grpc.ServerOption{
		"bare":    nil,
		"guarded": newGuard(t, v, listed()).ServerOptions(),
		"outlive": newGuard(t, v, outlive).ServerOptions(),
	}
}

// quiet answers without looking.
var quiet = orders{
	unary: func(context.Context, string) (string, error) { return "x", nil },
	stream: func(s grpc.ServerStream) error {
		for m := new(wrapperspb.StringValue); ; {
			if err := s.RecvMsg(m); err != nil {
				return ignoreEOF(err)
			}
			if err := s.SendMsg(m); err != nil {
				return err
			}
		}
	},
}

// BenchmarkUnary is a whole call with a cached token, over loopback: a bare server,
// and one behind the Guard. The metadata is the same.
func BenchmarkUnary(b *testing.B) {
	raw, options := servers(b)
	for _, kind := range []string{"bare", "guarded"} {
		b.Run(kind, func(b *testing.B) {
			client := serve(b, quiet, options[kind]...)
			ctx := bearer(context.Background(), raw)
			in, out := wrapperspb.String("x"), new(wrapperspb.StringValue)
			b.ReportAllocs()
			for b.Loop() {
				if err := client.Invoke(ctx, get, in, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOpenStream opens a stream with a cached token, and ends it after one
// exchange.
func BenchmarkOpenStream(b *testing.B) {
	raw, options := servers(b)
	for _, kind := range []string{"bare", "guarded", "outlive"} {
		b.Run(kind, func(b *testing.B) {
			client := serve(b, quiet, options[kind]...)
			ctx := bearer(context.Background(), raw)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := talk(ctx, client, chat); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkExchange is one message there and back over a stream that is open.
func BenchmarkExchange(b *testing.B) {
	raw, options := servers(b)
	for _, kind := range []string{"bare", "guarded", "outlive"} {
		b.Run(kind, func(b *testing.B) {
			client := serve(b, quiet, options[kind]...)
			ctx, cancel := context.WithCancel(bearer(context.Background(), raw))
			defer cancel()
			s, err := client.NewStream(ctx, chatDesc, chat)
			require.NoError(b, err)
			m := wrapperspb.String("x")
			b.ReportAllocs()
			for b.Loop() {
				if s.SendMsg(m) != nil || s.RecvMsg(m) != nil {
					b.Fatal("the stream ended")
				}
			}
		})
	}
}

// hit is a call of the interceptor alone.
func hit(t testing.TB) func() {
	s, v, _ := newValidator(t, nil)
	g := newGuard(t, v, listed())
	ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs("authorization", "Bearer "+s.AccessToken()))
	info := &grpc.UnaryServerInfo{FullMethod: get}
	handler := func(context.Context, any) (any, error) { return nil, nil }
	return func() {
		if _, err := g.Unary(ctx, nil, info, handler); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkInterceptor is the interceptor alone, on a cached token.
func BenchmarkInterceptor(b *testing.B) {
	call := hit(b)
	b.ReportAllocs()
	for b.Loop() {
		call()
	}
}

// TestHitAllocations: at most three, as the middleware's.
func TestHitAllocations(t *testing.T) {
	assert.LessOrEqual(t, testing.AllocsPerRun(100, hit(t)), 3.0)
}

var _ grpc.UnaryServerInterceptor = (*grpcauth.Guard)(nil).Unary
