package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// load is the clients, and what they saw.
type load struct {
	world   *world
	classes []class
	seen    []seen // by class
	pace    *rate.Limiter
	clients int
	seed    uint64
	told    func(class, problem string) // of hooks

	rest      sync.RWMutex // held for reading by every attempt, and for writing by who wants none
	measuring atomic.Bool
	requests  atomic.Uint64
	wrong     atomic.Uint64

	mu    sync.Mutex
	first []string // wrong verdicts, in words; guarded by mu
}

// seen is what came of a class. The numbers of answers are by what matters of a status.
type seen struct {
	times                                    histogram
	accepted, refused, undecided, cut, wrong atomic.Uint64
}

// inWords is how many wrong verdicts are told in words.
const inWords = 20

func newLoad(w *world, o options) *load {
	l := &load{
		world: w, classes: classes(), clients: o.clients, seed: o.seed, told: o.hooks.seen,
		pace: rate.NewLimiter(rate.Limit(o.rate), o.clients),
	}
	l.seen = make([]seen, len(l.classes))
	return l
}

// run lets the clients work until ctx ends.
func (l *load) run(ctx context.Context) {
	var all sync.WaitGroup
	for i := range l.clients {
		all.Go(func() {
			c := &client{world: l.world, load: l, random: rand.New(rand.NewPCG(l.seed, uint64(i))), ctx: ctx}
			for l.pace.Wait(ctx) == nil {
				c.attempt()
			}
		})
	}
	all.Wait()
}

// attempt lets one class try, which is chosen by weight.
func (c *client) attempt() {
	c.load.rest.RLock()
	defer c.load.rest.RUnlock()
	total := 0
	for i := range c.load.classes {
		total += c.load.classes[i].weight
	}
	left := c.random.IntN(total)
	for i := range c.load.classes {
		c.class = &c.load.classes[i]
		if left -= c.class.weight; left < 0 {
			break
		}
	}
	c.class.try(c)
}

// of is what was seen of a class.
func (l *load) of(class *class) *seen {
	for i := range l.classes {
		if &l.classes[i] == class {
			return &l.seen[i]
		}
	}
	panic("soak: no such class")
}

// record takes an answer in, and what is wrong with it.
func (l *load) record(class *class, a answer, problem string) {
	l.requests.Add(1)
	if l.told != nil {
		defer l.told(class.name, problem)
	}
	if problem != "" {
		l.blame(class, problem)
	}
	if !l.measuring.Load() {
		return
	}
	s := l.of(class)
	s.times.add(a.ended.Sub(a.began))
	switch {
	case a.err != nil:
		s.cut.Add(1)
	case a.status < 300:
		s.accepted.Add(1)
	case a.status == 503:
		s.undecided.Add(1)
	default:
		s.refused.Add(1)
	}
}

// blame counts a wrong verdict, also while it is not measured.
func (l *load) blame(class *class, problem string) {
	l.wrong.Add(1)
	l.of(class).wrong.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.first) < inWords {
		l.first = append(l.first, fmt.Sprintf("%s %s: %s", time.Now().UTC().Format(time.TimeOnly), class.name, problem))
	}
}

func (l *load) problems() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.first...)
}
