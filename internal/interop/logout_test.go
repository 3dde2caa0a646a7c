package interop

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware/signals"
	"github.com/bearerguard/bearerguard/validator"
)

// relyingParty is the API as a client that is told of logouts.
const relyingParty = "orders-rp"

// TestBackChannelLogout: the server tells that a user's session is over, and the tokens
// of the user that were accepted before are refused on the next request. Its access
// tokens have no sid, so they count as those of the session where it names one.
func TestBackChannelLogout(t *testing.T) {
	const resource = "urn:api:es256"
	for name, session := range map[string]bool{"of a user": false, "of a session": true} {
		t.Run(name, func(t *testing.T) {
			p := start(t)
			alice, bob := p.signIn(t, "alice", resource, "orders.read"), p.signIn(t, "bob", resource, "orders.read")
			heard := make(chan validator.Signal, 1)
			v := guard(t, p, clients(handheld), issuer(func(is *validator.Issuer) {
				is.MaxTokenLifetime, is.LogoutClientIDs = 10*time.Minute, []string{relyingParty}
			}), func(c *validator.Config) {
				var err error
				c.Revocations, err = validator.NewRevocations(validator.RevocationsConfig{})
				require.NoError(t, err)
				c.Observer.Signal = func(_ context.Context, s validator.Signal) { heard <- s }
			})
			accepted(t, v, alice.AccessToken)
			accepted(t, v, bob.AccessToken)

			logout := httptest.NewServer(signals.Logout(v))
			t.Cleanup(logout.Close)
			p.register(t, metadata{
				"client_id": relyingParty, "client_secret": relyingParty + "-secret", "application_type": "native",
				"backchannel_logout_uri": logout.URL, "backchannel_logout_session_required": session,
			})
			p.logOut(t, relyingParty, "alice", "a session")
			assert.Equal(t, validator.Signal{Kind: validator.SignalLogout, Issuer: p.issuer, Outcome: validator.OutcomeRevoked}, <-heard)
			rejected(t, v, alice.AccessToken, validator.ErrInvalidToken, validator.ReasonRevoked)
			accepted(t, v, bob.AccessToken)
		})
	}
}
