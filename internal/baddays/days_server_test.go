package baddays

import (
	"net/http"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

var serverDays = []day{
	{
		name: "500", begin: always(http.StatusInternalServerError, "no"), end: clearRoad,
		keys: outage, aged: agedOutage, asked: askedOutage,
	},
	{
		name: "503 with Retry-After: 120", begin: always(http.StatusServiceUnavailable, "", "Retry-After", "120"), end: clearRoad,
		most:  remote.MaxRetryAfter,
		keys:  row{[]outcome{accepted, later, accepted, later, accepted, later}, time.Minute},
		aged:  row{[]outcome{fetchedAhead, fetchedAhead, later, later, later, later}, time.Minute},
		asked: row{[]outcome{introspected, introspected, introspected}, time.Minute},
	},
	{
		name: "login page", begin: always(http.StatusOK, "<!DOCTYPE html><title>Sign in</title>", "Content-Type", "text/html"), end: clearRoad,
		keys: outage, aged: agedOutage, asked: askedOutage,
	},
	{
		name: "empty key set", begin: empty, end: clearRoad,
		keys: outage, aged: agedOutage, asked: askedOutage,
	},
	{
		name: "empty key set for more than 5 min", end: clearRoad,
		begin: func(w *world) {
			empty(w)
			for range 2 {
				_, _ = w.v.Validate(w.t.Context(), w.fresh())
				w.clock.Advance(5 * time.Minute)
			}
		},
		keys: row{[]outcome{
			unknown.wrongly(), unknown.wrongly(), unknown.wrongly(), lost, accepted, lost,
		}, 10 * time.Second},
		aged: row{[]outcome{
			unknown.wrongly(), unknown.wrongly(), unknown.wrongly(), unknown.wrongly(), unknown.wrongly(), lost,
		}, 10 * time.Second},
		asked: row{[]outcome{unknown.wrongly(), introspected, introspected}, 10 * time.Second},
	},
	{
		name: "7-day max-age, and a cache that obeys no-cache", begin: func(w *world) { behind(w, true) },
		keys: fine, aged: agedFine, asked: askedFine,
	},
	{
		name:  "7-day max-age, and a CDN that serves the old set",
		begin: func(w *world) { w.over = behind(w, false).expire }, end: (*world).itIsOver,
		keys:  row{[]outcome{accepted, unknown.wrongly(), accepted, fetched, accepted, unknown.wrongly()}, 10 * time.Second},
		aged:  row{[]outcome{fetchedAhead, fetchedAhead, fetched, unknown.wrongly(), fetched, fetched}, 10 * time.Second},
		asked: row{[]outcome{unknown.wrongly(), fetched, unknown.wrongly()}, 10 * time.Second},
	},
	{
		name: "JWKS URL moved, the metadata say where", begin: func(w *world) { w.move()() },
		keys: fine, aged: agedFine, asked: askedFine,
	},
	{
		name: "JWKS URL moved, the metadata do not say yet", begin: func(w *world) { w.over = w.move() }, end: (*world).itIsOver,
		keys: outage, aged: agedOutage, asked: askedOutage,
	},
	{
		name: "JWKS URL moved, the old one answers 500", varies: true,
		begin: func(w *world) {
			w.move()()
			w.SetKeysMode(validatortest.ModeError)
		},
		keys:  row{[]outcome{accepted, lost, accepted, fetched, accepted, fetched}, 3 * time.Second},
		aged:  row{[]outcome{fetchedAhead, fetchedAhead, lost, lost, lost, fetched}, 3 * time.Second},
		asked: row{[]outcome{introspected, fetched, fetched}, 3 * time.Second},
	},
	{
		name:   "JWKS URL moved, and is configured",
		issuer: func(w *world, is *validator.Issuer) { is.JWKSURL = w.JWKSURL() },
		begin:  func(w *world) { w.move()() },
		end: func(w *world) { // by its owner
			w.config.Issuers[0].JWKSURL = w.elsewhere()
			var err error
			w.v, err = w.v.WithConfig(w.config)
			require.NoError(w.t, err)
		},
		keys: outage, aged: agedOutage, asked: row{askedOutage.cells, 0},
	},
	{
		name: "same kid, new key", most: never,
		begin: func(w *world) {
			old, kid := w.known(), w.KID()
			w.known = func() string { return old }
			w.fresh = func() string { return w.mint(kid) }
			w.Rekey(kid)
		},
		keys:  row{[]outcome{accepted.wrongly(), bad.wrongly(), accepted.wrongly(), bad.byFetch(), accepted.wrongly(), bad.wrongly()}, never},
		aged:  row{[]outcome{fetchedAhead.wrongly(), fetchedAhead.wrongly(), bad.byFetch(), fetched, bad.byFetch(), bad.byFetch()}, 0},
		asked: row{[]outcome{bad.wrongly(), bad.byFetch(), bad.wrongly()}, never},
	},
	{
		name:  "rotation storm",
		begin: func(w *world) { w.storm(6) }, during: func(w *world) { w.storm(2) }, end: func(*world) {}, varies: true,
		keys:  row{[]outcome{accepted, throttled, accepted, fetched, accepted, fetched}, 10 * time.Second},
		asked: row{[]outcome{throttled, fetched, fetched}, 10 * time.Second},
	},
}

var later = lost.retryIn(remote.MaxRetryAfter)

func (w *world) itIsOver() { w.over() }

// move has the server serve its keys at another address, and nothing at the old one.
// Its metadata say so from the call of announce on.
func (w *world) move() (announce func()) {
	w.SetKeysMode(validatortest.ModeNotFound)
	address := w.elsewhere()
	return func() { w.SetMetadata(func(document map[string]any) { document["jwks_uri"] = address }) }
}

// storm rotates the keys that often. Each of them is used, the last by who asks next.
func (w *world) storm(rotations int) {
	for i := range rotations {
		kid := w.Prepare("ES256")
		w.Publish(kid)
		w.fresh = func() string { return w.mint(kid) }
		if i < rotations-1 {
			_, _ = w.v.Validate(w.t.Context(), w.fresh())
		}
	}
}
