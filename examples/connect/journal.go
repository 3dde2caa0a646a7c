package main

import (
	"context"
	"errors"

	"github.com/bearerguard/bearerguard/validator"
)

// entry is why a call was answered as it was. The client is never told.
type entry struct {
	procedure string
	reason    validator.Reason // empty: accepted
}

// String is a log line.
func (e entry) String() string {
	if e.reason == "" {
		return e.procedure + ": accepted"
	}
	return e.procedure + ": refused, " + string(e.reason)
}

// journal hands the entries to whoever reads them. A service would write a log and
// count.
type journal struct{ entries chan entry }

func newJournal() *journal { return &journal{make(chan entry, 16)} }

func (j *journal) write(ctx context.Context, procedure string, err error) {
	e := entry{procedure: procedure}
	if cause := (*validator.Error)(nil); errors.As(err, &cause) {
		e.reason = cause.Reason
	}
	select {
	case j.entries <- e:
	case <-ctx.Done():
	}
}
