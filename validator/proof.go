package validator

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
)

// Confirmation names the keys that a token is bound to (the cnf claim of RFC
// 7800), or those that a sender proved to hold. Both are SHA-256 hashes in
// base64url without padding: 43 characters.
type Confirmation struct {
	JKT     string // jkt: JWK thumbprint of a DPoP key (RFC 9449 6.1)
	X5TS256 string // x5t#S256: thumbprint of a client certificate (RFC 8705 3.1)
}

// Proof shows which key the sender of a request holds.
//
// Confirm is called for every request, hit or miss, after the token was found
// good and before its policy is looked at. It returns what was proven: the zero
// Confirmation when the request carries no proof of this kind. It does not
// compare with the token: the validator does. An error refuses the request: one
// made by NewError with its reason (ReasonProofUnavailable for a store that
// failed) and, with ReasonProofNonce, its Challenge.Nonce; any other with
// ReasonProofInvalid. Implementations must be safe for concurrent use.
type Proof interface {
	Confirm(ctx context.Context, rawToken string, t *Token) (Confirmation, error)
}

// prove refuses a bound token whose binding was not proven: it was presented by
// somebody, but perhaps not by the one it was issued to (RFC 9449 7.1, RFC 8705
// 3). This holds on every path a token can come by, so that a bound token is
// never worth more than its key.
func prove(ctx context.Context, raw string, t *facts, proofs []Proof) *Error {
	bound := t.confirmation
	var byJKT, byX5T confirmed
	for _, proof := range proofs {
		if proof == nil {
			return refuse(ReasonProofInvalid, "a nil Proof proves nothing")
		}
		proven, err := proof.Confirm(ctx, raw, t.token)
		if err != nil {
			return proofError(ctx, err)
		}
		byJKT.compare(bound.JKT, proven.JKT)
		byX5T.compare(bound.X5TS256, proven.X5TS256)
	}
	if e := byJKT.verdict(bound.JKT); e != nil {
		return e
	}
	return byX5T.verdict(bound.X5TS256)
}

// confirmed is what the proofs showed of one kind of binding.
type confirmed struct{ shown, matched bool }

func (c *confirmed) compare(bound, proven string) {
	if proven == "" {
		return
	}
	c.shown = true
	// Constant time: the thumbprint in the token is not the sender's to probe.
	if subtle.ConstantTimeCompare([]byte(bound), []byte(proven)) == 1 {
		c.matched = true
	}
}

func (c *confirmed) verdict(bound string) *Error {
	switch {
	case bound == "" || c.matched:
		return nil
	case c.shown:
		return refuse(ReasonProofMismatch, "the token is bound to another key")
	}
	return refuse(ReasonProofMissing, "the token is bound to a key, and nothing proves it")
}

// proofError makes a refusal of whatever a Proof returned. A Proof may be the
// user's: its error is copied, and only a Reason of ours is believed, so that
// class, reason and challenge always belong together.
func proofError(ctx context.Context, err error) *Error {
	if e := callerLeft(ctx); e != nil {
		return e
	}
	var own *Error
	if !errors.As(err, &own) || own == nil {
		return refuse(ReasonProofInvalid, fmt.Sprint(err)) // in words only: a context error in it is not the caller's
	}
	reason := own.Reason
	if _, known := classes[reason]; !known {
		reason = ReasonProofUnavailable // as NewError has it: nothing was decided
	}
	e := refuse(reason, own.Detail)
	if reason == ReasonProofNonce {
		e.Challenge.Nonce = own.Challenge.Nonce
	}
	if e.Class == ErrUnavailable {
		e.RetryAfter = max(own.RetryAfter, 0)
	}
	return e
}

// callerLeft is the refusal of a caller whose own context ended; nil otherwise.
func callerLeft(ctx context.Context) *Error {
	if ctx.Err() == nil {
		return nil
	}
	e := refuse(ReasonCallerLeft, "")
	e.Cause = ctx.Err()
	return e
}
