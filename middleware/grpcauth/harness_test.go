package grpcauth_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerguard/bearerguard/middleware/grpcauth"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The methods of the service that the tests serve.
const (
	get    = "/orders.v1.Orders/Get"    // unary
	chat   = "/orders.v1.Orders/Chat"   // in both directions
	drop   = "/orders.v1.Orders/Drop"   // unary, never listed
	follow = "/orders.v1.Orders/Follow" // in both directions, never listed
)

var chatDesc = &grpc.StreamDesc{StreamName: "Chat", ServerStreams: true, ClientStreams: true}

// orders are the handlers behind those methods.
type orders struct {
	unary  func(context.Context, string) (string, error)
	stream func(grpc.ServerStream) error
}

// register registers the service; handlers that are nil tell how they were reached.
func (o orders) register(server grpc.ServiceRegistrar) {
	if o.unary == nil {
		o.unary = func(ctx context.Context, _ string) (string, error) { return subject(ctx), nil }
	}
	if o.stream == nil {
		o.stream = echo
	}
	stream := func(name string) grpc.StreamDesc {
		return grpc.StreamDesc{StreamName: name, ServerStreams: true, ClientStreams: true, Handler: func(_ any, s grpc.ServerStream) error { return o.stream(s) }}
	}
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "orders.v1.Orders", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Get", Handler: o.method(get)}, {MethodName: "Drop", Handler: o.method(drop)}},
		Streams: []grpc.StreamDesc{stream("Chat"), stream("Follow")},
	}, o)
}

// method is what generated code has for a unary method.
func (o orders) method(fullMethod string) grpc.MethodHandler {
	return func(srv any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		in := new(wrapperspb.StringValue)
		if err := decode(in); err != nil {
			return nil, err
		}
		handler := func(ctx context.Context, request any) (any, error) {
			out, err := o.unary(ctx, request.(*wrapperspb.StringValue).GetValue())
			return wrapperspb.String(out), err
		}
		if interceptor == nil {
			return handler(ctx, in)
		}
		return interceptor(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: fullMethod}, handler)
	}
}

func subject(ctx context.Context) string {
	token, ok := validator.FromContext(ctx)
	if !ok {
		return "nobody"
	}
	return token.Subject()
}

// echo answers every message with it and the caller.
func echo(s grpc.ServerStream) error {
	for {
		m := new(wrapperspb.StringValue)
		if err := s.RecvMsg(m); err != nil {
			return ignoreEOF(err)
		}
		if err := s.SendMsg(wrapperspb.String(m.GetValue() + subject(s.Context()))); err != nil {
			return err
		}
	}
}

// heard is what an observer heard.
type heard struct {
	mu   sync.Mutex
	list []validator.Reason // "accepted" where there is no error
	then func()             // after one that is accepted; nil: nothing
}

func (h *heard) decision(_ context.Context, d validator.Decision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	reason := validator.Reason("accepted")
	if d.Err != nil {
		reason = d.Err.Reason
	} else if h.then != nil {
		h.then()
	}
	h.list = append(h.list, reason)
}

// take returns what was heard since the last time.
func (h *heard) take() []validator.Reason {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.list
	h.list = nil
	return list
}

// newValidator is a validator for the tokens of a server, and what its observer
// hears. The clock may be nil.
func newValidator(t testing.TB, clock func() time.Time) (*validatortest.Server, *validator.Validator, *heard) {
	t.Helper()
	s, v, h, _ := newRevocable(t, clock)
	return s, v, h
}

// newRevocable is newValidator, and what revokes the tokens.
func newRevocable(t testing.TB, clock func() time.Time) (*validatortest.Server, *validator.Validator, *heard, *validator.Revocations) {
	t.Helper()
	r, err := validator.NewRevocations(validator.RevocationsConfig{})
	require.NoError(t, err)
	s, err := validatortest.Start(validatortest.Options{Algorithm: "ES256", Clock: clock})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	h := new(heard)
	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			URL: s.Issuer(), Audiences: []string{"api://default"}, ClientIDs: []string{validatortest.DefaultClientID}, MaxTokenLifetime: 24 * time.Hour,
		}},
		InsecureAllowHTTP: true, Clock: clock, Revocations: r,
		Observer: validator.Observer{Decision: h.decision},
	})
	require.NoError(t, err)
	return s, v, h, r
}

func scoped(scope string) validator.Policy { return validator.Policy{Scopes: []string{scope}} }

// listed is the configuration of most tests.
func listed() grpcauth.Config {
	return grpcauth.Config{
		Methods: map[string]validator.Policy{get: scoped("read"), chat: scoped("read")},
		Realm:   "orders",
	}
}

func newGuard(t testing.TB, v *validator.Validator, config grpcauth.Config) *grpcauth.Guard {
	t.Helper()
	g, err := grpcauth.New(v, config)
	require.NoError(t, err)
	return g
}

// serve serves on a real listener, and returns a client.
func serve(t testing.TB, o orders, options ...grpc.ServerOption) *grpc.ClientConn {
	t.Helper()
	server := grpc.NewServer(append(options, grpc.WaitForHandlers(true))...)
	o.register(server)
	return dial(t, listen(t, server))
}

func listen(t testing.TB, server *grpc.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		assert.NoError(t, <-done)
	})
	return l.Addr().String()
}

func dial(t testing.TB, address string, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	if len(options) == 0 {
		options = []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	}
	client, err := grpc.NewClient("passthrough:///"+address, options...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	return client
}

// with is a context with metadata: pairs of name and value.
func with(ctx context.Context, pairs ...string) context.Context {
	return metadata.NewOutgoingContext(ctx, metadata.Pairs(pairs...))
}

func bearer(ctx context.Context, raw string) context.Context {
	return with(ctx, "authorization", "Bearer "+raw)
}

// call makes a unary call.
func call(ctx context.Context, client *grpc.ClientConn, method string) (answer string, trailer metadata.MD, err error) {
	out := new(wrapperspb.StringValue)
	err = client.Invoke(ctx, method, wrapperspb.String("x"), out, grpc.Trailer(&trailer))
	return out.GetValue(), trailer, err
}

// talk makes one exchange over a stream, and ends it.
func talk(ctx context.Context, client *grpc.ClientConn, method string) (answer string, trailer metadata.MD, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := client.NewStream(ctx, chatDesc, method)
	if err != nil {
		return "", nil, err
	}
	if err = s.SendMsg(new(wrapperspb.StringValue)); err == nil {
		err = s.CloseSend()
	}
	out := new(wrapperspb.StringValue)
	err = s.RecvMsg(out)
	if err == nil {
		err = ignoreEOF(s.RecvMsg(new(wrapperspb.StringValue)))
	}
	return out.GetValue(), s.Trailer(), err
}

// kinds are the two ways to call: a listed method, and one that is not.
var kinds = map[string]struct {
	method, unlisted string
	do               func(context.Context, *grpc.ClientConn, string) (string, metadata.MD, error)
}{
	"unary":  {get, drop, call},
	"stream": {chat, follow, talk},
}

// answered holds an answer to its code, its text and its challenge; an empty one is
// none.
func answered(t *testing.T, err error, trailer metadata.MD, code codes.Code, text, challenge string) {
	t.Helper()
	assert.Equal(t, code, status.Code(err), "%v", err)
	assert.Equal(t, text, status.Convert(err).Message())
	if challenge == "" {
		assert.Empty(t, trailer["www-authenticate"])
		return
	}
	assert.Equal(t, []string{challenge}, trailer["www-authenticate"])
}

// statuses are the statuses of HTTP that codes stand for.
var statuses = map[codes.Code]int{
	codes.OK: http.StatusOK, codes.Unauthenticated: http.StatusUnauthorized, codes.InvalidArgument: http.StatusBadRequest,
	codes.PermissionDenied: http.StatusForbidden, codes.Unavailable: http.StatusServiceUnavailable,
}

// ignoreEOF is err, unless it is the orderly end of a stream.
func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
