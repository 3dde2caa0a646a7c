package introspect_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/introspect"
)

const (
	issuer   = "https://as.example"
	endpoint = "https://as.example/introspect"
	token    = "mF_9.B5f-4.1JqM"
	yes      = `{"active":true}`
	no       = `{"active":false}`
)

// clock moves only when it is told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// received is a request as it arrived.
type received struct {
	method, address, body string
	header                http.Header
}

// receive reads a request, of a server or of a RoundTripper.
func receive(r *http.Request) received {
	got := received{method: r.Method, address: r.URL.String(), header: r.Header.Clone()}
	if r.Body != nil {
		body, _ := io.ReadAll(r.Body)
		r.Body.Close()
		got.body = string(body)
	}
	return got
}

func (r received) form(t testing.TB) url.Values {
	t.Helper()
	form, err := url.ParseQuery(r.body)
	require.NoError(t, err)
	return form
}

// reply is how a network answers.
type reply func(*http.Request) (*http.Response, error)

// network is an authorization server without sockets. It remembers what it was
// asked.
type network struct {
	mu    sync.Mutex
	asked []received
	reply reply
}

func replying(r reply) *network { return &network{reply: r} }

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	got := receive(r)
	n.mu.Lock()
	n.asked = append(n.asked, got)
	reply := n.reply
	n.mu.Unlock()
	return reply(r)
}

func (n *network) set(r reply) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reply = r
}

func (n *network) all() []received {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]received(nil), n.asked...)
}

func (n *network) count() int { return len(n.all()) }

// countOf counts the requests to one address.
func (n *network) countOf(address string) (count int) {
	for _, got := range n.all() {
		if got.address == address {
			count++
		}
	}
	return count
}

func (n *network) last(t testing.TB) received {
	t.Helper()
	all := n.all()
	require.NotEmpty(t, all, "nothing was asked")
	return all[len(all)-1]
}

// respond makes a response; header is a list of names and values.
func respond(r *http.Request, status int, body io.Reader, header ...string) *http.Response {
	response := &http.Response{
		StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(body), Request: r,
	}
	for i := 0; i < len(header); i += 2 {
		response.Header.Set(header[i], header[i+1])
	}
	return response
}

// with answers every request alike.
func with(status int, body string, header ...string) reply {
	return func(r *http.Request) (*http.Response, error) {
		return respond(r, status, strings.NewReader(body), header...), nil
	}
}

// cut answers no request.
func cut(err error) reply {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// hang answers no request either, but takes the time that it has.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// byAddress answers some addresses, and others with 404.
func byAddress(replies map[string]reply) reply {
	return func(r *http.Request) (*http.Response, error) {
		if reply, ok := replies[r.URL.String()]; ok {
			return reply(r)
		}
		return respond(r, 404, strings.NewReader("")), nil
	}
}

// setup is what a client is made of.
type setup struct {
	introspect.Server
	introspect.Config
}

type edit func(*setup)

// newClient fills in what a test does not care for.
func newClient(t testing.TB, n *network, edits ...edit) *introspect.Client {
	t.Helper()
	s := setup{
		introspect.Server{Issuer: issuer, HTTPClient: &http.Client{Transport: n}},
		introspect.Config{Endpoint: endpoint, Auth: basic},
	}
	for _, edit := range edits {
		edit(&s)
	}
	c, err := introspect.New(s.Server, s.Config)
	require.NoError(t, err)
	return c
}

var basic = introspect.ClientSecretBasic("client", introspect.StaticSecret("secret"))

func auth(a introspect.Auth) edit          { return func(s *setup) { s.Auth = a } }
func clocked(now func() time.Time) edit    { return func(s *setup) { s.Clock = now } }
func discovering(s *setup)                 { s.Endpoint = "" }
func at(address string) edit               { return func(s *setup) { s.Endpoint = address } }
func allowLoopback(u *url.URL) error       { return remote.CheckURL(u, true) }
func loopback(s *setup)                    { s.CheckURL = allowLoopback }
func client(c *http.Client) edit           { return func(s *setup) { s.HTTPClient = c } }
func static(text string) introspect.Secret { return introspect.StaticSecret(text) }

// origin is a server on a real socket, which remembers what it was asked.
type origin struct {
	*httptest.Server
	network // for its memory
}

// listen starts an origin, plain unless configured otherwise, that is gone at the
// end of the test.
func listen(t *testing.T, handler http.HandlerFunc, start func(*httptest.Server)) *origin {
	t.Helper()
	o := &origin{}
	o.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := receive(r)
		o.mu.Lock()
		o.asked = append(o.asked, got)
		o.mu.Unlock()
		handler(w, r)
	}))
	start(o.Server)
	t.Cleanup(o.Close) // ends the connections that a client keeps, and their goroutines
	return o
}

func plain(s *httptest.Server) { s.Start() }

func saying(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// socketClient asks the origin with a transport of our own.
func socketClient(t *testing.T, o *origin, edits ...edit) *introspect.Client {
	t.Helper()
	return newClient(t, nil, append([]edit{client(nil), loopback, at(o.URL + "/introspect")}, edits...)...)
}

// isActive asserts an answer that says so.
func isActive(t testing.TB, c *introspect.Client) introspect.Answer {
	t.Helper()
	answer, err := c.Introspect(context.Background(), token)
	require.NoError(t, err)
	require.True(t, answer.Active)
	return answer
}

// failed asserts the kind of err, and that it looks like no error of a context.
func failed(t testing.TB, want introspect.Kind, err error) *introspect.Error {
	t.Helper()
	var failed *introspect.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, want, failed.Kind)
	assert.NotEmpty(t, failed.Detail)
	assert.NotErrorIs(t, err, context.DeadlineExceeded)
	assert.NotErrorIs(t, err, context.Canceled)
	return failed
}

// fails asks, and asserts that there is no answer.
func fails(t testing.TB, c *introspect.Client, want introspect.Kind) *introspect.Error {
	t.Helper()
	answer, err := c.Introspect(context.Background(), token)
	assert.Zero(t, answer)
	return failed(t, want, err)
}

// neverSuspends asserts that failures of this kind do not count against the server: many
// different tokens fail, and the circuit stays closed.
func neverSuspends(t testing.TB, c *introspect.Client, want introspect.Kind) {
	t.Helper()
	for i := range 20 {
		_, err := c.Introspect(context.Background(), fmt.Sprintf("token-%d", i))
		failed(t, want, err)
	}
}
