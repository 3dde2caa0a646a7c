package grpcauth_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// hidden is a ServerTransportStream with no more than it must have.
type hidden struct{ grpc.ServerTransportStream }

// hiding hides what else grpc's own has, as a transport of other people would.
func hiding(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	ctx := stream.Context()
	return next(server, &moved{stream, grpc.NewContextWithServerTransportStream(ctx, hidden{grpc.ServerTransportStreamFromContext(ctx)})})
}

// moved is a stream with another context.
type moved struct {
	grpc.ServerStream
	ctx context.Context
}

func (m *moved) Context() context.Context { return m.ctx }

// serving starts a server in a bubble, and returns a client.
type serving func(*testing.T, orders, ...grpc.ServerOption) *grpc.ClientConn

// ways are the transports on which a stream ends.
var ways = map[string]serving{
	"grpc's own": serveInMemory,
	"another": func(t *testing.T, o orders, options ...grpc.ServerOption) *grpc.ClientConn {
		return serveInMemory(t, o, append([]grpc.ServerOption{grpc.ChainStreamInterceptor(hiding)}, options...)...)
	},
}

// inBubble runs a test on every transport, each in a bubble with a clock of its own;
// the authorization server is outside, and its keys are known.
func inBubble(t *testing.T, test func(*testing.T, *validatortest.Server, *validator.Validator, *heard, serving)) {
	for name, serve := range ways {
		t.Run(name, func(t *testing.T) {
			s, v, h := newValidator(t, nil)
			require.NoError(t, v.Ready(t.Context()))
			synctest.Test(t, func(t *testing.T) { test(t, s, v, h, serve) })
		})
	}
}

// serveInMemory serves without a network.
func serveInMemory(t *testing.T, o orders, options ...grpc.ServerOption) *grpc.ClientConn {
	t.Helper()
	server := grpc.NewServer(options...)
	o.register(server)
	return connect(t, server.Serve, server.Stop)
}

// serveHTTPInMemory is serveInMemory by a server of net/http.
func serveHTTPInMemory(t *testing.T, o orders, options ...grpc.ServerOption) *grpc.ClientConn {
	t.Helper()
	server := grpc.NewServer(options...)
	o.register(server)
	outer := &http.Server{Handler: server, Protocols: new(http.Protocols), ErrorLog: log.New(io.Discard, "", 0)}
	outer.Protocols.SetUnencryptedHTTP2(true)
	return connect(t, func(l net.Listener) error {
		if err := outer.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}, func() { outer.Close(); server.Stop() })
}

func connect(t *testing.T, serve func(net.Listener) error, stop func()) *grpc.ClientConn {
	t.Helper()
	l := bufconn.Listen(1 << 10)
	done := make(chan error, 1)
	go func() { done <- serve(l) }()
	client, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, client.Close())
		stop()
		assert.NoError(t, <-done)
	})
	return client
}

// open opens a stream, with a message there and back.
func open(ctx context.Context, t *testing.T, client *grpc.ClientConn) grpc.ClientStream {
	t.Helper()
	s, err := client.NewStream(ctx, chatDesc, chat)
	require.NoError(t, err)
	exchange(t, s)
	return s
}

func exchange(t *testing.T, s grpc.ClientStream) {
	t.Helper()
	m := new(wrapperspb.StringValue)
	require.NoError(t, s.SendMsg(m))
	require.NoError(t, s.RecvMsg(m))
	require.Equal(t, validatortest.DefaultSubject, m.GetValue())
}
