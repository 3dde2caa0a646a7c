package validator_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
)

// TestFleetFailuresTogether: those that were under way when the store failed make one
// pause, and not each a longer one.
func TestFleetFailuresTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t)
		deaf := make(chan struct{})
		f.store.does(func(s *memoryStore) { s.deaf = deaf })
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() { accept(t, f.Validator, "opaque-token-"+strings.Repeat("y", i)) })
		}
		wg.Wait()
		assert.Equal(t, 20, f.events.count(validator.FleetUnavailable))
		f.store.does(func(s *memoryStore) { s.deaf = nil })
		close(deaf)
		<-time.After(time.Second)
		f.events.all()
		f.another(t)
		assert.Equal(t, []validator.FleetOutcome{validator.FleetAsked, validator.FleetKept}, f.events.all())
	})
}

// TestFleetFaultBesideAnOldSecret: a fault is told of wherever it shows first, and costs
// one timeout.
func TestFleetFaultBesideAnOldSecret(t *testing.T) {
	for name, require := range map[string]validator.Requirements{"looking": {}, "recalling": now()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFaulty(t, func(c *validator.Config) {
					c.Fleet.Sealer = sealer(t, 1, 2)
					c.Issuers[0].StaleIfError, c.Issuers[0].IntrospectionMaxAge = time.Hour, time.Hour
					c.HTTPClient.Transport = wire(func(*http.Request) (*http.Response, error) { return nil, errors.New("down") })
				})
				f.store.err = errStore
				_, err := f.ValidateWith(t.Context(), "opaque-token", require)
				refused(t, err, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
				assert.Equal(t, []validator.FleetOutcome{validator.FleetUnavailable}, f.events.all())
			})
		})
	}
}

// TestFleetPauseAndAClockThatIsSetBack: it ends the pause.
func TestFleetPauseAndAClockThatIsSetBack(t *testing.T) {
	r := newReplicas(t, 1)
	r.store.err = errStore
	accept(t, r.all[0].Validator, r.OpaqueToken())
	r.store.err = nil
	r.all[0].events.all()
	r.advance(-time.Hour)
	accept(t, r.all[0].Validator, r.OpaqueToken())
	assert.Equal(t, []validator.FleetOutcome{validator.FleetAsked, validator.FleetKept}, r.all[0].events.all())
}

// junkStore has something new, and of no use, whenever it is asked.
type junkStore struct{ takes atomic.Int64 }

func (s *junkStore) Take(context.Context, string, []byte, string, time.Duration) ([]byte, bool, error) {
	s.takes.Add(1)
	return []byte(rand.Text()), false, nil
}

func (s *junkStore) Put(context.Context, string, []byte, time.Time, time.Duration, string) error {
	return nil
}
func (s *junkStore) Release(context.Context, string, string) error { return nil }

// TestFleetHostileStore: one that only gives junk costs AnswerWait, and is not asked
// without end.
func TestFleetHostileStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &junkStore{}
		f := newFaulty(t, func(c *validator.Config) { c.Fleet.Answers = store })
		assert.Equal(t, validator.DefaultAnswerWait, f.another(t))
		assert.EqualValues(t, 1, f.calls.Load())
		assert.Less(t, store.takes.Load(), int64(30))
	})
}

// TestFleetAskedAgain: who wants an answer to a question that began after another one
// is not served from the store, where that other one's is.
func TestFleetAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		var events outcomes
		store := &memoryStore{clock: time.Now, kept: map[string]keptAnswer{}, claims: map[string]string{}}
		v := wired(t, asleep(3*time.Second, &calls, answer(map[string]any{"exp": time.Now().Add(time.Hour).Unix()})), func(c *validator.Config) {
			c.Fleet, c.Observer.Fleet = &validator.Fleet{Sealer: sealer(t, 1), Answers: store, MaxSkew: time.Millisecond}, events.add
		})
		go func() { _, _ = v.Validate(context.Background(), "opaque-token") }()
		<-time.After(2 * time.Second) // of the bubble
		arrived := time.Now()
		token, err := v.ValidateWith(t.Context(), "opaque-token", within(time.Second))
		require.NoError(t, err)
		assert.False(t, token.IntrospectedAt().Before(arrived))
		assert.EqualValues(t, 2, calls.Load())
		assert.Equal(t, 1, events.count(validator.FleetAsked), "the second was asked without looking")
		assert.Equal(t, 2, events.count(validator.FleetKept), "but is shared")
	})
}

// TestFleetIsObserved: with the issuer's name and what it took.
func TestFleetIsObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, func(c *validator.Config) { c.Issuers[0].Name = "staff" })
		deaf := make(chan struct{})
		f.store.does(func(s *memoryStore) { s.deaf = deaf })
		f.another(t)
		close(deaf)
		for i, e := range f.events.seen {
			assert.Equal(t, "staff", e.Issuer)
			assert.Equal(t, validator.DefaultStoreTimeout, e.Took)
			assert.Equal(t, i == 0, e.Err != nil)
		}
		assert.Len(t, f.events.seen, 2)
	})
}
