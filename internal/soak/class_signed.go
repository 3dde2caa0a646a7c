package main

import (
	"net/http"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// good is what becomes of a token that is good unless somebody revokes it meanwhile. No
// outage matters to a JWT whose key is known.
func (t *token) good(answer) allowed {
	return accepted(t.subject).or(t.ending.Load(), http.StatusUnauthorized)
}

// signed: a token that was mostly seen before is 200, through every outage.
func (c *client) signed(stable int) {
	t := c.tokens.signed[stable].any(c.random)
	c.try(bearer(t.raw), t.good)
}

// fresh: so is one that was never seen.
func (c *client) fresh() {
	kid := c.rotation.stay[c.random.IntN(len(stable))]
	t := newToken(func(edits ...validatortest.Edit) string { return c.tokens.mintWith(kid, edits...) })
	c.try(bearer(t.raw), t.good)
}

// rotated: a token of the newest key is 200, or 503 while keys cannot be asked for, or
// what is asked for is used up by keys that are not there.
func (c *client) rotated() {
	key := c.rotation.newest()
	t := newToken(func(edits ...validatortest.Edit) string { return c.tokens.mintWith(key.kid, edits...) })
	c.try(bearer(t.raw), func(a answer) allowed {
		return accepted(t.subject).
			or(key.unknown(a.began) || c.noKeys.during(a), http.StatusServiceUnavailable).
			or(!c.rotation.lists(key.kid), http.StatusUnauthorized) // withdrawn while it was on its way
	})
}

// withdrawn: a token of a key that is not listed any more is refused once the set was
// asked for, which its age brings about. Whether such a key came back is asked for too.
func (c *client) withdrawn() {
	key := c.rotation.gone()
	t := newToken(func(edits ...validatortest.Edit) string { return c.tokens.mintWith(key.kid, edits...) })
	c.try(bearer(t.raw), func(a answer) allowed {
		want := only(http.StatusUnauthorized, http.StatusServiceUnavailable).or(key.trusted(a, &c.noKeys), http.StatusOK)
		want.subject = t.subject
		return want
	})
}

// unlisted: a key that nobody ever listed is refused, or asked for in vain.
func (c *client) unlisted() {
	t := newToken(c.tokens.mintSigned, validatortest.HeaderParam("kid", "nobody-"+c.text()))
	c.try(bearer(t.raw), always(only(http.StatusUnauthorized, http.StatusServiceUnavailable)))
}

// text is a short text that differs.
func (c *client) text() string {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	b := make([]byte, 12)
	for i := range b {
		b[i] = letters[c.random.IntN(len(letters))]
	}
	return string(b)
}

// forbidden: a good token is 403 where it permits nothing, and on no route too.
func (c *client) forbidden() {
	t := c.tokens.signed[c.random.IntN(len(stable))].any(c.random)
	r := bearer(t.raw)
	r.path = []string{pathAdmin, pathNowhere}[c.random.IntN(2)]
	c.try(r, func(answer) allowed {
		return only(http.StatusForbidden).or(t.ending.Load(), http.StatusUnauthorized)
	})
}
