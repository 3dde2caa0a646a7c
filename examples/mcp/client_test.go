package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestClient: one that knows the address alone gets 401, finds out where tokens are to
// be had, gets one for this very server, and another when a tool needs more.
func TestClient(t *testing.T) {
	d := startStateless(t)
	root := strings.TrimSuffix(d.resource, "/mcp")
	rec := &recorder{next: d.browser.Transport}
	session, err := d.connect(t.Context(), ordersAgent, rec, nil)
	require.NoError(t, err)
	defer session.Close()
	assert.Equal(t, []string{
		"POST /mcp (server/discover): 401\n         Bearer resource_metadata=\"" + root + "/.well-known/oauth-protected-resource/mcp\"",
		"GET  /.well-known/oauth-protected-resource/mcp: 200",
		"GET  /.well-known/oauth-authorization-server: 200",
		"POST /v1/token: 200",
		"POST /mcp (server/discover): 200",
	}, rec.tell())

	result, err := call(t.Context(), session, "list_orders", map[string]any{})
	require.NoError(t, err)
	assert.Equal(t, `the orders of "orders-agent": 4711, 4712, 4713`, result)
	assert.Equal(t, []string{"POST /mcp (tools/call list_orders): 200"}, rec.tell())

	result, err = call(t.Context(), session, "cancel_order", map[string]any{"number": "4712"})
	require.NoError(t, err)
	assert.Equal(t, `order "4712" was cancelled by "orders-agent"`, result)
	told := rec.tell()
	require.Len(t, told, 5)
	assert.Contains(t, told[0], `POST /mcp (tools/call cancel_order): 403`)
	assert.Contains(t, told[0], `error="insufficient_scope"`)
	assert.Contains(t, told[0], `scope="orders.write"`)
	assert.Equal(t, "POST /mcp (tools/call cancel_order): 200", told[4])

	// What was granted before is not lost.
	_, err = call(t.Context(), session, "list_orders", map[string]any{})
	require.NoError(t, err)
	assert.Equal(t, []string{"POST /mcp (tools/call list_orders): 200"}, rec.tell())
	assert.Equal(t, 2, d.as.TokenRequests())
}

// TestOlderClient: before MCP 2026-07-28, a tool that needs more is an error of
// JSON-RPC.
func TestOlderClient(t *testing.T) {
	for name, options := range map[string]*mcp.StreamableHTTPOptions{"stateless": {Stateless: true}, "sessions": {}} {
		d := startDemo(t, options)
		rec := &recorder{next: d.browser.Transport}
		session, err := d.connect(t.Context(), ordersAgent, rec, &mcp.ClientSessionOptions{ProtocolVersion: "2025-11-25"})
		require.NoError(t, err, name)
		result, err := call(t.Context(), session, "list_orders", map[string]any{})
		require.NoError(t, err, name)
		assert.Equal(t, `the orders of "orders-agent": 4711, 4712, 4713`, result)
		for _, tool := range []string{"cancel_order", "of_which_nobody_said_anything"} {
			_, err = call(t.Context(), session, tool, map[string]any{"number": "4711"})
			assertToolRefused(t, err)
		}
		assert.NoError(t, session.Close())
	}
}

func assertToolRefused(t *testing.T, err error) {
	t.Helper()
	var refusal *jsonrpc.Error
	require.ErrorAs(t, err, &refusal)
	assert.EqualValues(t, codeForbidden, refusal.Code)
	assert.Equal(t, "The access token does not permit this request", refusal.Message)
}

// TestUnknownTool: what nobody listed is refused before anybody looks for it.
func TestUnknownTool(t *testing.T) {
	d := startStateless(t)
	rec := &recorder{next: d.browser.Transport}
	session, err := d.connect(t.Context(), ordersAgent, rec, nil)
	require.NoError(t, err)
	defer session.Close()
	rec.tell()
	_, err = call(t.Context(), session, "of_which_nobody_said_anything", nil)
	require.Error(t, err)
	told := rec.tell()
	assert.Contains(t, told[0], `(tools/call of_which_nobody_said_anything): 403`)
	assert.NotContains(t, told[0], `scope="`, "no scope would help")
	assert.Contains(t, told[len(told)-1], ": 403")
}

// TestSecretStaysAtItsServer: a client gives its secret to no other server, whatever
// the description of a resource says.
func TestSecretStaysAtItsServer(t *testing.T) {
	d := startStateless(t)
	browser := &http.Client{Transport: d.browser.Transport}
	client := mcp.NewClient(&mcp.Implementation{Name: "client", Version: "1.0.0"}, nil)
	_, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{
		Endpoint: d.resource, HTTPClient: browser, OAuthHandler: &account{app: ordersAgent, issuer: d.stranger.Issuer(), client: browser},
	}, nil)
	assert.ErrorContains(t, err, "no account at any of the authorization servers")
	assert.Zero(t, d.as.TokenRequests()+d.stranger.TokenRequests())
}

// TestTokenIsForTheServerThatWasAsked: one that names another's description gets none
// (RFC 9728 3.3).
func TestTokenIsForTheServerThatWasAsked(t *testing.T) {
	d := startStateless(t)
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Empty(t, r.Header.Get("Authorization"))
		w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="`+strings.Replace(d.resource, "/mcp", "/.well-known/oauth-protected-resource/mcp", 1)+`"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer thief.Close()
	victim := *d
	victim.api = &api{resource: thief.URL + "/mcp"}
	_, err := victim.connect(t.Context(), ordersAgent, d.browser.Transport, nil)
	assert.ErrorContains(t, err, "got metadata resource")
	assert.Zero(t, d.as.TokenRequests())
}
