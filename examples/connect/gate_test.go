package main

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// house is a service that a test furnishes with handlers of its own.
type house struct {
	clients
	as      *validatortest.Server
	v       *validator.Validator
	guard   *middleware.Guard
	gate    *gate
	mux     *http.ServeMux
	address string
	reasons chan validator.Reason // of what was decided
	revoked *validator.Revocations
}

// who may call what in a house.
var houseRules = access{
	public: []string{"/test.v1.Test/Public", "/test.v1.Test/PublicStream"},
	policies: map[string]validator.Policy{
		"/test.v1.Test/Unary":  {Scopes: []string{"read"}},
		"/test.v1.Test/Stream": {Scopes: []string{"read"}},
		"/test.v1.Test/Gold":   {AnyToken: true, ACRValues: []string{"gold"}},
	},
}

func newHouse(t *testing.T) *house { return newHouseWith(t, middleware.Config{}) }

func newHouseWith(t *testing.T, config middleware.Config) *house {
	t.Helper()
	h := &house{clients: newClients(), mux: http.NewServeMux(), reasons: make(chan validator.Reason, 1000)}
	t.Cleanup(h.clients.close)
	var err error
	h.revoked, err = validator.NewRevocations(validator.RevocationsConfig{})
	require.NoError(t, err)
	h.as, err = validatortest.Start(validatortest.Options{Audience: audience, Algorithm: "ES256"})
	require.NoError(t, err)
	t.Cleanup(h.as.Close)
	h.v, err = validator.New(validator.Config{
		Issuers:           []validator.Issuer{{URL: h.as.Issuer(), Audiences: []string{audience}, AnyClient: true, MaxTokenLifetime: 24 * time.Hour}},
		InsecureAllowHTTP: true, Revocations: h.revoked,
	})
	require.NoError(t, err)
	h.guard, err = middleware.New(h.v, config)
	require.NoError(t, err)
	h.gate, err = newGate(h.v, h.guard, houseRules, func(_ context.Context, _ string, err error) {
		reason := validator.Reason("")
		if err != nil {
			reason = err.(*validator.Error).Reason
		}
		h.reasons <- reason
	})
	require.NoError(t, err)
	var stop func()
	h.address, stop, err = serve(h.gate.wrap(h.mux))
	require.NoError(t, err)
	t.Cleanup(stop)
	return h
}

// unary adds a unary handler under a path; calls counts.
func (h *house) unary(path, procedure string, f func(context.Context)) (calls *atomic.Int32) {
	calls = new(atomic.Int32)
	h.mux.Handle(path, connect.NewUnaryHandler(procedure, func(ctx context.Context, _ *connect.Request[emptypb.Empty]) (*connect.Response[structpb.Struct], error) {
		calls.Add(1)
		f(ctx)
		return connect.NewResponse(&structpb.Struct{}), nil
	}, connect.WithInterceptors(h.gate)))
	return calls
}

func nothing(context.Context) {}

// call calls a procedure in the first way of its kind.
func (h *house) call(t *testing.T, path, token string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var authorization []string
	if token != "" {
		authorization = bearer(token)
	}
	_, err := h.ways()[0].call(ctx, h.address+path, authorization)
	return err
}

// assertRefused: by this code, for this reason.
func (h *house) assertRefused(t *testing.T, err error, code connect.Code, reason validator.Reason) {
	t.Helper()
	assert.Equal(t, code, connect.CodeOf(err), "%v", err)
	select {
	case got := <-h.reasons:
		assert.Equal(t, reason, got)
	default:
		t.Error("nobody decided")
	}
}

// TestUnlisted: a handler that nobody listed is refused, to those who have a good
// token; the others learn nothing about it.
func TestUnlisted(t *testing.T) {
	h := newHouse(t)
	calls := h.unary("/test.v1.Test/Forgotten", "/test.v1.Test/Forgotten", nothing)
	h.assertRefused(t, h.call(t, "/test.v1.Test/Forgotten", h.as.AccessToken()), connect.CodePermissionDenied, validator.ReasonRouteUnknown)
	h.assertRefused(t, h.call(t, "/test.v1.Test/Forgotten", ""), connect.CodeUnauthenticated, validator.ReasonNoToken)
	h.assertRefused(t, h.call(t, "/test.v1.Test/Forgotten", h.as.AccessToken()+"A"), connect.CodeUnauthenticated, validator.ReasonBadSignature)
	assert.Zero(t, calls.Load())
}

// TestOtherPathsOfAListedProcedure: they are not it, wherever a router leads them.
func TestOtherPathsOfAListedProcedure(t *testing.T) {
	h := newHouse(t)
	calls := h.unary("/", "/test.v1.Test/Unary", nothing)
	for _, path := range []string{"/v2/test.v1.Test/Unary", "/test.v1.Test/Unary/", "/test.v1.Test/unary", "/v2/test.v1.Test/Public"} {
		h.assertRefused(t, h.call(t, path, h.as.AccessToken()), connect.CodePermissionDenied, validator.ReasonRouteUnknown)
	}
	assert.Zero(t, calls.Load())
	require.NoError(t, h.call(t, "/test.v1.Test/Unary", h.as.AccessToken()))
	assert.EqualValues(t, 1, calls.Load())
}

// TestHandlerOfAnotherProcedure: what was permitted is not what a router found.
func TestHandlerOfAnotherProcedure(t *testing.T) {
	h := newHouse(t)
	calls := h.unary("/test.v1.Test/Unary", "/test.v1.Test/Gold", nothing)
	err := h.call(t, "/test.v1.Test/Unary", h.as.AccessToken())
	assert.Equal(t, validator.Reason(""), <-h.reasons, "Unary is permitted")
	h.assertRefused(t, err, connect.CodePermissionDenied, validator.ReasonRouteUnknown)
	calls2 := h.unary("/test.v1.Test/Public", "/test.v1.Test/Unary", nothing)
	h.assertRefused(t, h.call(t, "/test.v1.Test/Public", ""), connect.CodePermissionDenied, validator.ReasonRouteUnknown)
	assert.Zero(t, calls.Load()+calls2.Load())
}

// TestHandlerOutsideOfTheGate: the interceptor alone lets nobody in.
func TestHandlerOutsideOfTheGate(t *testing.T) {
	h := newHouse(t)
	calls := h.unary("/test.v1.Test/Unary", "/test.v1.Test/Unary", nothing)
	h.stream("/test.v1.Test/Stream", func(context.Context, *connect.ServerStream[structpb.Struct]) error {
		calls.Add(1)
		return nil
	})
	address, stop, err := serve(h.mux)
	require.NoError(t, err)
	defer stop()
	for i, path := range []string{"/test.v1.Test/Unary", "/test.v1.Test/Stream"} {
		_, err := h.ways()[i].call(t.Context(), address+path, bearer(h.as.AccessToken()))
		h.assertRefused(t, err, connect.CodePermissionDenied, validator.ReasonRouteUnknown)
	}
	assert.Zero(t, calls.Load())
}

// TestPublic: no token is looked at.
func TestPublic(t *testing.T) {
	h := newHouse(t)
	calls := h.unary("/test.v1.Test/Public", "/test.v1.Test/Public", func(ctx context.Context) {
		_, ok := validator.FromContext(ctx)
		assert.False(t, ok)
	})
	require.NoError(t, h.call(t, "/test.v1.Test/Public", ""))
	require.NoError(t, h.call(t, "/test.v1.Test/Public", "bad"))
	require.NoError(t, h.call(t, "/test.v1.Test/Public", h.as.AccessToken()))
	assert.EqualValues(t, 3, calls.Load())
	assert.Empty(t, h.reasons)
}

// TestHealth: of the health service, only what is listed is public.
func TestHealth(t *testing.T) {
	d := startDemo(t)
	_, err := d.ways()[0].call(t.Context(), d.address+"/grpc.health.v1.Health/Check", nil)
	require.NoError(t, err)
	_, err = d.ways()[1].call(t.Context(), d.address+"/grpc.health.v1.Health/Watch", nil)
	assert.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err))
	assert.Equal(t, validator.ReasonNoToken, (<-d.journal.entries).reason)
}

// TestTokenInContext: handlers find the token of this very call, and it does not end
// a unary call that was permitted when it began.
func TestTokenInContext(t *testing.T) {
	h := newHouse(t)
	calls := h.unary("/test.v1.Test/Unary", "/test.v1.Test/Unary", func(ctx context.Context) {
		token, ok := validator.FromContext(ctx)
		if assert.True(t, ok) {
			assert.Equal(t, "alice", token.Subject())
		}
		_, ends := ctx.Deadline()
		assert.False(t, ends)
	})
	_, err := h.ways()[0].call(t.Context(), h.address+"/test.v1.Test/Unary", bearer(h.as.AccessToken(validatortest.Subject("alice"))))
	require.NoError(t, err)
	assert.EqualValues(t, 1, calls.Load())
}

// TestStepUp: the challenge says how the user is to be authenticated (RFC 9470 3), in
// every way.
func TestStepUp(t *testing.T) {
	h := newHouse(t)
	web := way{"gRPC-Web", false, h.http1, []connect.ClientOption{connect.WithGRPCWeb()}}
	for _, w := range append(h.ways(), web) {
		_, err := w.call(t.Context(), h.address+"/test.v1.Test/Gold", bearer(h.as.AccessToken()))
		h.assertRefused(t, err, connect.CodeUnauthenticated, validator.ReasonACRInsufficient)
		var refusal *connect.Error
		require.ErrorAs(t, err, &refusal)
		assert.Contains(t, refusal.Meta().Get("WWW-Authenticate"), `error="insufficient_user_authentication"`, w.name)
		assert.Contains(t, refusal.Meta().Get("WWW-Authenticate"), `acr_values="gold"`, w.name)
	}
}

// TestQuery: a token in the query of a Connect GET request is refused as net/http
// does.
func TestQuery(t *testing.T) {
	h := newHouse(t)
	token := h.as.AccessToken()
	h.assertRefused(t, h.call(t, "/test.v1.Test/Unary?access_token="+token, ""), connect.CodeUnauthenticated, validator.ReasonTokenInQuery)
	h.assertRefused(t, h.call(t, "/test.v1.Test/Unary?access_token="+token, token), connect.CodeInvalidArgument, validator.ReasonSecondPlace)
}

// TestUndecided: an error that nobody knows is not the caller's fault.
func TestUndecided(t *testing.T) {
	assert.Equal(t, connect.CodeUnavailable, refusal(context.DeadlineExceeded).Code())
	assert.Equal(t, "cannot decide now", refusal(context.DeadlineExceeded).Message())
}

// TestMistakes are found when the service starts.
func TestMistakes(t *testing.T) {
	h := newHouse(t)
	policies := func(p validator.Policy) map[string]validator.Policy {
		return map[string]validator.Policy{"/test.v1.Test/Unary": p}
	}
	_, err := newGate(h.v, h.guard, access{policies: policies(validator.Policy{})}, nil)
	var mistake *validator.ConfigError
	assert.ErrorAs(t, err, &mistake)
	_, err = newGate(h.v, h.guard, access{policies: policies(validator.Policy{AnyToken: true}), public: []string{"/test.v1.Test/Unary"}}, nil)
	assert.EqualError(t, err, "/test.v1.Test/Unary: is public, and has a policy")
}

// TestPoliciesAreCopied: what is changed after wiring changes nothing.
func TestPoliciesAreCopied(t *testing.T) {
	h := newHouse(t)
	scopes := []string{"admin"}
	who := access{policies: map[string]validator.Policy{"/test.v1.Test/Unary": {Scopes: scopes}}}
	g, err := newGate(h.v, h.guard, who, func(_ context.Context, _ string, err error) { h.reasons <- err.(*validator.Error).Reason })
	require.NoError(t, err)
	scopes[0] = "read"
	who.policies["/test.v1.Test/Unary"] = validator.Policy{AnyToken: true}
	address, stop, err := serve(g.wrap(http.NotFoundHandler()))
	require.NoError(t, err)
	defer stop()
	_, err = h.ways()[0].call(t.Context(), address+"/test.v1.Test/Unary", bearer(h.as.AccessToken()))
	h.assertRefused(t, err, connect.CodePermissionDenied, validator.ReasonInsufficientScope)
}

// TestConcurrentCalls: good and bad ones side by side do not mix.
func TestConcurrentCalls(t *testing.T) {
	h := newHouse(t)
	h.unary("/test.v1.Test/Unary", "/test.v1.Test/Unary", nothing)
	h.stream("/test.v1.Test/Stream", func(_ context.Context, stream *connect.ServerStream[structpb.Struct]) error {
		return stream.Send(&structpb.Struct{})
	})
	good, bad := h.as.AccessToken(), h.as.AccessToken(validatortest.Expiry(time.Now().Add(-time.Hour)))
	var group sync.WaitGroup
	for i := range 40 {
		w := h.ways()[i%4]
		path := map[bool]string{false: "/test.v1.Test/Unary", true: "/test.v1.Test/Stream"}[w.streamed]
		group.Go(func() {
			for range 5 {
				if i%8 < 4 {
					n, err := w.call(t.Context(), h.address+path, bearer(good))
					assert.NoError(t, err, w.name)
					assert.Equal(t, 1, n)
				} else {
					_, err := w.call(t.Context(), h.address+path, bearer(bad))
					assert.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err), w.name)
				}
			}
		})
	}
	group.Wait()
	close(h.reasons)
	var all []string
	for reason := range h.reasons {
		all = append(all, string(reason))
	}
	assert.Equal(t, 100, strings.Count(strings.Join(all, " "), "expired"))
	assert.Len(t, all, 200)
}
