package validator

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/bearerguard/bearerguard/cache"
	"github.com/bearerguard/bearerguard/introspect"
)

const (
	// answerLease is how long a replica that died keeps the others from asking at once.
	answerLease = MaxAnswerWait
	// graveTime is how long it is known that an answer was no good: longer than any
	// question takes, so that none of before can take its place.
	graveTime = 2 * askTimeout
	// The pauses between looks at a question that another replica asks.
	firstPoll, lastPoll = 5 * time.Millisecond, 50 * time.Millisecond
)

// sharedAnswers is the second level for introspection answers, behind the cache.
type sharedAnswers struct {
	fleet *Fleet
	guard guard
	// refused is when questions were sent by whose answers a token was refused here: no
	// older answer counts afterwards, whatever the store gives back.
	refused *cache.Cache[[sha256.Size]byte, time.Time]
}

func newSharedAnswers(fleet *Fleet, size int, clock func() time.Time) (*sharedAnswers, error) {
	if fleet == nil || fleet.Answers == nil {
		return nil, nil
	}
	refused, err := cache.New[[sha256.Size]byte, time.Time](size, spread)
	return &sharedAnswers{fleet: fleet, guard: guard{timeout: fleet.StoreTimeout, clock: clock}, refused: refused}, err
}

// aboutAnswers is what the answers about an issuer's tokens depend on beside the token:
// who is asked, where and how, and for which API.
func aboutAnswers(is *issuer) []string {
	asked := is.introspection.About()
	about := append([]string{"introspection answer 1", is.url, strconv.Itoa(len(asked))}, asked...)
	return append(about, slices.Sorted(slices.Values(is.audiences))...)
}

// sharedQuestion is one question whose answer is shared.
type sharedQuestion struct {
	*sharedAnswers
	v     *Validator
	q     question
	token []byte
	names []string // the first is ours, the others are of previous secrets
	owner string   // of the claim; empty: we have none
	began time.Time
}

// inquire finds out what the issuer says of a token: from a replica that asked, or by
// asking. again: what others asked before is not enough.
func (v *Validator) inquire(ctx context.Context, q question, fresh Freshness, again bool) verdict {
	if v.answers == nil {
		said, _ := v.consult(ctx, q)
		return said
	}
	token := []byte(q.raw)
	s := &sharedQuestion{sharedAnswers: v.answers, v: v, q: q, token: token, names: v.answers.fleet.Sealer.Names(token, q.issuer.about...), began: v.clock()}
	looked := !again && s.canSuffice(fresh)
	if looked {
		if said, ok := s.find(ctx, fresh); ok {
			return said
		}
	}
	said, answer := v.consult(ctx, q)
	s.tell(ctx, said, answer)
	if !looked && said.refusal != nil && down(said.refusal.Reason) && q.issuer.staleIfError > 0 {
		s.recall(ctx)
	}
	return said
}

// canSuffice reports whether an answer of another replica can be recent enough.
func (s *sharedQuestion) canSuffice(fresh Freshness) bool {
	maxAge := s.q.issuer.maxAgeFor(fresh)
	return maxAge == 0 || maxAge > s.fleet.MaxSkew
}

// find looks for an answer that is enough. Where there is none, it claims the question;
// while another replica has it, it waits.
func (s *sharedQuestion) find(ctx context.Context, fresh Freshness) (verdict, bool) {
	for _, name := range s.names[1:] {
		kept, _, err := s.take(ctx, name, nil, 0)
		if err != nil {
			s.failed(err)
			return verdict{}, false
		}
		if said, ok := s.read(kept, fresh); ok {
			return said, s.event(FleetFound, nil)
		}
	}
	wait := time.NewTimer(s.fleet.AnswerWait)
	defer wait.Stop()
	s.owner = rand.Text()
	var seen []byte
	outcome, pause := FleetFound, time.Duration(0)
	for {
		kept, claimed, err := s.take(ctx, s.names[0], seen, answerLease)
		switch {
		case err != nil:
			s.failed(err)
			return verdict{}, false
		case claimed:
			s.event(FleetAsked, nil)
			return verdict{}, false
		case kept != nil:
			if said, ok := s.read(kept, fresh); ok {
				return said, s.event(outcome, nil)
			}
			if seen == nil {
				seen = kept
				continue // is anybody about to ask for a better one?
			}
			seen = kept
		}
		outcome, pause = FleetWaited, min(max(2*pause, firstPoll), lastPoll)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return verdict{}, false
		case <-wait.C:
			s.event(FleetGaveUp, nil)
			return verdict{}, false
		}
	}
}

// recall looks for an answer that may stand in while the issuer is down.
func (s *sharedQuestion) recall(ctx context.Context) {
	for _, name := range s.names {
		kept, _, err := s.take(ctx, name, nil, 0)
		if err != nil {
			s.failed(err)
			return
		}
		s.read(kept, Freshness{})
	}
}

// read judges what the store gave us, as if the issuer had said it here when it was
// asked there, or MaxSkew before. An answer that is good, but not enough, is kept: it
// may stand in while the issuer is down. What is refused here is asked here.
func (s *sharedQuestion) read(sealed []byte, fresh Freshness) (verdict, bool) {
	if len(sealed) == 0 {
		return verdict{}, false
	}
	plain, err := s.fleet.Sealer.Open(sealed, s.token, s.q.issuer.about...)
	if err != nil {
		s.event(FleetUnreadable, nil)
		return verdict{}, false
	}
	now := s.v.clock()
	told, ok := parseTold(plain)
	if !ok || !told.counts(now, s.fleet.MaxSkew) || !told.sent.After(s.newest(now)) {
		return verdict{}, false
	}
	if told.kind == toldInactive && s.q.own == nil && now.Before(told.sent.Add(inactiveFor)) {
		s.v.forget(s.q, ReasonInactive, told.sent, told.sent.Add(inactiveFor))
		return verdict{refusal: refuse(ReasonInactive, "its issuer said so to another replica a moment ago")}, true
	}
	if told.kind != toldActive {
		return verdict{}, false
	}
	known, e := s.v.judge(s.q, introspect.Answer{Active: true, Text: told.text, SentAt: told.sent})
	if e != nil {
		return verdict{}, false
	}
	// No known.inquiry.knows: whoever asked may have known of no mark. One that concerns
	// the token leads to asking (outdated).
	known.keptAt = dateOf(now)
	s.v.cache.PutEntry(s.q.digest, known.entry, earlier(told.until, s.v.keptUntil(known, now)))
	return verdict{facts: known}, !known.unmet(fresh, now)
}

// newest is when the last question was sent to whose answer this replica holds on: a
// store that gives back an older one does not undo it.
func (s *sharedQuestion) newest(now time.Time) (sent time.Time) {
	if refused := s.refused.Get(s.q.id, now); refused != nil {
		sent = *refused
	}
	if known, ok := s.v.kept(s.q, now); ok && known.inquiry != nil && known.inquiry.sent.After(sent) {
		return known.inquiry.sent
	}
	return sent
}

// tell shares what the issuer said, and ends the claim.
func (s *sharedQuestion) tell(ctx context.Context, said verdict, answer introspect.Answer) {
	now := s.v.clock()
	t := told{sent: answer.SentAt, kind: toldNothing, until: now.Add(graveTime)}
	switch {
	case said.refusal == nil && !quotes(answer, s.q.raw):
		t.kind, t.text, t.until = toldActive, answer.Text, s.v.sharedUntil(said.facts, now)
	case said.refusal != nil && said.refusal.Class == ErrInvalidToken:
		if said.refusal.Reason == ReasonInactive {
			t.kind = toldInactive
		}
	default: // nothing that anybody could use
		s.release(ctx)
		return
	}
	ttl := t.until.Sub(now) - s.fleet.MaxSkew
	if ttl <= 0 { // by then it is of no use to anybody
		s.release(ctx)
		return
	}
	sealed := s.fleet.Sealer.Seal(t.append(nil), s.token, s.q.issuer.about...)
	_, err := guarded(ctx, &s.guard, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.fleet.Answers.Put(ctx, s.names[0], sealed, t.sent, ttl, s.owner)
	})
	if err != nil {
		s.failed(err)
		return
	}
	s.event(FleetKept, nil)
}

// release lets the others ask.
func (s *sharedQuestion) release(ctx context.Context) {
	if s.owner == "" {
		return
	}
	_, _ = guarded(ctx, &s.guard, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.fleet.Answers.Release(ctx, s.names[0], s.owner)
	})
}

// taken is what AnswerStore.Take returns.
type taken struct {
	kept    []byte
	claimed bool
}

func (s *sharedQuestion) take(ctx context.Context, name string, seen []byte, lease time.Duration) ([]byte, bool, error) {
	got, err := guarded(ctx, &s.guard, func(ctx context.Context) (got taken, err error) {
		got.kept, got.claimed, err = s.fleet.Answers.Take(ctx, name, seen, s.owner, lease)
		return got, err
	})
	return got.kept, got.claimed, err
}

func (s *sharedQuestion) failed(err error) {
	if errors.Is(err, errStoreSuspended) {
		s.event(FleetSuspended, nil)
		return
	}
	s.event(FleetUnavailable, err)
}

// event tells the observer, and is true.
func (s *sharedQuestion) event(outcome FleetOutcome, err error) bool {
	s.v.witness.fleet(FleetEvent{Issuer: s.q.issuer.name, Use: FleetAnswers, Outcome: outcome, Err: err, Took: s.v.clock().Sub(s.began)})
	return true
}

// sharedUntil is when an answer is of no use to anybody any more.
func (v *Validator) sharedUntil(t *facts, now time.Time) time.Time {
	return earlier(v.keptUntil(t, now), t.answerDeadline())
}

func earlier(one, other time.Time) time.Time {
	if other.Before(one) {
		return other
	}
	return one
}
