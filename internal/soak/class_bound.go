package main

import (
	"net/http"
)

// proven is a request with a bound token and these proofs.
func proven(t *token, proofs ...string) request {
	return request{authorization: []string{"DPoP " + t.raw}, proofs: proofs}
}

func (t *token) proof() string { return t.key.Proof(http.MethodGet, origin+pathAny, t.raw) }

// bound: a token with a proof of its key is 200.
func (c *client) bound() {
	t := c.tokens.dpop.any(c.random)
	c.try(proven(t, t.proof()), t.good)
}

// replayed: the same proof is good once (RFC 9449 11.1), although the configuration was
// reloaded meanwhile.
func (c *client) replayed() {
	t := c.tokens.dpop.any(c.random)
	r := proven(t, t.proof())
	if _, ok := c.try(r, t.good); ok {
		c.try(r, always(only(http.StatusUnauthorized)))
	}
}

// badProof: no hostile proof is good.
func (c *client) badProof() {
	if b := c.bad.now(); b != nil {
		proofs := b.proofs[c.random.IntN(len(b.proofs))]
		c.try(request{path: pathOrders, authorization: []string{"DPoP " + b.bound.raw}, proofs: proofs}, always(only(http.StatusUnauthorized)))
	}
}

// confirmed: a token that is bound to the client's certificate is 200 over its
// connections (RFC 8705 3).
func (c *client) confirmed() {
	t := c.tokens.mtls.any(c.random)
	r := bearer(t.raw)
	r.certified = true
	c.try(r, t.good)
}

// unproven: bound tokens are 401 to everybody else: without the certificate, without a
// proof, and as Bearer with one.
func (c *client) unproven() {
	byCertificate, byKey := c.tokens.mtls.any(c.random), c.tokens.dpop.any(c.random)
	downgraded := bearer(byKey.raw)
	downgraded.proofs = []string{byKey.proof()}
	r := []request{bearer(byCertificate.raw), bearer(byKey.raw), proven(byKey), downgraded}[c.random.IntN(4)]
	c.try(r, always(only(http.StatusUnauthorized)))
}
