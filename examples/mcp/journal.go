package main

import (
	"context"

	"github.com/bearerguard/bearerguard/validator"
)

// entry is why a request was answered as it was. The client is never told. Empty: it
// was accepted.
type entry validator.Reason

// String is a log line.
func (e entry) String() string {
	if e == "" {
		return "accepted"
	}
	return "refused, " + string(e)
}

// journal hands the entries to whoever reads them. A service would write a log and
// count.
type journal struct{ entries chan entry }

func newJournal() *journal { return &journal{make(chan entry, 16)} }

// decision is the validator's Observer. What nobody reads is lost.
func (j *journal) decision(_ context.Context, d validator.Decision) {
	e := entry("")
	if d.Err != nil {
		e = entry(d.Err.Reason)
	}
	select {
	case j.entries <- e:
	default:
	}
}

// drain forgets what was written, and returns the last of it.
func (j *journal) drain() (last entry) {
	for {
		select {
		case last = <-j.entries:
		default:
			return last
		}
	}
}
