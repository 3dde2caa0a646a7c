package rediscache_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache"
	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/cache/rediscache/internal/redistest"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// silence is short, but not so short that a busy machine is taken for a dead Redis.
const silence = 2 * time.Second

const streamKey = "bearerguard:{revocations}:marks"

var secrets = [][]byte{[]byte(strings.Repeat("first", 7)), []byte(strings.Repeat("second", 7))}

func newSealer(t testing.TB, secrets ...[]byte) *cache.Sealer {
	t.Helper()
	s, err := cache.NewSealer(secrets[0], secrets[1:]...)
	require.NoError(t, err)
	return s
}

// fleet is a server whose tokens replicas accept.
type fleet struct{ *validatortest.Server }

func newFleet(t testing.TB) fleet {
	t.Helper()
	s, err := validatortest.Start(validatortest.Options{Algorithm: "ES256"})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return fleet{s}
}

func (f fleet) issuer() validator.Issuer {
	return validator.Issuer{URL: f.Issuer(), Audiences: []string{"api://default"}, AnyClient: true, MaxTokenLifetime: time.Hour}
}

// member is a replica with a feed.
type member struct {
	*validator.Validator
	revocations *validator.Revocations
	feed        *rediscache.Feed
	config      rediscache.FeedConfig
	stop        func() error // ends Run, and returns its error
}

// join makes a replica and lets its feed run until the test ends.
func (f fleet) join(t testing.TB, client redis.UniversalClient, choice validator.Behind, edits ...func(*rediscache.FeedConfig)) *member {
	t.Helper()
	m := f.standBy(t, client, choice, edits...)
	m.run(t)
	return m
}

func (f fleet) standBy(t testing.TB, client redis.UniversalClient, choice validator.Behind, edits ...func(*rediscache.FeedConfig)) *member {
	t.Helper()
	r, err := validator.NewRevocations(validator.RevocationsConfig{WhileBehind: choice})
	require.NoError(t, err)
	v, err := validator.New(validator.Config{Issuers: []validator.Issuer{f.issuer()}, Revocations: r, InsecureAllowHTTP: true})
	require.NoError(t, err)
	m := &member{Validator: v, revocations: r, config: rediscache.FeedConfig{Client: client, Revocations: r, Sealer: newSealer(t, secrets[0]), Silence: silence}}
	for _, edit := range edits {
		edit(&m.config)
	}
	m.feed, err = rediscache.NewFeed(m.config)
	require.NoError(t, err)
	return m
}

func (m *member) run(t testing.TB) {
	ctx, cancel := context.WithCancelCause(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.feed.Run(ctx) }()
	m.stop = func() error {
		cancel(errors.New("stopped"))
		err := <-ended
		ended <- err
		return err
	}
	t.Cleanup(func() { m.stop() })
}

func (m *member) behind() bool { return m.revocations.Status().Feed.Behind }

// caughtUp waits until it is.
func (m *member) caughtUp(t testing.TB) {
	t.Helper()
	redistest.Eventually(t, "it has caught up", func() bool { return !m.behind() })
}

func (m *member) fallsBehind(t testing.TB) {
	t.Helper()
	redistest.Eventually(t, "it is behind", m.behind)
}

// decides asserts what becomes of a token; an empty reason: it is accepted.
func (m *member) decides(t testing.TB, raw string, class error, reason validator.Reason) {
	t.Helper()
	_, err := m.Validate(t.Context(), raw)
	if class == nil {
		require.NoError(t, err)
		return
	}
	refused(t, err, class, reason)
}

// hears waits until the mark is there.
func (m *member) hears(t testing.TB, raw string) {
	t.Helper()
	redistest.Eventually(t, "it is revoked", func() bool {
		_, err := m.Validate(t.Context(), raw)
		var e *validator.Error
		return errors.As(err, &e) && e.Reason == validator.ReasonRevoked
	})
}

func (f fleet) of(subject string) validator.Revocation {
	return validator.Revocation{Issuer: f.Issuer(), Subject: subject}
}

func (f fleet) token(subject string) string { return f.AccessToken(validatortest.Subject(subject)) }

// TestFeed: what is revoked on one replica is refused on the others, and on one that comes
// later; by servers of every kind, with TLS, and a user with the commands that are said to
// be enough.
func TestFeed(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	rules := "~bearerguard:* +@connection +eval +evalsha +time +exists +xadd +xrange +xread +set +pttl"
	plain := redistest.Start(t, redistest.Options{TLS: true, Rules: rules})
	cluster := redistest.Start(t, redistest.Options{Cluster: true})
	nodes := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{cluster.Addr()}, ContextTimeoutEnabled: true})
	t.Cleanup(func() { nodes.Close() })
	for name, client := range map[string]redis.UniversalClient{"plain": plain.Client(), "cluster": nodes} {
		t.Run(name, func(t *testing.T) {
			a, b := f.join(t, client, validator.ServeWhileBehind), f.join(t, client, validator.RefuseWhileBehind)
			jane, joe := f.token("jane"), f.token("joe")
			b.decides(t, jane, validator.ErrUnavailable, validator.ReasonRevocationsBehind)
			b.caughtUp(t)
			a.decides(t, jane, nil, "")
			b.decides(t, jane, nil, "")
			require.NoError(t, a.feed.Revoke(t.Context(), f.of("jane")))
			a.decides(t, jane, validator.ErrInvalidToken, validator.ReasonRevoked)
			b.hears(t, jane)
			b.decides(t, joe, nil, "")

			// By whatever way it was made.
			require.NoError(t, b.revocations.Revoke(validator.Revocation{Issuer: f.Issuer(), Subject: "joe", Session: "s"}))
			a.hears(t, joe)
			c := f.join(t, client, validator.RefuseWhileBehind)
			c.caughtUp(t)
			c.decides(t, jane, validator.ErrInvalidToken, validator.ReasonRevoked)
			c.decides(t, joe, validator.ErrInvalidToken, validator.ReasonRevoked)
			c.decides(t, f.token("jack"), nil, "")

			status := a.feed.Status()
			assert.WithinDuration(t, time.Now(), status.Touched, time.Minute)
			status.Touched = time.Time{}
			assert.Equal(t, rediscache.FeedStatus{Published: 1, Received: 2}, status)
			assert.ErrorContains(t, a.stop(), "stopped")
			assert.True(t, a.behind())
			var mistake *validator.ConfigError
			require.ErrorAs(t, c.feed.Revoke(t.Context(), validator.Revocation{}), &mistake)
		})
	}
}

// TestFeedRunsOnce at a time, and again.
func TestFeedRunsOnce(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	a, b := f.join(t, s.Client(), validator.RefuseWhileBehind), f.join(t, s.Client(), validator.RefuseWhileBehind)
	a.caughtUp(t)
	assert.Error(t, a.feed.Run(t.Context()))
	assert.False(t, a.behind())
	a.stop()
	raw := f.token("jane")
	a.decides(t, raw, validator.ErrUnavailable, validator.ReasonRevocationsBehind)
	require.NoError(t, b.feed.Revoke(t.Context(), f.of("jane")))
	a.run(t)
	a.hears(t, raw)
	a.caughtUp(t)
}

// TestFeedOfAnIssuerToCome: a mark of an issuer that a replica does not have yet is not lost.
func TestFeedOfAnIssuerToCome(t *testing.T) {
	t.Parallel()
	f, other, s := newFleet(t), newFleet(t), redistest.Start(t, redistest.Options{})
	a, b := f.join(t, s.Client(), validator.ServeWhileBehind), other.join(t, s.Client(), validator.ServeWhileBehind)
	raw := f.token("jane")
	require.NoError(t, a.feed.Revoke(t.Context(), f.of("jane")))
	redistest.Eventually(t, "it is told", func() bool { return b.feed.Status().Refused > 0 })
	next, err := b.WithConfig(validator.Config{Issuers: []validator.Issuer{other.issuer(), f.issuer()}, InsecureAllowHTTP: true})
	require.NoError(t, err)
	b.Validator = next
	b.hears(t, raw)
}

// TestFeedWhatDoesNotOpen is counted and skipped, whatever it is, and what comes after it
// counts.
func TestFeedWhatDoesNotOpen(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	with := func(secrets ...[]byte) func(*rediscache.FeedConfig) {
		return func(c *rediscache.FeedConfig) { c.Sealer = newSealer(t, secrets...) }
	}
	elsewhere := f.join(t, s.Client(), validator.ServeWhileBehind, func(c *rediscache.FeedConfig) { c.Prefix = "elsewhere:" })
	stranger := f.join(t, s.Client(), validator.ServeWhileBehind, with(secrets[1]))
	a := f.join(t, s.Client(), validator.ServeWhileBehind)
	raw := f.token("jane")
	require.NoError(t, elsewhere.feed.Revoke(t.Context(), f.of("jane")))
	require.NoError(t, stranger.feed.Revoke(t.Context(), f.of("jane")))
	entries := s.Do("XRANGE", "elsewhere:{revocations}:marks", "-", "+").([]any)
	moved := entries[len(entries)-1].([]any)[1].([]any)[1].(string)
	for _, text := range []string{moved, moved[:len(moved)-1], "", "marks"} {
		s.Do("XADD", streamKey, "*", "marks", text)
	}
	s.Do("XADD", streamKey, "*", "other", moved)
	// Sealed as we do, and not what a replica writes: too short to say whose it is, or of no marks.
	for _, plain := range []string{"short", strings.Repeat("A", 26), strings.Repeat("A", 26) + "marks"} {
		s.Do("XADD", streamKey, "*", "marks", newSealer(t, secrets[0]).Seal([]byte(plain), nil, "revocation marks 1", "bearerguard:{revocations}:"))
	}
	redistest.Eventually(t, "all is read", func() bool { return a.feed.Status().Unreadable == 9 })
	a.decides(t, raw, nil, "")
	assert.Zero(t, a.feed.Status().Received)

	// A new secret: first everybody knows it, then it is used.
	b := f.join(t, s.Client(), validator.ServeWhileBehind, with(secrets[1], secrets[0]))
	c := f.join(t, s.Client(), validator.ServeWhileBehind, with(secrets[0], secrets[1]))
	require.NoError(t, b.feed.Revoke(t.Context(), f.of("jack")))
	c.hears(t, f.token("jack"))
	require.NoError(t, c.feed.Revoke(t.Context(), f.of("joe")))
	b.hears(t, f.token("joe"))
	a.hears(t, f.token("joe"))
	text := fmt.Sprint(s.Do("XRANGE", streamKey, "-", "+"))
	for _, secret := range []string{"jane", "joe", f.Issuer(), "iss"} {
		assert.NotContains(t, text, secret)
	}
}

// TestFeedIsTrimmedByAge, and by nothing else.
func TestFeedIsTrimmedByAge(t *testing.T) {
	t.Parallel()
	f, s := newFleet(t), redistest.Start(t, redistest.Options{})
	old := time.Now().Add(-3 * time.Hour).UnixMilli() // a mark matters for an hour and a minute
	for i := range 1000 {
		s.Do("XADD", streamKey, fmt.Sprintf("%d-%d", old, i+1), "marks", "old")
	}
	recent := time.Now().Add(-2 * time.Hour).UnixMilli()
	for i := range 1000 {
		s.Do("XADD", streamKey, fmt.Sprintf("%d-%d", recent, i+1), "marks", "recent")
	}
	a := f.join(t, s.Client(), validator.ServeWhileBehind)
	a.caughtUp(t)
	require.NoError(t, a.feed.Revoke(t.Context(), f.of("jane")))
	length := s.Do("XLEN", streamKey).(int64)
	assert.Less(t, length, int64(1200))
	assert.Greater(t, length, int64(1000))
	assert.EqualValues(t, -1, s.Do("PTTL", streamKey), "it is not for eviction")
}

func TestFeedMistakes(t *testing.T) {
	client := redis.NewClient(&redis.Options{ContextTimeoutEnabled: true})
	defer client.Close()
	cluster := func(edit func(*redis.ClusterOptions)) redis.UniversalClient {
		o := &redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}, ContextTimeoutEnabled: true}
		edit(o)
		c := redis.NewClusterClient(o)
		t.Cleanup(func() { c.Close() })
		return c
	}
	f := newFleet(t)
	good := f.standBy(t, client, validator.ServeWhileBehind).config
	f.standBy(t, cluster(func(*redis.ClusterOptions) {}), validator.ServeWhileBehind)
	unused := func(choice validator.Behind) *validator.Revocations {
		r, err := validator.NewRevocations(validator.RevocationsConfig{WhileBehind: choice})
		require.NoError(t, err)
		return r
	}
	for _, tc := range []struct {
		field string
		edit  func(*rediscache.FeedConfig)
	}{
		{"Client", func(c *rediscache.FeedConfig) { c.Client = nil }},
		{"Client", func(c *rediscache.FeedConfig) { c.Client = (*redis.ClusterClient)(nil) }},
		{"Client", func(c *rediscache.FeedConfig) {
			c.Client = cluster(func(o *redis.ClusterOptions) { o.ReadOnly = true })
		}},
		{"Client", func(c *rediscache.FeedConfig) {
			c.Client = cluster(func(o *redis.ClusterOptions) { o.RouteByLatency = true })
		}},
		{"Client", func(c *rediscache.FeedConfig) {
			c.Client = cluster(func(o *redis.ClusterOptions) { o.RouteRandomly = true })
		}},
		{"Prefix", func(c *rediscache.FeedConfig) { c.Prefix = "{a}" }},
		{"Silence", func(c *rediscache.FeedConfig) { c.Silence = 10 }},
		{"Sealer", func(c *rediscache.FeedConfig) { c.Sealer = nil }},
		{"Revocations", func(c *rediscache.FeedConfig) { c.Revocations = nil }},
		{"RevocationsConfig.WhileBehind", func(c *rediscache.FeedConfig) { c.Revocations = unused(validator.NoFeed) }},
	} {
		field, config := tc.field, good
		config.Revocations = unused(validator.ServeWhileBehind)
		tc.edit(&config)
		feed, err := rediscache.NewFeed(config)
		var mistake *validator.ConfigError
		require.ErrorAs(t, err, &mistake, field)
		assert.Equal(t, field, mistake.Field)
		assert.Nil(t, feed)
	}
}
