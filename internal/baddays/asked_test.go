package baddays

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
)

var askedColumns = []column{keysColumns[1], keysColumns[3], keysColumns[5]}

// TestBadDaysWithIntrospection is TestBadDays with an issuer that can be asked about
// tokens all the while. It is where the last fetch of keys failed, and nowhere else;
// the keys decide again soon after they are back.
func TestBadDaysWithIntrospection(t *testing.T) {
	table := newTable("asked", "by its keys again", askedColumns)
	for _, day := range days {
		if day.asked.cells == nil {
			continue
		}
		t.Run(day.name, func(t *testing.T) {
			var measured row
			for _, c := range askedColumns {
				t.Run(c.name, func(t *testing.T) {
					w := newWorld(t, &day, time.Hour, askable)
					raw := c.prepare(w)
					token := raw()
					o := w.ask(token)
					measured.cells = append(measured.cells, o)
					if o.introspected {
						measured.again = max(measured.again, w.backToKeys(token))
					} else {
						measured.again = max(measured.again, w.recover(raw, o))
					}
				})
			}
			table.add(t, &day, day.asked, measured)
		})
	}
	t.Run("document", table.check)
}

// askable is an issuer that is asked over another road.
func askable(w *world, is *validator.Issuer) {
	w.AddClient("api", "secret")
	is.Introspection = &introspect.Config{
		Endpoint: w.serve(towards(w)).URL + "/v1/introspect",
		Auth:     introspect.ClientSecretBasic("api", introspect.StaticSecret("secret")),
	}
}

// backToKeys is recover for a token that is accepted by what its issuer says. It goes
// on being used, has the trouble end when a fetch has just failed, and returns after
// how long the token is accepted by its key.
func (w *world) backToKeys(raw string) time.Duration {
	w.t.Helper()
	next := func() (introspected bool) { // when a fetch may begin; it does then
		w.clock.Advance(max(0, w.v.Status()[0].Keys.NextTry.Sub(w.now())))
		o := w.decide(raw)
		assert.True(w.t, o.right(), o.String())
		if o.introspected {
			w.land() // nobody waits for it
		}
		return o.introspected
	}
	for range 5 {
		if w.day.end == nil {
			break
		}
		if w.day.during != nil {
			w.day.during(w)
		}
		assert.True(w.t, next())
	}
	if w.day.end != nil {
		w.day.end(w)
	}
	ended := w.clock.Now()
	for next() && w.decide(raw).introspected {
		if !assert.Less(w.t, w.clock.Now().Sub(ended), never) {
			break
		}
	}
	return w.clock.Now().Sub(ended)
}
