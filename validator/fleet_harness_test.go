package validator_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// keptAnswer is what a memoryStore keeps.
type keptAnswer struct {
	value       []byte
	sent, until time.Time
}

// memoryStore is an AnswerStore in memory that does what the test says, and counts.
type memoryStore struct {
	mu      sync.Mutex
	clock   func() time.Time
	kept    map[string]keptAnswer
	claims  map[string]string // name: owner
	forever bool              // it heeds no ttl
	err     error             // of every call
	deaf    chan struct{}     // every call waits for it, whatever its context says
	panics  bool
	takes   int
	puts    int
}

func newStore(clock *testClock) *memoryStore {
	return &memoryStore{clock: clock.Now, kept: map[string]keptAnswer{}, claims: map[string]string{}}
}

// does changes what the store does.
func (s *memoryStore) does(change func(*memoryStore)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// fault is what a call suffers before anything else. mu is held, but not while it is deaf.
func (s *memoryStore) fault() error {
	if deaf := s.deaf; deaf != nil {
		s.mu.Unlock()
		<-deaf
		s.mu.Lock()
	}
	if s.panics {
		panic("the store panics")
	}
	return s.err
}

func (s *memoryStore) Take(_ context.Context, name string, seen []byte, owner string, lease time.Duration) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes++
	if err := s.fault(); err != nil {
		return nil, false, err
	}
	if k, ok := s.kept[name]; ok && (s.forever || s.clock().Before(k.until)) && !bytes.Equal(k.value, seen) {
		return k.value, false, nil
	}
	if _, claimed := s.claims[name]; claimed || lease == 0 {
		return nil, false, nil
	}
	s.claims[name] = owner
	return nil, true, nil
}

func (s *memoryStore) Put(_ context.Context, name string, value []byte, sent time.Time, ttl time.Duration, owner string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.puts++
	if err := s.fault(); err != nil {
		return err
	}
	if s.kept[name].sent.After(sent) {
		return s.end(name, owner)
	}
	s.kept[name] = keptAnswer{value, sent, s.clock().Add(ttl)}
	return s.end(name, owner)
}

func (s *memoryStore) Release(_ context.Context, name, owner string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fault(); err != nil {
		return err
	}
	return s.end(name, owner)
}

func (s *memoryStore) end(name, owner string) error {
	if s.claims[name] == owner {
		delete(s.claims, name)
	}
	return nil
}

// counts are how often it was looked into and written to.
func (s *memoryStore) counts() (takes, puts int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.takes, s.puts
}

// snapshot is all that it keeps.
func (s *memoryStore) snapshot() map[string]keptAnswer {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]keptAnswer{}
	for name, k := range s.kept {
		k.value = bytes.Clone(k.value)
		all[name] = k
	}
	return all
}

// only is the one thing that it keeps.
func (s *memoryStore) only(t *testing.T) (string, keptAnswer) {
	t.Helper()
	all := s.snapshot()
	require.Len(t, all, 1)
	for name, k := range all {
		return name, k
	}
	return "", keptAnswer{}
}

var errStore = errors.New("the store is down")

// outcomes collects FleetEvents.
type outcomes struct {
	mu   sync.Mutex
	seen []validator.FleetEvent
}

func (o *outcomes) add(e validator.FleetEvent) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = append(o.seen, e)
}

// all are the outcomes since the last call.
func (o *outcomes) all() (all []validator.FleetOutcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range o.seen {
		all = append(all, e.Outcome)
	}
	o.seen = nil
	return all
}

func (o *outcomes) count(outcome validator.FleetOutcome) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for _, e := range o.seen {
		if e.Outcome == outcome {
			n++
		}
	}
	return n
}

func fleetSecret(b byte) []byte { return slices.Repeat([]byte{b}, cache.MinSecretSize) }

func sealer(t testing.TB, current byte, previous ...byte) *cache.Sealer {
	t.Helper()
	var old [][]byte
	for _, b := range previous {
		old = append(old, fleetSecret(b))
	}
	s, err := cache.NewSealer(fleetSecret(current), old...)
	require.NoError(t, err)
	return s
}

// patient is a fleet whose times no test waits for.
func patient(t testing.TB, store validator.AnswerStore) *validator.Fleet {
	return &validator.Fleet{Sealer: sealer(t, 1), Answers: store, StoreTimeout: validator.MaxStoreTimeout, AnswerWait: validator.MaxAnswerWait}
}

// replica is one of several validators with one server and one store.
type replica struct {
	*validator.Validator
	config validator.Config
	clock  *testClock
	events *outcomes
}

// replicas are such ones, with clocks that stand still.
type replicas struct {
	*validatortest.Server
	store *memoryStore
	clock *testClock // of server and store
	all   []*replica
}

func newReplicas(t testing.TB, n int, edits ...func(i int, c *validator.Config)) *replicas {
	t.Helper()
	clock := newClock()
	r := &replicas{Server: start(t, validatortest.Options{Clock: clock.Now}), store: newStore(clock), clock: clock}
	for i := range n {
		one := &replica{clock: newClock(), events: &outcomes{}, config: configure(ask(r.Server))}
		one.config.Clock, one.config.Observer.Fleet = one.clock.Now, one.events.add
		one.config.Fleet = patient(t, r.store)
		for _, edit := range edits {
			edit(i, &one.config)
		}
		one.Validator = build(t, one.config)
		r.all = append(r.all, one)
	}
	return r
}

// issuer makes an edit of an Issuer one for all replicas.
func issuer(edits ...func(*validator.Issuer)) func(int, *validator.Config) {
	return func(_ int, c *validator.Config) {
		for _, edit := range edits {
			edit(&c.Issuers[0])
		}
	}
}

// alone makes an edit one for replica i alone.
func alone(i int, edit func(*validator.Config)) func(int, *validator.Config) {
	return func(j int, c *validator.Config) {
		if i == j {
			edit(c)
		}
	}
}

func (r *replicas) advance(d time.Duration) {
	r.clock.Advance(d)
	for _, one := range r.all {
		one.clock.Advance(d)
	}
}

// asked asserts how many questions there were since the last call.
func (r *replicas) asked(t *testing.T, n int, before *int) {
	t.Helper()
	now := r.IntrospectionRequests()
	assert.Equal(t, n, now-*before, "questions")
	*before = now
}
