package baddays

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/jwks"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

var (
	ahead   = expired.wrongly()
	behind5 = future.wrongly()
)

var clockDays = []day{
	{
		name: "clock 5 h ahead", begin: func(w *world) { w.off(5 * time.Hour) }, end: (*world).onTime,
		keys:  row{[]outcome{ahead, ahead, ahead, ahead, ahead, ahead}, 0},
		aged:  row{[]outcome{fetched, fetched, fetched, fetched, fetched, fetched}, 0},
		asked: row{[]outcome{ahead, ahead, ahead}, 0},
	},
	{
		name: "clock 5 h behind", begin: func(w *world) { w.off(-5 * time.Hour) }, end: (*world).onTime, refuses: jwks.ErrEnvelopeFuture,
		keys:  row{[]outcome{behind5, behind5, behind5, behind5, behind5, behind5}, 0},
		asked: row{[]outcome{behind5, behind5, behind5}, 0},
	},
	{
		name: "clock jumps to and fro during an outage",
		edits: []validatortest.Edit{ // which are good by either clock
			validatortest.NoClaim("iat"), validatortest.Claim("exp", newClock().Now().Add(48*time.Hour).Unix()),
		},
		begin: func(w *world) {
			answering(nothing, reset)(w)
			_, _ = w.v.Validate(w.t.Context(), w.fresh())
			w.off(5 * time.Hour)
		},
		during: func(w *world) { w.off(-w.now().Sub(w.clock.Now())) },
		end: func(w *world) {
			w.road.clear()
			w.onTime()
		},
		isIt: isOneOf(syscall.ECONNRESET),
		keys: row{[]outcome{
			accepted, lost.retryIn(2 * time.Second), accepted, lost, accepted, lost,
		}, 10 * time.Second},
		asked: row{askedOutage.cells, 0},
	},
	{
		name: "suspended for 8 h during a fetch", begin: (*world).suspend, isIt: isOneOf(syscall.ECONNRESET),
		keys:  row{[]outcome{accepted, lost.atOnce(), expired, fetched, accepted, fetched}, time.Second},
		aged:  row{[]outcome{fetched, fetched, fetched, fetched, fetched, fetched}, 0},
		asked: row{[]outcome{{introspected: true}, fetched, fetched}, time.Second},
	},
}

// off sets the validator's clock wrong by that much, and onTime right.
func (w *world) off(d time.Duration) { w.skew.Store(int64(d)) }
func (w *world) onTime()             { w.off(0) }

// suspend has the machine sleep while a fetch is in the air. Its connection is gone
// when it wakes up.
func (w *world) suspend() {
	arrived, awake := make(chan struct{}), make(chan struct{})
	w.road.leads(w.listen(func(c *net.TCPConn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			return
		}
		close(arrived)
		<-awake
		reset(c)
	}))
	asked, raw := make(chan error, 1), w.fresh()
	go func() {
		_, err := w.v.Validate(context.Background(), raw)
		asked <- err
	}()
	<-arrived
	w.clock.Advance(8 * time.Hour)
	close(awake)
	if err := <-asked; w.config.Issuers[0].Introspection == nil {
		assert.Equal(w.t, validator.ReasonKeysUnavailable, reasonOf(err))
	}
	w.road.clear()
}
