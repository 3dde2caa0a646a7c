package validator_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// faulty is a validator in a bubble whose store the test makes fail.
type faulty struct {
	*validator.Validator
	store  *memoryStore
	events outcomes
	calls  atomic.Int64
	tokens int
}

func newFaulty(t *testing.T, edits ...func(*validator.Config)) *faulty {
	f := &faulty{store: &memoryStore{clock: time.Now, kept: map[string]keptAnswer{}, claims: map[string]string{}}}
	f.Validator = wired(t, counted(&f.calls, answer(map[string]any{"exp": time.Now().Add(time.Hour).Unix()})), append([]func(*validator.Config){func(c *validator.Config) {
		c.Fleet, c.Observer.Fleet = &validator.Fleet{Sealer: sealer(t, 1), Answers: f.store}, f.events.add
	}}, edits...)...)
	return f
}

// another accepts a token that nobody knows, and returns how long that took.
func (f *faulty) another(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	f.tokens++
	accept(t, f.Validator, "opaque-token-"+strings.Repeat("x", f.tokens))
	return time.Since(began)
}

// TestFleetStoreFails: a token is decided on as without the store, with its timeout
// once, and then without delay; ever longer pauses, and after the fault it is used again.
func TestFleetStoreFails(t *testing.T) {
	const timeout = validator.DefaultStoreTimeout
	for name, tc := range map[string]struct {
		fault, heal func(*memoryStore)
		costs       time.Duration
	}{
		"errors": {func(s *memoryStore) { s.err = errStore }, func(s *memoryStore) { s.err = nil }, 0},
		"panics": {func(s *memoryStore) { s.panics = true }, func(s *memoryStore) { s.panics = false }, 0},
		"is deaf": {func(s *memoryStore) { s.deaf = make(chan struct{}) }, func(s *memoryStore) {
			close(s.deaf)
			s.deaf = nil
		}, timeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFaulty(t)
				assert.Zero(t, f.another(t))
				assert.Equal(t, []validator.FleetOutcome{validator.FleetAsked, validator.FleetKept}, f.events.all())
				f.store.does(tc.fault)
				for _, pause := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 10 * time.Second, 10 * time.Second} {
					assert.Equal(t, tc.costs, f.another(t))
					assert.Equal(t, []validator.FleetOutcome{validator.FleetUnavailable, validator.FleetSuspended}, f.events.all())
					<-time.After(pause - 1)
					assert.Zero(t, f.another(t), "nobody asks it for %v", pause)
					assert.Equal(t, []validator.FleetOutcome{validator.FleetSuspended, validator.FleetSuspended}, f.events.all())
					<-time.After(1)
				}
				<-time.After(10 * time.Second)
				f.store.does(tc.heal)
				synctest.Wait()
				assert.Zero(t, f.another(t))
				assert.Equal(t, []validator.FleetOutcome{validator.FleetAsked, validator.FleetKept}, f.events.all())
				f.store.does(func(s *memoryStore) { s.err = errStore })
				f.another(t)
				f.store.does(func(s *memoryStore) { s.err = nil })
				<-time.After(time.Second)
				f.events.all()
				f.another(t)
				assert.Equal(t, []validator.FleetOutcome{validator.FleetAsked, validator.FleetKept}, f.events.all(), "the pauses begin anew")
			})
		})
	}
}

// TestFleetOneTries: after the pause one call finds out; the others do not wait for it.
func TestFleetOneTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t)
		deaf := make(chan struct{})
		f.store.does(func(s *memoryStore) { s.deaf = deaf })
		f.another(t)
		<-time.After(time.Second)
		f.events.all()
		tried := make(chan time.Duration, 1)
		f.tokens++
		go func() {
			began := time.Now()
			_, err := f.Validate(t.Context(), "the-one-that-tries")
			assert.NoError(t, err)
			tried <- time.Since(began)
		}()
		synctest.Wait()
		for range 5 {
			assert.Zero(t, f.another(t))
		}
		assert.Equal(t, validator.DefaultStoreTimeout, <-tried)
		assert.Equal(t, 1, f.events.count(validator.FleetUnavailable))
		close(deaf)
	})
}

// TestFleetClaimIsHeld: a claim that nobody makes good on costs AnswerWait, and no more.
func TestFleetClaimIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t)
		f.another(t)
		id, _ := f.store.only(t)
		f.store.does(func(s *memoryStore) { clear(s.kept); s.claims[id] = "somebody who died" })
		f.Validator = newFaulty(t, func(c *validator.Config) { c.Fleet.Answers, c.Observer.Fleet = f.store, f.events.add }).Validator
		f.tokens, f.calls = 0, atomic.Int64{}
		f.events.all()
		assert.Equal(t, validator.DefaultAnswerWait, f.another(t))
		assert.Equal(t, []validator.FleetOutcome{validator.FleetGaveUp, validator.FleetKept}, f.events.all())
		assert.Equal(t, "somebody who died", f.store.claims[id], "only its owner ends a claim")
		third := newFaulty(t, func(c *validator.Config) { c.Fleet.Answers = f.store })
		assert.Zero(t, third.another(t), "the answer is there for all")
		assert.Zero(t, third.calls.Load())
	})
}

// TestFleetClaimEndsWithoutAnAnswer: a replica that gets none lets the others ask.
func TestFleetClaimEndsWithoutAnAnswer(t *testing.T) {
	r := newReplicas(t, 2)
	raw := r.OpaqueToken()
	r.SetIntrospectionMode(validatortest.ModeDown)
	for _, one := range r.all {
		reject(t, one.Validator, raw, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
		assert.Equal(t, []validator.FleetOutcome{validator.FleetAsked}, one.events.all())
	}
}

// TestFleetCallerLeaves: who waits for another replica leaves when they like.
func TestFleetCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t)
		f.store.does(func(s *memoryStore) { s.deaf = make(chan struct{}) })
		defer func() { close(f.store.deaf); synctest.Wait() }()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := f.Validate(ctx, "opaque-token")
		refused(t, err, validator.ErrUnavailable, validator.ReasonCallerLeft)
		<-time.After(validator.DefaultStoreTimeout)
	})
}

// TestFleetLocalIsUntouched: JWTs that are not asked about never touch the store.
func TestFleetLocalIsUntouched(t *testing.T) {
	r := newReplicas(t, 1)
	r.store.panics = true
	for range 2 {
		accept(t, r.all[0].Validator, r.AccessToken())
	}
	takes, puts := r.store.counts()
	assert.Zero(t, takes+puts)
}

// TestFleetOfKeysAlone: where there is no store for answers, nobody looks for one.
func TestFleetOfKeysAlone(t *testing.T) {
	r := newReplicas(t, 1, alone(0, func(c *validator.Config) { c.Fleet = &validator.Fleet{Sealer: sealer(t, 1), Keys: newKeyStore()} }))
	accept(t, r.all[0].Validator, r.OpaqueToken())
	assert.Empty(t, r.all[0].events.all())
}

// TestFleetObserverPanics: its panic is its own affair; and the logger hears why.
func TestFleetObserverPanics(t *testing.T) {
	var logged strings.Builder
	var calls atomic.Int64
	store := newStore(newClock())
	store.err = errStore
	v := wired(t, counted(&calls, answer(nil)), func(c *validator.Config) {
		c.Fleet, c.Logger = patient(t, store), slog.New(slog.NewTextHandler(&logged, nil))
		c.Observer.Fleet = func(validator.FleetEvent) { panic("the observer panics") }
	})
	accept(t, v, "opaque-token")
	assert.Contains(t, logged.String(), "level=WARN")
	assert.Contains(t, logged.String(), errStore.Error())
	assert.NotContains(t, logged.String(), "opaque-token")
}

// TestFleetReload: a new configuration finds what is shared; one without Fleet shares
// nothing.
func TestFleetReload(t *testing.T) {
	r := newReplicas(t, 1)
	one, raw, before := r.all[0], r.OpaqueToken(), 0
	accept(t, one.Validator, raw)
	r.asked(t, 1, &before)
	again, err := one.WithConfig(one.config)
	require.NoError(t, err)
	accept(t, again, raw)
	r.asked(t, 0, &before)
	one.config.Fleet = nil
	alone, err := again.WithConfig(one.config)
	require.NoError(t, err)
	accept(t, alone, raw)
	r.asked(t, 1, &before)
}

// TestFleetMistakes: each has its field.
func TestFleetMistakes(t *testing.T) {
	good := func(c *validator.Config) { c.Fleet = patient(t, newStore(newClock())) }
	for name, tc := range map[string]struct {
		edit   func(*validator.Config)
		fields []string
	}{
		"none": {func(*validator.Config) {}, nil},
		"defaults": {func(c *validator.Config) {
			*c.Fleet = validator.Fleet{Sealer: c.Fleet.Sealer, Answers: c.Fleet.Answers}
		}, nil},
		"no sealer":    {func(c *validator.Config) { c.Fleet.Sealer = nil }, []string{"Fleet.Sealer"}},
		"nothing":      {func(c *validator.Config) { *c.Fleet = validator.Fleet{} }, []string{"Fleet.Sealer", "Fleet"}},
		"wait for it":  {func(c *validator.Config) { c.Fleet.Answers = nil }, []string{"Fleet.AnswerWait"}},
		"nobody asked": {func(c *validator.Config) { c.Issuers = c.Issuers[2:] }, []string{"Fleet.Answers"}},
		"negative": {func(c *validator.Config) { c.Fleet.MaxSkew, c.Fleet.StoreTimeout, c.Fleet.AnswerWait = -1, -1, -1 },
			[]string{"Fleet.MaxSkew", "Fleet.StoreTimeout", "Fleet.AnswerWait"}},
		"too long": {func(c *validator.Config) {
			c.Fleet.StoreTimeout, c.Fleet.AnswerWait = validator.MaxStoreTimeout+1, validator.MaxAnswerWait+1
		},
			[]string{"Fleet.StoreTimeout", "Fleet.AnswerWait"}},
		"no units": {func(c *validator.Config) { c.Fleet.MaxSkew, c.Fleet.StoreTimeout, c.Fleet.AnswerWait = 2, 2, 2 },
			[]string{"Fleet.MaxSkew", "Fleet.StoreTimeout", "Fleet.AnswerWait"}},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := validator.New(asking(good, tc.edit))
			if tc.fields == nil {
				require.NoError(t, err)
				return
			}
			assert.Nil(t, v)
			assert.Equal(t, tc.fields, mistaken(err))
		})
	}
}

// mistaken are the fields of all mistakes in an error.
func mistaken(err error) (fields []string) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	for _, one := range joined.Unwrap() {
		var mistake *validator.ConfigError
		if errors.As(one, &mistake) {
			fields = append(fields, mistake.Field)
		}
	}
	return fields
}
