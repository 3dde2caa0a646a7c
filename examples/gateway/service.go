package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"reflect"
	"sync"
	"sync/atomic"
)

// service is the running program: its listeners, and the gateway in force.
type service struct {
	path      string
	log       *slog.Logger
	transport *http.Transport
	limits    limits
	current   atomic.Pointer[gateway]
	// busy is held for reading by every request, upgraded connections included:
	// http.Server.Shutdown does not wait for those.
	busy  sync.RWMutex
	feeds sync.WaitGroup // of revocations, that run
}

// newService reads the configuration. It opens no port yet.
func newService(path string, log *slog.Logger) (*service, error) {
	c, err := load(path)
	if err != nil {
		return nil, err
	}
	s := &service{path: path, log: log, limits: defaultLimits, transport: newTransport(c.UpstreamTimeout.or(defaultUpstreamTimeout))}
	g, err := newGateway(c, nil, s.transport, log)
	if err != nil {
		return nil, err
	}
	s.current.Store(g)
	return s, nil
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.busy.RLock()
	defer s.busy.RUnlock()
	s.current.Load().ServeHTTP(w, r)
}

// serve serves until ctx ends, and then lets the requests under way finish.
func (s *service) serve(ctx context.Context, reload <-chan os.Signal, stdout io.Writer) error {
	defer s.transport.CloseIdleConnections()
	g := s.current.Load()
	connected, disconnect := context.WithCancel(context.Background())
	defer s.disconnect(disconnect)
	s.connect(connected, g, nil)
	requests, cut := context.WithCancel(context.Background())
	defer cut()
	front, err := s.listen(g, "listen", g.Listen, s, requests, g.tls(), g.connections())
	if err != nil {
		return err
	}
	defer front.close()
	servers := []*server{front}
	if g.AdminListen != "" {
		admin, err := s.listen(g, "admin_listen", g.AdminListen, http.HandlerFunc(s.admin), requests, nil, 0) // probes get through
		if err != nil {
			return err
		}
		defer admin.close()
		servers = append(servers, admin)
	}
	g.audit()
	fmt.Fprintf(stdout, "listening on %s\n", front.address)
	for {
		select {
		case <-reload:
			s.reload(connected)
		case <-front.ended:
			return front.err
		case <-ctx.Done():
			s.drain(servers, cut)
			return nil
		}
	}
}

func (s *service) admin(w http.ResponseWriter, r *http.Request) {
	s.current.Load().admin.ServeHTTP(w, r)
}

// reload reads the file again. Requests under way go on as they began; a file with
// a mistake changes nothing.
func (s *service) reload(connected context.Context) {
	old := s.current.Load()
	g, err := s.next(old)
	if err != nil {
		s.log.Error("configuration not reloaded: the old one stays", "error", err.Error())
		return
	}
	s.connect(connected, g, old)
	s.current.Store(g)
	if g.fleet == nil && old.fleet != nil {
		old.fleet.use(nil)
	}
	s.log.Info("configuration reloaded")
	g.audit()
}

func (s *service) next(old *gateway) (*gateway, error) {
	c, err := load(s.path)
	if err != nil {
		return nil, err
	}
	for field, changed := range map[string]bool{
		"listen": c.Listen != old.Listen, "admin_listen": c.AdminListen != old.AdminListen,
		"upstream_timeout": c.UpstreamTimeout.or(defaultUpstreamTimeout) != old.UpstreamTimeout.or(defaultUpstreamTimeout),
		"max_connections":  c.connections() != old.connections(),
		"tls":              !reflect.DeepEqual(c.TLS, old.TLS), "client_certificate.request": c.asks() != old.asks(),
	} {
		if changed {
			c.fault(field, "cannot change while the gateway runs: restart it")
		}
	}
	return newGateway(c, old, s.transport, s.log)
}

// drain ends serving. What is not done after shutdown_timeout is cut.
func (s *service) drain(servers []*server, cut func()) {
	s.log.Info("shutting down")
	timeout := s.current.Load().ShutdownTimeout.or(defaultShutdownTimeout)
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var err error
	for _, server := range servers {
		err = errors.Join(err, server.Shutdown(ctx))
	}
	idle := make(chan struct{})
	go func() {
		defer close(idle)
		s.busy.Lock() // everybody has left
		defer s.busy.Unlock()
	}()
	select {
	case <-idle:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		s.log.Warn("some requests were cut", "after", timeout.String())
	}
	cut()
	for _, server := range servers {
		server.close()
	}
	<-idle
}
