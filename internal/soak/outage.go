package main

import (
	"slices"
	"sync"
	"time"
)

// outage is when a server could not be asked: what its failing can cause may be seen
// then, and for tail after it.
type outage struct {
	tail time.Duration

	mu    sync.Mutex
	spans []span // the last few; guarded by mu
}

// span is from before something begins until after it ended; no end: it goes on.
type span struct{ from, until time.Time }

// remembered are more spans than a tail covers.
const remembered = 8

func (o *outage) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.spans) == remembered {
		o.spans = slices.Delete(o.spans, 0, 1)
	}
	o.spans = append(o.spans, span{from: time.Now()})
}

func (o *outage) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.spans[len(o.spans)-1].until = time.Now()
}

// felt reports whether an outage, or its tail, falls into a time.
func (o *outage) felt(began, ended time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.spans, func(s span) bool {
		return !s.from.After(ended) && (s.until.IsZero() || !began.After(s.until.Add(o.tail)))
	})
}

// during is felt for an answer.
func (o *outage) during(a answer) bool { return o.felt(a.began, a.ended) }
