package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	bare    = `401 Bearer realm="orders"`
	expired = `401 Bearer realm="orders", error="invalid_token", error_description="The access token expired"`
	denied  = `403 Bearer realm="orders", error="insufficient_scope", error_description="The access token does not permit this request", scope="orders.cancel"`
)

// TestOnce: every router gives the same answers, on a listener of its own.
func TestOnce(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-once"}, &out))
	answers := map[string][]string{} // by router, in the order of the requests
	for line := range strings.Lines(out.String()) {
		cells := regexp.MustCompile(` {2,}`).Split(strings.TrimSpace(line), 4)
		require.Len(t, cells, 4, line)
		answers[cells[2]] = append(answers[cells[2]], cells[0]+": "+cells[3])
	}
	for router, unknown := range map[string]string{"ServeMux": bare, "chi": "404", "gin": "404", "echo": "404"} {
		assert.Equal(t, []string{
			"GET /healthz: 200 healthy",
			"GET /orders/7: " + bare,
			"GET /orders/7: 200 order 7 of user",
			"GET /orders/7: " + expired,
			"DELETE /orders/7: " + denied,
			"DELETE /orders/7: 200 order 7 of user",
			"GET /admin: " + unknown,
		}, answers[router], router)
	}
	assert.Len(t, answers, 4)
	assert.NotContains(t, out.String(), "eyJ", "a token, or a part of one")
}

// TestServesOn: the lines that it prints do what they say, until it is told to end.
func TestServesOn(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, nil, writer)
		writer.Close()
	}()
	browser := &http.Client{Transport: &http.Transport{}}
	defer browser.CloseIdleConnections()
	raw, tried := "", 0
	for lines := bufio.NewScanner(reader); lines.Scan(); {
		if token, ok := strings.CutPrefix(lines.Text(), "TOKEN="); ok {
			raw = token
		}
		if url := regexp.MustCompile(`^curl .* (http:\S+) # `).FindStringSubmatch(lines.Text()); url != nil {
			answer, err := ask(ctx, browser, "GET", url[1], raw)
			require.NoError(t, err)
			assert.Equal(t, "200 order 7 of user", answer)
			if tried++; tried == len(routers) {
				cancel()
			}
		}
	}
	assert.Equal(t, len(routers), tried)
	require.NoError(t, <-ended)
}

func TestFlags(t *testing.T) {
	assert.True(t, errors.Is(run(t.Context(), []string{"-h"}, io.Discard), flag.ErrHelp))
}
