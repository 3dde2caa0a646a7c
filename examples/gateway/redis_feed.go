package main

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"time"

	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/validator"
)

// whileBehind is what becomes of tokens while nobody knows whether they were revoked at
// another replica, by its name in the file.
var whileBehind = map[string]validator.Behind{"serve": validator.ServeWhileBehind, "refuse": validator.RefuseWhileBehind}

// behind is what the file says of it.
func (c *config) behind() validator.Behind {
	if c.Redis == nil || c.Redis.Revocations == nil {
		return validator.NoFeed
	}
	return whileBehind[c.Redis.Revocations.WhileBehind]
}

// follow attaches the feed of revocations: the one from before, or the first.
func (f *fleet) follow(c *config, revocations *validator.Revocations, old *gateway) {
	switch {
	case f == nil || f.Revocations == nil:
	case old != nil && old.fleet != nil:
		f.feed = old.fleet.feed
	default:
		var err error
		f.feed, err = rediscache.NewFeed(rediscache.FeedConfig{
			Client: f.link, Prefix: f.Prefix, Revocations: revocations, Sealer: f.sealer, Silence: f.Revocations.Silence.or(0),
		})
		c.blame(err, inRedis)
	}
}

var errBehind = errors.New("what was revoked elsewhere is not known")

// inTouch returns nil if revocations are known, or the file says that requests are let
// through without.
func (g *gateway) inTouch() error {
	if g.behind() == validator.RefuseWhileBehind && g.revocations.Status().Feed.Behind {
		return errBehind
	}
	return nil
}

// connect puts this configuration in force: a client behind the link, unless it is the
// one that is there, and the feed of revocations, unless it runs, until ctx ends.
func (s *service) connect(ctx context.Context, g, old *gateway) {
	f := g.fleet
	if f == nil {
		return
	}
	var before *fleet
	if old != nil {
		before = old.fleet
	}
	if before == nil || !reflect.DeepEqual(f.server, before.server) {
		f.use(f.server.client())
	}
	switch {
	case f.feed == nil:
	case before != nil: // it runs
		f.feed.Reseal(f.sealer)
	default:
		s.feeds.Go(func() { _ = f.feed.Run(ctx) }) // its only error is that ctx has ended
	}
}

// tellTimeout is how long the end of the program waits for Redis.
const tellTimeout = time.Second

// disconnect ends what connect began: after the last request, whose revocations the other
// replicas are still told.
func (s *service) disconnect(end context.CancelFunc) {
	f := s.current.Load().fleet
	if f != nil && f.feed != nil {
		f.told(s.log)
	}
	end()
	if f != nil {
		f.close()
	}
	s.feeds.Wait()
}

func (f *fleet) told(log *slog.Logger) {
	late := time.After(tellTimeout)
	for f.feed.Status().Unpublished > 0 {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-late:
			log.Error("other replicas do not know what was revoked here", "revocations", f.feed.Status().Unpublished)
			return
		}
	}
}
