package main

import (
	"context"
	"net/http"

	"github.com/bearerguard/bearerguard/validator"
)

// entry is why a request was answered as it was. The client is never told.
type entry struct {
	request string           // method and path
	reason  validator.Reason // empty: accepted
	cached  bool             // what is known about the token came from the cache
}

// String is a log line.
func (e entry) String() string {
	if e.reason == "" {
		return e.request + ": accepted"
	}
	return e.request + ": refused, " + string(e.reason)
}

// journal tells why requests were answered as they were. A service would write
// a log and count; this one hands the entries to whoever reads them.
type journal struct{ entries chan entry }

func newJournal() *journal { return &journal{make(chan entry, 16)} }

type entryKey struct{}

// decision is the validator's Observer. The context is that of the request.
func (*journal) decision(ctx context.Context, d validator.Decision) {
	e, ok := ctx.Value(entryKey{}).(*entry)
	if !ok {
		return
	}
	e.cached = d.Cached
	if d.Err != nil {
		e.reason = d.Err.Reason
	}
}

// watch makes an entry for every request.
func (j *journal) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := &entry{request: r.Method + " " + r.URL.Path}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), entryKey{}, e)))
		select {
		case j.entries <- *e:
		case <-r.Context().Done():
		}
	})
}
