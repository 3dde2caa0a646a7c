package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestStreamEndsAtExpiry: the one on which a server sends what it likes.
func TestStreamEndsAtExpiry(t *testing.T) {
	d := startDemo(t, nil)
	s := d.newSession(t, d.mint())
	exp := time.Now().Add(2 * time.Second).Truncate(time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", d.resource, nil)
	require.NoError(t, err)
	r.Header = http.Header{"Authorization": bearer(d.mint(validatortest.Expiry(exp))), "Mcp-Session-Id": {s.id}, "Accept": {"text/event-stream"}}
	response, err := d.browser.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	assert.Equal(t, 200, response.StatusCode)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	assert.False(t, time.Now().Before(exp))
	status, _ := s.send(t, d.mint(), listTools)
	assert.Equal(t, 200, status, "the session goes on, with another token")
}

// TestInTheLeeway: who is let in after exp is served, with the leeway as the end.
func TestInTheLeeway(t *testing.T) {
	d := startStateless(t)
	exp := time.Now().Add(-time.Second).Truncate(time.Second)
	header := http.Header{"Authorization": bearer(d.mint(validatortest.Expiry(exp)))}
	response, body := d.send(t, d.resource, header, listTools)
	assert.Equal(t, 200, response.StatusCode)
	assert.Contains(t, body, "list_orders")
	response, _ = d.send(t, strings.TrimSuffix(d.resource, "/mcp")+"/sdk", header, listTools)
	assert.Equal(t, 200, response.StatusCode)

	_, guard := newGuard(t, d)
	for exp, want := range map[time.Time]time.Time{exp: exp.Add(validator.DefaultLeeway), exp.Add(time.Hour): exp.Add(time.Hour)} {
		ends := make(chan time.Time, 1)
		handler := guard.Require(validator.Policy{AnyToken: true})(untilExpiry(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			end, _ := r.Context().Deadline()
			ends <- end
		})))
		r := httptest.NewRequest("POST", "/", nil)
		r.Header["Authorization"] = bearer(d.mint(validatortest.Expiry(exp)))
		handler.ServeHTTP(httptest.NewRecorder(), r)
		assert.True(t, want.Equal(<-ends))
	}
}
