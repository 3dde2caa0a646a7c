package validator

import (
	"context"
	"time"
)

// Behind says what becomes of tokens while a feed of revocations is behind: while it
// cannot know whether one was revoked elsewhere. There is no default, because either is
// wrong for somebody: ServeWhileBehind accepts revoked tokens for as long as they live,
// and RefuseWhileBehind makes every request depend on what carries the feed.
type Behind uint8

const (
	// NoFeed: there is no feed (Revocations.Follow), and marks from elsewhere come by
	// Apply, if at all. Nobody knows whether any are missing.
	NoFeed Behind = iota
	// ServeWhileBehind decides by the marks that are known.
	ServeWhileBehind
	// RefuseWhileBehind refuses every token that is not refused anyway, with
	// ErrUnavailable and ReasonRevocationsBehind, from the beginning until a feed has
	// caught up, and whenever it has fallen behind. That goes for tokens about which the
	// issuer was asked too.
	RefuseWhileBehind
)

// FeedStatus is how the feed of Revocations is.
type FeedStatus struct {
	// Behind: marks that were made elsewhere may be missing. False without a feed.
	Behind bool
	// Since is since when it is so, by Config.Clock; zero without a feed.
	Since time.Time
	// Detail is why it is behind, for operators.
	Detail string
}

// feedState is guarded by Revocations.mu.
type feedState struct {
	FeedStatus
	retryAfter time.Duration
	publish    func([]RevocationMark) // nil: nobody follows yet
	told       chan struct{}          // closed when the feed first says how it is
	read       int                    // issuers, of whose marks all were read
}

// Follower is the end at which a feed, such as rediscache.Feed, is attached to
// Revocations. It is safe for concurrent use.
type Follower struct{ revocations *Revocations }

// Follow attaches a feed. publish is told of every mark that Revoke or a signal of an
// issuer made here, before RevocationsConfig.OnMark is: it must not wait, and must be
// safe for concurrent use. The feed is behind until it says otherwise. The error is a *ConfigError: RevocationsConfig.WhileBehind
// does not say what becomes of tokens then, or there is a feed already.
func (r *Revocations) Follow(publish func([]RevocationMark)) (*Follower, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.whileBehind == NoFeed:
		return nil, &ConfigError{"RevocationsConfig.WhileBehind", "must say what becomes of tokens while the feed is behind: ServeWhileBehind or RefuseWhileBehind"}
	case r.feed.publish != nil:
		return nil, &ConfigError{"Revocations", "follow a feed already"}
	}
	r.feed.publish = publish
	return &Follower{r}, nil
}

// Apply takes in marks that were made elsewhere. It is Revocations.Apply for marks as
// they travel: publish and OnMark do not hear of it. The error joins a *ConfigError for
// each mark that could not be applied, with no effect on the others.
func (f *Follower) Apply(marks []RevocationMark) error {
	ended, err := f.revocations.applyMarks(marks)
	for _, w := range ended {
		w.end()
	}
	return err
}

// Marks are all that are held, wherever they were made: for publishing them again where
// they were lost.
func (f *Follower) Marks() (list []RevocationMark) {
	r := f.revocations
	r.mu.Lock()
	defer r.mu.Unlock()
	now := dateOf(r.now())
	r.leave(now)
	for _, m := range r.issuers {
		list = append(list, m.held(now)...)
	}
	return list
}

// Horizon is how long after it was made a mark can matter at most: as long as the tokens
// of any issuer live, and the Leeway twice, for At may be ahead by one. 0 as long as there
// is no Validator.
func (f *Follower) Horizon() (longest time.Duration) {
	r := f.revocations
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, m := range r.issuers {
		longest = max(longest, m.life+r.leeway)
	}
	return longest
}

// Issuers is how many issuers there have been, each with those of its tenants. When it
// rises, marks that did not apply may: all must be read again, and CaughtUp told.
func (f *Follower) Issuers() int {
	f.revocations.mu.RLock()
	defer f.revocations.mu.RUnlock()
	return len(f.revocations.issuers)
}

// Behind says that the feed cannot know of all marks, why, and when it may be better.
func (f *Follower) Behind(detail string, retryAfter time.Duration) {
	r := f.revocations
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.feed.tell()
	if !r.feed.Behind {
		r.feed.Behind, r.feed.Since = true, r.now()
		if r.refusing() {
			for _, m := range r.issuers {
				m.version.Add(1) // so that a hit, which looks at nothing else, looks
			}
		}
	}
	r.feed.Detail, r.feed.retryAfter = detail, retryAfter
}

// CaughtUp says that the feed knows of all marks now, of the issuers that there were when
// it began to read (Issuers). Of later ones it is behind, for their marks did not apply.
func (f *Follower) CaughtUp(issuers int) {
	r := f.revocations
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.feed.tell()
	r.feed.read = max(r.feed.read, issuers)
	if r.feed.Behind { // nobody wrote down meanwhile that a token is clean
		r.feed.FeedStatus = FeedStatus{Since: r.now()}
	}
}

func (s *feedState) tell() {
	select {
	case <-s.told:
	default:
		close(s.told)
	}
}

// refusing reports whether nothing is accepted. r.mu is held.
func (r *Revocations) refusing() bool { return r.whileBehind == RefuseWhileBehind && r.feed.Behind }

// refusing reports whether no token of this issuer is accepted: also before all has been
// read again for one that came after the feed had caught up. m.of.mu is held.
func (m *marks) refusing() bool {
	return m.of.refusing() || m.of.whileBehind == RefuseWhileBehind && m.place >= m.of.feed.read
}

// behind is why a token cannot be decided on while the feed is.
func (r *Revocations) behind() *Error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	detail := r.feed.Detail
	if !r.feed.Behind {
		detail = "it has not been read for this issuer yet"
	}
	e := refuse(ReasonRevocationsBehind, "the feed of revocations: "+detail)
	e.RetryAfter = r.feed.retryAfter
	return e
}

// ready waits until the feed has said how it is. Where the owner would rather serve,
// that is enough, or no service could start while what carries the feed is down.
func (r *Revocations) ready(ctx context.Context) *Error {
	if r == nil || r.whileBehind == NoFeed {
		return nil
	}
	select {
	case <-r.feed.told:
	case <-ctx.Done():
		return callerLeft(ctx)
	}
	r.mu.RLock()
	ready := r.whileBehind == ServeWhileBehind || !r.refusing() && r.feed.read >= len(r.issuers)
	r.mu.RUnlock()
	if ready {
		return nil
	}
	return r.behind()
}
