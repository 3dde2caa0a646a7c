package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

// gate decides on what reaches an MCP server: on HTTP requests (protect), and on
// calls of its tools (receive). It is safe for concurrent use.
type gate struct {
	guard *middleware.Guard
	// tools says what a token must permit, beyond what every request needs, for each
	// tool. One that is not here is refused.
	tools map[string]validator.Policy
}

// newGate copies the policies, and refuses those that v cannot evaluate.
func newGate(v *validator.Validator, guard *middleware.Guard, tools map[string]validator.Policy) (*gate, error) {
	g := &gate{guard, map[string]validator.Policy{}}
	for tool, policy := range tools {
		if err := v.CheckPolicy(policy); err != nil {
			return nil, fmt.Errorf("tool %s: %w", tool, err)
		}
		g.tools[tool] = policy.Clone()
	}
	return g, nil
}

// protect is for the handler of an MCP server behind Guard.Require or Routes.
func (g *gate) protect(handler http.Handler) http.Handler {
	identify := auth.RequireBearerToken(known, &auth.RequireBearerTokenOptions{ClockSkew: validator.DefaultLeeway})
	return g.foresee(untilExpiry(identify(handler)))
}

// known is an auth.TokenVerifier for requests that the Guard let through. The SDK
// then knows whose session it is, and nothing is validated twice.
func known(ctx context.Context, _ string, _ *http.Request) (*auth.TokenInfo, error) {
	token, ok := validator.FromContext(ctx)
	if !ok {
		return nil, errors.New("there is no Guard before this handler") // 500
	}
	return infoOf(token), nil
}

// foresee refuses calls of tools while there is an HTTP answer to be given: 403 with
// a challenge lets a client ask for more scopes (RFC 6750 3.1). Clients of MCP
// 2026-07-28 announce the tool in the header. receive looks at what is called, so
// nothing is let through here that would not be.
func (g *gate) foresee(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := validator.FromContext(r.Context())
		if r.Header.Get("Mcp-Method") == "tools/call" {
			if err := g.permits(r.Context(), r.Header.Get("Mcp-Name"), token); err != nil {
				g.guard.Refuse(w, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (g *gate) permits(ctx context.Context, tool string, token *validator.Token) error {
	policy, listed := g.tools[tool]
	if !listed { // deny by default
		return validator.NewError(validator.ReasonRouteUnknown, "")
	}
	return policy.Check(ctx, token)
}

// receive is an mcp.Middleware: it decides on calls of tools, and gives handlers the
// token of the request that they answer. (The context that the SDK gives them is the
// one of the request that began the session, with a token that may be another's.)
func (g *gate) receive(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, request mcp.Request) (mcp.Result, error) {
		token := tokenOf(request.GetExtra())
		ctx = validator.NewContext(ctx, token) // nil hides the other one too
		if method == "tools/call" {
			if err := g.permits(ctx, toolOf(request), token); err != nil {
				return nil, toolError(err)
			}
		}
		return next(ctx, method, request)
	}
}

// toolOf is empty where there is no name: no such tool is listed.
func toolOf(request mcp.Request) string {
	if call, ok := request.(*mcp.CallToolRequest); ok {
		return call.Params.Name
	}
	return ""
}

// Codes of the errors of tools: the HTTP statuses that would say the same, from the
// range that JSON-RPC leaves to applications. (In the one for servers, the SDK has
// meanings of its own: at -32003 its client closes the connection.)
const (
	codeForbidden   = http.StatusForbidden
	codeUnavailable = http.StatusServiceUnavailable
)

// toolError is what a client learns when there is no HTTP answer any more: as little
// as a challenge says.
func toolError(err error) error {
	var e *validator.Error
	if !errors.As(err, &e) || errors.Is(err, validator.ErrUnavailable) {
		return &jsonrpc.Error{Code: codeUnavailable, Message: validator.ErrUnavailable.Error()}
	}
	return &jsonrpc.Error{Code: codeForbidden, Message: e.Challenge.Description}
}
