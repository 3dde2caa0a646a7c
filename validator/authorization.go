package validator

import (
	"strings"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// Scheme is the authentication scheme with which a token was presented.
type Scheme string

// The schemes that carry access tokens.
const (
	SchemeBearer Scheme = "Bearer" // RFC 6750
	SchemeDPoP   Scheme = "DPoP"   // RFC 9449
)

// ParseAuthorization takes the values of all Authorization headers of a request
// (or of the authorization metadata of a gRPC call) and returns the one token in
// them. It is the only parser of that header in this module.
//
// Errors, all of type *Error: ErrNoToken when there is no header, an empty one, or another scheme;
// ErrInvalidRequest when there are two headers, or what follows the scheme is
// not exactly one token.
func ParseAuthorization(values []string) (scheme Scheme, token string, err error) {
	switch len(values) {
	case 0:
		return "", "", refuse(ReasonNoToken, "")
	case 1:
	default:
		// Which of two would the next hop take? (RFC 9110 5.3: not a list field)
		return "", "", refuse(ReasonSeveralHeaders, "")
	}
	value := values[0]
	if value == "" {
		return "", "", refuse(ReasonNoToken, "empty header")
	}
	name, rest, _ := strings.Cut(value, " ")
	switch { // RFC 9110 11.1: scheme names compare without regard to case
	case strings.EqualFold(name, string(SchemeBearer)):
		scheme = SchemeBearer
	case strings.EqualFold(name, string(SchemeDPoP)):
		scheme = SchemeDPoP
	default:
		return "", "", refuse(ReasonUnsupportedScheme, "neither Bearer nor DPoP, and a space, in front of a token")
	}
	token = strings.TrimLeft(rest, " ") // RFC 6750 2.1: 1*SP
	if token == "" || !jose.InAlphabet(token) {
		return "", "", refuse(ReasonMalformedHeader, "the scheme must be followed by one token")
	}
	return scheme, token, nil
}
