package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// server is an http.Server that knows its address, and when and why it ended.
type server struct {
	*http.Server
	address string
	ended   chan struct{}
	err     error // once ended
}

// listen opens a port and serves it; with TLS, if there is a configuration of it. A
// port that cannot be had is the file's fault.
func (s *service) listen(g *gateway, field, address string, handler http.Handler, requests context.Context, secure *tls.Config) (*server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		g.fault(field, err.Error())
		return nil, g.err()
	}
	server := &server{address: listener.Addr().String(), ended: make(chan struct{}), Server: &http.Server{
		Handler:           handler,
		TLSConfig:         secure,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10, // four times the longest token
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

// close ends serving at once. It may be called again.
func (s *server) close() {
	s.Close() // #nosec G104 -- nothing is served after it either way
	<-s.ended
}
