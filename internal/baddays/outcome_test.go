package baddays

import (
	"fmt"
	"time"

	"github.com/bearerguard/bearerguard/validator"
)

// outcome is one decision.
type outcome struct {
	class        error // nil: accepted
	reason       validator.Reason
	retry        time.Duration // Error.RetryAfter
	fetch        bool          // it waited for the server's keys
	took         time.Duration // by the clock
	ahead        bool          // it had a fetch begin that nobody waits for
	introspected bool
	wrong        bool // whoever knows the server's keys and the time decides otherwise
}

// What the days do.
var (
	accepted     = outcome{}
	fetched      = outcome{fetch: true}
	fetchedAhead = outcome{ahead: true}
	introspected = outcome{fetch: true, introspected: true}

	unknown   = outcome{class: validator.ErrInvalidToken, reason: validator.ReasonUnknownKey, fetch: true}
	bad       = outcome{class: validator.ErrInvalidToken, reason: validator.ReasonBadSignature}
	expired   = outcome{class: validator.ErrInvalidToken, reason: validator.ReasonExpired}
	future    = outcome{class: validator.ErrInvalidToken, reason: validator.ReasonIssuedInFuture}
	lost      = outcome{class: validator.ErrUnavailable, reason: validator.ReasonKeysUnavailable, fetch: true, retry: time.Second}
	throttled = outcome{class: validator.ErrUnavailable, reason: validator.ReasonKeyRefreshThrottled, retry: 10 * time.Second}
)

func (o outcome) taking(d time.Duration) outcome  { o.took = d; return o }
func (o outcome) retryIn(d time.Duration) outcome { o.retry = d; return o }
func (o outcome) wrongly() outcome                { o.wrong = true; return o }
func (o outcome) byFetch() outcome                { o.fetch = true; return o }
func (o outcome) atOnce() outcome                 { o.fetch = false; return o }

// right: it was decided, and well.
func (o outcome) right() bool { return o.class != validator.ErrUnavailable && !o.wrong }

// same reports whether the decision is the same, however it was come by.
func (o outcome) same(other outcome) bool { return o.class == other.class && o.reason == other.reason }

// String is the outcome in the document.
func (o outcome) String() string {
	text := map[error]string{nil: "accepted", validator.ErrInvalidToken: "refused", validator.ErrUnavailable: "undecided"}[o.class]
	if o.class != nil {
		text += " `" + string(o.reason) + "`"
	}
	for _, part := range []struct {
		holds bool
		text  string
	}{
		{o.wrong, " †"},
		{o.fetch && o.took == 0, ", fetch"},
		{o.fetch && o.took > 0, ", fetch of " + spell(o.took)},
		{o.ahead, ", fetch ahead"},
		{o.introspected, ", introspected"},
		{o.retry > 0, ", retry " + spell(o.retry)},
	} {
		if part.holds {
			text += part.text
		}
	}
	return text
}

// row is what is measured on a day: an outcome for each column, and how long after
// the end of the trouble the last of them is right.
type row struct {
	cells []outcome
	again time.Duration
}

// never is longer than anybody waits.
const never = 20 * time.Minute

func spell(d time.Duration) string {
	switch {
	case d == 0:
		return "at once"
	case d >= never:
		return "not by itself"
	case d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}
