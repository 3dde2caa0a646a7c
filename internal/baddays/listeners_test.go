package baddays

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/stretchr/testify/require"
)

// The days in this file begin with a road that leads to another listener.

func clearRoad(w *world) { w.road.clear() }

// toConnections leads to a listener whose connections are served by what serve makes.
func toConnections(serve func(*world) func(*net.TCPConn)) func(*world) {
	return func(w *world) { w.road.leads(w.listen(serve(w))) }
}

// toHandler leads to an HTTP server of any kind.
func toHandler(handler func(*world) http.Handler) func(*world) {
	return func(w *world) { w.road.leads(w.serve(handler(w)).Listener.Addr().String()) }
}

// listen serves connections on a loopback port until the test is over.
func (w *world) listen(serve func(*net.TCPConn)) (address string) {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(w.t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer c.Close()
				serve(c.(*net.TCPConn))
			})
		}
	})
	w.t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	return l.Addr().String()
}

// serve starts an HTTP server that ends with the test.
func (w *world) serve(handler http.Handler) *httptest.Server {
	s := httptest.NewServer(handler)
	w.t.Cleanup(s.Close)
	return s
}

// answering reads a request, writes that, and ends the connection.
func answering(answer func(*world) string, end func(*net.TCPConn)) func(*world) {
	return toConnections(func(w *world) func(*net.TCPConn) {
		return func(c *net.TCPConn) {
			if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
				return
			}
			_, _ = io.WriteString(c, answer(w))
			end(c)
		}
	})
}

func closed(*net.TCPConn) {}

// reset makes the end of a connection an RST.
func reset(c *net.TCPConn) { _ = c.SetLinger(0) }

// hanging reads a request, writes that and nothing more, until the client's patience
// ends.
func hanging(answer func(*world) string) func(*world) {
	return toConnections(func(w *world) func(*net.TCPConn) {
		return func(c *net.TCPConn) {
			if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
				return
			}
			_, _ = io.WriteString(c, answer(w))
			w.road.giveUp()
			_, _ = io.Copy(io.Discard, c) // until it has gone
		}
	})
}

// What is answered: nothing, or a part of the key set. Its last key is whole.
func nothing(*world) string   { return "" }
func part(w *world) string    { return partOf(w, fmt.Sprintf("Content-Length: %d", len(w.KeySet()))) }
func unsized(w *world) string { return partOf(w, "Connection: close") } // the end is where it ends
func plain400(*world) string  { return "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n" }
func partOf(w *world, header string) string {
	set := string(w.KeySet())
	return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + header + "\r\n\r\n" + set[:len(set)-len("]}")]
}

// inPlainText answers TLS clients without TLS.
func inPlainText(w *world) {
	w.road.leads(w.listen(func(c *net.TCPConn) {
		_, _ = c.Read(make([]byte, 1))
		_, _ = io.WriteString(c, plain400(w))
		_, _ = io.Copy(io.Discard, c)
	}))
}

// always answers every request alike.
func always(status int, body string, header ...string) func(*world) {
	return toHandler(func(*world) http.Handler {
		return http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				out.Header().Set(header[i], header[i+1])
			}
			out.WriteHeader(status)
			_, _ = io.WriteString(out, body)
		})
	})
}
