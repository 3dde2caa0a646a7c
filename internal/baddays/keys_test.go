package baddays

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
)

// column is one kind of token, or of process. prepare has the day begin, and returns
// the tokens to ask about.
type column struct {
	name    string
	prepare func(*world) (raw func() string)
}

// A new process starts on that day, without anything or with what was exported before.
const afresh, exported = "restart, ", "restart with an export, "

var keysColumns = []column{
	{"known kid", func(w *world) func() string {
		w.begin()
		return w.knownToken
	}},
	{"new kid", func(w *world) func() string {
		w.begin()
		return w.freshToken
	}},
	{"cached token", func(w *world) func() string {
		raw := w.cached()
		w.begin()
		return raw
	}},
	{afresh + "known kid", func(w *world) func() string {
		w.begin()
		w.restart(nil)
		return w.knownToken
	}},
	{exported + "known kid", func(w *world) func() string {
		data := export(w.t, w.v)
		w.begin()
		w.restart(data)
		return w.knownToken
	}},
	{exported + "new kid", func(w *world) func() string {
		data := export(w.t, w.v)
		w.begin()
		w.restart(data)
		return w.freshToken
	}},
}

// cached is a token that was accepted already.
func (w *world) cached() func() string {
	w.t.Helper()
	raw := w.known()
	require.Equal(w.t, accepted, w.ask(raw))
	return func() string { return raw }
}

// TestBadDays: what becomes of tokens, that it is the same for as long as the day
// lasts, and that it is right soon after.
func TestBadDays(t *testing.T) {
	table := newTable("keys", "right again", keysColumns)
	for _, day := range days {
		t.Run(day.name, func(t *testing.T) {
			var measured row
			for _, c := range keysColumns {
				t.Run(c.name, func(t *testing.T) {
					w := newWorld(t, &day, time.Hour)
					raw := c.prepare(w)
					o := w.ask(raw())
					measured.cells = append(measured.cells, o)
					w.isReady(o, strings.HasPrefix(c.name, afresh))
					measured.again = max(measured.again, w.recover(raw, o))
					w.roadWasAsSaid(o)
				})
			}
			table.add(t, &day, day.keys, measured)
		})
	}
	t.Run("document", table.check)
}

// isReady: a validator that has had keys stays ready. One that has none yet says what
// a token by such a key is told.
func (w *world) isReady(o outcome, began bool) {
	w.t.Helper()
	err := w.v.Ready(w.t.Context())
	if began && o.reason == validator.ReasonKeysUnavailable {
		assert.ErrorIs(w.t, err, o.class)
		assert.Equal(w.t, o.reason, reasonOf(err))
		return
	}
	assert.NoError(w.t, err)
}

// roadWasAsSaid: the trouble was the one that the day is named for.
func (w *world) roadWasAsSaid(o outcome) {
	w.t.Helper()
	switch err := w.road.failed(); {
	case w.day.isIt == nil:
		assert.NoError(w.t, err)
	case err != nil || o.reason == validator.ReasonKeysUnavailable:
		assert.True(w.t, w.day.isIt(err), "%T: %v", err, err)
	}
}

// TestNobodyElseWaits: while a fetch of keys hangs, tokens by known keys and cached
// tokens are decided. Whoever waited for it would be told that it failed: it hangs
// until all have been asked.
func TestNobodyElseWaits(t *testing.T) {
	w := newWorld(t, &day{}, time.Hour)
	raw := w.cached()
	release := w.Hold()
	defer release()
	w.begin()
	waiting := make(chan error, 1)
	go func() {
		_, err := w.v.Validate(t.Context(), w.fresh())
		waiting <- err
	}()
	require.NoError(t, w.WaitKeyRequests(t.Context(), 2))
	assert.True(t, w.decide(w.known()).right())
	assert.True(t, w.decide(raw()).right())
	assert.NoError(t, w.v.Ready(t.Context()))
	assert.Len(t, w.v.Status()[0].Keys.Keys, 1)
	assert.NotEmpty(t, export(t, w.v))
	assert.Empty(t, waiting)
	release()
	assert.NoError(t, <-waiting)
}
