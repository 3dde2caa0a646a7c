package validator

import (
	"math"
	"time"
)

// Requirements are what one call asks beyond a good token. The zero value asks
// for nothing: the token is good, that is all.
type Requirements struct {
	// Policy is what the token must permit; nil: being good is enough.
	Policy *Policy
	// Fresh is how recently the issuer must have been asked; zero: its setting.
	// Where the Policy says so too, the stricter of the two holds.
	Fresh Freshness
	// Proofs are the ways in which this request's sender may prove a key.
	Proofs []Proof
}

// Freshness is how recently the issuer itself must have called a token active. It
// is counted from when the issuer was asked, not from when it answered. The zero
// value is the issuer's setting: Issuer.IntrospectAlways, IntrospectionMaxAge and
// StaleIfError.
type Freshness struct {
	within  time.Duration // math.MinInt64: now
	ifDown  time.Duration
	bounded bool // ifDown was said
}

// IntrospectedNow asks for an introspection that begins after the request arrived.
func IntrospectedNow() Freshness { return Freshness{within: math.MinInt64} }

// IntrospectedWithin asks for an introspection at most d ago, or as recent as
// Issuer.IntrospectionMaxAge demands if that is less. A d of zero or less is
// IntrospectedNow.
func IntrospectedWithin(d time.Duration) Freshness {
	if d <= 0 {
		return IntrospectedNow()
	}
	return Freshness{within: d}
}

// OrIfDown makes an introspection at most d ago suffice while the issuer is down,
// but never more than its StaleIfError. Without it, a call that names a Freshness
// is refused then.
func (f Freshness) OrIfDown(d time.Duration) Freshness {
	f.ifDown, f.bounded = max(d, 0), true
	return f
}

// stricter demands whatever either demands, and lets an older answer stand in only
// as far as both do.
func (f Freshness) stricter(other Freshness) Freshness {
	switch {
	case other == Freshness{}:
		return f
	case f == Freshness{}:
		return other
	}
	both := Freshness{within: f.within, ifDown: min(f.ifDown, other.ifDown), bounded: true}
	if !f.named() || other.named() && other.within < f.within { // now is the least
		both.within = other.within
	}
	return both
}

// freshness is what the call and its policy demand for the tokens of an issuer.
func (r *Requirements) freshness(is *issuer) Freshness {
	if r.Policy == nil {
		return r.Fresh
	}
	return r.Fresh.stricter(r.Policy.freshness(is))
}

func (f Freshness) now() bool { return f.within == math.MinInt64 }

// named reports whether the call asks for something of its own.
func (f Freshness) named() bool { return f.within != 0 }

// unmet reports whether the issuer must be asked, again or for the first time,
// before the facts suffice.
func (t *facts) unmet(f Freshness, now time.Time) bool {
	if t.inquiry == nil || t.outdated() {
		return true
	}
	maxAge := t.issuer.maxAgeFor(f)
	if maxAge == 0 {
		return false // one answer is enough until exp
	}
	return age(t.inquiry.sent, now) > maxAge
}

// maxAgeFor is how old an answer may be; 0: any age until exp.
func (is *issuer) maxAgeFor(f Freshness) time.Duration {
	if f.named() && (is.maxAge == 0 || f.within < is.maxAge) {
		return f.within // of now: less than any age
	}
	return is.maxAge
}

// standsIn reports whether older facts suffice while the issuer is down.
func (t *facts) standsIn(f Freshness, now time.Time) bool {
	bound := t.issuer.staleIfError
	if f.named() || f.bounded {
		bound = min(bound, f.ifDown)
	}
	return t.inquiry != nil && !t.outdated() && bound > 0 && age(t.inquiry.sent, now) <= bound
}

// age is how long ago an instant was: by the monotonic clock, which nobody can
// set back, or by the wall clock, which goes on while a machine sleeps, whichever
// says more. An instant that is still to come is very old: a clock was changed.
func age(then, now time.Time) time.Duration {
	elapsed := max(now.Sub(then), now.Round(0).Sub(then.Round(0)))
	if elapsed < 0 {
		return math.MaxInt64
	}
	return elapsed
}
