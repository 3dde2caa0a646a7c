package validator_test

import (
	"testing"
	"time"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestRevokedByIDWheneverItWasIssued: a token that is named by its jti is meant, although
// its issuer's clock says that it was issued after the mark; on a hit as on a miss. A mark
// of its user of that time leaves it alone.
func TestRevokedByIDWheneverItWasIssued(t *testing.T) {
	r := newRevocable(t)
	raw := r.AccessToken(validatortest.Claim("jti", "id-1"), validatortest.Subject("joe"))
	other := r.AccessToken(validatortest.Claim("jti", "id-2"), validatortest.Subject("joe"))
	accept(t, r.validator, raw)
	before := r.clock.Now().Add(-time.Minute)
	r.apply(t, validator.Revocation{Subject: "joe"}, before)
	accept(t, r.validator, raw)
	r.apply(t, validator.Revocation{TokenID: "id-1"}, before)
	for _, v := range []*validator.Validator{r.validator, r.fresh(t)} {
		reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
		accept(t, v, other)
	}
}
