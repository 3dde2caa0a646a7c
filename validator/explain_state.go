package validator

import (
	"encoding/base64"
	"slices"
	"time"

	"github.com/bearerguard/bearerguard/jwks"
)

// ExplainedKey is the key that the token names.
type ExplainedKey struct {
	// ID and Algorithm are the header's: believe them no more than the rest of it until
	// Verified.
	ID        string `json:"kid,omitempty"`
	Algorithm string `json:"alg"`
	// Thumbprint is the key's (RFC 7638), in base64url; empty when it is not known.
	Thumbprint string `json:"thumbprint,omitempty"`
	// Listed: the set that is known now has it. Verified: the signature verified with it.
	Listed   bool `json:"listed"`
	Verified bool `json:"verified"`
	// Fetched is when the issuer was last asked for its keys with success, and Age how
	// long ago, in nanoseconds: so old is what is known of the key. nil and 0: never.
	Fetched *time.Time    `json:"fetched,omitempty"`
	Age     time.Duration `json:"age_ns,omitempty"`
}

// key is what is known of it without asking.
func (x *explainer) key() *ExplainedKey {
	if x.token == nil || x.issuer == nil || x.issuer.keys == nil {
		return nil
	}
	status := x.issuer.keys.Status()
	key := &ExplainedKey{ID: x.secrets.clean(x.token.header.KeyID, maxActual), Algorithm: x.secrets.clean(x.token.header.Alg, maxActual)}
	if !status.Fetched.IsZero() {
		key.Fetched, key.Age = &status.Fetched, age(status.Fetched, x.v.clock())
	}
	at := slices.IndexFunc(status.Keys, func(k jwks.KeyStatus) bool {
		return (k.ID == x.token.header.KeyID || x.token.header.KeyID == "") && slices.Contains(k.Algorithms, x.token.header.Alg)
	})
	if at >= 0 {
		key.Listed, key.Thumbprint = true, status.Keys[at].Thumbprint
	}
	if x.local() {
		print := x.known.key.Thumbprint()
		key.Verified, key.Thumbprint = true, base64.RawURLEncoding.EncodeToString(print[:])
		key.Listed = x.known.key.TrustedFor(x.known.kid, x.known.algorithm.String())
	}
	return key
}

// ExplainedCache is what the cache knows of the token.
type ExplainedCache struct {
	// Cached: the verdict rests on what was known of the token before the call.
	Cached bool `json:"cached"`
	// Kept is when that was learned, or was now; Age how long before the call, in
	// nanoseconds; Until for how long it is kept unless it is displaced. nil and 0 for a
	// token of which nothing is kept: one that was refused.
	Kept  *time.Time    `json:"kept,omitempty"`
	Age   time.Duration `json:"age_ns,omitempty"`
	Until *time.Time    `json:"until,omitempty"`
}

func (x *explainer) cache() ExplainedCache {
	c := ExplainedCache{Cached: x.decision.Cached}
	if x.known == nil || x.known.keptAt == 0 {
		return c
	}
	kept := x.known.keptAt.time()
	until := x.v.keptUntil(x.known, kept)
	c.Kept, c.Until = &kept, &until
	if c.Cached {
		c.Age = age(kept, x.began.Round(0))
	}
	return c
}

// ExplainedIntrospection is the part that asking the issuer (RFC 7662) had in a verdict.
type ExplainedIntrospection struct {
	// Asked: the verdict rests on the issuer's answer, or on there being none.
	Asked bool `json:"asked"`
	// At is when the question was sent that had the answer "active", and Age how long
	// before the call, in nanoseconds; 0: during the call. nil: there is no such answer.
	At  *time.Time    `json:"at,omitempty"`
	Age time.Duration `json:"age_ns,omitempty"`
	// Stale: the answer is older than is demanded, and stood in because the issuer
	// cannot be asked (Issuer.StaleIfError).
	Stale bool `json:"stale,omitempty"`
}

func (x *explainer) introspection() *ExplainedIntrospection {
	if x.issuer == nil || x.issuer.introspection == nil {
		return nil
	}
	i := &ExplainedIntrospection{Asked: x.asked(), Stale: x.decision.Stale}
	if x.known != nil && x.known.inquiry != nil {
		sent := x.known.inquiry.sent
		i.At = &sent
		if sent.Before(x.began) {
			i.Age = age(sent, x.began)
		}
	}
	return i
}
