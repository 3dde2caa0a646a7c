package main

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/transports"
	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

// TestTransports: the requests that every transport is held to, to an MCP server.
func TestTransports(t *testing.T) { transports.Test(t, overMCP) }

// TestCorpus: the tokens and headers of the corpus, to an MCP server.
func TestCorpus(t *testing.T) { transports.TestCorpus(t, overMCP) }

var byWhom = regexp.MustCompile(regexp.QuoteMeta(cancelled) + ` \\"([^\\]*)\\"`)

// overMCP calls a tool behind the Guard and the gate. What they refuse never reaches it.
func overMCP(t *testing.T, v *validator.Validator, policy validator.Policy) transports.Ask {
	guard, err := middleware.New(v, middleware.Config{Realm: transports.Realm})
	require.NoError(t, err)
	g, err := newGate(v, guard, map[string]validator.Policy{"cancel_order": policy})
	require.NoError(t, err)
	server := newServer()
	server.AddReceivingMiddleware(g.receive)
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{Stateless: true})
	front := httptest.NewServer(guard.Require(policy)(g.protect(handler)))
	t.Cleanup(front.Close)
	d := &demo{browser: front.Client()}
	return func(t *testing.T, authorization []string) transports.Answer {
		response, body := d.send(t, front.URL, http.Header{"Authorization": authorization}, cancel)
		answer := transports.Answer{
			Status: response.StatusCode, Challenge: response.Header.Get("WWW-Authenticate"), Retry: response.Header.Get("Retry-After") != "",
		}
		called := byWhom.FindStringSubmatch(body)
		if assert.Equal(t, answer.Status == http.StatusOK, called != nil, "whether the tool was called") && called != nil {
			answer.Subject = called[1]
		}
		return answer
	}
}
