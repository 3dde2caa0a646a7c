package validatortest

import (
	"context"
	"sync"
)

// counter counts requests and wakes those who wait for a number of them.
type counter struct {
	mu   sync.Mutex
	n    int           // guarded by mu
	more chan struct{} // guarded by mu; closed by the next add; nil: nobody waits
}

func (c *counter) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	if c.more != nil {
		close(c.more)
		c.more = nil
	}
}

// value returns the count and a channel that is closed when it grows.
func (c *counter) value() (int, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.more == nil {
		c.more = make(chan struct{})
	}
	return c.n, c.more
}

func (c *counter) wait(ctx context.Context, n int) error {
	for {
		have, more := c.value()
		if have >= n {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// KeyRequests is the number of requests for the key set that have begun,
// answered or not.
func (s *Server) KeyRequests() int { n, _ := s.keyEndpoint.requests.value(); return n }

// MetadataRequests is the number of requests for the discovery document that
// have begun, at either address.
func (s *Server) MetadataRequests() int { n, _ := s.metadataEndpoint.requests.value(); return n }

// TokenRequests is the number of requests to the token endpoint that have
// begun.
func (s *Server) TokenRequests() int { n, _ := s.tokenEndpoint.requests.value(); return n }

// IntrospectionRequests is the number of requests to the introspection
// endpoint that have begun, answered or not.
func (s *Server) IntrospectionRequests() int {
	n, _ := s.introspectionEndpoint.requests.value()
	return n
}

// WaitKeyRequests returns nil once at least n requests for the key set have
// begun since the start of the server, or why ctx ended before.
func (s *Server) WaitKeyRequests(ctx context.Context, n int) error {
	return s.keyEndpoint.requests.wait(ctx, n)
}

// WaitIntrospectionRequests is [Server.WaitKeyRequests] for requests to the
// introspection endpoint.
func (s *Server) WaitIntrospectionRequests(ctx context.Context, n int) error {
	return s.introspectionEndpoint.requests.wait(ctx, n)
}
