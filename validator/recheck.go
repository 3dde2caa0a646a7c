package validator

import "time"

// Recheck decides again on a token that v accepted, for what lasts longer than a
// request, such as a stream. The error is nil while Validate would find the token
// good by what is known here: by the clock, the issuer's keys and what was revoked.
// left is how long that can last at most: until exp, with Config.Leeway as Validate
// grants it; without, where the issuer was asked about the token (RFC 7662 4).
//
// Errors are of class ErrInvalidToken; ErrUnavailable where the issuer's keys are too
// old (Issuer.KeyMaxStale), or the feed of revocations is behind (RefuseWhileBehind); or
// ErrNoToken for no Token. Recheck asks no issuer, whatever
// the age of its answer, and looks at no policy, proof or status list. A token whose
// issuer has to be asked again because of a mark (see Revocations) is taken for revoked,
// and a key that changed in anything for withdrawn: what was signed is not kept. The
// Observer does not hear of it: see Refused.
//
// To end what lasts at the moment of a revocation, and not when it is next looked at,
// there is Token.Watch.
func (v *Validator) Recheck(t *Token) (left time.Duration, err error) {
	if t == nil || t.facts.Load() == nil {
		return 0, refuse(ReasonNoToken, "")
	}
	known, now := t.facts.Load(), v.clock()
	if e := v.current(known, now, true); e != nil {
		return 0, e
	}
	if known.markedSince() {
		return 0, verified(refuse(ReasonRevoked, "since it was accepted"))
	}
	if known.key != nil && !known.keyTrusted(now) {
		return 0, verified(known.distrust())
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

// markedSince reports whether a mark concerns the token that nobody knew of when it was
// accepted. It is what Token.Watch waits for.
func (t *facts) markedSince() bool {
	if t.inquiry != nil { // its issuer vouched for it, and may have known of older ones
		return t.outdated()
	}
	return t.revoked()
}

// distrust is why the key is not trusted now. One that nobody has withdrawn decides
// nothing against the token, however old its set is.
func (t *facts) distrust() *Error {
	if t.key.TrustedFor(t.kid, t.algorithm.String()) {
		return refuse(ReasonKeysUnavailable, "the issuer has not confirmed its keys for too long")
	}
	return refuse(ReasonUnknownKey, "it was withdrawn")
}
