package jose

import "errors"

// Errors of ParseHeader.
var (
	// ErrNotJWS: the first segment is no JOSE header of a JWS.
	ErrNotJWS = errors.New("not a JWS")
	// ErrCritical: the header asks for an extension that this package does not implement.
	ErrCritical = errors.New("header has crit or b64")
	// ErrKeyIDSize: a kid that no key set would list, and that would be remembered.
	ErrKeyIDSize = errors.New("kid is longer than 256 bytes")
)

// MaxKeyID is the longest kid, in bytes, that a token or a key may have.
const MaxKeyID = 256

// Header is what a JWS header says. Members that would name or carry a key
// (jku, jwk, x5u, x5c) are not here: they are never followed, because whoever
// wrote the token wrote them (RFC 8725 2.10 and 3.10).
type Header struct {
	Alg   string
	KeyID string // kid; empty when absent
	Type  string // typ, as sent; empty when absent
}

var headerNames = NewNames("alg", "kid", "typ", "cty", "crit", "b64", "enc", "zip", "jku", "jwk", "x5u", "x5c", "x5t")

// ParseHeader decodes the first segment of a token. ErrNotJWS means that the
// token is something else: no object, no alg, or an enc (a JWE). Other errors
// mean that it is a JWS with a header that must be refused.
func ParseHeader(segment string) (Header, error) {
	o, err := ReadSegment(segment, headerNames)
	if err != nil {
		return Header{}, ErrNotJWS
	}
	defer o.Close()
	var h Header
	var hasAlg, encrypted, critical bool
	for o.Next() {
		switch o.Name() {
		case "alg":
			h.Alg, hasAlg = o.String(), true
		case "kid":
			h.KeyID = o.String()
		case "typ":
			if h.Type = o.String(); h.Type == "" {
				o.Refuse() // present and empty is not absent
			}
		case "enc":
			encrypted = true
		case "crit", "b64":
			critical = true
		}
	}
	switch err := o.Err(); {
	case errors.Is(err, ErrSyntax):
		return Header{}, ErrNotJWS
	case err != nil:
		return Header{}, err
	case encrypted || !hasAlg: // RFC 7516 4.1.2; RFC 7515 4.1.1: alg is required
		return Header{}, ErrNotJWS
	case critical:
		// RFC 7515 4.1.11: extensions that are not understood must be refused;
		// RFC 7797: b64=false would make other bytes the signed ones.
		return Header{}, ErrCritical
	case len(h.KeyID) > MaxKeyID:
		return Header{}, ErrKeyIDSize
	}
	return h, nil
}
