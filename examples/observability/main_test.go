package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOnce: one round of traffic, and what became of it.
func TestOnce(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-once", "-metrics", "127.0.0.1:0"}, &out))
	var rows [][]string
	for line := range strings.Lines(out.String()) {
		rows = append(rows, regexp.MustCompile(` {2,}`).Split(strings.TrimSpace(line), -1))
	}
	for _, want := range [][]string{
		{"accepted", "none", "main", "6"},
		{"insufficient_scope", "insufficient_scope", "main", "1"},
		{"invalid_token", "expired", "main", "1"},
		{"invalid_token", "revoked", "main", "1"},
		{"invalid_token", "inactive", "main", "1"},
		{"invalid_token", "unknown_issuer", "none", "1"},
		{"no_token", "no_token", "none", "1"},
		{"unavailable", "introspection_unavailable", "main", "5"},
		{"unavailable", "introspection_suspended", "main", "1"},
		{"POST /events (a trace of its own)", "1"},
		{"bearerguard.wait (part of a request, links to what was read)", "12"},
		{"bearerguard.read (a trace of its own)", "12"},
	} {
		assert.Contains(t, rows, want)
	}
	assert.Regexp(t, `(?m)^metrics +http://127\.0\.0\.1:\d+/metrics$`, out.String())
}

func TestMistakes(t *testing.T) {
	for _, args := range [][]string{{"-unknown"}, {"-every", "0s"}, {"-once", "-metrics", "nowhere:at-all"}} {
		assert.Error(t, run(t.Context(), args, io.Discard), args)
	}
	assert.NoError(t, run(t.Context(), []string{"-help"}, io.Discard))
}

// lines is what a program prints, for a test that waits for a line.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
	said chan struct{} // something was
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.said <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

func (l *lines) await(t *testing.T, pattern string) string {
	t.Helper()
	for {
		l.mu.Lock()
		found := regexp.MustCompile(pattern).FindStringSubmatch(l.text.String())
		l.mu.Unlock()
		if found != nil {
			return found[1]
		}
		<-l.said
	}
}

// TestServesOn: until it is told to end, the metrics are where it says.
func TestServesOn(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, ended := &lines{said: make(chan struct{}, 1)}, make(chan error, 1)
	go func() { ended <- run(ctx, []string{"-metrics", "127.0.0.1:0", "-every", time.Hour.String()}, out) }()
	address := out.await(t, `metrics +(http://\S+)`)
	response, err := http.Get(address)
	require.NoError(t, err)
	text, err := io.ReadAll(response.Body)
	response.Body.Close()
	require.NoError(t, err)
	assert.Contains(t, string(text), "# TYPE bearerguard_reloads_total counter") // of the others nothing may have happened yet
	stop()
	require.NoError(t, <-ended)
	http.DefaultClient.CloseIdleConnections()
}
