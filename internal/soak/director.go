package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// director says what happens when: rotations, outages, reloads and samples.
type director struct {
	world    *world
	load     *load
	o        options
	random   *rand.Rand
	progress io.Writer

	began    time.Time // of measuring
	samples  []sample
	requests uint64    // at the last sample
	sampled  time.Time // when work went on after it
	failing  func()    // ends the outage; nil: there is none
	deck     []fault   // those that are still to come
	counts   counts
	err      error
}

// counts is how much there was of what happened, the warm-up included.
type counts struct {
	Rotations int `json:"rotations"`
	Outages   int `json:"outages"`
	Reloads   int `json:"reloads"`
}

func newDirector(w *world, l *load, o options, progress io.Writer) *director {
	return &director{world: w, load: l, o: o, random: rand.New(rand.NewPCG(o.seed, 1<<32)), progress: progress}
}

// scene is something that happens again and again.
type scene struct {
	at    time.Time
	every func() time.Duration
	play  func()
}

// direct lets the load work, and reports. An end of ctx before its time is no error:
// what was measured until then is reported.
func (d *director) direct(ctx context.Context) (*report, error) {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, d.o.warm+d.o.length+d.o.interval/2)
	defer cancel()
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var working sync.WaitGroup
	working.Go(func() { d.load.run(work) })
	working.Go(func() { d.renewCorpora(work) })
	d.play(ctx, begun)
	if d.failing != nil {
		d.endOutage()
	}
	stop()
	working.Wait()
	if d.err != nil {
		return nil, d.err
	}
	return d.report(), nil
}

// renewCorpora keeps them fresh. It is beside everything else because it takes time.
func (d *director) renewCorpora(ctx context.Context) {
	for t := time.NewTicker(freshCorpora / 2); ; {
		select {
		case <-t.C:
			d.world.bad.renew(d.world)
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

// play plays the scenes, each at its time, until ctx ends.
func (d *director) play(ctx context.Context, begun time.Time) {
	about := func(every time.Duration) func() time.Duration {
		return func() time.Duration { return every/2 + time.Duration(d.random.Int64N(int64(every))) } // on the average
	}
	scenes := []*scene{
		{begun.Add(d.o.warm), func() time.Duration { return d.o.interval }, d.sample},
		{begun.Add(d.o.rotateEvery), about(d.o.rotateEvery), d.rotate},
		{begun.Add(d.o.outageEvery), about(d.o.outageEvery), func() { d.outage(ctx) }},
	}
	for d.err == nil {
		next := scenes[0]
		for _, s := range scenes {
			if s.at.Before(next.at) {
				next = s
			}
		}
		if !wait(ctx, time.Until(next.at)) {
			return
		}
		next.play()
		next.at = time.Now().Add(next.every())
	}
}

// wait reports whether the time passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

func (d *director) rotate() {
	d.world.rotation.next()
	d.counts.Rotations++
}

// modes in which servers fail.
var modes = []validatortest.Mode{
	validatortest.ModeDown, validatortest.ModeHang, validatortest.ModeError, validatortest.ModeGarbage,
	validatortest.ModeTruncated, validatortest.ModeHuge, validatortest.ModeNotFound,
}

// fault is how one server, or both, fail.
type fault struct {
	mode            validatortest.Mode
	keyed, answered bool
}

// draw takes a fault out of a shuffled deck that has each once, so that none is left out
// for long.
func (d *director) draw() fault {
	if len(d.deck) == 0 {
		for _, mode := range modes {
			d.deck = append(d.deck, fault{mode, true, false}, fault{mode, false, true}, fault{mode, true, true})
		}
		d.random.Shuffle(len(d.deck), func(i, j int) { d.deck[i], d.deck[j] = d.deck[j], d.deck[i] })
	}
	f := d.deck[0]
	d.deck = d.deck[1:]
	return f
}

// outage makes servers fail, and lets them answer again. A key is rotated meanwhile: it
// cannot be asked for.
func (d *director) outage(ctx context.Context) {
	f, w := d.draw(), d.world
	if f.keyed {
		w.noKeys.begin()
		w.keyed.SetMode(f.mode)
	}
	if f.answered {
		w.noAnswers.begin()
		w.asked.SetMode(f.mode)
	}
	d.failing = func() {
		if f.keyed {
			w.keyed.SetMode(validatortest.ModeUp)
			w.noKeys.end()
		}
		if f.answered {
			w.asked.SetMode(validatortest.ModeUp)
			w.noAnswers.end()
		}
	}
	d.counts.Outages++
	d.rotate()
	wait(ctx, d.o.outageFor)
	d.endOutage()
}

func (d *director) endOutage() {
	d.failing()
	d.failing = nil
}

// sample takes a sample at rest, and reloads behind it, so that each sample is as long
// behind a reload, with its empty cache, as all others.
func (d *director) sample() {
	d.load.rest.Lock()
	defer d.load.rest.Unlock()
	if d.began.IsZero() {
		d.began, d.sampled, d.requests = time.Now(), time.Now(), d.load.requests.Load()
		defer d.load.measuring.Store(true)
	}
	worked := time.Since(d.sampled)
	d.world.hangUp() // how many connections there happen to be says nothing
	s := measure(time.Since(d.began))
	s.Wrong = d.load.wrong.Load()
	if now := d.load.requests.Load(); len(d.samples) > 0 {
		s.Rate = float64(now-d.requests) / worked.Seconds()
		d.requests = now
	}
	d.samples = append(d.samples, s)
	fmt.Fprintln(d.progress, s.line())
	if d.o.hooks.rest != nil {
		d.o.hooks.rest(len(d.samples))
	}
	if err := d.world.reload(); err != nil {
		d.err = err
		return
	}
	d.counts.Reloads++
	d.sampled = time.Now()
}
