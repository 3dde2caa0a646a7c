package main

import (
	"net/http"
	"time"

	"github.com/bearerguard/bearerguard/validator"
)

// answered is what becomes of an opaque token that its issuer calls active: 503 only
// while the issuer cannot be asked.
func (c *client) answered(t *token) func(answer) allowed {
	return func(a answer) allowed { return t.good(a).or(c.noAnswers.during(a), http.StatusServiceUnavailable) }
}

// opaque: one whose answer is mostly known.
func (c *client) opaque() {
	t := c.tokens.opaque.any(c.random)
	c.try(bearer(t.raw), c.answered(t))
}

// freshOpaque: one that the issuer has to be asked about.
func (c *client) freshOpaque() {
	t := newToken(c.tokens.mintOpaque)
	c.try(bearer(t.raw), c.answered(t))
	c.tokens.withdrawOpaque(t)
}

// refused is what becomes of an opaque token that its issuer does not call active.
func (c *client) refused(a answer) allowed {
	return only(http.StatusUnauthorized).or(c.noAnswers.during(a), http.StatusServiceUnavailable)
}

// junk: what the issuer never made is 401.
func (c *client) junk() { c.try(bearer(opaque+c.text()+c.text()), c.refused) }

// deactivate: a token that its issuer revoked is 401 once the answer about it is too
// old; with a mark, from the next request on.
func (c *client) deactivate() {
	t := c.tokens.opaque.take(c.random)
	c.try(bearer(t.raw), c.answered(t))
	c.asked.Revoke(t.raw)
	t.dead = time.Now().Add(answerAge)
	if c.random.IntN(2) == 0 && c.mark(validator.Revocation{Issuer: c.asked.Issuer(), Subject: t.subject}) {
		t.dead = time.Now()
	}
	c.try(bearer(t.raw), c.inactivated(t))
	c.tokens.inactive.bury(t)
}

func (c *client) inactivated(t *token) func(answer) allowed {
	return func(a answer) allowed { return c.refused(a).or(a.began.Before(t.dead), http.StatusOK) }
}

// inactive: so is one that was revoked some time ago.
func (c *client) inactive() {
	if t := c.tokens.inactive.any(c.random); t != nil {
		c.try(bearer(t.raw), c.inactivated(t))
	}
}
