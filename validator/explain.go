package validator

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// Explanation is what Explain found: the verdict of Validate, and every check on the
// way to it. Its form as JSON is stable; String is for people, and may change. It
// holds neither the token nor any part of it, nor who it is about, unless that is the
// client itself.
type Explanation struct {
	// Accepted, Class (the text of the error class) and Reason are the verdict. Class
	// and Reason are empty when the token was accepted.
	Accepted bool   `json:"accepted"`
	Class    string `json:"class,omitempty"`
	Reason   Reason `json:"reason,omitempty"`
	// Verified: the token is genuine, whether accepted or not. While it is false,
	// nothing that is said of its claims can be believed.
	Verified bool `json:"verified"`
	// Advice is what would have to change; empty when the token was accepted.
	Advice string `json:"advice,omitempty"`
	// At is when the call began, by Config.Clock.
	At time.Time `json:"at"`
	// Issuer and Profile are the Name and the profile of the issuer that the token
	// names; empty when that is none of ours.
	Issuer  string `json:"issuer,omitempty"`
	Profile string `json:"profile,omitempty"`
	// Checks are all checks in their order, the same ones for every token.
	Checks []ExplainedCheck `json:"checks"`
	// Key is nil for a token that is no JWS, or of no issuer with keys.
	Key *ExplainedKey `json:"key,omitempty"`
	// Cache is what the cache had, and has now.
	Cache ExplainedCache `json:"cache"`
	// Introspection is nil for an issuer that is not asked about tokens.
	Introspection *ExplainedIntrospection `json:"introspection,omitempty"`
	// Err is the very error that Validate would have returned, for errors.Is; nil when
	// the token was accepted. Its Detail is for logs, and was not redacted.
	Err *Error `json:"-"`
}

// CheckState is what became of a check.
type CheckState string

// The states.
const (
	CheckPassed       CheckState = "passed"
	CheckFailed       CheckState = "failed"
	CheckNotReached   CheckState = "not_reached"    // after what decided, and not looked at
	CheckDoesNotApply CheckState = "does_not_apply" // to this token, by this configuration
)

// ExplainedCheck is one check.
type ExplainedCheck struct {
	Name  string     `json:"name"`
	State CheckState `json:"state"`
	// Decisive: the verdict rests on it. Of the checks that failed exactly one does;
	// the others would have failed if it had not.
	Decisive bool `json:"decisive,omitempty"`
	// Reason and Advice are those of a check that failed.
	Reason Reason `json:"reason,omitempty"`
	Advice string `json:"advice,omitempty"`
	// Expected is never empty. Actual is what was found, redacted and cut; empty where
	// there is nothing to show.
	Expected string `json:"expected"`
	Actual   string `json:"actual,omitempty"`
	// Unverified: Actual is what the token says, and nobody has vouched for that.
	Unverified bool `json:"unverified,omitempty"`
	// RFC is where the rule is from; empty for one of our own.
	RFC string `json:"rfc,omitempty"`
}

// Explain decides as Validate does, by the same code, and tells how: for operators who
// want to know why a token is refused. The answer is no answer for clients, and no
// endpoint should have it: it tells anybody who holds a token how this API is
// configured, and which check to attack next.
//
// The verdict is Validate's, of this token at this moment, with all that goes with it:
// keys may be fetched, its issuer asked and the outcome kept, exactly where Validate
// does so, and nothing more. Where Validate stops, Explain goes on with those checks
// that look at nothing but the token, the configuration and the clock, so that a wrong
// audience does not hide that the token has also expired. After a failure no network is
// used, no signature is verified and no function of yours is called that Validate would
// not have called. The Observer and the Logger do not hear of the decision, but of the
// fetches and questions that it took.
//
// It is slow in comparison, and safe for concurrent use.
func (v *Validator) Explain(ctx context.Context, rawToken string) *Explanation {
	return v.ExplainWith(ctx, rawToken, Requirements{})
}

// ExplainWith is Explain for a call with requirements: the verdict is that of
// ValidateWith. A Proof is used as by any other call, so that one which remembers what it
// has seen will not accept the same proof again.
func (v *Validator) ExplainWith(ctx context.Context, rawToken string, require Requirements) *Explanation {
	x := &explainer{v: v, raw: rawToken, require: &require, began: v.clock()}
	x.decision = v.decide(ctx, rawToken, &require)
	x.read()
	return x.report()
}

// explainer is one explanation in the making: the decision first, then another look at
// the token, by the same functions, at the moment when it began.
type explainer struct {
	v        *Validator
	raw      string
	require  *Requirements
	began    time.Time
	decision Decision

	issuer  *issuer      // nil: none of ours
	compact jose.Compact // if jws
	jws     bool
	token   *look  // what the token says; nil: it is no JWS, or its claims cannot be read
	answer  *look  // what its issuer said; nil: nothing that was kept
	known   *facts // nil: it is not known to be genuine
	claimed *facts // what policies look at: known, or what the token says; nil: neither
	secrets grams
}

// look is a candidate, and which checks fail on it.
type look struct {
	*candidate
	failures map[string]*failure // by check; nil for one that passed
}

// read takes the other look. Nothing of it can change the verdict.
func (x *explainer) read() {
	x.secrets = gramsOf(x.raw)
	for _, is := range x.v.trusted.all {
		if is.name == x.decision.Issuer {
			x.issuer = is
		}
	}
	if x.decision.Token != nil {
		x.known = x.decision.Token.facts.Load()
		x.claimed = x.known
		x.readAnswer()
	}
	if x.compact, x.jws = jose.Cut(x.raw); !x.jws || len(x.raw) > MaxTokenSize || !jose.InAlphabet(x.raw) {
		return
	}
	c, e := x.v.decode(x.compact)
	x.jws = e == nil || e.Reason != ReasonNotJWT
	if c == nil {
		return
	}
	x.token = x.look(checks, c)
	if c.issuer != nil && x.claimed == nil {
		x.claimed = x.token.says(x.compact)
	}
}

// says is what an unverified token says, for checks that look at facts.
func (l *look) says(compact jose.Compact) *facts {
	c := *l.candidate
	c.client, _ = c.rules.clientOf(&c) // that it is not one of ours is another check's business
	return c.facts(nil, compact, nil)
}

func (x *explainer) readAnswer() {
	a, f := readAnswer(x.known.answer)
	if f != nil { // nothing was said, or nothing of that is kept
		return
	}
	c := &candidate{issuer: x.known.issuer, rules: x.known.issuer.answerRules, claims: a.claims, exact: x.known.inquiry.until}
	if c.readFurther() == nil {
		x.answer = x.look(answerChecks(&a), c)
	}
}

// look runs the checks of a list, each for itself, except what asks a function of the
// owner's: that was asked once, or not at all. Of a candidate of no issuer only the times
// can be judged.
func (x *explainer) look(list []check, c *candidate) *look {
	l := &look{c, map[string]*failure{}}
	when := times{c.claims.expiry, c.claims.notBefore, c.claims.issuedAt, c.exact}
	for _, check := range list {
		var f *failure
		switch {
		case check.ever != nil:
			f = check.ever(when, x.instant())
		case c.issuer == nil, check.name == "tid" && c.rules.tenants != nil && c.rules.tenants.Permit != nil:
			continue
		default:
			f = check.once(c)
		}
		if l.failures[check.name] == nil {
			l.failures[check.name] = f
		}
	}
	return l
}

func (x *explainer) instant() instant { return instant{dateOf(x.began), x.v.leeway} }

// local reports whether the signature verified, now or before.
func (x *explainer) local() bool { return x.known != nil && x.known.key != nil }

// verified reports whether the token is genuine: by its signature, or by its issuer.
func (x *explainer) verified() bool { return x.decision.Err == nil || x.decision.Err.Verified }

// asked reports whether the issuer had a say in the verdict, or should have had.
func (x *explainer) asked() bool {
	return x.known != nil && x.known.inquiry != nil ||
		x.decision.Err != nil && slices.Contains(answerRules, x.decision.Err.place(x.known))
}

// wouldAsk reports whether the issuer would have been asked if nothing had failed before.
func (x *explainer) wouldAsk() bool {
	return x.issuer != nil && (x.issuer.always || x.require.freshness(x.issuer).named())
}

func (x *explainer) report() *Explanation {
	e := x.decision.Err
	report := &Explanation{
		Accepted: e == nil, Verified: x.verified(), At: x.began, Err: e,
		Checks: x.checks(), Key: x.key(), Cache: x.cache(), Introspection: x.introspection(),
	}
	if x.issuer != nil {
		report.Issuer, report.Profile = x.issuer.name, x.issuer.rules.name
	}
	if e != nil {
		report.Class, report.Reason, report.Advice = e.Class.Error(), e.Reason, e.Reason.Advice()
	}
	return report
}

// Undecided reports whether nothing was decided: ErrUnavailable.
func (x *Explanation) Undecided() bool { return x.Err != nil && errors.Is(x.Err, ErrUnavailable) }
