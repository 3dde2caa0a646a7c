package rediscache_test

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache"
	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/cache/rediscache/internal/redistest"
	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// The client as which replicas ask about tokens.
const apiID, apiSecret = "orders-api", "orders secret"

// shareAnswers makes it the configuration of a replica that asks about tokens, and waits
// long, for busy machines.
func shareAnswers(c *validator.Config, client redis.UniversalClient) error {
	c.Issuers[0].Introspection = &introspect.Config{Auth: introspect.ClientSecretBasic(apiID, introspect.StaticSecret(apiSecret))}
	seal, err := cache.NewSealer(bytes.Repeat([]byte("secret"), 6))
	if err != nil {
		return err
	}
	store, err := rediscache.NewAnswers(rediscache.AnswersConfig{Client: client})
	c.Fleet = &validator.Fleet{Sealer: seal, Answers: store, StoreTimeout: validator.MaxStoreTimeout, AnswerWait: validator.MaxAnswerWait}
	return err
}

func newIssuer(t testing.TB) *validatortest.Server {
	t.Helper()
	s, err := validatortest.Start(validatortest.Options{Algorithm: "ES256"})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	s.AddClient(apiID, apiSecret)
	return s
}

// TestOneQuestionForAllReplicas: of a thousand concurrent requests to three processes
// with one opaque token that is new, the issuer is asked once.
func TestOneQuestionForAllReplicas(t *testing.T) {
	t.Parallel()
	issuer, s := newIssuer(t), redistest.Start(t, redistest.Options{})
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 100, MaxIdleConnsPerHost: 100}}
	defer client.CloseIdleConnections()
	var replicas [3]string
	for i := range replicas {
		replicas[i] = startReplica(t, deployment{issuer.Issuer(), s.Addr(), true})
	}
	for round := range 3 {
		raw := issuer.OpaqueToken()
		release := issuer.HoldIntrospection()
		var group sync.WaitGroup
		var served, begun atomic.Int64
		for i := range 1000 {
			group.Go(func() {
				r, err := http.NewRequestWithContext(t.Context(), "GET", replicas[i%3], nil)
				if !assert.NoError(t, err) {
					return
				}
				r.Header.Set("Authorization", "Bearer "+raw)
				begun.Add(1)
				answer, err := client.Do(r)
				if !assert.NoError(t, err) {
					return
				}
				defer answer.Body.Close()
				io.Copy(io.Discard, answer.Body)
				if assert.Equal(t, http.StatusOK, answer.StatusCode) {
					served.Add(1)
				}
			})
		}
		redistest.Eventually(t, "all have begun", func() bool { return begun.Load() == 1000 })
		require.NoError(t, issuer.WaitIntrospectionRequests(t.Context(), round+1))
		release()
		group.Wait()
		assert.EqualValues(t, 1000, served.Load())
		assert.Equal(t, round+1, issuer.IntrospectionRequests())
	}
}

// sharing is a replica in this process.
type sharing struct {
	*validator.Validator
	ahead  atomic.Int64 // of the clock
	events struct {
		sync.Mutex
		count map[validator.FleetOutcome]int
	}
}

func newSharing(t testing.TB, issuer *validatortest.Server, client redis.UniversalClient, edits ...func(*validator.Config)) *sharing {
	t.Helper()
	r := &sharing{}
	r.events.count = map[validator.FleetOutcome]int{}
	config := validator.Config{
		Issuers:           []validator.Issuer{{URL: issuer.Issuer(), Audiences: []string{"api://default"}, AnyClient: true}},
		InsecureAllowHTTP: true,
		Clock:             func() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) },
	}
	config.Observer.Fleet = func(e validator.FleetEvent) {
		r.events.Lock()
		defer r.events.Unlock()
		r.events.count[e.Outcome]++
	}
	require.NoError(t, shareAnswers(&config, client))
	for _, edit := range edits {
		edit(&config)
	}
	var err error
	r.Validator, err = validator.New(config)
	require.NoError(t, err)
	return r
}

func (r *sharing) accepts(t testing.TB, raw string) {
	t.Helper()
	token, err := r.Validate(t.Context(), raw)
	require.NoError(t, err)
	require.NotNil(t, token)
}

// seen is how often there was such an outcome, and forgets all.
func (r *sharing) seen(outcome validator.FleetOutcome) int {
	r.events.Lock()
	defer r.events.Unlock()
	n := r.events.count[outcome]
	clear(r.events.count)
	return n
}

// TestAnswersWithoutTTL: a Redis that never forgets, and gives an older genuine answer
// back, makes nobody believe it for longer.
func TestAnswersWithoutTTL(t *testing.T) {
	t.Parallel()
	issuer, s := newIssuer(t), redistest.Start(t, redistest.Options{})
	minute := func(c *validator.Config) { c.Issuers[0].IntrospectionMaxAge = time.Minute }
	raw := issuer.OpaqueToken()
	newSharing(t, issuer, s.Client(), minute).accepts(t, raw)
	require.Equal(t, 1, issuer.IntrospectionRequests())
	key := s.Do("KEYS", "*").([]any)[0]
	s.Do("PERSIST", key)
	older := s.Do("DUMP", key)
	newSharing(t, issuer, s.Client(), minute).accepts(t, raw)
	require.Equal(t, 1, issuer.IntrospectionRequests())
	for range 2 {
		late := newSharing(t, issuer, s.Client(), minute)
		late.ahead.Store(int64(time.Minute))
		late.accepts(t, raw)
		require.Zero(t, late.seen(validator.FleetFound))
		s.Do("RESTORE", key, 0, older, "REPLACE")
	}
	require.Equal(t, 3, issuer.IntrospectionRequests())
}

// TestAnswersFaults: whatever happens to Redis, every token is decided on, by asking the
// issuer; and when it is over, replicas share again, without being started anew.
func TestAnswersFaults(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]struct {
		options    redistest.Options
		begin, end func(*redistest.Server, *redistest.Proxy)
	}{
		"killed": {begin: func(s *redistest.Server, _ *redistest.Proxy) { s.Kill() },
			end: func(s *redistest.Server, _ *redistest.Proxy) { s.Restart() }},
		"stopped": {begin: func(s *redistest.Server, _ *redistest.Proxy) { s.Stop() },
			end: func(s *redistest.Server, _ *redistest.Proxy) { s.Continue() }},
		"cut": {begin: func(_ *redistest.Server, p *redistest.Proxy) { p.Cut() },
			end: func(_ *redistest.Server, p *redistest.Proxy) { p.Heal() }},
		"slow": {begin: func(_ *redistest.Server, p *redistest.Proxy) { p.Latency(time.Minute) },
			end: func(_ *redistest.Server, p *redistest.Proxy) { p.Cut(); p.Latency(0); p.Heal() }},
		"full": {begin: func(s *redistest.Server, _ *redistest.Proxy) { s.Do("CONFIG", "SET", "maxmemory", "1") },
			end: func(s *redistest.Server, _ *redistest.Proxy) { s.Do("CONFIG", "SET", "maxmemory", "0") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer, s := newIssuer(t), redistest.Start(t, redistest.Options{})
			p := s.Proxy()
			short := func(c *validator.Config) {
				c.Fleet.StoreTimeout, c.Fleet.AnswerWait = time.Second, 4*time.Second
			}
			one, two := newSharing(t, issuer, p.Client(endless), short), newSharing(t, issuer, p.Client(endless), short)
			shares := func() bool {
				raw, before := issuer.OpaqueToken(), issuer.IntrospectionRequests()
				one.accepts(t, raw)
				two.accepts(t, raw)
				return issuer.IntrospectionRequests() == before+1
			}
			redistest.Eventually(t, "it is shared", shares)
			known := issuer.OpaqueToken()
			one.accepts(t, known)
			one.seen("")
			fault.begin(s, p)
			const tokens = 20
			asked := issuer.IntrospectionRequests()
			for range tokens {
				raw := issuer.OpaqueToken()
				one.accepts(t, raw)
				two.accepts(t, raw)
				one.accepts(t, known)
			}
			assert.Equal(t, 2*tokens, issuer.IntrospectionRequests()-asked, "asked by each, as if alone")
			failed := one.seen(validator.FleetUnavailable)
			assert.Positive(t, failed)
			assert.Less(t, failed, tokens/2, "most did not wait for it")
			fault.end(s, p)
			redistest.Eventually(t, "it is shared again", shares)
			assert.Positive(t, two.seen(validator.FleetFound))
		})
	}
}

// TestAnswersEvicted: a Redis that evicts at will loses nothing that cannot be asked for.
func TestAnswersEvicted(t *testing.T) {
	t.Parallel()
	issuer, s := newIssuer(t), redistest.Start(t, redistest.Options{MaxMemory: "4mb", Policy: "allkeys-random"})
	one, two := newSharing(t, issuer, s.Client()), newSharing(t, issuer, s.Client())
	raw := issuer.OpaqueToken()
	one.accepts(t, raw)
	for i := 0; ; i++ {
		s.Do("SET", i, make([]byte, 64<<10))
		if len(s.Do("KEYS", "bearerguard:*").([]any)) == 0 {
			break
		}
	}
	two.accepts(t, raw)
	assert.Equal(t, 2, issuer.IntrospectionRequests())
	assert.Zero(t, two.seen(validator.FleetUnavailable))
}
