package rediscache

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerguard/bearerguard/validator"
)

const (
	beginning = "0-0" // before every entry
	page      = 100   // entries that are read at once
)

//go:embed feed_look.lua
var lookText string

var lookScript = redis.NewScript(lookText)

// reader follows the stream. It is of one goroutine.
type reader struct {
	*Feed
	position string    // what was read last
	atEnd    bool      // there was nothing after it a moment ago
	looked   bool      // a moment ago
	settles  time.Time // until then, others may still publish what was lost
	touched  time.Time // when Redis answered last; at first, when Run began
	caughtUp bool
	issuers  int // that there were when the stream was read from its beginning
	told     int // of them, for how many that was said
}

func newReader(f *Feed) *reader { return &reader{Feed: f, position: beginning, touched: time.Now()} }

// follow reads until ctx ends.
func (r *reader) follow(ctx context.Context) {
	pause := firstPause
	for {
		err := r.step(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			pause = firstPause
			continue
		}
		r.failed(err)
		if !rest(ctx, r.untilBehind(pause/2+rand.N(pause))) { // #nosec G404 -- not all replicas at once; no secret
			return
		}
		pause = min(2*pause, lastPause)
	}
}

// failed notes that Redis did not answer.
func (r *reader) failed(err error) {
	r.note(func(s *FeedStatus) { s.ReadError = err.Error() })
	if r.caughtUp && time.Since(r.touched) < r.silence {
		return
	}
	r.behind("redis: " + err.Error())
}

func (r *reader) behind(why string) {
	r.caughtUp = false
	r.follower.Behind(why, r.beat())
}

// step looks whether all is there that was read, reads to the end, says so, and waits for more.
func (r *reader) step(ctx context.Context) error {
	if !r.looked {
		if err := r.look(ctx); err != nil {
			return err
		}
	}
	r.looked = false
	if now := r.follower.Issuers(); now > r.issuers {
		r.issuers = now
		r.again() // what did not apply may be of the new one
	}
	r.unsettled()
	for !r.atEnd {
		if err := r.read(ctx, -1); err != nil {
			return err
		}
	}
	if left := r.unsettled(); left > 0 { // a loss between two pages included
		return r.read(ctx, max(min(left, r.beat()), time.Millisecond)) // 0 would be for ever
	}
	if !r.caughtUp || r.told < r.issuers {
		r.caughtUp, r.told = true, r.issuers
		r.follower.CaughtUp(r.issuers)
	}
	return r.read(ctx, r.beat())
}

// unsettled is for how long others may still publish what was lost: until then we are behind.
func (r *reader) unsettled() time.Duration {
	left := time.Until(r.settles)
	if left > 0 {
		r.behind("the stream is new, or has lost something: other replicas may still say what they know")
	}
	return left
}

// look notices when Redis has lost what was read, or what we published and did not read
// yet: then more may be lost.
func (r *reader) look(ctx context.Context) error {
	ctx, cancel := r.bounded(ctx, 0)
	defer cancel()
	r.mu.Lock()
	last := r.last
	r.mu.Unlock()
	answer, err := lookScript.Run(ctx, r.client, []string{r.stream, r.loss},
		r.position, last, r.keep().Milliseconds(), r.silence.Milliseconds()).Int64Slice()
	if err == nil && len(answer) != 2 {
		err = errors.New("not an answer of this script")
	}
	if err != nil {
		return err
	}
	r.touch()
	settled := r.silence
	if there := answer[0] == 1; !there {
		r.lost(last)
		r.again()
		settled = 0
		r.lack(rand.N(r.silence / 4)) // #nosec G404 -- not all replicas at once; no secret
	} else if answer[1] >= 0 {
		settled = min(time.Duration(answer[1])*time.Millisecond, r.silence)
	}
	if until := time.Now().Add(r.silence - settled); until.After(r.settles) {
		r.settles = until
	}
	return nil
}

// again has everything read again.
func (r *reader) again() { r.position, r.atEnd, r.looked = beginning, false, false }

// bounded is a context for one answer, that may wait itself: it ends when we are to be
// behind.
func (r *reader) bounded(ctx context.Context, wait time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, r.untilBehind(wait+r.patience()))
}

// untilBehind is no longer than it takes until we are behind.
func (r *reader) untilBehind(d time.Duration) time.Duration {
	if !r.caughtUp {
		return d
	}
	return min(d, max(r.silence-time.Since(r.touched), 0))
}

func (r *reader) touch() {
	r.touched = time.Now()
	r.note(func(s *FeedStatus) { s.Touched, s.ReadError = r.touched, "" })
}

// read reads some more, and waits so long for it; negative: not at all.
func (r *reader) read(ctx context.Context, wait time.Duration) error {
	bounded, cancel := r.bounded(ctx, max(wait, 0))
	defer cancel()
	entries, err := r.readAfter(bounded, r.position, wait)
	if err != nil {
		return err
	}
	r.touch()
	for _, entry := range entries {
		r.take(entry)
	}
	if len(entries) > 0 {
		// Another server, after a failover, may have these and lack what came before.
		was := r.position
		if err := r.look(ctx); err != nil || r.position != was {
			return err
		}
		r.position, r.looked = entries[len(entries)-1].ID, true
	}
	r.atEnd = len(entries) < page
	return nil
}

// take applies what another replica published.
func (r *reader) take(entry redis.XMessage) {
	origin, marks, err := r.open(entry)
	if err != nil {
		r.note(func(s *FeedStatus) { s.Unreadable++ })
		return
	}
	if origin == r.origin {
		return // where the issuer is asked, it would be asked again
	}
	err = r.follower.Apply(marks)
	r.note(func(s *FeedStatus) {
		s.Received += uint64(len(marks))
		if all, ok := err.(interface{ Unwrap() []error }); ok {
			s.Refused += uint64(len(all.Unwrap()))
		}
	})
}

// readAfter reads at most a page.
func (f *Feed) readAfter(ctx context.Context, position string, wait time.Duration) ([]redis.XMessage, error) {
	streams, err := f.client.XRead(ctx, &redis.XReadArgs{Streams: []string{f.stream, position}, Count: page, Block: wait}).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case err != nil:
		return nil, err
	case len(streams) != 1:
		return nil, fmt.Errorf("%d streams, and not one", len(streams))
	}
	return streams[0].Messages, nil
}

// open returns who published what. The beginning of the stream is nobody's nothing.
func (f *Feed) open(entry redis.XMessage) (origin string, marks []validator.RevocationMark, err error) {
	if _, begun := entry.Values["begun"]; begun {
		return f.origin, nil, nil
	}
	sealed, _ := entry.Values["marks"].(string)
	plain, err := f.sealer.Load().Open([]byte(sealed), nil, f.about...)
	if err != nil {
		return "", nil, err
	}
	if len(plain) < len(f.origin) {
		return "", nil, validator.ErrMarks
	}
	marks, err = validator.DecodeMarks(plain[len(f.origin):])
	return string(plain[:len(f.origin)]), marks, err
}
