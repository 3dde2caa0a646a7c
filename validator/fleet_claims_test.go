package validator_test

import (
	"context"
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

// halfStore is a store of which one method fails.
type halfStore struct {
	*memoryStore
	put, release error
}

func (s *halfStore) Put(ctx context.Context, name string, value []byte, sent time.Time, ttl time.Duration, owner string) error {
	if s.put != nil {
		return s.put
	}
	return s.memoryStore.Put(ctx, name, value, sent, ttl, owner)
}

func (s *halfStore) Release(ctx context.Context, name, owner string) error {
	if s.release != nil {
		return s.release
	}
	return s.memoryStore.Release(ctx, name, owner)
}

// TestFleetFaultOfOneMethod: whichever it is that fails, the store is not asked for a
// while.
func TestFleetFaultOfOneMethod(t *testing.T) {
	for name, tc := range map[string]struct {
		fails halfStore
		mode  validatortest.Mode
		tells []validator.FleetOutcome
	}{
		"Put":     {halfStore{put: errStore}, validatortest.ModeUp, []validator.FleetOutcome{validator.FleetAsked, validator.FleetUnavailable}},
		"Release": {halfStore{release: errStore}, validatortest.ModeDown, []validator.FleetOutcome{validator.FleetAsked}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplicas(t, 1, func(_ int, c *validator.Config) {
				tc.fails.memoryStore = c.Fleet.Answers.(*memoryStore)
				c.Fleet.Answers = &tc.fails
			})
			r.SetIntrospectionMode(tc.mode)
			_, err := r.all[0].Validate(t.Context(), r.OpaqueToken())
			if tc.mode == validatortest.ModeUp {
				require.NoError(t, err)
			} else {
				refused(t, err, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
			}
			assert.Equal(t, tc.tells, r.all[0].events.all())
			r.SetIntrospectionMode(validatortest.ModeUp)
			accept(t, r.all[0].Validator, r.OpaqueToken())
			assert.Equal(t, []validator.FleetOutcome{validator.FleetSuspended, validator.FleetSuspended}, r.all[0].events.all())
		})
	}
}

// TestFleetClaimEndsWithAnAnswerOfNoUse: one that ends before clocks agree that it has
// begun is not shared, and nobody waits for it.
func TestFleetClaimEndsWithAnAnswerOfNoUse(t *testing.T) {
	r := newReplicas(t, 1)
	accept(t, r.all[0].Validator, r.OpaqueToken(validatortest.Expiry(r.clock.Now().Add(validator.DefaultMaxSkew))))
	assert.Equal(t, []validator.FleetOutcome{validator.FleetAsked}, r.all[0].events.all())
	assert.Empty(t, r.store.snapshot())
	assert.Empty(t, r.store.claims)
}

// TestFleetUnreadableIsReplacedAtOnce: nobody waits for a better one that nobody is
// about to fetch.
func TestFleetUnreadableIsReplacedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t)
		f.another(t)
		id, kept := f.store.only(t)
		kept.value = []byte("junk")
		f.store.does(func(s *memoryStore) { s.kept[id] = kept })
		second := newFaulty(t, func(c *validator.Config) { c.Fleet.Answers = f.store })
		assert.Zero(t, second.another(t))
		assert.Equal(t, []validator.FleetOutcome{validator.FleetUnreadable, validator.FleetAsked, validator.FleetKept}, second.events.all())
	})
}

// TestFleetUnreadableIsReadOnce: however long another replica takes to ask for a better
// one.
func TestFleetUnreadableIsReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t)
		f.another(t)
		id, kept := f.store.only(t)
		put := func(value string) {
			kept.value = []byte(value)
			f.store.does(func(s *memoryStore) { s.kept[id], s.claims[id] = kept, "somebody slow" })
		}
		put("junk")
		second := newFaulty(t, func(c *validator.Config) { c.Fleet.Answers = f.store })
		time.AfterFunc(validator.DefaultAnswerWait/2, func() { put("other junk") })
		assert.Equal(t, validator.DefaultAnswerWait, second.another(t))
		assert.Equal(t, []validator.FleetOutcome{
			validator.FleetUnreadable, validator.FleetUnreadable, validator.FleetGaveUp, validator.FleetKept,
		}, second.events.all())
	})
}

// TestFleetRecallsWhileTheIssuerIsDown, and only then: what the issuer has just decided,
// no answer of before is looked up against, nor one that could not stand in.
func TestFleetRecallsWhileTheIssuerIsDown(t *testing.T) {
	for name, tc := range map[string]struct {
		stale  time.Duration
		mode   validatortest.Mode
		class  error
		reason validator.Reason
		looks  int
	}{
		"it decided":           {time.Hour, validatortest.ModeUp, validator.ErrInvalidToken, validator.ReasonInactive, 0},
		"nothing may stand in": {0, validatortest.ModeDown, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable, 0},
		"it is down":           {time.Hour, validatortest.ModeDown, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplicas(t, 2, issuer(maxAge(time.Hour), staleIfError(tc.stale)))
			raw := r.OpaqueToken()
			accept(t, r.all[0].Validator, raw)
			r.Revoke(raw)
			r.SetIntrospectionMode(tc.mode)
			r.advance(time.Second)
			before, _ := r.store.counts()
			_, err := r.all[1].ValidateWith(t.Context(), raw, now())
			refused(t, err, tc.class, tc.reason)
			after, _ := r.store.counts()
			assert.Equal(t, tc.looks, after-before)
		})
	}
}

// TestSharedAnswerAfterARefusalOfALaterHour: a clock that ran ahead when the token was
// refused, and was set back, makes no answer of another replica newer than it is.
func TestSharedAnswerAfterARefusalOfALaterHour(t *testing.T) {
	r := newReplicas(t, 2)
	raw, before := r.OpaqueToken(), 0
	r.advance(30 * time.Minute)
	r.SetAnswer(func(_ string, answer map[string]any) { answer["active"] = false })
	reject(t, r.all[0].Validator, raw, validator.ErrInvalidToken, validator.ReasonInactive)
	r.advance(-30 * time.Minute)
	r.SetAnswer(nil)
	_, err := r.all[0].ValidateWith(t.Context(), raw, now())
	require.NoError(t, err)
	r.advance(10 * time.Minute)
	r.store.does(func(s *memoryStore) { clear(s.kept) })
	accept(t, r.all[1].Validator, raw)
	r.asked(t, 3, &before)
	r.advance(time.Second)
	_, err = r.all[0].ValidateWith(t.Context(), raw, within(time.Minute))
	require.NoError(t, err)
	r.asked(t, 1, &before)
}

// TestFleetLog: the log hears of a store that fails or gives what does not open, and of
// nothing that goes well.
func TestFleetLog(t *testing.T) {
	var logged strings.Builder
	r := newReplicas(t, 2, func(_ int, c *validator.Config) { c.Logger = slog.New(slog.NewTextHandler(&logged, nil)) })
	raw := r.OpaqueToken()
	for _, one := range r.all {
		accept(t, one.Validator, raw)
	}
	assert.NotContains(t, logged.String(), "shared store")
	another := build(t, r.all[1].config)
	r.store.does(func(s *memoryStore) {
		for name, k := range s.kept {
			k.value = []byte("junk")
			s.kept[name] = k
		}
	})
	accept(t, another, raw)
	assert.Contains(t, logged.String(), "outcome="+string(validator.FleetUnreadable))
	assert.NotContains(t, logged.String(), "outcome="+string(validator.FleetKept))
}

// sluggishStore has nothing, says that of old names slowly, and that somebody else asks.
type sluggishStore struct{ junkStore }

func (*sluggishStore) Take(ctx context.Context, _ string, _ []byte, _ string, lease time.Duration) ([]byte, bool, error) {
	if lease == 0 {
		<-time.After(4 * time.Second)
	}
	return nil, false, ctx.Err()
}

// TestFleetTimeIsUp: looking for an answer ends with the time that a question has, and
// finds none.
func TestFleetTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t, func(c *validator.Config) {
			*c.Fleet = *patient(t, &sluggishStore{})
			c.Fleet.Sealer = sealer(t, 1, 2, 3, 4, 5, 6, 7)
			c.HTTPClient.Transport = asleep(time.Second, new(atomic.Int64), answer(nil))
		})
		began := time.Now()
		_, err := f.Validate(t.Context(), "opaque-token")
		refused(t, err, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
		assert.Equal(t, 30*time.Second, time.Since(began))
		assert.Empty(t, f.events.all())
	})
}
