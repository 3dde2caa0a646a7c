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
	Fresh Freshness
	// Proofs are the ways in which this request's sender may prove a key.
	Proofs []Proof
}

// Freshness is how recently the issuer itself must have called a token active.
// The zero value asks for nothing.
type Freshness struct{ within time.Duration }

// IntrospectedNow asks for an introspection that begins after the request arrived.
func IntrospectedNow() Freshness { return Freshness{math.MinInt64} }

// IntrospectedWithin asks for an introspection at most d ago. A d of zero or
// less is IntrospectedNow.
func IntrospectedWithin(d time.Duration) Freshness {
	if d <= 0 {
		return IntrospectedNow()
	}
	return Freshness{d}
}

// freshEnough refuses a token that nobody can ask its issuer about. What was
// verified locally says when the token was issued, not that it still stands; a
// caller that asked for more gets no answer rather than a wrong one.
func freshEnough(t *facts, f Freshness) *Error {
	if f == (Freshness{}) || t.origin == OriginIntrospection {
		return nil
	}
	return refuse(ReasonFreshnessUnavailable, "the token was verified locally, and its issuer has no introspection configured")
}
