package baddays

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testClock is a clock that stands still until it is told to go.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *testClock { return &testClock{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)} }

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// trust is the configuration that accepts s's good tokens.
func trust(s *validatortest.Server) validator.Config {
	return validator.Config{InsecureAllowHTTP: true, CacheSize: 100, Issuers: []validator.Issuer{{
		URL: s.Issuer(), Audiences: []string{"api://default"}, ClientIDs: []string{validatortest.DefaultClientID},
	}}}
}

func build(t testing.TB, c validator.Config) *validator.Validator {
	t.Helper()
	v, err := validator.New(c)
	require.NoError(t, err)
	return v
}

func export(t testing.TB, v *validator.Validator) []byte {
	t.Helper()
	data, err := v.ExportKeys()
	require.NoError(t, err)
	return data
}

func reasonOf(err error) validator.Reason {
	var e *validator.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// wire is a transport without a network.
type wire func(*http.Request) (*http.Response, error)

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

func reply(r *http.Request, body string) *http.Response {
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
