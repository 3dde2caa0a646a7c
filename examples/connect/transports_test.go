package main

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerguard/bearerguard/internal/transports"
	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

// whoami and watch answer with the subject of the caller, unary and as a stream.
const whoami, watch = "/test.v1.Test/Whoami", "/test.v1.Test/Watch"

// statuses are the statuses of HTTP that codes stand for.
var statuses = map[connect.Code]int{
	accepted: http.StatusOK, connect.CodeUnauthenticated: http.StatusUnauthorized, connect.CodeInvalidArgument: http.StatusBadRequest,
	connect.CodePermissionDenied: http.StatusForbidden, connect.CodeUnavailable: http.StatusServiceUnavailable,
}

// TestTransports: the requests that every transport is held to.
func TestTransports(t *testing.T) {
	c := newClients()
	defer c.close()
	for _, w := range c.ways() {
		t.Run(w.name, func(t *testing.T) {
			transport := func(t *testing.T, v *validator.Validator, policy validator.Policy) transports.Ask {
				address := serveSubjects(t, v, policy)
				return func(t *testing.T, authorization []string) transports.Answer {
					return w.ask(t, address, authorization)
				}
			}
			transports.Test(t, transport)
			t.Run("corpus", func(t *testing.T) { transports.TestCorpus(t, transport) })
		})
	}
}

// serveSubjects serves whoami and watch.
func serveSubjects(t *testing.T, v *validator.Validator, policy validator.Policy) (address string) {
	guard, err := middleware.New(v, middleware.Config{Realm: transports.Realm})
	require.NoError(t, err)
	g, err := newGate(v, guard, access{policies: map[string]validator.Policy{whoami: policy, watch: policy}}, func(context.Context, string, error) {})
	require.NoError(t, err)
	subject := func(ctx context.Context) *wrapperspb.StringValue {
		token, _ := validator.FromContext(ctx)
		return wrapperspb.String(token.Subject())
	}
	options := connect.WithInterceptors(g)
	mux := http.NewServeMux()
	mux.Handle(whoami, connect.NewUnaryHandler(whoami, func(ctx context.Context, _ *connect.Request[emptypb.Empty]) (*connect.Response[wrapperspb.StringValue], error) {
		return connect.NewResponse(subject(ctx)), nil
	}, options))
	mux.Handle(watch, connect.NewServerStreamHandler(watch, func(ctx context.Context, _ *connect.Request[emptypb.Empty], stream *connect.ServerStream[wrapperspb.StringValue]) error {
		return stream.Send(subject(ctx))
	}, options))
	address, stop, err := serve(g.wrap(mux, options))
	require.NoError(t, err)
	t.Cleanup(stop)
	return address
}

// ask calls whoami or watch.
func (w way) ask(t *testing.T, address string, authorization []string) transports.Answer {
	subject, err := w.subject(t.Context(), address, authorization)
	answer := transports.Answer{Status: statuses[accepted], Subject: subject}
	if refusal := (*connect.Error)(nil); errors.As(err, &refusal) {
		answer.Status = statuses[refusal.Code()]
		answer.Challenge, answer.Retry = refusal.Meta().Get("WWW-Authenticate"), refusal.Meta().Get("Retry-After") != ""
		assert.LessOrEqual(t, len(refusal.Meta().Values("WWW-Authenticate")), 1)
	} else {
		require.NoError(t, err)
	}
	return answer
}

func (w way) subject(ctx context.Context, address string, authorization []string) (subject string, err error) {
	procedure := map[bool]string{false: whoami, true: watch}[w.streamed]
	client := connect.NewClient[emptypb.Empty, wrapperspb.StringValue](w.client, address+procedure, w.options...)
	request := connect.NewRequest(&emptypb.Empty{})
	request.Header()["Authorization"] = authorization
	if !w.streamed {
		response, err := client.CallUnary(ctx, request)
		if err != nil {
			return "", err
		}
		return response.Msg.GetValue(), nil
	}
	stream, err := client.CallServerStream(ctx, request)
	if err != nil {
		return "", err
	}
	defer stream.Close()
	for stream.Receive() {
		subject += stream.Msg().GetValue()
	}
	return subject, stream.Err()
}
