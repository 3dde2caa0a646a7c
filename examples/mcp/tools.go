package main

import (
	"context"
	"fmt"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerguard/bearerguard/validator"
)

// newServer returns an MCP server with two tools. They find the token of their caller
// in the context.
func newServer() *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "orders", Version: "1.0.0"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "list_orders", Description: "Lists the open orders"}, listOrders)
	mcp.AddTool(server, &mcp.Tool{Name: "cancel_order", Description: "Cancels an order"}, cancelOrder)
	return server
}

type none struct{}

// listOrders is reached only with a token that has orders.read.
func listOrders(ctx context.Context, _ *mcp.CallToolRequest, _ none) (*mcp.CallToolResult, any, error) {
	token, _ := validator.FromContext(ctx)
	return text("the orders of %q: 4711, 4712, 4713", token.Subject()), nil, nil
}

type order struct {
	Number string `json:"number" jsonschema:"the number of the order"`
}

// cancelOrder is reached only with a token that has orders.write.
func cancelOrder(ctx context.Context, _ *mcp.CallToolRequest, o order) (*mcp.CallToolResult, any, error) {
	token, _ := validator.FromContext(ctx)
	return text("order %q was cancelled by %q", o.Number, token.Subject()), nil, nil
}

func text(format string, args ...any) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: fmt.Sprintf(format, args...)}}}
}
