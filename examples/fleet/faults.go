package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// fault is what happens to Redis.
type fault struct {
	name       string
	lasts      time.Duration
	begin, end func(*stage) error
}

var faults = []fault{
	{"killed for 2 s, restarted empty", 2 * time.Second, kill, restart},
	{"stopped for 3 s (SIGSTOP)", 3 * time.Second, func(s *stage) error { return s.redis.Stop() }, func(s *stage) error { return s.redis.Continue() }},
	{"flushed (FLUSHALL)", 0, flush, nothing},
	{"restarted at once, empty", 0, kill, restart},
}

func kill(s *stage) error    { s.redis.Kill(); return nil }
func restart(s *stage) error { return s.redis.Restart() }
func nothing(*stage) error   { return nil }

func flush(s *stage) error {
	conn, err := net.Dial("tcp", s.redis.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err = fmt.Fprint(conn, "FLUSHALL\r\n"); err == nil {
		_, err = conn.Read(make([]byte, 5)) // +OK
	}
	return err
}

// The kinds of requests that are sent all the time.
const (
	jwts = iota
	opaques
	proofs
	refusing
	kinds
)

var kindNames = [kinds]string{"JWT", "opaque token", "JWT with a DPoP proof", "JWT, while_behind: refuse"}

// trial is what became of requests during a fault, and until Redis was of use again.
type trial struct {
	fault string
	kinds [kinds]tally
	// twice are proofs that were accepted a second time.
	twice int
}

// tally counts requests of one kind.
type tally struct {
	counts   map[outcome]int
	recovery time.Duration // from the end of the fault to the last request that was not served
	streak   int           // requests that were sent after the end and served, one after the other
}

// traffic sends requests, and is safe for concurrent use.
type traffic struct {
	*stage
	holder holder
	mu     sync.Mutex
	ended  time.Time // of the fault; zero: not yet
	trial
}

// enough is how many requests in a row must be served until a fault is taken for over.
const enough = 20

// try has a fault happen among requests.
func (f fault) try(ctx context.Context, s *stage) (trial, error) {
	t := &traffic{stage: s, holder: s.newHolder()}
	t.trial.fault = f.name
	for kind := range t.trial.kinds {
		t.trial.kinds[kind].counts = map[outcome]int{}
	}
	sending, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() { t.send(sending, ctx) })
	defer all.Wait()
	defer stop()
	if err := f.begin(s); err != nil {
		return t.trial, err
	}
	select {
	case <-time.After(f.lasts):
	case <-ctx.Done():
		return t.trial, context.Cause(ctx)
	}
	if err := f.end(s); err != nil {
		return t.trial, err
	}
	t.mu.Lock()
	t.ended = time.Now()
	t.mu.Unlock()
	err := until(ctx, "answers are shared again", func() bool { return t.shares(ctx) })
	t.trial.kinds[opaques].recovery = time.Since(t.ended)
	if err == nil {
		err = until(ctx, "all requests are served again", t.over)
	}
	stop()
	all.Wait()
	return t.trial, err
}

// send sends a request of each kind, to the gateways in turn, until ctx ends, and waits
// for the answers.
func (t *traffic) send(ctx, requests context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		one, other := t.gateways[i%2], t.gateways[(i+1)%2]
		all.Go(func() { t.note(jwts, func() outcome { return t.get(requests, one, t.token(), "") }) })
		all.Go(func() { t.note(opaques, func() outcome { return t.get(requests, one, t.opaque(), "") }) })
		all.Go(func() { t.note(refusing, func() outcome { return t.get(requests, t.gateways[2], t.token(), "") }) })
		all.Go(func() {
			proof := t.holder.proof()
			first := t.note(proofs, func() outcome { return t.get(requests, one, t.holder.token, proof) })
			if first == served && t.get(requests, other, t.holder.token, proof) == served {
				t.mu.Lock()
				t.twice++
				t.mu.Unlock()
			}
		})
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// note counts what becomes of a request.
func (t *traffic) note(kind int, send func() outcome) outcome {
	began := time.Now()
	o := send()
	t.mu.Lock()
	defer t.mu.Unlock()
	of := &t.trial.kinds[kind]
	if o == denied {
		o = lost // all that is sent here is good
	}
	of.counts[o]++
	switch {
	case o != served:
		of.streak = 0
		if !t.ended.IsZero() {
			of.recovery = max(of.recovery, began.Sub(t.ended))
		}
	case !t.ended.IsZero() && began.After(t.ended):
		of.streak++
	}
	return o
}

// over reports whether all requests have been served for a while.
func (t *traffic) over() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, of := range t.trial.kinds {
		if of.streak < enough {
			return false
		}
	}
	return true
}

// shares reports whether a gateway knows what another one was told about a token. It
// looks by a token of its own, for which nobody else asks.
func (t *traffic) shares(ctx context.Context) bool {
	token := t.opaque()
	if t.get(ctx, t.gateways[0], token, "") != served {
		return false
	}
	t.as.Revoke(token) // whoever asks now is told that it is not active
	return t.get(ctx, t.gateways[1], token, "") == served
}
