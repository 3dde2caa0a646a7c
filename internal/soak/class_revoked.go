package main

import (
	"net/http"
	"net/url"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// revoke: after a call of Revoke, or a signal of the issuer that was taken in, the token
// is 401 from the next request on. Signals are signed by a key that is known.
func (c *client) revoke() {
	t := c.tokens.signed[c.random.IntN(len(stable))].take(c.random)
	c.try(bearer(t.raw), t.good) // so that it is in the cache
	issuer := c.keyed.Issuer()
	ways := []func() bool{
		func() bool { return c.mark(validator.Revocation{Issuer: issuer, TokenID: t.id}) },
		func() bool { return c.mark(validator.Revocation{Issuer: issuer, Subject: t.subject}) },
		func() bool { return c.mark(validator.Revocation{Issuer: issuer, Session: t.session}) },
		func() bool { return c.mark(validator.Revocation{Issuer: issuer, ClientID: t.client}) },
		func() bool { return c.logout(t) },
		func() bool { return c.event(t) },
	}
	if ways[c.random.IntN(len(ways))]() {
		c.try(bearer(t.raw), always(only(http.StatusUnauthorized)))
		c.tokens.revoked.bury(t)
	}
}

func (c *client) mark(r validator.Revocation) bool {
	if err := c.revocations.Revoke(r); err != nil {
		c.load.blame(c.class, "Revoke: "+err.Error())
		return false
	}
	return true
}

func (c *client) logout(t *token) bool {
	signal := c.keyed.LogoutToken(clientID, validatortest.Subject(t.subject), validatortest.Claim("sid", t.session))
	_, ok := c.try(request{
		method: http.MethodPost, path: pathLogout, body: url.Values{"logout_token": {signal}}.Encode(),
		other: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	}, always(only(http.StatusOK)))
	return ok
}

func (c *client) event(t *token) bool {
	subject := map[string]any{"format": "iss_sub", "iss": c.keyed.Issuer(), "sub": t.subject}
	signal := c.keyed.EventToken(clientID, "https://schemas.openid.net/secevent/caep/event-type/session-revoked", nil, validatortest.Claim("sub_id", subject))
	_, ok := c.try(request{
		method: http.MethodPost, path: pathEvents, body: signal,
		other: http.Header{"Content-Type": {"application/secevent+jwt"}},
	}, always(only(http.StatusAccepted)))
	return ok
}

// revoked: a token that was revoked is 401 for ever, through outages and reloads.
func (c *client) revoked() {
	if t := c.tokens.revoked.any(c.random); t != nil {
		c.try(bearer(t.raw), always(only(http.StatusUnauthorized)))
	}
}
