package validator

import (
	"encoding/binary"
	"time"
)

// told is what is shared of an answer.
type told struct {
	kind  byte
	sent  time.Time // when its question was sent
	until time.Time // when it is of no use any more
	text  string    // of an active answer
}

// The kinds of what is told.
const (
	toldNothing  = 'n' // an answer that decides for nobody else, and that no older one may replace
	toldInactive = 'i'
	toldActive   = 'a'
)

const toldHead = 1 + 8 + 8

func (t *told) append(to []byte) []byte {
	to = append(to, t.kind)
	to = binary.BigEndian.AppendUint64(to, uint64(t.sent.UnixMicro()))
	to = binary.BigEndian.AppendUint64(to, uint64(t.until.Add(time.Microsecond-1).UnixMicro())) // rounded up: a bound may end with a nanosecond of its own
	return append(to, t.text...)
}

func parseTold(plain []byte) (t told, ok bool) {
	if len(plain) < toldHead {
		return told{}, false
	}
	date := func(at int) time.Time { return time.UnixMicro(int64(binary.BigEndian.Uint64(plain[at:]))) } // #nosec G115 -- a date before 1970 is negative, and comes back as it was
	return told{plain[0], date(1), date(9), string(plain[toldHead:])}, true
}

// counts reports whether it can be of any use now, whatever the store thinks of its
// age, and turns its times into instants of our clock that are no later: the other one
// may have been ahead.
func (t *told) counts(now time.Time, skew time.Duration) bool {
	age := now.Sub(t.sent)
	if age+skew < 0 { // it was asked in the future, or longer ago than can be said: one of the clocks is wrong
		return false
	}
	t.sent, t.until = now.Add(-age-skew), t.until.Add(-skew)
	return now.Before(t.until)
}
