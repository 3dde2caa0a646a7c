package redistest

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/redisserver"
)

// Proxy stands between clients and a Server. Its methods belong to the test's own
// goroutine.
type Proxy struct {
	t      testing.TB
	server *Server
	proxy  *toxiproxy.Proxy
}

// Proxy returns a new proxy in front of the server, until the test ends.
func (s *Server) Proxy() *Proxy {
	s.t.Helper()
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	for {
		port, err := redisserver.FreePort()
		require.NoError(s.t, err)
		p := &Proxy{s.t, s, toxiproxy.NewProxy(api, "redis", fmt.Sprintf("127.0.0.1:%d", port), s.Addr())}
		err = p.proxy.Start()
		if errors.Is(err, syscall.EADDRINUSE) {
			continue // another process was faster
		}
		require.NoError(s.t, err)
		s.t.Cleanup(p.proxy.Stop)
		return p
	}
}

// Options are those of Server.Options, through the proxy.
func (p *Proxy) Options() *redis.Options {
	o := p.server.Options()
	o.Addr = p.proxy.Listen
	return o
}

// Client is a new one with Options, after edits, until the test ends.
func (p *Proxy) Client(edits ...func(*redis.Options)) *redis.Client {
	return p.server.Client(append([]func(*redis.Options){func(o *redis.Options) { o.Addr = p.proxy.Listen }}, edits...)...)
}

// Cut ends all connections, and refuses new ones.
func (p *Proxy) Cut() { p.proxy.Stop() }

// Heal ends Cut. On a busy machine the port may be in use for a moment still.
func (p *Proxy) Heal() {
	p.t.Helper()
	Eventually(p.t, "the proxy listens again", func() bool { return p.proxy.Start() == nil })
}

// Latency delays each answer from now on. 0: none.
func (p *Proxy) Latency(d time.Duration) {
	p.t.Helper()
	p.proxy.Toxics.ResetToxics(p.t.Context())
	if d > 0 {
		_, err := p.proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(
			`{"type": "latency", "stream": "downstream", "attributes": {"latency": %d}}`, d.Milliseconds())))
		require.NoError(p.t, err)
	}
}

// Switch makes it stand before another Server, as a failover does: the connections to
// the one before end.
func (p *Proxy) Switch(to *Server) {
	p.t.Helper()
	p.Cut()
	p.server, p.proxy.Upstream = to, to.Addr()
	p.Heal()
}
