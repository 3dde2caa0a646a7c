package validator_test

import (
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// listener is an observer that keeps everything, in the order in which it was told.
type listener struct {
	mu     sync.Mutex
	events []any
}

func listen(c *validator.Config) *listener {
	a := &listener{}
	note := func(event any) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.events = append(a.events, event)
	}
	c.Observer = validator.Observer{
		Decision:      func(_ context.Context, d validator.Decision) { note(d) },
		Wait:          func(_ context.Context, w validator.Wait) { note(w) },
		KeyFetch:      func(f validator.KeyFetch) { note(f) },
		Introspection: func(i validator.Introspection) { note(i) },
		StatusFetch:   func(f validator.StatusFetch) { note(f) },
	}
	return a
}

// of are the events of one kind.
func heardOf[T any](a *listener) (list []T) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, event := range a.events {
		if one, ok := event.(T); ok {
			list = append(list, one)
		}
	}
	return list
}

// kinds are the events as letters: Decision, Wait, Key fetch, Introspection, Status fetch.
func (a *listener) kinds() (kinds string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, event := range a.events {
		switch event.(type) {
		case validator.Decision:
			kinds += "D"
		case validator.Wait:
			kinds += "W"
		case validator.KeyFetch:
			kinds += "K"
		case validator.Introspection:
			kinds += "I"
		case validator.StatusFetch:
			kinds += "S"
		}
	}
	return kinds
}

// TestWaits: who waits is told of after what was waited for, with its number, and before
// the decision; who finds the answer in memory does not wait.
func TestWaits(t *testing.T) {
	s := start(t, validatortest.Options{})
	c := configure(ask(s))
	c.Issuers[0].Name = "orders"
	heard := listen(&c)
	v := build(t, c)
	jwt, opaque := s.AccessToken(), s.OpaqueToken()
	accept(t, v, jwt)
	accept(t, v, jwt)
	accept(t, v, opaque)
	accept(t, v, opaque)
	assert.Equal(t, "KWDDIWDD", heard.kinds())

	waits, fetch, question := heardOf[validator.Wait](heard), heardOf[validator.KeyFetch](heard)[0], heardOf[validator.Introspection](heard)[0]
	assert.Equal(t, validator.Wait{Issuer: "orders", For: validator.WaitKeys, Took: waits[0].Took, Flight: fetch.Flight}, waits[0])
	assert.Equal(t, validator.Wait{Issuer: "orders", For: validator.WaitIntrospection, Took: waits[1].Took, Flight: question.Flight}, waits[1])
	assert.Positive(t, fetch.Flight)
	assert.NotEqual(t, fetch.Flight, question.Flight)
	for _, took := range []time.Duration{fetch.Took, question.Took, waits[0].Took, waits[1].Took} {
		assert.Positive(t, took)
	}
}

// TestWaitsAreShared: one fetch, and everybody who waited for it says so; whoever left
// says that too.
func TestWaitsAreShared(t *testing.T) {
	s := start(t, validatortest.Options{})
	c := configure(trust(s))
	heard := listen(&c)
	v := build(t, c)
	release := s.Hold()
	t.Cleanup(release)

	ctx, leave := context.WithCancel(t.Context())
	leave()
	_, err := v.Validate(ctx, s.AccessToken())
	refused(t, err, validator.ErrUnavailable, validator.ReasonCallerLeft)
	waits := heardOf[validator.Wait](heard)
	require.Len(t, waits, 1)
	assert.True(t, waits[0].Left)

	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { accept(t, v, s.AccessToken()) })
	}
	wg.Go(func() { assert.NoError(t, v.Ready(t.Context())) })
	release()
	wg.Wait()
	fetches := heardOf[validator.KeyFetch](heard)
	require.Len(t, fetches, 1)
	assert.Equal(t, fetches[0].Flight, waits[0].Flight)
	for _, w := range heardOf[validator.Wait](heard)[1:] { // those who came in time
		assert.Equal(t, fetches[0].Flight, w.Flight)
		assert.False(t, w.Left)
	}
}

// TestNobodyWaitsTwice: a question whose answer is signed waits for keys itself. That is
// part of what its callers wait for, and no call's own wait.
func TestNobodyWaitsTwice(t *testing.T) {
	s := start(t, validatortest.Options{})
	c := configure(ask(s, signed))
	heard := listen(&c)
	accept(t, build(t, c), s.OpaqueToken())
	assert.Equal(t, "KIWD", heard.kinds())
	assert.Equal(t, validator.WaitIntrospection, heardOf[validator.Wait](heard)[0].For)
}

// TestRefusedQuestionsAreNoEvents: what the circuit refuses was not asked; who wanted to
// ask has a decision all the same.
func TestRefusedQuestionsAreNoEvents(t *testing.T) {
	s := start(t, validatortest.Options{})
	c := configure(ask(s))
	heard := listen(&c)
	v := build(t, c)
	status := func() introspect.Status { return *v.Status()[0].Introspection }
	assert.False(t, status().Open)
	s.SetIntrospectionMode(validatortest.ModeError)
	for range 5 {
		reject(t, v, s.OpaqueToken(), validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	}
	assert.True(t, status().Open)
	assert.EqualValues(t, 1, status().Openings)
	reject(t, v, s.OpaqueToken(), validator.ErrUnavailable, validator.ReasonIntrospectionSuspended)
	assert.Len(t, heardOf[validator.Introspection](heard), 5)
	assert.Len(t, heardOf[validator.Decision](heard), 6)
}

// TestStatusFetches: each is told of, good or not, with who waited for it.
func TestStatusFetches(t *testing.T) {
	var heard *listener
	p := publish(t, func(c *validator.Config) {
		heard = listen(c)
		c.Logger = slog.New(slog.DiscardHandler) // which has nothing to say of a good one
	})
	p.says(p.list(1, []byte{0}, nil, nil))
	accept(t, p.validator, p.token(0))
	accept(t, p.validator, p.token(1))
	assert.Equal(t, "KWSWDD", heard.kinds())
	p.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	p.clock.Advance(time.Minute)
	reject(t, p.validator, p.token(0), validator.ErrUnavailable, validator.ReasonStatusUnavailable)

	fetches, waits := heardOf[validator.StatusFetch](heard), heardOf[validator.Wait](heard)
	require.Len(t, fetches, 2)
	assert.Equal(t, validator.StatusFetch{Issuer: p.Issuer(), Flight: waits[1].Flight}, fetches[0])
	assert.Equal(t, validator.WaitStatusList, waits[1].For)
	refused(t, fetches[1].Err, validator.ErrUnavailable, validator.ReasonStatusUnavailable)
	assert.Equal(t, fetches[1].Flight, waits[2].Flight)
}

// TestStatusFetchWithoutLogger: the observer is told all the same.
func TestStatusFetchWithoutLogger(t *testing.T) {
	var heard *listener
	p := publish(t, func(c *validator.Config) { heard = listen(c) })
	p.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	reject(t, p.validator, p.token(0), validator.ErrUnavailable, validator.ReasonStatusUnavailable)
	fetches := heardOf[validator.StatusFetch](heard)
	require.Len(t, fetches, 1)
	refused(t, fetches[0].Err, validator.ErrUnavailable, validator.ReasonStatusUnavailable)
}

// TestStatusFetchPanic: an observer that panics on a status list costs nobody else
// anything.
func TestStatusFetchPanic(t *testing.T) {
	p := publish(t, func(c *validator.Config) {
		c.Observer.StatusFetch = func(validator.StatusFetch) { panic("in the observer") }
	})
	p.says(p.list(1, []byte{0}, nil, nil))
	accept(t, p.validator, p.token(0))
}

// TestLabels: of closed sets, whatever somebody made up.
func TestLabels(t *testing.T) {
	labels := map[error]string{
		validator.ErrNoToken: "no_token", validator.ErrInvalidRequest: "invalid_request", validator.ErrInvalidToken: "invalid_token",
		validator.ErrInvalidProof: "invalid_proof", validator.ErrInsufficientAuthentication: "insufficient_authentication",
		validator.ErrInsufficientScope: "insufficient_scope", validator.ErrUnavailable: "unavailable",
	}
	for _, reason := range []validator.Reason{
		validator.ReasonNoToken, validator.ReasonSeveralHeaders, validator.ReasonExpired, validator.ReasonProofMissing,
		validator.ReasonACRInsufficient, validator.ReasonInsufficientScope, validator.ReasonKeysUnavailable,
	} {
		e := validator.NewError(reason, "")
		class, label := e.Labels()
		assert.Equal(t, labels[e.Class], class)
		assert.Equal(t, string(reason), label)
		delete(labels, e.Class)
	}
	assert.Empty(t, labels)
	for _, tc := range []struct {
		e             *validator.Error
		class, reason string
	}{
		{nil, "accepted", "none"},
		{validator.NewError("made up", ""), "unavailable", "other"},
		{validator.NewError("", ""), "unavailable", "other"},
		{&validator.Error{Class: validator.ErrInsufficientScope, Reason: "of a proof of my own"}, "insufficient_scope", "other"},
		{&validator.Error{Class: assert.AnError, Reason: validator.ReasonExpired}, "unavailable", "expired"},
	} {
		class, reason := tc.e.Labels()
		assert.Equal(t, tc.class, class)
		assert.Equal(t, tc.reason, reason)
	}
}

// TestObservers: each hears of all that it wants to, in order, and nothing is told that
// nobody wants to hear of.
func TestObservers(t *testing.T) {
	assert.Equal(t, validator.Observer{}, validator.Observers(validator.Observer{}, validator.Observer{}))
	var told string
	all := func(name string) validator.Observer {
		return validator.Observer{
			Decision:      func(context.Context, validator.Decision) { told += name + "D" },
			Wait:          func(context.Context, validator.Wait) { told += name + "W" },
			KeyFetch:      func(validator.KeyFetch) { told += name + "K" },
			Introspection: func(validator.Introspection) { told += name + "I" },
			StatusFetch:   func(validator.StatusFetch) { told += name + "F" },
			Signal:        func(context.Context, validator.Signal) { told += name + "S" },
			Fleet:         func(validator.FleetEvent) { told += name + "R" },
		}
	}
	fields := reflect.ValueOf(validator.Observers(all("")))
	for i := range fields.NumField() {
		assert.False(t, fields.Field(i).IsNil(), fields.Type().Field(i).Name)
	}
	for _, tc := range []struct {
		joined validator.Observer
		want   string
	}{
		{validator.Observers(all("1"), all("2"), all("3")), "1D2D3D1W2W3W1K2K3K1I2I3I1F2F3F1S2S3S1R2R3R"},
		{validator.Observers(validator.Observer{}, all("2"), validator.Observer{}), "2D2W2K2I2F2S2R"},
	} {
		told = ""
		o := tc.joined
		o.Decision(t.Context(), validator.Decision{})
		o.Wait(t.Context(), validator.Wait{})
		o.KeyFetch(validator.KeyFetch{})
		o.Introspection(validator.Introspection{})
		o.StatusFetch(validator.StatusFetch{})
		o.Signal(t.Context(), validator.Signal{})
		o.Fleet(validator.FleetEvent{})
		assert.Equal(t, tc.want, told)
	}
}

// TestCacheStats: a token that is known is a hit, and one too many makes another leave.
func TestCacheStats(t *testing.T) {
	s := start(t, validatortest.Options{})
	c := configure(trust(s))
	c.CacheSize = 1
	v := build(t, c)
	first := s.AccessToken()
	accept(t, v, first)
	accept(t, v, first)
	accept(t, v, s.AccessToken())
	stats := v.CacheStats()
	assert.EqualValues(t, 1, stats.Hits)
	assert.EqualValues(t, 1, stats.Evictions)
	assert.Equal(t, 1, stats.Entries)
}
