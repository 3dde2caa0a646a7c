package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// recorder is an http.RoundTripper that tells what a client does, without tokens.
type recorder struct {
	next http.RoundTripper

	mu    sync.Mutex
	lines []string // guarded by mu
}

func (rec *recorder) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := rec.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	line := fmt.Sprintf("%-4s %s", r.Method, r.URL.Path)
	if r.Header.Get("Mcp-Method") != "" {
		line += strings.TrimRight(fmt.Sprintf(" (%s %s", r.Header.Get("Mcp-Method"), r.Header.Get("Mcp-Name")), " ") + ")"
	}
	line += fmt.Sprintf(": %d", response.StatusCode)
	if challenge := response.Header.Get("WWW-Authenticate"); challenge != "" {
		line += "\n         " + challenge
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.lines = append(rec.lines, line)
	return response, nil
}

// tell returns what was recorded since it was last called.
func (rec *recorder) tell() []string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	lines := rec.lines
	rec.lines = nil
	return lines
}

// connect lets an MCP client connect that knows the server's address alone.
func (d *demo) connect(ctx context.Context, who app, transport http.RoundTripper, options *mcp.ClientSessionOptions) (*mcp.ClientSession, error) {
	browser := &http.Client{Transport: transport}
	client := mcp.NewClient(&mcp.Implementation{Name: who.id, Version: "1.0.0"}, nil)
	return client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: d.resource, HTTPClient: browser, DisableStandaloneSSE: true,
		OAuthHandler: &account{app: who, issuer: d.as.Issuer(), client: browser},
	}, options)
}

// call calls a tool, and returns the text of its result.
func call(ctx context.Context, session *mcp.ClientSession, tool string, arguments map[string]any) (string, error) {
	result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(result.Content, func(c mcp.Content) bool { _, ok := c.(*mcp.TextContent); return ok })
	if i < 0 || result.IsError {
		return "", fmt.Errorf("the tool %s failed", tool)
	}
	return result.Content[i].(*mcp.TextContent).Text, nil
}

// showClient shows how such a client gets along.
func (d *demo) showClient(ctx context.Context, stdout io.Writer) error {
	rec := &recorder{next: d.browser.Transport}
	session, err := d.connect(ctx, ordersAgent, rec, nil)
	if err != nil {
		return err
	}
	defer session.Close()
	show := func(what string) {
		fmt.Fprintf(stdout, "\n%s\n", what)
		for _, line := range rec.tell() {
			fmt.Fprintf(stdout, "    %s\n", line)
		}
	}
	show("A client connects, is told where to get a token, and gets one for what everybody needs:")
	for _, step := range []struct {
		what, tool string
		arguments  map[string]any
	}{
		{"It calls a tool:", "list_orders", map[string]any{}},
		{"It calls one that needs more, and gets another token:", "cancel_order", map[string]any{"number": "4711"}},
	} {
		result, err := call(ctx, session, step.tool, step.arguments)
		if err != nil {
			return err
		}
		show(step.what)
		fmt.Fprintf(stdout, "    result: %s\n", result)
	}
	return nil
}
