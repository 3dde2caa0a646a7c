package main

import (
	"crypto/rand"
	mathrand "math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// token is one that a client holds. Its subject, session, client and id are nobody
// else's, so that what revokes one of them revokes it alone.
type token struct {
	raw, subject, session, client, id string

	expires time.Time
	key     *dpoptest.Key // that it is bound to; nil: none
	ending  atomic.Bool   // from before somebody revokes it
	// dead is from when on it is refused, in nanoseconds since 1970; written before ending
	// tokens are shown to others.
	dead time.Time
}

// newToken makes a token by one of the ways to mint.
func newToken(mint func(...validatortest.Edit) string, edits ...validatortest.Edit) *token {
	t := &token{
		subject: "user-" + rand.Text(), session: "session-" + rand.Text(), client: "client-" + rand.Text(), id: rand.Text(),
		expires: time.Now().Add(lifetime),
	}
	t.raw = mint(append([]validatortest.Edit{
		validatortest.Subject(t.subject), validatortest.ClientID(t.client),
		validatortest.Claim("sid", t.session), validatortest.Claim("jti", t.id),
	}, edits...)...)
	return t
}

// kept is tokens that are sent again and again, until they are about to expire.
type kept struct {
	slots []atomic.Pointer[token]
	mint  func() *token
	drop  func(*token) // of one that nobody gets any more; may be nil
}

// spare is the time that a token lives on after nobody begins to send it.
const spare = 15 * time.Second

func (k *kept) any(random *mathrand.Rand) *token {
	slot := &k.slots[random.IntN(len(k.slots))]
	t := slot.Load()
	if t != nil && time.Until(t.expires) > spare {
		return t
	}
	fresh := k.mint()
	if !slot.CompareAndSwap(t, fresh) {
		if other := slot.Load(); other != nil {
			k.forget(fresh)
			return other
		}
		return fresh
	}
	k.forget(t)
	return fresh
}

func (k *kept) forget(t *token) {
	if t != nil && k.drop != nil {
		k.drop(t)
	}
}

// take takes a token out, to be revoked.
func (k *kept) take(random *mathrand.Rand) *token {
	for {
		k.any(random)
		if t := k.slots[random.IntN(len(k.slots))].Swap(nil); t != nil {
			t.ending.Store(true)
			return t
		}
	}
}

// graves is tokens that were revoked, the last ones.
type graves struct {
	slots [256]atomic.Pointer[token]
	next  atomic.Uint32 // how many there were
}

func (g *graves) bury(t *token) { g.slots[(g.next.Add(1)-1)%uint32(len(g.slots))].Store(t) }

// any is one of them; nil: there is none yet.
func (g *graves) any(random *mathrand.Rand) *token {
	if filled := min(int(g.next.Load()), len(g.slots)); filled > 0 {
		return g.slots[random.IntN(filled)].Load()
	}
	return nil
}

// tokens is all that clients hold.
type tokens struct {
	signed                 []kept // by stable
	opaque, dpop, mtls     kept
	revoked, inactive      graves
	proofKeys              []*dpoptest.Key
	nextKey                atomic.Uint32
	mintSigned, mintOpaque func(...validatortest.Edit) string
	mintWith               func(kid string, edits ...validatortest.Edit) string
	confirmed              validatortest.Edit // by the client's certificate
	withdrawOpaque         func(*token)
}

const (
	keptTokens = 64 // of a kind
	proofKeys  = 16
)

func (ts *tokens) begin(w *world) {
	ts.mintOpaque, ts.mintWith = w.asked.OpaqueToken, w.keyed.MintWith
	slots := func() []atomic.Pointer[token] { return make([]atomic.Pointer[token], keptTokens) }
	for _, kid := range w.rotation.stay {
		mint := func(edits ...validatortest.Edit) string { return w.keyed.MintWith(kid, edits...) }
		ts.signed = append(ts.signed, kept{slots: slots(), mint: func() *token { return newToken(mint) }})
		ts.mintSigned = mint // the cheapest, which is the last
	}
	// What the server knows of opaque tokens is what it can hold of them.
	ts.withdrawOpaque = func(t *token) {
		t.ending.Store(true)
		w.asked.Revoke(t.raw)
	}
	ts.opaque = kept{slots: slots(), mint: func() *token { return newToken(ts.mintOpaque) }, drop: ts.withdrawOpaque}
	for range proofKeys {
		ts.proofKeys = append(ts.proofKeys, dpoptest.NewKey("ES256"))
	}
	ts.dpop = kept{slots: slots(), mint: ts.bound}
	ts.confirmed = validatortest.Claim("cnf", map[string]any{"x5t#S256": w.thumbprint})
	ts.mtls = kept{slots: slots(), mint: func() *token { return newToken(ts.mintSigned, ts.confirmed) }}
}

// bound makes a token that is bound to a key of DPoP.
func (ts *tokens) bound() *token {
	key := ts.proofKeys[ts.nextKey.Add(1)%uint32(len(ts.proofKeys))]
	t := newToken(ts.mintSigned, key.Bind())
	t.key = key
	return t
}
