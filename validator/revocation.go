package validator

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Bounds of Revocations.
const (
	// DefaultMaxMarks is about 10 MB.
	DefaultMaxMarks = 100_000
	// MostMarks is the most that can be configured.
	MostMarks = 1 << 30
	// maxSeen is how many signals are known when they come again.
	maxSeen = 4096
)

// RevocationsConfig is what Revocations are made of.
type RevocationsConfig struct {
	// MaxMarks is how many marks are kept at most; each takes about 100 bytes. Default
	// (0) DefaultMaxMarks. See Revocations for what happens beyond.
	MaxMarks int
	// OnMark is told of every mark that Revoke or a signal of an issuer made, so that it
	// can be passed on to other processes, which Apply it. It is called after the mark
	// counts here, by the goroutine that revoked: it must be safe for concurrent use,
	// and should not wait. Default: none.
	OnMark func(Watermark)
	// WhileBehind says what becomes of tokens while a feed, which carries marks between
	// processes, is behind. Required with one. Default NoFeed.
	WhileBehind Behind
}

// Revocations are marks, each of which says: the tokens of this user, session or
// client of an issuer, or all of an issuer, that were issued until then are refused
// (ReasonRevoked), although their results are kept. A mark counts from the next
// request on. It only ever rises, and leaves when no token of its issuer from before
// it can be alive: MaxTokenLifetime and Leeway later. Times compare as iat, a token
// without iat is older than every mark, and the second of a mark belongs to what is
// refused.
//
// Where the decision rests on the issuer's answer (RFC 7662), a mark means: what was
// answered before it is out of date. The issuer is asked again, and what it says then
// counts; while it cannot be asked, the token is refused with 503.
//
// A full table does not forget: it turns its oldest mark into one for the whole
// issuer, which refuses more tokens than it should, and counts that (Status).
//
// Revocations are shared by all Validators that have them in their Config, and live
// on through WithConfig. They are safe for concurrent use.
type Revocations struct {
	max         int
	onMark      func(Watermark)
	whileBehind Behind

	mu      sync.RWMutex // guards all below, and the marks of issuers
	clock   func() time.Time
	leeway  time.Duration
	issuers []*marks // few; an issuer that was configured once stays
	count   int      // of marks, of all issuers
	folded  uint64
	seen    *simplelru.LRU[markKey, struct{}]
	feed    feedState
}

// NewRevocations returns Revocations without any marks. The error is a *ConfigError.
func NewRevocations(config RevocationsConfig) (*Revocations, error) {
	switch {
	case config.MaxMarks < 0:
		return nil, &ConfigError{"RevocationsConfig.MaxMarks", "must not be negative"}
	case config.MaxMarks > MostMarks:
		return nil, &ConfigError{"RevocationsConfig.MaxMarks", fmt.Sprintf("must not be above %d", MostMarks)}
	case config.WhileBehind > RefuseWhileBehind:
		return nil, &ConfigError{"RevocationsConfig.WhileBehind", "must be NoFeed, ServeWhileBehind or RefuseWhileBehind"}
	case config.MaxMarks == 0:
		config.MaxMarks = DefaultMaxMarks
	}
	seen, err := simplelru.NewLRU[markKey, struct{}](maxSeen, nil)
	if err != nil {
		return nil, err
	}
	r := &Revocations{max: config.MaxMarks, onMark: config.OnMark, whileBehind: config.WhileBehind, seen: seen}
	r.feed.told = make(chan struct{})
	if config.WhileBehind != NoFeed { // it has caught up with nothing yet
		r.feed.Behind, r.feed.Since, r.feed.Detail, r.feed.retryAfter = true, r.now(), "none has begun", time.Second
	}
	return r, nil
}

// Revocation says which tokens of an issuer: those that have one thing in common.
type Revocation struct {
	// Issuer is the exact iss of the tokens, as Token.Issuer returns it. Required.
	Issuer string `json:"iss"`
	// Subject is their sub: all tokens of a user, or of a client that acts for itself.
	Subject string `json:"sub,omitempty"`
	// Session is their sid: tokens of one session. Together with Subject, also those
	// of the subject that do not say which session they belong to: it may be this one.
	Session string `json:"sid,omitempty"`
	// ClientID is the client that they were issued to.
	ClientID string `json:"client_id,omitempty"`
	// TokenID is the jti of one token. It is refused whenever it was issued, for as long
	// as the mark is held.
	TokenID string `json:"jti,omitempty"`
	// WholeIssuer says: all tokens of the issuer.
	WholeIssuer bool `json:"whole_issuer,omitempty"`
}

// Watermark is a revocation with its time, in the form in which it travels (JSON): tokens
// issued until At are refused.
type Watermark struct {
	Revocation
	At time.Time `json:"at"`
}

// RevocationStatus is how full Revocations are.
type RevocationStatus struct {
	// Marks are held now, of MaxMarks. A Revocation of both Subject and Session is two.
	Marks, MaxMarks int
	// Folded counts the marks that there was no room for, and that were made to count
	// for their whole issuer. It should be 0: if it is not, MaxMarks is too low.
	Folded uint64
	// Watched are the streams that end when their token is revoked (Token.Watch).
	Watched int
	// Feed is how the feed is that brings marks from elsewhere.
	Feed FeedStatus
}

// Revoke refuses tokens from now on: those that have been issued up to now, and for
// as long as Config.Leeway still (the longest that any Validator with these Revocations
// ever had), because the issuer's clock may be ahead of ours. A token of the time until then stays refused. It does not tell the issuer. The error is a *ConfigError, and nothing was revoked: the
// Revocation says nothing, or two things, or there is no such issuer.
func (r *Revocations) Revoke(revocation Revocation) error {
	r.mu.RLock()
	now := r.now()
	leeway := r.leeway
	r.mu.RUnlock()
	return r.apply(Watermark{revocation, now.Add(leeway)}, true)
}

// Apply takes in marks that were made elsewhere, and told to RevocationsConfig.OnMark
// there: it does not tell OnMark here. Applying one again refuses nothing more (where
// the issuer is asked, it is asked again), and their order does not matter. At is held
// to Config.Leeway from now; a mark of so long ago that it would have left has no
// effect. The error
// joins a *ConfigError for each mark that could not be applied, with no effect on the
// others: one of an issuer that is not configured here, for instance.
func (r *Revocations) Apply(marks ...Watermark) error {
	var errs []error
	for _, m := range marks {
		if m.At.IsZero() {
			errs = append(errs, &ConfigError{"Watermark.At", "is required"})
			continue
		}
		errs = append(errs, r.apply(m, false))
	}
	return errors.Join(errs...)
}

// Status reports how full the table is.
func (r *Revocations) Status() RevocationStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leave(dateOf(r.now()))
	s := RevocationStatus{Marks: r.count, MaxMarks: r.max, Folded: r.folded, Feed: r.feed.FeedStatus}
	for _, m := range r.issuers {
		s.Watched += len(m.watchers)
	}
	return s
}

// now is by the clock of the newest Validator. r.mu is held.
func (r *Revocations) now() time.Time {
	if r.clock == nil {
		return time.Now() // there is no Validator yet, and so no issuer
	}
	return r.clock()
}

// check reports what is wrong with a revocation. An empty one is not one of all tokens.
func (x *Revocation) check() (m mistakes) {
	said := 0
	for _, set := range []bool{x.Subject != "" || x.Session != "", x.ClientID != "", x.TokenID != "", x.WholeIssuer} {
		if set {
			said++
		}
	}
	switch {
	case x.Issuer == "":
		m.add("Revocation.Issuer", "is required")
	case said == 0:
		m.add("Revocation", "says of nothing that it is revoked: name a Subject, Session, ClientID or TokenID, or say WholeIssuer")
	case said > 1:
		m.add("Revocation", "says several things: it must be one of Subject and Session, ClientID, TokenID, WholeIssuer")
	}
	return m
}
