package rediscache_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/cache/rediscache/internal/redistest"
	"github.com/bearerguard/bearerguard/validator"
)

// TestFeedReseal: the secret changes while replicas run, and nothing is forgotten; when it
// has leaked, what was sealed with it is published again under the new one alone.
func TestFeedReseal(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	a, b := f.join(t, s.Client(), validator.ServeWhileBehind), f.join(t, s.Client(), validator.ServeWhileBehind)
	revoke := func(subject string) {
		t.Helper()
		assert.NoError(t, a.feed.Revoke(t.Context(), f.of(subject)))
	}
	a.caughtUp(t)
	b.caughtUp(t)
	revoke("jane")
	b.hears(t, f.token("jane"))
	b.feed.Reseal(newSealer(t, secrets[0], secrets[1]))
	a.feed.Reseal(newSealer(t, secrets[1], secrets[0]))
	revoke("joe")
	b.hears(t, f.token("joe"))
	assert.Zero(t, b.feed.Status().Unreadable)

	for _, m := range []*member{a, b} {
		m.feed.Reseal(newSealer(t, secrets[1]))
	}
	s.Do("DEL", streamKey)
	late := f.join(t, s.Client(), validator.ServeWhileBehind, func(c *rediscache.FeedConfig) { c.Sealer = newSealer(t, secrets[1]) })
	late.hears(t, f.token("jane"))
	late.hears(t, f.token("joe"))
	assert.Zero(t, late.feed.Status().Unreadable)
	assert.Panics(t, func() { a.feed.Reseal(nil) })
}
