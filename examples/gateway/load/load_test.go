package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// net/http waits half a second where it closes before all was read; as long as goleak waits.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// TestRequests: honest ones are served, hostile ones refused as they should be, and one
// that is not is told.
func TestRequests(t *testing.T) {
	s, err := newStage(t.Context())
	require.NoError(t, err)
	t.Cleanup(s.close)
	require.NoError(t, s.verify())
	for _, r := range s.hostileOnes {
		assert.NotEqual(t, http.StatusOK, r.status, r.name)
		assert.NotContains(t, r.text, "\x00", "it ends a request in the file")
	}
	require.NoError(t, s.writeRequests())
	assert.Positive(t, s.resident())

	good := s.honestOnes[0]
	s.hostileOnes = []request{{"let in", good.text, http.StatusUnauthorized}}
	assert.ErrorContains(t, s.verify(), "let in: 200")
	s.hostileOnes = []request{{"one of two", good.text, 0}}
	assert.ErrorContains(t, s.verify(), "one of two: 200")
	s.hostileOnes = nil
	s.honestOnes = []request{get("refused", http.StatusOK, "/orders/1")}
	assert.ErrorContains(t, s.verify(), "refused: 401")

	s.honestOnes = []request{good}
	probe := s.startProbe(1000)
	for probe.count() == 0 {
		<-time.After(time.Millisecond)
	}
	assert.NotContains(t, probe.end(), "NOT SERVED")
	s.honestOnes = []request{{"bad", strings.Replace(good.text, "Bearer ", "Bearer x", 1), http.StatusOK}}
	probe = s.startProbe(1000)
	for probe.count() == 0 {
		<-time.After(time.Millisecond)
	}
	assert.Contains(t, probe.end(), "NOT SERVED: 401")
}

// TestParse: what the script prints behind wrk's own words.
func TestParse(t *testing.T) {
	r, err := parse("Running 2s test\nRequests/sec: 1\nRESULT 300 2000000 1500 2500 3500 4500 7 8\n")
	require.NoError(t, err)
	assert.Equal(t, seen{
		requests: 300, refused: 7, cut: 8, length: 2 * time.Second,
		p50: 1500 * time.Microsecond, p99: 2500 * time.Microsecond, p999: 3500 * time.Microsecond, most: 4500 * time.Microsecond,
	}, r)
	assert.Equal(t, 150.0, r.rate())
	for _, bad := range []string{"", "Running", "RESULT 1 2 3"} {
		_, err := parse(bad)
		assert.Error(t, err, bad)
	}
}
