package baddays

import (
	"testing"
	"time"

	"github.com/bearerguard/bearerguard/validator"
)

// The ages of TestBadDaysOfAge, and a lifetime of tokens that is longer.
const keyMaxAge, keyMaxStale, lifetime = time.Hour, 2 * time.Hour, 48 * time.Hour

// past has the day begin, and more than that pass before anybody asks.
func (w *world) past(age time.Duration) {
	w.begin()
	w.clock.Advance(age + time.Second)
}

func cachedPast(age time.Duration) func(*world) func() string {
	return func(w *world) func() string {
		raw := w.cached()
		w.past(age)
		return raw
	}
}

var agedColumns = []column{
	{"1 h, known kid", func(w *world) func() string {
		w.past(keyMaxAge)
		return w.knownToken
	}},
	{"1 h, cached token", cachedPast(keyMaxAge)},
	{"2 h, known kid", func(w *world) func() string {
		w.past(keyMaxStale)
		return w.knownToken
	}},
	{"2 h, new kid", func(w *world) func() string {
		w.past(keyMaxStale)
		return w.freshToken
	}},
	{"2 h, cached token", cachedPast(keyMaxStale)},
	{"2 h, " + exported + "known kid", func(w *world) func() string {
		data := export(w.t, w.v)
		w.past(keyMaxStale)
		w.restart(data)
		return w.knownToken
	}},
}

// TestBadDaysOfAge is TestBadDays with KeyMaxAge and KeyMaxStale, and keys that have
// come to that age during the trouble.
func TestBadDaysOfAge(t *testing.T) {
	table := newTable("aged", "right again", agedColumns)
	for _, day := range days {
		if day.aged.cells == nil {
			continue
		}
		t.Run(day.name, func(t *testing.T) {
			var measured row
			for i, c := range agedColumns {
				t.Run(c.name, func(t *testing.T) {
					w := newWorld(t, &day, lifetime, func(_ *world, is *validator.Issuer) {
						is.KeyMaxAge, is.KeyMaxStale = keyMaxAge, keyMaxStale
					})
					raw := c.prepare(w)
					if day.aged.cells[i].ahead {
						measured.cells = append(measured.cells, w.askAhead(raw()))
						return
					}
					o := w.ask(raw())
					measured.cells = append(measured.cells, o)
					w.isReady(o, false)
					measured.again = max(measured.again, w.recover(raw, o))
					w.roadWasAsSaid(o)
				})
			}
			table.add(t, &day, day.aged, measured)
		})
	}
	t.Run("document", table.check)
}
