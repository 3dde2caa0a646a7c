package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"connectrpc.com/authn"
	"connectrpc.com/connect"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

// access says who may call which procedure ("/package.Service/Method"). What is in
// neither list is refused.
type access struct {
	public   []string                    // everybody, no token is looked at
	policies map[string]validator.Policy // who has a token that the policy permits
}

// gate decides on calls: as an authn.AuthFunc before anything of a message is read,
// and as a connect.Interceptor in front of the handler. It is safe for concurrent
// use.
type gate struct {
	guard    *middleware.Guard
	public   map[string]bool
	policies map[string]validator.Policy
	leeway   time.Duration // the Validator's
	decided  func(ctx context.Context, procedure string, err error)
}

// newGate copies the policies, and refuses those that v cannot evaluate. decided is
// told of every decision; err is nil or a *validator.Error.
func newGate(v *validator.Validator, guard *middleware.Guard, who access, decided func(ctx context.Context, procedure string, err error)) (*gate, error) {
	g := &gate{guard: guard, public: map[string]bool{}, policies: map[string]validator.Policy{}, leeway: validator.DefaultLeeway, decided: decided}
	for procedure, policy := range who.policies {
		if err := v.CheckPolicy(policy); err != nil {
			return nil, fmt.Errorf("%s: %w", procedure, err)
		}
		g.policies[procedure] = policy.Clone()
	}
	for _, procedure := range who.public {
		if _, both := g.policies[procedure]; both {
			return nil, fmt.Errorf("%s: is public, and has a policy", procedure)
		}
		g.public[procedure] = true
	}
	return g, nil
}

// wrap puts the gate in front of handlers that were made with options.
func (g *gate) wrap(handlers http.Handler, options ...connect.HandlerOption) http.Handler {
	return withHeader(authn.NewMiddleware(g.authenticate, options...).Wrap(handlers))
}

// permission is what authenticate gives to the interceptor.
type permission struct {
	procedure string
	token     *validator.Token // nil: it is public
}

// authenticate is an authn.AuthFunc.
func (g *gate) authenticate(ctx context.Context, r *http.Request) (any, error) {
	// The whole path, as handlers see it. authn.InferProcedure reads the last two
	// segments alone: to it, "/a/b/orders.v1.Orders/List" is List.
	procedure := r.URL.Path
	if g.public[procedure] {
		return permission{procedure: procedure}, nil
	}
	policy, listed := g.policies[procedure]
	if !listed { // deny by default, and only then: who has no good token learns nothing
		policy = nobody
	}
	token, err := g.guard.Authorize(r, policy)
	g.decided(ctx, procedure, err)
	if err != nil {
		return nil, g.refuse(ctx, err)
	}
	g.nonce(ctx, token)
	return permission{procedure, token}, nil
}

// nobody is the policy of what is not listed.
var nobody = validator.Policy{AnyTrustedIssuer: true, Permit: func(context.Context, *validator.Token) error {
	return validator.NewError(validator.ReasonRouteUnknown, "")
}}

// enter returns the context for a handler, with the token that permits it.
func (g *gate) enter(ctx context.Context, procedure string) (context.Context, *validator.Token, error) {
	permitted, ok := authn.GetInfo(ctx).(permission)
	if !ok || permitted.procedure != procedure {
		// This handler stands outside of the middleware, or the router found it under
		// another name than its own: nobody decided about this procedure.
		err := validator.NewError(validator.ReasonRouteUnknown, "")
		g.decided(ctx, procedure, err)
		return nil, nil, g.refuse(ctx, err)
	}
	return validator.NewContext(ctx, permitted.token), permitted.token, nil
}

// WrapUnary is part of connect.Interceptor. A call that was permitted when it began
// may finish.
func (g *gate) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		ctx, _, err := g.enter(ctx, request.Spec().Procedure)
		if err != nil {
			return nil, err
		}
		return next(ctx, request)
	}
}

// WrapStreamingHandler is part of connect.Interceptor. A stream ends when its token
// expires or is revoked.
func (g *gate) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		procedure := conn.Spec().Procedure
		ctx, token, err := g.enter(ctx, procedure)
		if err != nil {
			return err
		}
		if token == nil {
			return next(ctx, conn)
		}
		ctx, stop := until(ctx, token, g.leeway)
		defer stop()
		err = next(ctx, &leased{StreamingHandlerConn: conn, ctx: ctx})
		if ended := over(ctx); ended != nil {
			g.decided(ctx, procedure, ended)
			return refusal(ended) // too late for a header
		}
		return err
	}
}

// WrapStreamingClient is part of connect.Interceptor. Servers have no use for it.
func (g *gate) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}
