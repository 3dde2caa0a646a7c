package validator

// Labels returns class and reason as labels for metrics and traces, both from closed
// sets: "no_token", "invalid_request", "invalid_token", "invalid_proof",
// "insufficient_authentication", "insufficient_scope" or "unavailable"; and the Reason, or
// "other" for one that is not this package's (NewError takes any text, which might be as
// various as what callers send). For nil, which is the Err of an accepted token, "accepted"
// and "none".
func (e *Error) Labels() (class, reason string) {
	if e == nil {
		return "accepted", "none"
	}
	reason = "other"
	if _, ours := classes[e.Reason]; ours {
		reason = string(e.Reason)
	}
	return classLabel(e.Class), reason
}

func classLabel(class error) string {
	switch class {
	case ErrNoToken:
		return "no_token"
	case ErrInvalidRequest:
		return "invalid_request"
	case ErrInvalidToken:
		return "invalid_token"
	case ErrInvalidProof:
		return "invalid_proof"
	case ErrInsufficientAuthentication:
		return "insufficient_authentication"
	case ErrInsufficientScope:
		return "insufficient_scope"
	}
	return "unavailable" // as transports answer an error of no class
}
