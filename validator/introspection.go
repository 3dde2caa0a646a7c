package validator

import (
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/introspect"
)

const (
	// inactiveFor is how long an opaque token stays inactive without asking again.
	// Refusals of JWTs are not remembered at all.
	inactiveFor = 10 * time.Second
	// askTimeout bounds a question: discovery, its turn, the answer and, if it is
	// signed, the keys for it.
	askTimeout = 30 * time.Second
)

// question is what an issuer is to be asked.
type question struct {
	issuer *issuer
	raw    string
	id     [sha256.Size]byte // of the whole token: those who ask the same share the answer
	digest [sha256.Size]byte // under which the facts are kept
	own    *facts            // what a JWS says itself, verified if it has a key; nil: opaque
}

// verdict is what a question led to. The refusal is shared: copy before use.
type verdict struct {
	facts   *facts
	refusal *Error
}

// settle decides on a JWS that verified: as it stands, or by asking where the
// issuer's setting or the call wants that. A token that turns out bad is forgotten
// by the question itself.
func (v *Validator) settle(ctx context.Context, s signedToken, known *facts, require *Requirements, cached bool, now time.Time) (Decision, *facts) {
	fresh := require.freshness(known.issuer)
	d := Decision{Issuer: known.issuer.name, Token: known.token, Cached: cached, Err: v.current(known, now, true)}
	if d.Err != nil || !known.unmet(fresh, now) {
		return d, known
	}
	d, answered := v.decideByAnswer(ctx, s.question(known), fresh, known, now)
	if d.Err == nil && !answered.keyTrusted(v.clock()) {
		return v.examine(ctx, s, require, nil, v.clock()) // its key was withdrawn meanwhile
	}
	return d, answered
}

// keyTrusted reports whether the issuer's keys still answer the token's question
// with the key that verified it, and are not too old to ask.
func (t *facts) keyTrusted(now time.Time) bool {
	return t.key.TrustedFor(t.kid, t.algorithm.String()) && (!t.issuer.keysAge || t.issuer.keys.Fresh(now))
}

// withoutKey is what becomes of a JWS whose key could not be had. One failure leads
// to introspection: the last fetch of keys failed, so that nothing was decided.
// Whatever was decided stays so.
func (v *Validator) withoutKey(ctx context.Context, c *candidate, s signedToken, require *Requirements, said *facts, e *Error) (Decision, *facts) {
	if e.Reason != ReasonKeysUnavailable || c.issuer.introspection == nil {
		return Decision{Issuer: c.issuer.name, Err: e}, nil
	}
	d, known := v.decideByAnswer(ctx, s.question(c.facts(nil, s.compact, nil)), require.freshness(c.issuer), said, v.clock())
	if d.Err != nil && d.Err.Class == ErrUnavailable {
		d.Err.Detail += "; asked because of " + string(e.Reason) + ": " + e.Detail
		d.Err.RetryAfter = max(d.Err.RetryAfter, e.RetryAfter)
	}
	return d, known
}

// settleFallback decides on a JWS that its issuer vouched for while its key could
// not be had. As soon as that is over, the token is examined like any other.
func (v *Validator) settleFallback(ctx context.Context, s signedToken, require *Requirements, said *facts, now time.Time) (Decision, *facts) {
	if said.unmet(require.freshness(said.issuer), now) || !said.issuer.keys.Lost(said.kid, said.algorithm.String()) {
		d, known := v.examine(ctx, s, require, said, now)
		if d.Err != nil && d.Err.Class == ErrInvalidToken {
			v.cache.Remove(s.digest) // decided: no later outage brings it back
		}
		return d, known
	}
	return Decision{Issuer: said.issuer.name, Token: said.token, Cached: true, Err: v.current(said, now, true)}, said
}

// decideByAnswer asks. known are older facts, if any, which may do while the
// issuer is down.
func (v *Validator) decideByAnswer(ctx context.Context, q question, fresh Freshness, known *facts, now time.Time) (Decision, *facts) {
	d := Decision{Issuer: q.issuer.name}
	if known != nil {
		d.Token = known.token // good so far
	}
	answered, e := v.ask(ctx, q, fresh, now)
	switch {
	case e == nil:
		d.Token, d.Err = answered.token, v.current(answered, v.clock(), true)
		return d, answered
	case down(e.Reason):
		// What is kept now, not what was: another call may have learned better since.
		now = v.clock()
		if still, ok := v.kept(q, now); ok && q.served(still) && still.standsIn(fresh, now) {
			d.Token, d.Cached, d.Stale, d.Err = still.token, true, true, v.current(still, now, true)
			return d, still
		}
	}
	if known != nil {
		e = verified(e)
	}
	d.Err = e
	return d, nil
}

// down reports whether the issuer does not answer: not where it did, we lack what
// asking takes, or others ask too much. Whoever has a revoked token must not be
// able to bring this about by a flood.
func down(reason Reason) bool {
	return reason == ReasonIntrospectionUnavailable || reason == ReasonIntrospectionSuspended
}

// ask returns what the issuer says about the token, sharing the question with all
// who ask the same.
func (v *Validator) ask(ctx context.Context, q question, fresh Freshness, arrived time.Time) (*facts, *Error) {
	if q.issuer.introspection == nil {
		return nil, refuse(ReasonFreshnessUnavailable, "the token was verified locally, and its issuer has no introspection configured")
	}
	for again := fresh.now(); ; again = true { // the flight had begun too long before we came, without the key, or before a revocation
		got, err := v.inquiries.Do(ctx, q.id, remote.Errand[verdict]{
			Timeout: askTimeout, Fresh: again,
			Known:  func() (verdict, bool) { return v.answered(q, fresh, arrived) },
			Work:   func(ctx context.Context) (verdict, error) { return v.inquire(ctx, q, fresh, again), nil },
			Waited: v.witness.waiting(ctx, q.issuer.name, WaitIntrospection, v.clock),
		})
		switch {
		case err != nil && ctx.Err() != nil:
			e := callerLeft(ctx)
			e.finding = atIntrospection
			return nil, e
		case err != nil:
			// Not in the words of a panic: it may quote the request.
			return nil, refuse(ReasonIntrospectionUnavailable, "the question ended without an answer: it panicked, or took too long")
		case got.refusal != nil:
			e := *got.refusal
			return nil, &e
		case q.served(got.facts) && !got.facts.outdated() && (again || got.facts.suffice(fresh, arrived, v.clock())):
			return got.facts, nil
		}
	}
}

// served reports whether facts that somebody else asked for are of our kind: those
// of a JWS that we verified rest on its signature, not on the answer alone.
func (q *question) served(known *facts) bool {
	return known.key != nil || q.own == nil || q.own.key == nil
}

// answered is what an earlier question left behind, by which this one is answered.
func (v *Validator) answered(q question, fresh Freshness, arrived time.Time) (verdict, bool) {
	now := v.clock()
	if v.inactive.Get(q.digest, now) != nil {
		return verdict{refusal: refuse(ReasonInactive, "the issuer said so a moment ago")}, true
	}
	known, ok := v.kept(q, now)
	if !ok || known.inquiry == nil || !q.served(known) || !known.suffice(fresh, arrived, now) {
		return verdict{}, false
	}
	return verdict{facts: known}, true
}

// suffice reports whether an answer does for a call that arrived then: it was asked
// for since, or not too long before.
func (t *facts) suffice(fresh Freshness, arrived, now time.Time) bool {
	since := !t.inquiry.sent.Before(arrived) && !t.inquiry.sent.After(now)
	return since || !t.unmet(fresh, arrived)
}

// kept is what the cache holds about this very token.
func (v *Validator) kept(q question, now time.Time) (*facts, bool) {
	known := v.cache.Get(q.digest, now)
	own := q.own
	if own == nil {
		own = new(facts) // an opaque token has neither
	}
	if known == nil || known.header != own.header || known.payload != own.payload {
		return nil, false
	}
	return known, true
}

// consult asks the issuer, and keeps what it says.
func (v *Validator) consult(ctx context.Context, q question) (verdict, introspect.Answer) {
	began, marks := v.clock(), q.issuer.markVersion()
	answer, err := q.issuer.introspection.Introspect(ctx, q.raw)
	known, e := (*facts)(nil), introspectionError(err)
	if e == nil {
		known, e = v.judge(q, answer)
	}
	if e == nil {
		known.inquiry.asked = marks
	}
	now := v.clock()
	quoted := quotes(answer, q.raw)
	if e != nil && quoted {
		e.Detail = "the answer quotes the token, and is not quoted here"
		e.finding = e.finding.unquoted()
	}
	switch {
	case e == nil && ctx.Err() == nil && !quoted:
		// Not what comes so late that nobody waits: a later question may have been
		// answered. Not with the token in it: a dump of the cache must yield none.
		v.keep(q.digest, known, now)
		v.inactive.Remove(q.digest)
	case e != nil && e.Class == ErrInvalidToken:
		v.forget(q, e.Reason, answer.SentAt, now.Add(inactiveFor))
	}
	if e == nil || e.Reason != ReasonIntrospectionBusy && e.Reason != ReasonIntrospectionSuspended { // it was asked
		v.witness.introspection(Introspection{q.issuer.name, e, now.Sub(began), remote.FlightOf(ctx)})
	}
	return verdict{known, e}, answer
}

// quotes reports whether an answer contains the token it is about, if that is long
// enough to be one; escaped, too, as some servers write '/' or '+' (RFC 8259 7).
func quotes(answer introspect.Answer, raw string) bool {
	switch {
	case len(raw) < 16:
		return false
	case strings.Contains(answer.Text, raw):
		return true
	case !strings.Contains(answer.Text, `\`):
		return false
	}
	texts := jsontext.NewDecoder(strings.NewReader(answer.Text))
	for {
		switch token, err := texts.ReadToken(); {
		case err != nil: // the end, or beyond what anybody reads
			return false
		case strings.Contains(token.String(), raw):
			return true
		}
	}
}

// forget drops what was known about a token that the issuer does not stand by, by the
// answer to a question that was sent then. An opaque one stays inactive until.
func (v *Validator) forget(q question, reason Reason, sent, until time.Time) {
	if _, ok := v.kept(q, v.clock()); ok {
		v.cache.Remove(q.digest)
	}
	if q.own == nil && reason == ReasonInactive {
		v.inactive.Put(q.digest, struct{}{}, until)
	}
	if v.answers != nil {
		v.answers.refused.Put(q.id, sent, sent.Add(math.MaxInt64)) // until there is no room for it
	}
}

// judge decides what an answer is worth. What is wrong with the answer itself is
// the server's fault; what it says of the token is held to the checks of a JWT.
func (v *Validator) judge(q question, answer introspect.Answer) (*facts, *Error) {
	if !answer.Active {
		return nil, refuse(ReasonInactive, "by its issuer")
	}
	a, f := readAnswer(answer.Text)
	switch {
	case f != nil && f.reason != ReasonConfirmationUnknown && f.reason != ReasonConfirmationMalformed:
		f.check = "answer"
		return nil, refuse(ReasonIntrospectionMalformed, f.error().Detail)
	case f != nil:
		f.check = "answer"
		return nil, f.error() // what it is bound to is not known: never a bearer token
	case !a.of(q.issuer):
		return nil, refuse(ReasonIntrospectionMalformed, "the answer is another issuer's")
	}
	known, f := v.factsOf(q, &a, answer.SentAt)
	if f != nil {
		f.check = "answer " + f.check
		return nil, verified(f.error())
	}
	// RFC 9449 6.2: a DPoP token is bound, and the answer says to which key.
	if a.dpop && known.confirmation.JKT == "" {
		return nil, verified(refuse(ReasonConfirmationMissing, "token_type or typ is DPoP, but there is no cnf with jkt"))
	}
	return known, nil
}

// factsOf holds an active answer to the checks, and to what a JWS says itself.
func (v *Validator) factsOf(q question, a *answerClaims, sent time.Time) (*facts, *failure) {
	said := a.expiry
	asked := &inquiry{sent: sent, until: said}
	local := q.own != nil && q.own.key != nil
	if local {
		a.complete(q.own)
	} else if asked.own = q.own; a.expiry == absent && q.issuer.allowMissingExpiry > 0 {
		a.expiry = dateOf(sent.Add(q.issuer.allowMissingExpiry))
		if q.own != nil {
			a.expiry = min(a.expiry, q.own.expiry)
		}
		asked.until = a.expiry
	}
	c := &candidate{issuer: q.issuer, rules: q.issuer.answerRules, claims: a.claims, exact: asked.until}
	if f := c.readFurther(); f != nil {
		return nil, f
	}
	if f := c.examine(answerChecks(a), instant{dateOf(v.clock()), v.leeway}); f != nil {
		return nil, f
	}
	if q.own != nil {
		if f := c.agree(q.own, said); f != nil {
			f.check = "agrees"
			return nil, f
		}
	}
	known := c.answerFacts(q, asked)
	if local {
		known = q.own.with(asked)
	}
	if q.own != nil {
		known.confirmation = a.confirmation.union(q.own.confirmation)
	}
	return known, nil
}

// answerFacts are those of an answer: the token says nothing, or nothing that
// could be verified.
func (c *candidate) answerFacts(q question, asked *inquiry) *facts {
	known := newFacts()
	known.evidence = evidence{
		token: &known.face, issuer: c.issuer, iss: c.issuer.url, origin: OriginIntrospection,
		answer: c.claims.text, subject: c.claims.subject, session: c.claims.session, id: c.claims.id,
		clientID: c.client, matched: c.matched, audience: c.claims.audience, scopes: c.scopes,
		expiry: c.claims.expiry, notBefore: c.claims.notBefore, issuedAt: c.claims.issuedAt,
		confirmation: c.claims.confirmation, inquiry: asked,
	}
	if q.own != nil {
		known.kid, known.algorithm, known.header, known.payload = q.own.kid, q.own.algorithm, q.own.header, q.own.payload
	}
	return known
}

// with are the facts of a token that verified locally and was asked about.
func (t *facts) with(asked *inquiry) *facts {
	known := newFacts()
	known.evidence = t.evidence
	known.token, known.inquiry = &known.face, asked
	return known
}

// answerDeadline is until when an answer can matter: exp exactly, or until it is
// too old for every use of it.
func (t *facts) answerDeadline() time.Time {
	until := t.end(0).time()
	if t.issuer.maxAge > 0 {
		oldest := t.inquiry.sent.Add(max(t.issuer.maxAge, t.issuer.staleIfError)).Add(1) // the bound included
		if oldest.Before(until) {
			return oldest
		}
	}
	return until
}

// introspectionError is the refusal that belongs to an introspect.Error; nil for nil.
func introspectionError(err error) *Error {
	if err == nil {
		return nil
	}
	var failed *introspect.Error
	if !errors.As(err, &failed) {
		return refuse(ReasonIntrospectionUnavailable, err.Error())
	}
	reason := map[introspect.Kind]Reason{
		introspect.Unavailable: ReasonIntrospectionUnavailable, introspect.Busy: ReasonIntrospectionBusy,
		introspect.CircuitOpen: ReasonIntrospectionSuspended, introspect.Denied: ReasonIntrospectionDenied,
		introspect.Credentials: ReasonIntrospectionCredentials, introspect.Unsupported: ReasonIntrospectionUnsupported,
		introspect.Malformed: ReasonIntrospectionMalformed,
	}[failed.Kind]
	e := refuse(reason, failed.Detail)
	e.RetryAfter = failed.RetryAfter
	return e
}
