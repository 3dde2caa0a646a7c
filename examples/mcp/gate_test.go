package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestHeaderIsNoProof: what the header says of a call is not what is called.
func TestHeaderIsNoProof(t *testing.T) {
	d := startStateless(t)
	header := http.Header{"Authorization": bearer(d.mint()), "Mcp-Method": {"tools/call"}, "Mcp-Name": {"list_orders"}}
	response, body := d.send(t, d.resource, header, cancel)
	assert.Equal(t, 200, response.StatusCode)
	assert.Contains(t, body, forbidden)
	assert.NotContains(t, body, cancelled)

	header.Set("Mcp-Name", "cancel_order") // refused early
	response, _ = d.send(t, d.resource, header, cancel)
	assert.Equal(t, 403, response.StatusCode)
	assert.Contains(t, response.Header.Get("WWW-Authenticate"), `scope="orders.write"`)

	header.Set("Mcp-Name", "list_orders") // which does not do without what everybody needs
	header["Authorization"] = bearer(d.mint(validatortest.Scope("orders.write")))
	response, _ = d.send(t, d.resource, header, cancel)
	assert.Equal(t, 403, response.StatusCode)
}

// TestToolsBehindTheSDKAlone: the tools have the same policies there.
func TestToolsBehindTheSDKAlone(t *testing.T) {
	d := startStateless(t)
	address := strings.TrimSuffix(d.resource, "/mcp") + "/sdk"
	_, body := d.send(t, address, http.Header{"Authorization": bearer(d.mint())}, cancel)
	assert.Contains(t, body, forbidden)
	_, body = d.send(t, address, http.Header{"Authorization": bearer(d.mint(validatortest.Scope("orders.read", "orders.write")))}, cancel)
	assert.Contains(t, body, cancelled)
}

// TestQuery: a second token is refused, where it can be seen.
func TestQuery(t *testing.T) {
	d := startStateless(t)
	header := http.Header{"Authorization": bearer(d.mint())}
	for address, status := range map[string]int{d.resource: 400, strings.TrimSuffix(d.resource, "/mcp") + "/sdk": 200} {
		response, _ := d.send(t, address+"?access_token="+d.mint(), header, listTools)
		assert.Equal(t, status, response.StatusCode)
	}
}

// newGuard returns a Guard for tests that wire their own.
func newGuard(t *testing.T, d *demo) (*validator.Validator, *middleware.Guard) {
	t.Helper()
	v, err := validator.New(validator.Config{
		Issuers:           []validator.Issuer{{URL: d.as.Issuer(), Audiences: []string{d.resource}, AnyClient: true}},
		InsecureAllowHTTP: true,
	})
	require.NoError(t, err)
	guard, err := middleware.New(v, middleware.Config{})
	require.NoError(t, err)
	return v, guard
}

// TestWithoutGuard: a handler that was mounted outside of the Guard serves nobody, and
// a server outside of the SDK's middleware has no tools.
func TestWithoutGuard(t *testing.T) {
	d := startStateless(t)
	v, guard := newGuard(t, d)
	g, err := newGate(v, guard, map[string]validator.Policy{"list_orders": {AnyToken: true}, "cancel_order": {AnyToken: true}})
	require.NoError(t, err)
	server := newServer()
	server.AddReceivingMiddleware(g.receive)
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{Stateless: true})
	header := http.Header{"Authorization": bearer(d.mint())}

	front := httptest.NewServer(g.protect(handler))
	defer front.Close()
	response, body := d.send(t, front.URL, header, cancel)
	assert.Equal(t, 500, response.StatusCode)
	assert.Equal(t, "there is no Guard before this handler\n", body)

	bare := httptest.NewServer(handler)
	defer bare.Close()
	_, body = d.send(t, bare.URL, header, cancel)
	assert.Contains(t, body, `"code":403`)
	assert.NotContains(t, body, cancelled)
}

// TestUndecided: a tool whose policy could not be decided is not forbidden.
func TestUndecided(t *testing.T) {
	d := startStateless(t)
	v, guard := newGuard(t, d)
	g, err := newGate(v, guard, map[string]validator.Policy{"cancel_order": {Permit: func(context.Context, *validator.Token) error {
		return validator.NewError(validator.ReasonPermitUnavailable, "the store is down")
	}}})
	require.NoError(t, err)
	server := newServer()
	server.AddReceivingMiddleware(g.receive)
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{Stateless: true})
	front := httptest.NewServer(guard.Require(validator.Policy{AnyToken: true})(g.protect(handler)))
	defer front.Close()
	header := http.Header{"Authorization": bearer(d.mint())}
	_, body := d.send(t, front.URL, header, cancel)
	assert.Contains(t, body, `"code":503,"message":"cannot decide now"`)
	header.Set("Mcp-Method", "tools/call")
	header.Set("Mcp-Name", "cancel_order")
	response, _ := d.send(t, front.URL, header, cancel)
	assert.Equal(t, 503, response.StatusCode)
}

// TestVerifierErrors: what was not decided is not the token's fault.
func TestVerifierErrors(t *testing.T) {
	for reason, want := range map[validator.Reason]error{
		validator.ReasonNoToken: auth.ErrInvalidToken, validator.ReasonExpired: auth.ErrInvalidToken, validator.ReasonProofInvalid: auth.ErrInvalidToken,
		validator.ReasonSecondPlace: auth.ErrOAuth, validator.ReasonKeysUnavailable: errUndecided, "unheard of": errUndecided,
	} {
		assert.Equal(t, want, verifierError(validator.NewError(reason, "")), reason)
	}
	assert.Equal(t, errUndecided, verifierError(errors.New("of another kind")))
}

// TestMistakes are found when the server starts, and later changes change nothing.
func TestMistakes(t *testing.T) {
	d := startStateless(t)
	v, guard := newGuard(t, d)
	_, err := newGate(v, guard, map[string]validator.Policy{"list_orders": {}})
	var mistake *validator.ConfigError
	assert.ErrorAs(t, err, &mistake)

	scopes := []string{"admin"}
	policies := map[string]validator.Policy{"list_orders": {Scopes: scopes}}
	g, err := newGate(v, guard, policies)
	require.NoError(t, err)
	scopes[0], policies["other"] = "orders.read", validator.Policy{AnyToken: true}
	token, err := v.Validate(t.Context(), d.mint())
	require.NoError(t, err)
	for tool, reason := range map[string]validator.Reason{"list_orders": validator.ReasonInsufficientScope, "other": validator.ReasonRouteUnknown} {
		var refusal *validator.Error
		require.ErrorAs(t, g.permits(t.Context(), tool, token), &refusal)
		assert.Equal(t, reason, refusal.Reason)
	}
}

// TestConcurrentCalls: callers do not get each other's tokens.
func TestConcurrentCalls(t *testing.T) {
	d := startStateless(t)
	var group sync.WaitGroup
	for _, subject := range []string{"alice", "bob", "carol", "dave"} {
		token := d.mint(validatortest.Subject(subject), validatortest.Scope("orders.read", "orders.write"))
		group.Go(func() {
			for range 10 {
				_, body := d.send(t, d.resource, http.Header{"Authorization": bearer(token)}, cancel)
				assert.Contains(t, body, cancelled+` \"`+subject+`\"`)
			}
		})
	}
	group.Wait()
}
