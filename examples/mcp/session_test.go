package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const (
	initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`
	cancel     = `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"cancel_order","arguments":{"number":"4711"}}}`
)

// session is one of MCP 2025-11-25.
type session struct {
	*demo
	id string
}

func (d *demo) newSession(t *testing.T, token string) session {
	t.Helper()
	response, _ := d.send(t, d.resource, http.Header{"Authorization": bearer(token)}, initialize)
	require.Equal(t, 200, response.StatusCode)
	s := session{d, response.Header.Get("Mcp-Session-Id")}
	require.NotEmpty(t, s.id)
	t.Cleanup(func() { assert.Equal(t, 204, s.end(t, token)) })
	return s
}

func (s session) send(t *testing.T, token, message string) (status int, body string) {
	t.Helper()
	response, body := s.demo.send(t, s.resource, http.Header{"Authorization": bearer(token), "Mcp-Session-Id": {s.id}}, message)
	return response.StatusCode, body
}

func (s session) end(t *testing.T, token string) (status int) {
	t.Helper()
	r, err := http.NewRequest("DELETE", s.resource, nil)
	require.NoError(t, err)
	r.Header = http.Header{"Authorization": bearer(token), "Mcp-Session-Id": {s.id}}
	response, err := s.browser.Do(r)
	require.NoError(t, err)
	response.Body.Close()
	return response.StatusCode
}

const (
	forbidden = `"code":403,"message":"The access token does not permit this request"`
	cancelled = `order \"4711\" was cancelled by`
)

// TestSessionsAreNotShared: a good token of somebody else does not get into a session,
// be it another user's or the same user's by another client.
func TestSessionsAreNotShared(t *testing.T) {
	d := startDemo(t, nil)
	s := d.newSession(t, d.mint())
	status, body := s.send(t, d.mint(), listTools)
	assert.Equal(t, 200, status)
	assert.Contains(t, body, "list_orders")
	for _, token := range []string{d.mint(validatortest.Subject("bob")), d.mint(validatortest.ClientID(otherAgent.id))} {
		status, _ = s.send(t, token, listTools)
		assert.Equal(t, 403, status)
		assert.Equal(t, 403, s.end(t, token))
	}
}

// TestUserID: the parts cannot be mistaken for each other.
func TestUserID(t *testing.T) {
	d := startStateless(t)
	v, err := validator.New(validator.Config{
		Issuers:           []validator.Issuer{{URL: d.as.Issuer(), Audiences: []string{d.resource}, AnyClient: true}},
		InsecureAllowHTTP: true,
	})
	require.NoError(t, err)
	token, err := v.Validate(t.Context(), d.mint(validatortest.Subject(`a" "b`)))
	require.NoError(t, err)
	assert.Equal(t, `"`+d.as.Issuer()+`" "a\" \"b" "orders-agent"`, infoOf(token).UserID)
}

// TestTokenOfTheRequest decides, not that of the one that began the session.
func TestTokenOfTheRequest(t *testing.T) {
	d := startDemo(t, nil)
	reader, writer := d.mint(), d.mint(validatortest.Scope("orders.read", "orders.write"))
	for _, first := range []string{reader, writer} {
		s := d.newSession(t, first)
		status, body := s.send(t, reader, cancel)
		assert.Equal(t, 200, status)
		assert.Contains(t, body, forbidden)
		assert.NotContains(t, body, cancelled)
		status, body = s.send(t, writer, cancel)
		assert.Equal(t, 200, status)
		assert.Contains(t, body, cancelled)
	}
}
