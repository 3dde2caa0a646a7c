package validator_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator"
)

// TestSilentIssuersHaveNoSay: an issuer whose tokens are accepted, and that is not configured
// to tell of events, or of logouts, revokes nothing by them.
func TestSilentIssuersHaveNoSay(t *testing.T) {
	s := newSignalled(t, func(c *validator.Config) { c.Issuers[0].EventAudiences = nil })
	_, err := s.validator.ReceiveEvent(t.Context(), s.event(credentialChange, s.issSub("user")))
	refused(t, err, validator.ErrInvalidToken, validator.ReasonUnknownIssuer)
	s = newSignalled(t, func(c *validator.Config) { c.Issuers[0].LogoutClientIDs = nil })
	_, err = s.validator.ReceiveLogout(t.Context(), s.logout(sid("s1")))
	refused(t, err, validator.ErrInvalidToken, validator.ReasonUnknownIssuer)
	assert.Zero(t, s.revocations.Status().Marks)
}
