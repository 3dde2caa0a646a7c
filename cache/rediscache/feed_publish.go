package rediscache

import (
	"context"
	_ "embed"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerguard/bearerguard/validator"
)

const (
	// batch is how many marks one entry of the stream has: some 70 kB.
	batch = 500
	// The pauses after failures.
	firstPause, lastPause = 50 * time.Millisecond, time.Second
	// turns is how often one waits for others that publish what was lost.
	turns = 5
)

//go:embed feed_publish.lua
var publishText string

var publishScript = redis.NewScript(publishText)

// publish takes marks that were made here. It waits for nothing.
func (f *Feed) publish(marks []validator.RevocationMark) {
	f.mu.Lock()
	f.made += uint64(len(marks))
	f.pending = append(f.pending, marks...)
	full := len(f.pending) > maxPending
	if full { // Revocations hold them all
		f.pending, f.gap = nil, true
	}
	f.mu.Unlock()
	if full {
		f.lack(0)
	}
	f.nudge()
}

// lack has what we hold compared with what Redis has, after a while.
func (f *Feed) lack(after time.Duration) {
	f.mu.Lock()
	f.losses++
	if !f.missing {
		f.missing, f.due, f.turns = true, time.Now().Add(after), 0
	}
	f.mu.Unlock()
	f.nudge()
}

// nudge tells whoever publishes that there is something to do.
func (f *Feed) nudge() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// publishing publishes until ctx ends.
func (f *Feed) publishing(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		idle, err := f.publishSome(ctx)
		if err != nil {
			f.note(func(s *FeedStatus) { s.PublishError = err.Error() })
			idle, pause = pause, min(2*pause, lastPause)
			rest(ctx, idle)
			continue
		}
		pause = firstPause
		if idle > 0 {
			select {
			case <-f.wake:
			case <-time.After(idle):
			case <-ctx.Done():
			}
		}
	}
}

// publishSome publishes some of what was made here, or else what is missing. It returns
// for how long there is nothing to do.
func (f *Feed) publishSome(ctx context.Context) (idle time.Duration, err error) {
	f.mu.Lock()
	next, missing, left, given := f.pending[:min(len(f.pending), batch)], f.missing, time.Until(f.due), f.given()
	f.mu.Unlock()
	switch {
	case len(next) > 0:
		if err := f.send(ctx, next); err != nil {
			return 0, err
		}
		f.sent(given, len(next))
		return 0, nil
	case !missing:
		return time.Hour, nil
	case left > 0:
		return left, nil
	}
	return 0, f.publishMissing(ctx)
}

// given is how many marks are in pending no more. f.mu is held.
func (f *Feed) given() uint64 { return f.made - uint64(len(f.pending)) }

// sent notes that those after the first given ones were published.
func (f *Feed) sent(given uint64, count int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.given() != given {
		return // they were given up meanwhile
	}
	f.pending = f.pending[count:]
	if !f.gap {
		f.rise(f.given())
	}
}

// rise notes up to which mark all were published. f.mu is held.
func (f *Feed) rise(to uint64) {
	f.told = to
	close(f.changed)
	f.changed = make(chan struct{})
}

// send publishes one entry. After an error it may be there all the same: twice is as good
// as once.
func (f *Feed) send(ctx context.Context, marks []validator.RevocationMark) error {
	text, err := validator.EncodeMarks(marks)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, f.patience())
	defer cancel()
	sealed := f.sealer.Load().Seal(append([]byte(f.origin), text...), nil, f.about...)
	id, err := publishScript.Run(ctx, f.client, []string{f.stream}, sealed, f.keep().Milliseconds()).Text()
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = id
	f.status.Published, f.status.PublishError = f.status.Published+uint64(len(marks)), ""
	return nil
}

// lost forgets what was published last, which is there no more: once, and not at each look.
func (f *Feed) lost(last string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == last {
		f.last = beginning
	}
	f.status.Lost++
}

// keep is how long anything is kept: twice as long as it can matter here, so that a replica
// whose tokens live longer, as during a deployment, finds all that it needs.
func (f *Feed) keep() time.Duration { return 2*f.follower.Horizon() + time.Minute }

// publishMissing publishes what we hold and Redis does not have. All replicas do so at the
// same time, and hold much the same: whoever has the turn publishes it for the others.
func (f *Feed) publishMissing(ctx context.Context) error {
	f.mu.Lock()
	made, losses, waits := f.made, f.losses, f.turns < turns
	f.mu.Unlock()
	missing, err := f.lacking(ctx)
	if err != nil {
		return err
	}
	if len(missing) > 0 && waits && !f.ours(ctx) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.turns++
		f.due = time.Now().Add(f.silence / 2 / turns)
		return nil
	}
	for len(missing) > 0 {
		next := missing[:min(len(missing), batch)]
		if err := f.send(ctx, next); err != nil {
			return err
		}
		missing = missing[len(next):]
	}
	f.complete(made, losses)
	return nil
}

// complete notes that Redis has all that was held when so many marks were made, and so many
// losses noticed.
func (f *Feed) complete(made, losses uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.given() > made || f.losses != losses {
		return // more were given up meanwhile, or some of those that we published are lost again
	}
	f.missing, f.gap = false, false
	f.rise(max(f.told, f.given()))
}

// ours takes the turn to publish, for as long as others wait for theirs at most. It only
// saves work: without an answer, it is ours.
func (f *Feed) ours(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, f.patience())
	defer cancel()
	taken, err := f.client.SetNX(ctx, f.turn, f.origin, f.silence/2).Result()
	return taken || err != nil
}

// lacking is what we hold and the stream does not have.
func (f *Feed) lacking(ctx context.Context) (list []validator.RevocationMark, err error) {
	has := map[validator.RevocationMark]time.Time{}
	for after := beginning; ; {
		entries, err := f.readAfter(ctx, after, -1)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			_, marks, _ := f.open(entry)
			for _, one := range marks {
				at := one.At
				one.At = time.Time{}
				if at.After(has[one]) {
					has[one] = at
				}
			}
			after = entry.ID
		}
		if len(entries) < page {
			break
		}
	}
	for _, one := range f.follower.Marks() {
		about := one
		about.At = time.Time{}
		if one.At.After(has[about]) {
			list = append(list, one)
		}
	}
	return list, nil
}
