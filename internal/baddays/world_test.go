package baddays

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// world is an authorization server, a validator and the road between them. Nobody
// waits in it: its clock is moved instead.
type world struct {
	t *testing.T
	*validatortest.Server
	day    *day
	clock  *testClock   // the true time, which is the server's
	skew   atomic.Int64 // of the validator's clock
	road   *road
	config validator.Config
	v      *validator.Validator
	landed chan struct{} // one for each fetch of keys

	next         string        // a key that is not listed before the day begins
	known, fresh func() string // a token that nobody has seen, by a key from before, or by the next one
	over         func()        // has the trouble end, where day.end needs what day.begin made
}

// newWorld is the evening before: the validator has the server's keys.
func newWorld(t *testing.T, day *day, lifetime time.Duration, edits ...func(*world, *validator.Issuer)) *world {
	t.Helper()
	w := &world{t: t, day: day, clock: newClock(), landed: make(chan struct{}, 1000)}
	w.Server = must(validatortest.Start(validatortest.Options{
		Algorithm: "ES256", Clock: w.clock.Now, Lifetime: lifetime, TLS: day.tls,
	}))
	t.Cleanup(w.Close)
	w.road = newRoad(w)
	w.next = w.Prepare("ES256")
	w.known = func() string { return w.mint(w.KID()) }
	w.fresh = func() string { return w.mint(w.next) }
	w.config = trust(w.Server)
	w.config.Clock, w.config.HTTPClient = w.now, &http.Client{Transport: w.road}
	w.config.Observer.KeyFetch = func(validator.KeyFetch) { w.landed <- struct{}{} }
	for _, edit := range append(edits, day.issuer) {
		if edit != nil {
			edit(w, &w.config.Issuers[0])
		}
	}
	w.v = build(t, w.config)
	require.NoError(t, w.v.Ready(t.Context()))
	w.land()
	return w
}

// now is the validator's clock.
func (w *world) now() time.Time { return w.clock.Now().Add(time.Duration(w.skew.Load())) }

func (w *world) mint(kid string) string { return w.MintWith(kid, w.day.edits...) }
func (w *world) knownToken() string     { return w.known() }
func (w *world) freshToken() string     { return w.fresh() }

// begin has the trouble begin, and then the server list its next key.
func (w *world) begin() {
	if w.day.begin != nil {
		w.day.begin(w)
	}
	w.Publish(w.next)
}

// restart is a new process, which has what another one exported, or nothing (nil).
func (w *world) restart(data []byte) {
	w.t.Helper()
	w.v = build(w.t, w.config)
	if data == nil {
		return
	}
	asked, err := w.road.asked(), w.v.ImportKeys(data)
	if w.day.refuses != nil {
		require.ErrorIs(w.t, err, w.day.refuses)
		return
	}
	require.NoError(w.t, err)
	require.NoError(w.t, w.v.Ready(w.t.Context()))
	assert.Equal(w.t, asked, w.road.asked(), "ready without the server")
}

// ask asks the validator. Whoever asks at the same instant is told the same, by a
// validator without its cache too.
func (w *world) ask(raw string) outcome {
	w.t.Helper()
	asked, questions, began := w.road.asked(), w.IntrospectionRequests(), w.clock.Now()
	o := w.decide(raw)
	o.fetch, o.took = w.road.asked() > asked, w.clock.Now().Sub(began)
	assert.Equal(w.t, o.introspected, w.IntrospectionRequests() > questions, "the issuer is asked where that decides")
	miss, err := w.v.WithConfig(w.config) // the same keys
	require.NoError(w.t, err)
	for name, v := range map[string]*validator.Validator{"hit": w.v, "miss": miss} {
		_, err := v.Validate(w.t.Context(), raw)
		assert.Equal(w.t, o.reason, reasonOf(err), name)
	}
	for len(w.landed) > 0 {
		<-w.landed
	}
	return o
}

// askAhead is ask where a fetch begins that nobody waits for: it does not end before
// the decision is there. Others ask when it has ended.
func (w *world) askAhead(raw string) outcome {
	w.t.Helper()
	release := w.road.hold()
	o := w.decide(raw)
	o.ahead = release()
	w.land()
	w.ask(raw)
	return o
}

// land waits for a fetch that nobody else waits for.
func (w *world) land() {
	w.t.Helper()
	select {
	case <-w.landed:
	case <-time.After(20 * time.Second):
		require.Fail(w.t, "there was no fetch")
	}
}

// decide is the validator's decision, held to what every decision must be.
func (w *world) decide(raw string) outcome {
	w.t.Helper()
	good := w.isGood(raw)
	token, err := w.v.Validate(w.t.Context(), raw)
	if err == nil {
		return outcome{introspected: token.Origin() == validator.OriginIntrospection, wrong: !good}
	}
	assert.Nil(w.t, token)
	var e *validator.Error
	require.ErrorAs(w.t, err, &e)
	o := outcome{reason: e.Reason, retry: e.RetryAfter}
	for _, class := range []error{
		validator.ErrNoToken, validator.ErrInvalidRequest, validator.ErrInvalidToken, validator.ErrInvalidProof,
		validator.ErrInsufficientAuthentication, validator.ErrInsufficientScope, validator.ErrUnavailable,
	} {
		if errors.Is(err, class) {
			require.NoError(w.t, o.class, "a second class")
			o.class = class
		}
	}
	if o.class == validator.ErrUnavailable {
		assert.Equal(w.t, o.retry, w.v.Status()[0].Keys.NextTry.Sub(w.now()), "what a health page says")
		return o
	}
	o.wrong = good
	assert.Zero(w.t, o.retry)
	return o
}

// isGood is the truth about a token: by the keys that the server has and the time
// that it is, whatever the road and the validator's clock say.
func (w *world) isGood(raw string) bool {
	w.t.Helper()
	c := trust(w.Server)
	c.Issuers[0].JWKSURL = "https://truth.example/keys"
	c.Clock, c.HTTPClient = w.clock.Now, &http.Client{Transport: wire(func(r *http.Request) (*http.Response, error) {
		return reply(r, string(w.KeySet())), nil
	})}
	_, err := build(w.t, c).Validate(w.t.Context(), raw)
	require.NotErrorIs(w.t, err, validator.ErrUnavailable)
	return err == nil
}

// recover goes on asking as clients do, has the trouble end when somebody has just
// been told that it lasts, and returns after how long the decision is right.
func (w *world) recover(raw func() string, first outcome) time.Duration {
	w.t.Helper()
	o := first
	for i := 0; w.day.end != nil && (i < 5 || i < 15 && o.wrong && !o.fetch); i++ {
		w.clock.Advance(max(o.retry, time.Second))
		if w.day.during != nil {
			w.day.during(w)
		}
		o = w.ask(raw())
		assert.True(w.t, w.day.varies || o.same(first), "first %v, then %v", first, o)
	}
	if w.day.end != nil {
		w.day.end(w)
	}
	ended := w.clock.Now()
	w.clock.Advance(o.retry)
	for o = w.ask(raw()); !o.right(); o = w.ask(raw()) {
		waited, pause := w.clock.Now().Sub(ended), time.Second
		if waited > 15*time.Second { // nothing is expected any more
			pause = time.Minute
		}
		w.clock.Advance(max(o.retry, pause))
		if waited > never {
			require.NoError(w.t, w.v.RefreshKeys(w.t.Context()), "but its owner can end it")
			assert.True(w.t, w.ask(raw()).right())
			return never
		}
	}
	return w.clock.Now().Sub(ended)
}
