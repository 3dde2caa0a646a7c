package introspect

import "time"

// Kind says why there is no answer. The set is closed.
type Kind string

// The kinds. None of them says anything about the token.
const (
	// Unavailable: the server could not be reached or did not answer in time, with
	// an error (5xx, 429), at unbearable length, or from another place.
	Unavailable Kind = "unavailable"
	// Busy: as many questions as allowed are on their way, or wait.
	Busy Kind = "busy"
	// CircuitOpen: too many tokens in a row could not be answered for; asking is
	// suspended for a while.
	CircuitOpen Kind = "circuit_open"
	// Denied: the server does not accept our own credentials (401, 403, or 400 with
	// invalid_client or unauthorized_client).
	Denied Kind = "denied"
	// Credentials: our own secret, key or certificate could not be had.
	Credentials Kind = "credentials"
	// Unsupported: the server does not answer for tokens of this type
	// (400 unsupported_token_type).
	Unsupported Kind = "unsupported"
	// Malformed: something else than RFC 7662 or RFC 9701 describes.
	Malformed Kind = "malformed"
)

// Error means that a question was not answered. It has no Unwrap on purpose: a
// deadline of ours must never look like the caller's. Detail is for logs; it
// never contains the token.
type Error struct {
	Kind       Kind
	RetryAfter time.Duration // when asking again can help; 0 when that is not known
	Detail     string
}

func (e *Error) Error() string { return "introspect: " + string(e.Kind) + ": " + e.Detail }
