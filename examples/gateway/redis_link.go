package main

import (
	"context"
	"errors"
	"net"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// link is the way to Redis. What is made of it (stores, a feed) keeps it for good, and
// with it what it knows, while a reload puts another client behind it: each command goes
// to the one that is there when it begins.
type link struct {
	redis.UniversalClient // passes commands on, and connects to nobody
	current               atomic.Pointer[connection]
}

func newLink() *link {
	l := new(link)
	front := redis.NewClient(&redis.Options{
		ContextTimeoutEnabled:    true,                                                              // as those behind it have
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}, // or it has goroutines
	})
	front.AddHook(l)
	l.UniversalClient = front
	return l
}

// use puts a client behind the link, or nil. The one before ends with its last command.
func (l *link) use(client redis.UniversalClient) {
	var next *connection
	if client != nil {
		next = &connection{UniversalClient: client}
		next.users.Store(1) // the link itself
	}
	if before := l.current.Swap(next); before != nil {
		before.release()
	}
}

// close ends the client at once, with the commands under way.
func (l *link) close() {
	if before := l.current.Swap(nil); before != nil {
		_ = before.Close()
	}
}

// connection is a client that somebody uses.
type connection struct {
	redis.UniversalClient
	users atomic.Int64
}

// acquire reports whether the client is open. It is until release.
func (c *connection) acquire() bool {
	for {
		users := c.users.Load()
		if users == 0 {
			return false
		}
		if c.users.CompareAndSwap(users, users+1) {
			return true
		}
	}
}

func (c *connection) release() {
	if c.users.Add(-1) == 0 {
		_ = c.Close() // nobody uses it
	}
}

// ProcessHook implements redis.Hook.
func (l *link) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, command redis.Cmder) error {
		for {
			c := l.current.Load()
			if c == nil {
				return redis.ErrClosed
			}
			if c.acquire() {
				defer c.release()
				return c.Process(ctx, command)
			}
		}
	}
}

var errNotPassed = errors.New("gateway: only single commands are passed on to Redis")

// ProcessPipelineHook implements redis.Hook.
func (l *link) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(context.Context, []redis.Cmder) error { return errNotPassed }
}

// DialHook implements redis.Hook.
func (l *link) DialHook(redis.DialHook) redis.DialHook {
	return func(context.Context, string, string) (net.Conn, error) { return nil, errNotPassed }
}

var _ redis.Hook = (*link)(nil)
