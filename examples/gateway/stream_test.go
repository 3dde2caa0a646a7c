package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// expiry is an exp that is near, in whole seconds, and still to come.
func expiry() time.Time { return time.Now().Add(2 * time.Second).Truncate(time.Second) }

// newEcho is an upstream that switches to any protocol and sends back what it
// gets; ended gets how each connection ended.
func newEcho(t testing.TB) (*httptest.Server, <-chan error) {
	ended := make(chan error, 10)
	return upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			w.Header().Set("X-Upstream", "here")
			return
		}
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if !assert.NoError(t, err) {
			return
		}
		defer conn.Close()
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\nX-Seen-User: %s\r\n\r\n",
			r.Header.Get("Upgrade"), r.Header.Get("X-User-Id"))
		_, err = io.Copy(conn, buffered)
		ended <- err
	}), ended
}

// upgrade asks for a protocol.
func upgrade(t testing.TB, f *front, token, protocol string) (io.ReadWriteCloser, *bufio.Reader, *http.Response) {
	t.Helper()
	conn, reader := dial(t, f.address)
	_, err := fmt.Fprintf(conn, "GET /orders/1 HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer %s\r\nConnection: Upgrade, X-User-Id, HTTP2-Settings\r\n"+
		"Upgrade: %s\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OTAxMjM0NQ==\r\n\r\n", token, protocol)
	require.NoError(t, err)
	response, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	return conn, reader, response
}

func startEcho(t testing.TB, more ...string) (*front, *validatortest.Server, <-chan error) {
	t.Helper()
	as := newIssuer(t, validatortest.Options{})
	up, ended := newEcho(t)
	return start(t, configure(t, simple+strings.Join(more, ""), "ISSUER", as.Issuer(), "UPSTREAM", up.URL)), as, ended
}

func echoed(t testing.TB, w io.Writer, r io.Reader, text string) {
	t.Helper()
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
	got := make([]byte, len(text))
	_, err = io.ReadFull(r, got)
	require.NoError(t, err)
	assert.Equal(t, text, string(got))
}

// TestWebSocketEndsAtExpiry, and not before, and not when the leeway is over.
func TestWebSocketEndsAtExpiry(t *testing.T) {
	f, as, ended := startEcho(t)
	exp := expiry()
	conn, reader, response := upgrade(t, f, mint(as, validatortest.Expiry(exp)), "WebSocket")
	require.Equal(t, 101, response.StatusCode)
	assert.Equal(t, "alice", response.Header.Get("X-Seen-User"))
	echoed(t, conn, reader, "hello")
	echoed(t, conn, reader, "again")
	_, err := reader.ReadByte()
	assert.Error(t, err)
	assert.WithinRange(t, time.Now(), exp, exp.Add(20*time.Second))
	<-ended // the upstream's side too
}

func TestWebSocketEndsWithEitherSide(t *testing.T) {
	f, as, ended := startEcho(t)
	conn, reader, _ := upgrade(t, f, mint(as), "websocket")
	echoed(t, conn, reader, "hello")
	conn.Close()
	<-ended
}

// TestWebSocketNeedsToken: an upgrade is a request like any other.
func TestWebSocketNeedsToken(t *testing.T) {
	f, as, _ := startEcho(t)
	_, _, response := upgrade(t, f, mint(as, validatortest.Scope("other")), "websocket")
	assert.Equal(t, 403, response.StatusCode)
	response.Body.Close()
}

// TestOtherProtocols: over h2c, requests would pass that no route has seen.
func TestOtherProtocols(t *testing.T) {
	f, as, _ := startEcho(t)
	for _, protocol := range []string{"h2c", "h2c, websocket", "websocket, h2c", "TLS/1.0"} {
		_, _, response := upgrade(t, f, mint(as), protocol)
		assert.Equal(t, 200, response.StatusCode, protocol)
		assert.Equal(t, "here", response.Header.Get("X-Upstream"), "a request without an upgrade")
		response.Body.Close()
	}
}

// newTicker is an upstream that sends an event for each one that it is told, and
// waits for the client's end.
func newTicker(t testing.TB) (up *httptest.Server, events chan string, gone chan struct{}) {
	events, gone = make(chan string), make(chan struct{}, 10)
	return upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			select {
			case event := <-events:
				_, _ = fmt.Fprintf(w, "data: %s\n\n", event)
				assert.NoError(t, http.NewResponseController(w).Flush())
			case <-r.Context().Done():
				gone <- struct{}{}
				return
			}
		}
	}), events, gone
}

// TestEventStream: events arrive one by one, and the stream ends at exp.
func TestEventStream(t *testing.T) {
	up, events, gone := newTicker(t)
	as := newIssuer(t, validatortest.Options{})
	f := start(t, configure(t, simple, "ISSUER", as.Issuer(), "UPSTREAM", up.URL))
	exp := expiry()
	r := f.request(t, http.MethodGet, "/orders/1", mint(as, validatortest.Expiry(exp)), nil)
	go func() { events <- "first" }()
	response, err := f.client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	for i, want := range []string{"first", "second", "third"} {
		if i > 0 {
			events <- want // only after the one before has arrived
		}
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, "data: "+want+"\n", line)
		_, err = lines.ReadString('\n')
		require.NoError(t, err)
	}
	_, err = lines.ReadString('\n')
	assert.Error(t, err, "cut, not finished")
	assert.NotErrorIs(t, err, io.EOF)
	assert.WithinRange(t, time.Now(), exp, exp.Add(20*time.Second))
	<-gone
}

// TestStreamInLeeway: a token that is accepted in its leeway streams until that is
// over.
func TestStreamInLeeway(t *testing.T) {
	up, events, gone := newTicker(t)
	as := newIssuer(t, validatortest.Options{})
	f := start(t, configure(t, simple+"leeway: 2s\n", "ISSUER", as.Issuer(), "UPSTREAM", up.URL))
	exp := time.Now().Truncate(time.Second)
	go func() { events <- "first" }()
	response, err := f.client.Do(f.request(t, http.MethodGet, "/orders/1", mint(as, validatortest.Expiry(exp)), nil))
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, 200, response.StatusCode)
	_, err = io.Copy(io.Discard, response.Body)
	assert.Error(t, err)
	assert.WithinRange(t, time.Now(), exp.Add(2*time.Second), exp.Add(22*time.Second))
	<-gone
}

// TestNoLeeway: 0s is none, not the default.
func TestNoLeeway(t *testing.T) {
	f, as := startSimple(t, "leeway: 0s\n")
	assert.Equal(t, 401, f.get(t, "/orders", mint(as, validatortest.Expiry(time.Now().Truncate(time.Second)))).status)
}

// newLate is an upstream with a stream that does not end, and two answers that do
// not begin before it has: one with a length and one without.
func newLate(t testing.TB) *httptest.Server {
	expired := make(chan struct{})
	return upstream(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/orders/endless":
			assert.NoError(t, http.NewResponseController(w).Flush())
			<-r.Context().Done()
			close(expired)
		case "/orders/slow":
			<-expired
			_, _ = io.WriteString(w, "done")
		case "/orders/stream":
			<-expired
			_, _ = io.WriteString(w, "data: late\n\n")
			_ = http.NewResponseController(w).Flush()
		}
	})
}

// TestAfterExpiry: a request that says how long it is outlives its token, and so does
// its answer; a stream that begins after exp does not begin.
func TestAfterExpiry(t *testing.T) {
	as := newIssuer(t, validatortest.Options{})
	f := start(t, configure(t, simple, "ISSUER", as.Issuer(), "UPSTREAM", newLate(t).URL))
	token := mint(as, validatortest.Expiry(expiry()))
	endless, err := f.client.Do(f.request(t, http.MethodGet, "/orders/endless", token, nil))
	require.NoError(t, err)
	defer endless.Body.Close()
	answers := map[string]chan answer{"/orders/slow": make(chan answer, 1), "/orders/stream": make(chan answer, 1)}
	for target, c := range answers {
		go func() { c <- f.get(t, target, token) }()
	}
	slow, stream := <-answers["/orders/slow"], <-answers["/orders/stream"]
	assert.Equal(t, 200, slow.status)
	assert.Equal(t, "done", slow.body)
	assert.Equal(t, 401, stream.status)
	assert.NotContains(t, stream.body, "late")
}

// TestUploadEndsAtExpiry: a request body without a length has no end of its own.
func TestUploadEndsAtExpiry(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		assert.Error(t, err)
	})
	as := newIssuer(t, validatortest.Options{})
	f := start(t, configure(t, simple, "ISSUER", as.Issuer(), "UPSTREAM", up.URL))
	exp := expiry()
	out, in := io.Pipe()
	defer in.Close()
	got := f.do(t, f.request(t, http.MethodPost, "/orders", mint(as, validatortest.Expiry(exp)), out))
	assert.Equal(t, 401, got.status)
	assert.Contains(t, got.header.Get("WWW-Authenticate"), "The access token expired")
	assert.WithinRange(t, time.Now(), exp, exp.Add(20*time.Second))
}

// newFlood is an upstream that sends more than anybody takes: as a stream, or over
// an upgraded connection. gone gets its ends.
func newFlood(t testing.TB) (up *httptest.Server, flowing, gone chan struct{}) {
	flowing, gone = make(chan struct{}, 10), make(chan struct{}, 10)
	return upstream(t, func(w http.ResponseWriter, r *http.Request) {
		var to io.Writer = w
		if r.Header.Get("Upgrade") != "" {
			conn, _, err := http.NewResponseController(w).Hijack()
			if !assert.NoError(t, err) {
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			to = conn
		}
		flowing <- struct{}{}
		for block := make([]byte, 1<<20); ; {
			if _, err := to.Write(block); err != nil {
				gone <- struct{}{}
				return
			}
		}
	}), flowing, gone
}

// TestDeafClient: a client that does not read cannot keep its stream beyond exp.
func TestDeafClient(t *testing.T) {
	up, flowing, gone := newFlood(t)
	as := newIssuer(t, validatortest.Options{})
	f := start(t, configure(t, simple, "ISSUER", as.Issuer(), "UPSTREAM", up.URL))
	token := mint(as, validatortest.Expiry(expiry()))
	stream, _ := dial(t, f.address)
	_, err := fmt.Fprintf(stream, "GET /orders/1 HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer %s\r\n\r\n", token)
	require.NoError(t, err)
	upgrade(t, f, token, "websocket")
	for _, c := range []chan struct{}{flowing, gone} {
		<-c
		<-c
	}
	f.signal(os.Interrupt)
	assert.NoError(t, <-f.ended)
	assert.NotContains(t, f.log.String(), "were cut", "nothing of it was left")
}

// TestDeafClientAtShutdown: nor can it keep the gateway from ending, on a public
// route either.
func TestDeafClientAtShutdown(t *testing.T) {
	up, flowing, gone := newFlood(t)
	as := newIssuer(t, validatortest.Options{})
	f := start(t, configure(t, simple+"shutdown_timeout: 50ms\n", "ISSUER", as.Issuer(), "UPSTREAM", up.URL))
	for _, target := range []string{"/orders/1", "/public/a"} {
		conn, _ := dial(t, f.address)
		_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", target, mint(as))
		require.NoError(t, err)
		<-flowing
	}
	f.signal(os.Interrupt)
	assert.NoError(t, <-f.ended)
	<-gone
	<-gone
	f.log.wait(t, "some requests were cut", 1)
}
