package dpop

import (
	"encoding/base64"
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/validator"
)

// header is the header of a proof: a segment, and what it says.
type header struct {
	segment    string
	algorithm  jose.Algorithm
	key        *jose.PublicKey
	thumbprint string // of key: jkt
}

// headers are some of those of proofs that verified, for the key of the token they came
// with: a client sends the same one with each request, and reading a key is what a proof
// costs most after its signature. What is found here is what reading it again would find.
//
// Only what proved the possession of a token's key gets in, and what it displaces is read
// again.
type headers struct {
	seed  maphash.Seed
	slots [1024]atomic.Pointer[header]
}

func newHeaders() *headers { return &headers{seed: maphash.MakeSeed()} }

// read returns what a segment says, from memory or by reading it.
func (h *headers) read(segment string, algorithms jose.Algorithms) (*header, *validator.Error) {
	if known := h.slot(segment).Load(); known != nil && known.segment == segment {
		return known, nil
	}
	return readHeader(segment, algorithms)
}

// keep remembers the header of a proof that verified.
func (h *headers) keep(good *header) {
	if slot := h.slot(good.segment); slot.Load() != good {
		own := *good
		own.segment = strings.Clone(own.segment) // no part of the request's memory
		slot.Store(&own)
	}
}

func (h *headers) slot(segment string) *atomic.Pointer[header] {
	return &h.slots[maphash.String(h.seed, segment)%uint64(len(h.slots))]
}

var headerNames = jose.NewNames("typ", "alg", "jwk", "kid", "cty", "crit", "b64", "enc", "zip", "jku", "x5u", "x5c", "x5t")

// readHeader reads the header and the key in it. The key is that of the client's
// choice, unlike everywhere else here: what makes it good is that the token names its
// thumbprint.
func readHeader(segment string, algorithms jose.Algorithms) (*header, *validator.Error) {
	o, err := jose.ReadSegment(segment, headerNames)
	if err != nil {
		return nil, refuse(validator.ReasonProofMalformed, "header: %v", err)
	}
	defer o.Close()
	var typ, algorithm, jwk, second, extension string
	for o.Next() {
		switch name := o.Name(); name {
		case "typ":
			typ = o.String()
		case "alg":
			algorithm = o.String()
		case "jwk":
			jwk = o.Object()
		case "jku", "x5u", "x5c", "x5t", "x5t#S256":
			second = name
		case "crit", "b64", "enc", "zip":
			extension = name
		}
	}
	switch {
	case o.Err() != nil:
		return nil, refuse(validator.ReasonProofMalformed, "header: %v", o.Err())
	case typ != "dpop+jwt": // 4.3, 4: no other kind of JWT passes for a proof
		return nil, refuse(validator.ReasonProofType, "typ: expected dpop+jwt, found %.100q", typ)
	case extension != "":
		// RFC 7515 4.1.11: extensions that are not understood must be refused; RFC 7797:
		// b64=false would make other bytes the signed ones.
		return nil, refuse(validator.ReasonProofMalformed, "the header has %s", extension)
	}
	// 4.3, 5: HMAC and none have no name here, and what has none is in no set.
	a, _ := jose.ParseAlgorithm(algorithm)
	if !algorithms.Has(a) {
		return nil, refuse(validator.ReasonProofAlgorithm, "alg: expected one of %v, found %.100q", algorithms.Names(), algorithm)
	}
	return readKey(segment, a, jwk, second)
}

// readKey reads the public key (4.3, 6 and 7). A kid is only a name, and libraries add
// it. A header that names a second key (jku, x5u, x5c, x5t, x5t#S256) would be verified with
// another one by another reader; it is never followed, and there is no honest proof
// that needs it.
func readKey(segment string, algorithm jose.Algorithm, jwk, second string) (*header, *validator.Error) {
	if second != "" {
		return nil, refuse(validator.ReasonProofKey, "the header has %s besides jwk", second)
	}
	key, err := jose.ParseJWK(jwk)
	if err != nil {
		return nil, refuse(validator.ReasonProofKey, "jwk: %v", err)
	}
	if !key.Fits(algorithm) { // RFC 8725 3.1
		return nil, refuse(validator.ReasonProofKey, "jwk: no key of %s", algorithm)
	}
	thumbprint := key.Thumbprint()
	return &header{segment, algorithm, key, base64.RawURLEncoding.EncodeToString(thumbprint[:])}, nil
}
