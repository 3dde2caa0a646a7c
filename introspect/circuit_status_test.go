package introspect_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
)

// TestStatusOfTheCircuit: open until an answer, with the time of the next try while it
// lasts, and each opening counted.
func TestStatusOfTheCircuit(t *testing.T) {
	s := newTrouble(t, down)
	idle := introspect.Status{MaxInFlight: introspect.DefaultMaxInFlight, MaxWaiting: introspect.DefaultMaxWaiting}
	assert.Equal(t, idle, s.Status())
	s.fail(t, enough-1)
	assert.Equal(t, idle, s.Status())

	s.fail(t, 1)
	open := idle
	open.Open, open.Openings, open.NextTry = true, 1, s.clock.Now().Add(time.Second)
	assert.Equal(t, open, s.Status())
	s.clock.Advance(time.Second)
	open.NextTry = time.Time{}
	assert.Equal(t, open, s.Status(), "it may be tried again, and nothing came of that yet")
	s.fail(t, enough)
	assert.EqualValues(t, 2, s.Status().Openings)

	s.clock.Advance(2 * time.Second)
	s.set(with(200, yes))
	require.NoError(t, s.ask())
	closed := idle
	closed.Openings = 2
	assert.Equal(t, closed, s.Status())
}

// TestStatusOfTheQueue: how many are on their way, and how many wait.
func TestStatusOfTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 2, 3)
		c.ask(t.Context(), 4)
		assert.Equal(t, introspect.Status{InFlight: 2, MaxInFlight: 2, Waiting: 2, MaxWaiting: 3}, c.client.Status())
		c.ask(t.Context(), 2) // one too many
		c.busy(t, 1)
		assert.Equal(t, introspect.Status{InFlight: 2, MaxInFlight: 2, Waiting: 3, MaxWaiting: 3}, c.client.Status())
		close(c.gate)
		synctest.Wait()
		assert.Equal(t, introspect.Status{MaxInFlight: 2, MaxWaiting: 3}, c.client.Status())
	})
}
