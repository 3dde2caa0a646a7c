package baddays

import (
	"slices"
	"time"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// day is a kind of trouble between a validator and an authorization server that
// rotates its keys on that day.
type day struct {
	name   string
	tls    bool
	issuer func(*world, *validator.Issuer) // how it is configured, beyond the usual
	edits  []validatortest.Edit            // of its tokens

	begin   func(*world)     // nil: nothing happens
	during  func(*world)     // before each further question
	end     func(*world)     // nil: what begins is over at once, or lasts
	isIt    func(error) bool // of what went wrong on the road; nil: nothing did
	refuses error            // an export of before, with this; nil: it does not
	varies  bool             // decisions are not all the same for as long as it lasts
	most    time.Duration    // see within

	keys  row // what becomes of tokens
	aged  row // with KeyMaxAge and KeyMaxStale; empty: as on a similar day
	asked row // with introspection; empty: as on a similar day
}

var days = slices.Concat(networkDays, serverDays, clockDays)

// within is how soon after the end all must be right again: a backoff at most, or a
// refill of the bucket, which pass at the same time, unless the day has its own bound.
func (d *day) within() time.Duration {
	if d.most > 0 {
		return d.most
	}
	return 10 * time.Second
}

// What most days do to tokens: those by known keys are accepted, others wait.
var (
	outage      = row{[]outcome{accepted, lost, accepted, lost, accepted, lost}, 10 * time.Second}
	agedOutage  = row{[]outcome{fetchedAhead, fetchedAhead, lost, lost, lost, lost}, 10 * time.Second}
	askedOutage = row{[]outcome{introspected, introspected, introspected}, 10 * time.Second}

	fine      = row{[]outcome{accepted, fetched, accepted, fetched, accepted, fetched}, 0}
	agedFine  = row{[]outcome{fetchedAhead, fetchedAhead, fetched, fetched, fetched, fetched}, 0}
	askedFine = row{[]outcome{fetched, fetched, fetched}, 0}
)
