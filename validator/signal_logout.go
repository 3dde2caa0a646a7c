package validator

import (
	"strings"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// logoutForm is a logout token: OpenID Connect Back-Channel Logout 1.0 2.4.
var logoutForm = form{
	kind: SignalLogout,
	// Recommended is logout+jwt. Many servers still send what their ID tokens have; that
	// it is none is then said by events and the absence of nonce.
	types:     []string{"logout+jwt", "jwt", ""},
	names:     jose.NewNames("events", "nonce", "sid"),
	audiences: func(is *issuer) []string { return is.logoutClientIDs },
	read:      (*signal).readLogout,
}

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// readLogout holds a logout token to Back-Channel Logout 1.0 2.6.
func (s *signal) readLogout() *failure {
	// "Prohibited, to prevent a Logout Token from being used as an ID Token" (2.4), and
	// the other way round.
	if _, there := s.further["nonce"]; there {
		return failed(ReasonNotSignal, "no claim nonce", "nonce")
	}
	events, f := s.events()
	if f != nil {
		return f
	}
	logout := false
	for _, e := range events {
		logout = logout || e.uri == logoutEvent
	}
	if !logout {
		return failed(ReasonNotSignal, "an event "+logoutEvent, events[0].uri)
	}
	if session, there := s.further["sid"]; there && !strings.HasPrefix(session, `"`) {
		return failed(ReasonMalformedClaims, "sid, a text", "something else")
	}
	if s.claims.subject == "" && s.claims.session == "" {
		return failed(ReasonClaimMissing, "claim sub or sid", "none")
	}
	s.at = s.claims.issuedAt
	s.revocations = []Revocation{{Issuer: s.claims.issuer, Subject: s.claims.subject, Session: s.claims.session}}
	return nil
}
