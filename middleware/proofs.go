package middleware

import (
	"net/http"

	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/validator"
)

// Headers that a CORS middleware has to know, so that scripts of other origins can use
// an API. Both are lists, as Access-Control-Allow-Headers and
// Access-Control-Expose-Headers have them.
const (
	// RequestHeaders are the headers of requests that a Guard reads.
	RequestHeaders = "Authorization, DPoP"
	// ResponseHeaders are the headers of answers that clients need: what is missing, when
	// to try again, and the nonce for the next proof (RFC 9449 8.2 and 9).
	ResponseHeaders = "WWW-Authenticate, Retry-After, DPoP-Nonce"
)

const nonceHeader = "DPoP-Nonce"

// proofs are the ways in which the request's sender may prove a key; nil where none is
// configured, so that bound tokens are refused.
func (g *Guard) proofs(r *http.Request, scheme validator.Scheme) (list []validator.Proof) {
	if g.dpop != nil {
		list = append(list, g.dpop.Request(r, scheme))
	}
	if g.mutualTLS != nil {
		list = append(list, g.mutualTLS.Request(r))
	}
	return list
}

// SetNonce gives the holder of the token's key a nonce for the next proof, where the
// Config.DPoP wants nonces (RFC 9449 8.2): the header DPoP-Nonce. Require and Routes do
// it by themselves; it is for the answers of your own after Authenticate.
//
// The answer must not be kept for a later request (8.2), so it also sets Cache-Control
// to no-store. A handler that says otherwise has the last word; what it costs is a
// refusal with a fresh nonce.
func (g *Guard) SetNonce(w http.ResponseWriter, token *validator.Token) {
	if g.dpop == nil {
		return
	}
	if nonce := g.dpop.Nonce(token); nonce != "" {
		w.Header().Set(nonceHeader, nonce)
		w.Header().Set("Cache-Control", "no-store")
	}
}

// algorithms are what proofs may be signed with; nil without DPoP.
func algorithms(v *dpop.Verifier) []string {
	if v == nil {
		return nil
	}
	return v.Algorithms()
}
