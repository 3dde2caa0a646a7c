package dpop

import (
	"net/http"
	"slices"
	"time"

	"github.com/bearerguard/bearerguard/internal/httpuri"
	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/internal/peers"
	"github.com/bearerguard/bearerguard/validator"
)

// Verifier verifies DPoP proofs. It is immutable but for its ReplayStore, and for some
// headers that it knows again, and safe for concurrent use.
type Verifier struct {
	origins    []string // normal forms, such as "https://api.example.com"
	peers      peers.Set
	algorithms jose.Algorithms
	headers    *headers
	window     time.Duration
	replays    ReplayStore
	peeks      bool    // does not consume
	nonces     *nonces // nil: none
	clock      func() time.Time
}

// otherwise is a token under any other scheme, of which nothing but that matters.
var otherwise = new(presented)

// Request is what a transport knows about a request.
type Request struct {
	// Method is the HTTP method, case included (htm): POST for gRPC.
	Method string
	// URL is the address of the request: absolute, at one of Config.Origins, or only its
	// path where there is one origin ("/orders.Orders/List"). Query and fragment do not
	// count.
	URL string
	// Proofs are the values of all DPoP headers.
	Proofs []string
	// Scheme is how the token was presented, as validator.ParseAuthorization says.
	Scheme validator.Scheme
}

// Proof returns the proof of one request, for validator.Requirements.Proofs.
//
// It refuses a token that is bound to a DPoP key under any other scheme than DPoP, and
// one that is not under DPoP (RFC 9449 7.1 and 7.2). Whatever else it proves nothing
// about, such as a token without a binding under Bearer, is none of its business.
func (v *Verifier) Proof(r Request) validator.Proof {
	if r.Scheme != validator.SchemeDPoP {
		return otherwise
	}
	return &presented{v, r.Scheme, r.Proofs, r.Method, func() (httpuri.URI, error) { return v.parseTarget(r.URL) }}
}

// Request is Proof for a request of net/http. The address is that of the request line,
// as the client sent it, at one of Config.Origins.
func (v *Verifier) Request(r *http.Request, scheme validator.Scheme) validator.Proof {
	if scheme != validator.SchemeDPoP {
		return otherwise
	}
	return &presented{v, scheme, r.Header["Dpop"], r.Method, func() (httpuri.URI, error) { return v.targetOf(r) }}
}

// WithoutConsuming returns a Verifier that does not use proofs up, and is otherwise v:
// for a gate that is asked about a request which another one will decide on, and that
// would refuse a proof the gate has used (forward authentication). By itself it lets
// every proof through again until its window ends.
func (v *Verifier) WithoutConsuming() *Verifier {
	own := *v
	own.peeks = true
	return &own
}

// Algorithms returns the names of those that proofs may use, for the challenge (algs,
// RFC 9449 7.1).
func (v *Verifier) Algorithms() []string { return v.algorithms.Names() }

// Origins returns the normal forms of Config.Origins, for transports that know only the
// path of a request: they need a single one (Request.URL).
func (v *Verifier) Origins() []string { return slices.Clone(v.origins) }

// Nonce returns a fresh nonce for the holder of the token's key, for the header
// DPoP-Nonce of the answer (RFC 9449 8.2 and 9). Empty: the token is not bound to a
// DPoP key, or there is no Config.Nonces.
//
// A nonce is for one key. A refusal that asks for one (use_dpop_nonce) has it in its
// Challenge; where the token was refused, or there was no proof, nobody has shown a key
// that it could be for, and there is none.
func (v *Verifier) Nonce(t *validator.Token) string {
	if v.nonces == nil || t == nil || t.Confirmation().JKT == "" {
		return ""
	}
	return v.nonces.mint(t.Confirmation().JKT, v.clock())
}
