package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// limits are what clients can make the gateway hold without a token.
type limits struct {
	// headers is how long the headers of a request may take, and what is left of its
	// body once it was answered.
	headers time.Duration
	// idle is how long a connection is kept on which nothing is under way.
	idle time.Duration
	// bytes are read of a request's headers.
	bytes int
}

var defaultLimits = limits{
	headers: 10 * time.Second,
	idle:    2 * time.Minute,
	bytes:   64 << 10, // four times the longest token
}

// server is an http.Server that knows its address, and when and why it ended.
type server struct {
	*http.Server
	address string
	ended   chan struct{}
	err     error // once ended
}

// listen opens a port and serves it; with TLS, if there is a configuration of it. A
// port that cannot be had is the file's fault. connections are served at once at most;
// 0: any number.
func (s *service) listen(g *gateway, field, address string, handler http.Handler, requests context.Context, secure *tls.Config, connections int) (*server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		g.fault(field, err.Error())
		return nil, g.err()
	}
	if connections > 0 { // the others wait, without any memory of ours
		listener = netutil.LimitListener(listener, connections)
	}
	server := &server{address: listener.Addr().String(), ended: make(chan struct{}), Server: &http.Server{
		Handler:           s.impatient(handler),
		TLSConfig:         secure,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ReadHeaderTimeout: s.limits.headers,
		IdleTimeout:       s.limits.idle,
		MaxHeaderBytes:    s.limits.bytes,
		// "OPTIONS *" is about no path: it gets 400 like every target that is none.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(s.log.Handler(), slog.LevelInfo),
	}}
	go func() {
		defer close(server.ended)
		if secure != nil {
			server.err = server.ServeTLS(listener, "", "")
		} else {
			server.err = server.Serve(listener)
		}
	}()
	return server, nil
}

// impatient bounds how long the rest of a body is waited for that the handler did not
// read: net/http reads up to 256 KiB of it before it sends the answer, and whoever is
// refused could hold the connection by sending it slowly.
func (s *service) impatient(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
		// It cannot be set where the connection was upgraded, and is over.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.limits.headers))
	})
}

// close ends serving at once. It may be called again.
func (s *server) close() {
	s.Close() // #nosec G104 -- nothing is served after it either way
	<-s.ended
}
