package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// startLimited starts the simple configuration with other limits than the program's.
func startLimited(t *testing.T, l limits, more ...string) (*front, *validatortest.Server) {
	t.Helper()
	as, up := newIssuer(t, validatortest.Options{}), newUpstream(t)
	f := &front{client: newClient(t), log: newJournal(), ended: make(chan error, 1)}
	s, err := newService(configure(t, simple+strings.Join(more, ""), "ISSUER", as.Issuer(), "UPSTREAM", up.URL), slog.New(slog.NewJSONHandler(f.log, nil)))
	require.NoError(t, err)
	s.limits = l
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	go func() {
		err := s.serve(ctx, nil, in)
		in.CloseWithError(io.EOF)
		f.ended <- err
		close(f.ended)
	}()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-f.ended)
	})
	f.address = listening(t, out, f.log)
	return f, as
}

// many is as many connections as a test can afford.
const many = 300

// closed waits until the other end has closed a connection, whatever it said before.
func closed(t *testing.T, conn net.Conn, reader *bufio.Reader) {
	t.Helper()
	_, err := io.Copy(io.Discard, reader)
	var timeout net.Error
	assert.False(t, errors.As(err, &timeout) && timeout.Timeout(), "it is still open")
	conn.Close()
}

// TestSlowHeaders: whoever sends headers slowly is cut off when their time is over,
// however many bytes come, and honest requests are served meanwhile.
func TestSlowHeaders(t *testing.T) {
	f, as := startLimited(t, limits{headers: 3 * time.Second, idle: patience, bytes: 64 << 10})
	token := mint(as)
	slow := make([]net.Conn, many)
	readers := make([]*bufio.Reader, many)
	for i := range slow {
		slow[i], readers[i] = dial(t, f.address)
		_, err := io.WriteString(slow[i], "GET /orders/1 HTTP/1.1\r\nHost: api\r\nX-Slow: ")
		require.NoError(t, err)
	}
	trickling := make(chan struct{})
	go func() { // a byte to each, again and again: each restarts a clock of reads, but not that of headers
		defer close(trickling)
		for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
			open := 0
			for _, conn := range slow {
				if _, err := conn.Write([]byte("x")); err == nil {
					open++
				}
			}
			if open == 0 {
				tick.Stop()
				return
			}
		}
	}()
	assert.Equal(t, 200, f.get(t, "/orders/1", token).status)
	for i := range slow {
		closed(t, slow[i], readers[i])
	}
	<-trickling
	assert.Equal(t, 200, f.get(t, "/orders/1", token).status)
}

// TestSlowBodyOfTheRefused: nobody without a token holds a connection by sending a body
// slowly, of a length that is known or not; who is permitted may take their time.
func TestSlowBodyOfTheRefused(t *testing.T) {
	const headers = time.Second
	f, as := startLimited(t, limits{headers: headers, idle: patience, bytes: 64 << 10})
	for name, tc := range map[string]struct {
		head   string
		status int
	}{
		"length":     {"POST /orders HTTP/1.1\r\nHost: api\r\nContent-Length: 1000\r\n\r\nx", 401},
		"chunked":    {"POST /orders HTTP/1.1\r\nHost: api\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", 401},
		"path":       {"POST /orders//1 HTTP/1.1\r\nHost: api\r\nContent-Length: 1000\r\n\r\nx", 400},
		"bad token":  {"POST /orders HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer x\r\nContent-Length: 1000\r\n\r\nx", 401},
		"health":     {"POST /healthz HTTP/1.1\r\nHost: api\r\nContent-Length: 1000\r\n\r\nx", 405},
		"no request": {"POST /orders HTTP/1.1\r\n\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			conn, reader := dial(t, f.address)
			_, err := io.WriteString(conn, tc.head)
			require.NoError(t, err)
			response, err := http.ReadResponse(reader, nil)
			require.NoError(t, err, "no answer before all of the body came")
			assert.Equal(t, tc.status, response.StatusCode)
			closed(t, conn, reader)
		})
	}

	conn, reader := dial(t, f.address)
	_, err := fmt.Fprintf(conn, "POST /orders HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer %s\r\nContent-Length: 2\r\n\r\nx", mint(as))
	require.NoError(t, err)
	<-time.After(headers + headers/2) // longer than the refused have
	_, err = io.WriteString(conn, "y")
	require.NoError(t, err)
	response, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	assert.Equal(t, 200, response.StatusCode)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	// The connection is good for another request: what was set is not set any more.
	<-time.After(headers + headers/2)
	_, err = fmt.Fprintf(conn, "GET /orders/1 HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer %s\r\n\r\n", mint(as))
	require.NoError(t, err)
	response, err = http.ReadResponse(reader, nil)
	require.NoError(t, err)
	assert.Equal(t, 200, response.StatusCode)
}

// TestIdleConnections: they are closed when their time is over, and in nobody's way.
func TestIdleConnections(t *testing.T) {
	f, as := startLimited(t, limits{headers: patience, idle: 300 * time.Millisecond, bytes: 64 << 10})
	token := mint(as)
	conns, readers := make([]net.Conn, many), make([]*bufio.Reader, many)
	for i := range conns {
		conns[i], readers[i] = dial(t, f.address)
		_, err := io.WriteString(conns[i], "GET /orders/1 HTTP/1.1\r\nHost: api\r\n\r\n")
		require.NoError(t, err)
		response, err := http.ReadResponse(readers[i], nil)
		require.NoError(t, err)
		assert.Equal(t, 401, response.StatusCode)
		assert.False(t, response.Close, "it stays open")
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
	}
	assert.Equal(t, 200, f.get(t, "/orders/1", token).status)
	for i := range conns {
		closed(t, conns[i], readers[i])
	}
	assert.Equal(t, 200, f.get(t, "/orders/1", token).status)
}

// TestLongHeaders: they are read up to the limit, and 4 KiB that net/http grants.
func TestLongHeaders(t *testing.T) {
	f, as := startLimited(t, defaultLimits)
	for length, status := range map[int]int{60 << 10: 200, 100_000: 431} {
		r := f.request(t, http.MethodGet, "/orders/1", mint(as), nil)
		r.Header.Set("X-Long", strings.Repeat("x", length))
		conn, reader := dial(t, f.address)
		require.NoError(t, r.Write(ignoring{conn}))
		response, err := http.ReadResponse(reader, r)
		require.NoError(t, err)
		assert.Equal(t, status, response.StatusCode, length)
		response.Body.Close()
	}
}

// ignoring goes on after the other end has closed: its answer is there to be read.
type ignoring struct{ io.Writer }

func (w ignoring) Write(b []byte) (int, error) {
	_, _ = w.Writer.Write(b)
	return len(b), nil
}

// TestMaxConnections: no more are served at once, whoever waits is served when one ends,
// and health has a listener of its own.
func TestMaxConnections(t *testing.T) {
	admin := freeAddress(t)
	f, as := startLimited(t, defaultLimits, "max_connections: 3\nadmin_listen: ", admin, "\n")
	ask := func(conn net.Conn) {
		_, err := fmt.Fprintf(conn, "GET /orders/1 HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer %s\r\n\r\n", mint(as))
		require.NoError(t, err)
	}
	answered := func(reader *bufio.Reader) {
		t.Helper()
		response, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		assert.Equal(t, 200, response.StatusCode)
	}
	var served []net.Conn
	for range 3 {
		conn, reader := dial(t, f.address)
		ask(conn)
		answered(reader)
		served = append(served, conn)
	}
	waiting, reader := dial(t, f.address)
	ask(waiting)
	require.NoError(t, waiting.SetReadDeadline(time.Now().Add(300*time.Millisecond)))
	_, err := reader.Peek(1)
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded, "a fourth was served")
	response, err := f.client.Get("http://" + admin + "/healthz")
	require.NoError(t, err)
	assert.Equal(t, 200, read(t, response).status)
	served[0].Close()
	require.NoError(t, waiting.SetReadDeadline(time.Now().Add(patience)))
	answered(bufio.NewReader(waiting))
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// TestReloadKeepsMaxConnections: the listener has it.
func TestReloadKeepsMaxConnections(t *testing.T) {
	f, as := startSimple(t, "max_connections: 3\n")
	text, err := os.ReadFile(f.path)
	require.NoError(t, err)
	rewrite(t, f.path, strings.Replace(string(text), "max_connections: 3", "max_connections: 4", 1))
	f.signal(syscall.SIGHUP)
	f.log.wait(t, "configuration not reloaded: the old one stays", 1)
	assert.Contains(t, f.log.String(), "max_connections: cannot change while the gateway runs")
	assert.Equal(t, 200, f.get(t, "/orders/1", mint(as)).status)
}
