package validator

import "sync/atomic"

// revocations is the table of what was revoked. Every decision looks at it, on
// a hit as on a miss, so that revoking counts at once although results are kept
// until exp. Nothing writes to it yet; it stands here so that the look-up is on
// the path, and in the figures, from the beginning.
type revocations struct {
	marks atomic.Pointer[map[Identity]numericDate]
}

// revoked reports whether the token was issued no later than its subject was
// revoked.
func (r *revocations) revoked(t *facts) bool {
	marks := r.marks.Load()
	if marks == nil {
		return false
	}
	at, marked := (*marks)[t.identity()]
	return marked && t.issuedAt <= at // a token without iat counts as old
}
