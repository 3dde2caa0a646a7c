package validator

import "time"

// Recheck decides again on a token that v accepted, for what lasts longer than a
// request, such as a stream. The error is nil while Validate would find the token
// good by what is known here: by the clock, the issuer's keys and what was revoked.
// left is how long that can last at most: until exp, with Config.Leeway as Validate
// grants it; without, where the issuer was asked about the token (RFC 7662 4).
//
// Errors are of class ErrInvalidToken, or ErrNoToken for no Token. Recheck asks no
// issuer, whatever the age of its answer, and looks at neither policy nor proof. A
// key that changed in anything is taken for withdrawn: what was signed is not kept.
// The Observer does not hear of it: see Refused.
func (v *Validator) Recheck(t *Token) (left time.Duration, err error) {
	if t == nil || t.facts.Load() == nil {
		return 0, refuse(ReasonNoToken, "")
	}
	known, now := t.facts.Load(), v.clock()
	if e := v.current(known, now, true); e != nil {
		return 0, e
	}
	if known.key != nil && !known.keyTrusted(now) {
		return 0, verified(refuse(ReasonUnknownKey, "it was withdrawn"))
	}
	return known.end(v.leeway).time().Sub(dateOf(now).time()), nil
}

// end is the first instant at which the token is no longer good.
func (t *facts) end(leeway time.Duration) numericDate {
	end := t.expiry.plus(leeway)
	if t.inquiry != nil && t.inquiry.until != absent {
		end = min(end, t.inquiry.until)
	}
	return end
}
