package dpop

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/bearerguard/bearerguard/validator"
)

// ReplayStore remembers which proofs were used, so that none is used twice (RFC 9449
// 11.1). A shared one, such as that of the module cache/rediscache, makes that hold for
// all replicas of an API.
//
// Add remembers a proof by the thumbprint of its key and the SHA-256 of its jti, and
// reports whether it was not there before. It must be atomic: of any number of
// concurrent calls for one proof exactly one returns true. A store must not forget a
// proof before until, whatever room it needs: one that is full returns an error. So does
// one that may have forgotten some, until those are too old.
//
// An error refuses the request, for it is not known whether the proof was used: one
// made by validator.NewError with ReasonProofStoreFull, ReasonProofKeyFull or
// ReasonProofUnavailable with that reason and its RetryAfter, any other with
// ReasonProofUnavailable. Implementations must be safe for concurrent use.
type ReplayStore interface {
	Add(ctx context.Context, jkt string, jti [sha256.Size]byte, until time.Time) (fresh bool, err error)
}

// consume uses the proof up.
func (v *Verifier) consume(ctx context.Context, p *proof) *validator.Error {
	fresh, err := v.replays.Add(ctx, p.thumbprint, sha256.Sum256([]byte(p.id)), v.rememberUntil(p))
	switch {
	case err != nil:
		return storeError(err)
	case !fresh:
		return refuse(validator.ReasonProofReplayed, "")
	}
	return nil
}

// rememberUntil is when no replica takes the proof for a recent one any more: iat plus
// the window, by the clock of one that is slow by as much as a client's may be.
func (v *Verifier) rememberUntil(p *proof) time.Time {
	return p.issuedAt.time().Add(2 * v.window)
}

// storeError is the refusal that an error of a store means: nothing was decided.
func storeError(err error) *validator.Error {
	var own *validator.Error
	if errors.As(err, &own) && own != nil {
		switch own.Reason {
		case validator.ReasonProofStoreFull, validator.ReasonProofKeyFull, validator.ReasonProofUnavailable:
			e := refuse(own.Reason, "%s", own.Detail)
			e.RetryAfter = own.RetryAfter
			return e
		}
	}
	return refuse(validator.ReasonProofUnavailable, "%s", fmt.Sprint(err))
}
