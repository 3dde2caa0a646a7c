package main

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// badTokens are the hostile corpora, which are good, or bad for what they say, only for
// some time.
type badTokens struct{ current atomic.Pointer[corpora] }

type corpora struct {
	good, hostile []validatortest.Case
	bound         *token
	proofs        [][]string
	made          time.Time
}

// freshCorpora is for how long corpora are what they say.
const freshCorpora = 15 * time.Second

// renew makes new ones. It takes some time, with RSA keys.
func (b *badTokens) renew(w *world) {
	n := &corpora{made: time.Now(), bound: w.boundToken()}
	for _, c := range w.hostile.Corpus(clientID) {
		switch {
		case !sendable(c.Token):
		case c.Accept:
			n.good = append(n.good, c)
		default:
			n.hostile = append(n.hostile, c)
		}
	}
	for _, c := range dpoptest.Corpus(n.bound.key, http.MethodGet, origin+pathOrders, n.bound.raw) {
		if c.Reason != "" && !slices.ContainsFunc(c.Proofs, func(p string) bool { return !sendable(p) }) {
			n.proofs = append(n.proofs, c.Proofs)
		}
	}
	b.current.Store(n)
}

// boundToken is one for the corpus of proofs.
func (w *world) boundToken() *token {
	key := dpoptest.NewKey("ES256")
	t := newToken(w.keyed.AccessToken, key.Bind())
	t.key = key
	return t
}

// now is what may be sent now; nil: nothing, it is too old.
func (b *badTokens) now() *corpora {
	if c := b.current.Load(); time.Since(c.made) < freshCorpora {
		return c
	}
	return nil
}

// sendable reports whether HTTP carries a text as it is (RFC 9110 5.5).
func sendable(text string) bool {
	return strings.Trim(text, " \t") == text && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// corpusGood: what is unusual and good is 200.
func (c *client) corpusGood() {
	if b := c.bad.now(); b != nil {
		one := b.good[c.random.IntN(len(b.good))]
		c.tryCase(one, only(http.StatusOK))
	}
}

// corpusHostile: what is bad is refused with the status of its reason, or as a malformed
// request where it cannot be told from one. Unlisted keys are asked for sometimes.
func (c *client) corpusHostile() {
	b := c.bad.now()
	if b == nil {
		return
	}
	one := b.hostile[c.random.IntN(len(b.hostile))]
	reason := validator.Reason(one.Reason)
	want := only(statusOf(reason), http.StatusBadRequest).or(reason == validator.ReasonUnknownKey, http.StatusServiceUnavailable)
	if len(one.Token) > headerBytes {
		want = tooLarge()
	}
	c.tryCase(one, want)
}

// tooLarge is what becomes of a request that is longer than the server reads: it answers
// before the client has sent it all.
func tooLarge() allowed {
	return allowed{statuses: []int{http.StatusRequestHeaderFieldsTooLarge}, cut: true}
}

func (c *client) tryCase(one validatortest.Case, want allowed) {
	r := bearer(one.Token)
	r.name = one.Name
	c.try(r, always(want))
}

// badRequest: requests that are wrong beyond their token are never 200, although the
// token is good.
func (c *client) badRequest() {
	t := c.tokens.signed[c.random.IntN(len(stable))].any(c.random)
	value := "Bearer " + t.raw
	of := func(status int, values ...string) (request, allowed) {
		return request{authorization: values}, only(status)
	}
	var r request
	var want allowed
	switch c.random.IntN(9) {
	case 0: // nothing
		r, want = of(http.StatusUnauthorized)
	case 1:
		r, want = of(http.StatusUnauthorized, "Basic "+t.raw)
	case 2: // RFC 9110 5.3: not a list
		r, want = of(http.StatusBadRequest, value, value)
	case 3:
		r, want = of(http.StatusBadRequest, value+", "+value)
	case 4:
		r, want = of(http.StatusBadRequest, value+" "+t.raw)
	case 5: // RFC 6750 2.3
		r, want = of(http.StatusUnauthorized)
		r.query = "access_token=" + t.raw
	case 6: // RFC 6750 2: one way in each request
		r, want = of(http.StatusBadRequest, value)
		r.query = "access_token=" + t.raw
	case 7: // longer than a token may be
		r, want = of(http.StatusUnauthorized, "Bearer "+strings.Repeat("a", validator.MaxTokenSize+1))
	case 8:
		r, want = request{authorization: []string{"Bearer " + strings.Repeat("a", 100_000)}}, tooLarge()
	}
	c.try(r, always(want))
}
