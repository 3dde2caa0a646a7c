package validator

import (
	"errors"
	"time"
)

// The classes of refusal. Every error of this package's validation functions is
// of exactly one of them (errors.Is), and has the HTTP and gRPC meaning that its
// comment names.
var (
	// ErrNoToken: no Authorization header, or one of another scheme.
	// 401 with a bare challenge; Unauthenticated.
	ErrNoToken = errors.New("no access token")
	// ErrInvalidRequest: the request itself is malformed. 400 invalid_request;
	// InvalidArgument.
	ErrInvalidRequest = errors.New("malformed request")
	// ErrInvalidToken: it was decided that the token is bad. 401 invalid_token;
	// Unauthenticated.
	ErrInvalidToken = errors.New("invalid token")
	// ErrInvalidProof: the sender did not prove that the token is theirs.
	// 401; Unauthenticated.
	ErrInvalidProof = errors.New("invalid proof of possession")
	// ErrInsufficientAuthentication: the user must authenticate again or better
	// (RFC 9470). 401 insufficient_user_authentication; Unauthenticated.
	ErrInsufficientAuthentication = errors.New("insufficient user authentication")
	// ErrInsufficientScope: the token is good, but not for this. 403
	// insufficient_scope; PermissionDenied.
	ErrInsufficientScope = errors.New("insufficient scope")
	// ErrUnavailable: it could not be decided. 503 with Retry-After; Unavailable.
	// Never 401, and not cached, but for a status list that could not be had: it is not
	// asked for again within the Retry-After.
	ErrUnavailable = errors.New("cannot decide now")
)

// Reason says what exactly was wrong. The set is closed and contains nothing
// that a caller sent: it is safe as a metric label.
type Reason string

// The reasons, by class.
const (
	// ErrNoToken
	ReasonNoToken           Reason = "no_token"
	ReasonUnsupportedScheme Reason = "unsupported_scheme"
	ReasonTokenInQuery      Reason = "token_in_query"

	// ErrInvalidRequest
	ReasonSeveralHeaders  Reason = "several_authorization_headers"
	ReasonMalformedHeader Reason = "malformed_authorization_header"
	ReasonTokenAlphabet   Reason = "token_alphabet"
	ReasonSecondPlace     Reason = "token_in_second_place"

	// ErrInvalidToken, before the signature was looked at
	ReasonTokenTooLarge         Reason = "token_too_large"
	ReasonNotJWT                Reason = "not_a_jwt"
	ReasonMalformedToken        Reason = "malformed_token"
	ReasonMalformedJOSEHeader   Reason = "malformed_header"
	ReasonCriticalHeader        Reason = "critical_header"
	ReasonMalformedClaims       Reason = "malformed_claims"
	ReasonMalformedScope        Reason = "malformed_scope"
	ReasonConfirmationMalformed Reason = "confirmation_malformed"
	ReasonConfirmationUnknown   Reason = "confirmation_unknown"
	ReasonUnknownIssuer         Reason = "unknown_issuer"
	ReasonNotAccessToken        Reason = "not_an_access_token"
	ReasonTenantMismatch        Reason = "tenant_mismatch"    // Entra ID: tid is not the tenant of iss
	ReasonTenantNotAllowed      Reason = "tenant_not_allowed" // Entra ID: Tenants
	ReasonClaimMissing          Reason = "claim_missing"
	ReasonAlgorithmNotAllowed   Reason = "algorithm_not_allowed"
	ReasonExpiryMissing         Reason = "expiry_missing"
	ReasonExpired               Reason = "expired"
	ReasonIssuedInFuture        Reason = "issued_in_future"
	ReasonNotYetValid           Reason = "not_yet_valid"
	ReasonLifetimeTooLong       Reason = "lifetime_too_long" // Issuer.MaxTokenLifetime
	ReasonAudienceMissing       Reason = "audience_missing"
	ReasonAudienceMismatch      Reason = "audience_mismatch"
	ReasonClientMissing         Reason = "client_missing"
	ReasonClientMismatch        Reason = "client_mismatch"
	ReasonClientConflict        Reason = "client_conflict"
	ReasonScopeConflict         Reason = "scope_conflict"
	ReasonUnknownKey            Reason = "unknown_key"
	ReasonBadSignature          Reason = "bad_signature"
	ReasonOpaqueFormat          Reason = "opaque_format"
	ReasonNotSignal             Reason = "not_a_signal"   // of ReceiveEvent and ReceiveLogout
	ReasonStatusUnknown         Reason = "status_unknown" // of a token that says where its status is; after the signature too

	// ErrInvalidToken, after the signature verified (expired and the others that
	// depend on the time occur here too)
	ReasonRevoked     Reason = "revoked"
	ReasonSuspended   Reason = "suspended"     // by its status list
	ReasonTokenTooOld Reason = "token_too_old" // Policy.MaxTokenAge

	// ErrInvalidToken, after the issuer was asked (RFC 7662)
	ReasonInactive               Reason = "inactive"
	ReasonIntrospectionDisagrees Reason = "introspection_disagrees"
	ReasonConfirmationMissing    Reason = "confirmation_missing"

	// ErrInvalidProof: the binding of the token was not proven
	ReasonProofMissing  Reason = "proof_missing"
	ReasonProofMismatch Reason = "proof_mismatch" // it is bound to another key
	ReasonProofScheme   Reason = "proof_scheme"   // bound to a DPoP key and sent as Bearer, or the other way round
	ReasonProofInvalid  Reason = "proof_invalid"  // by a Proof of the user's own

	// ErrInvalidProof: a DPoP proof that is none (RFC 9449 4.3)
	ReasonProofSeveral   Reason = "proof_several"   // more than one proof
	ReasonProofTooLarge  Reason = "proof_too_large" // longer than 4 KiB
	ReasonProofMalformed Reason = "proof_malformed" // not one strict JWT
	ReasonProofType      Reason = "proof_typ"
	ReasonProofAlgorithm Reason = "proof_algorithm"
	ReasonProofKey       Reason = "proof_key"    // jwk
	ReasonProofMethod    Reason = "proof_method" // htm
	ReasonProofURI       Reason = "proof_uri"    // htu
	ReasonProofTime      Reason = "proof_time"   // iat, exp, nbf
	ReasonProofToken     Reason = "proof_token"  // ath
	ReasonProofID        Reason = "proof_jti"
	ReasonProofSignature Reason = "proof_signature"
	ReasonProofReplayed  Reason = "proof_replayed"
	ReasonProofNonce     Reason = "proof_nonce" // none, an old one, or another's

	// ErrInsufficientAuthentication
	ReasonACRInsufficient      Reason = "acr_insufficient"       // Policy.ACRValues
	ReasonAuthenticationTooOld Reason = "authentication_too_old" // Policy.MaxAuthAge

	// ErrInsufficientScope
	ReasonInsufficientScope   Reason = "insufficient_scope"
	ReasonIssuerNotAllowed    Reason = "issuer_not_allowed"
	ReasonAudienceNotAllowed  Reason = "audience_not_allowed"
	ReasonClientNotAllowed    Reason = "client_not_allowed"
	ReasonPolicyInvalid       Reason = "policy_invalid"
	ReasonDetailsInsufficient Reason = "authorization_details_insufficient"
	ReasonDetailsMalformed    Reason = "authorization_details_malformed"
	ReasonNotPermitted        Reason = "not_permitted" // Policy.Permit
	ReasonRouteUnknown        Reason = "route_unknown" // a good token, but nothing is said about what it asks for

	// ErrUnavailable
	ReasonKeysUnavailable      Reason = "keys_unavailable"
	ReasonKeyRefreshThrottled  Reason = "key_refresh_throttled"
	ReasonFreshnessUnavailable Reason = "freshness_unavailable"
	ReasonStatusUnavailable    Reason = "status_unavailable" // the status list that a token names
	ReasonRevocationsBehind    Reason = "revocations_behind" // it may be revoked elsewhere: RefuseWhileBehind
	ReasonProofUnavailable     Reason = "proof_unavailable"  // what remembers proofs failed
	ReasonProofStoreFull       Reason = "proof_store_full"   // it has no room for another one
	ReasonProofKeyFull         Reason = "proof_key_full"     // nor for another one of this key
	ReasonPermitUnavailable    Reason = "permit_unavailable"
	ReasonCallerLeft           Reason = "caller_left"

	// ErrUnavailable: the issuer was asked, or should have been
	ReasonIntrospectionUnavailable Reason = "introspection_unavailable" // no answer, or 5xx, 429
	ReasonIntrospectionBusy        Reason = "introspection_busy"        // too many questions at once
	ReasonIntrospectionSuspended   Reason = "introspection_suspended"   // several tokens in a row got no answer
	ReasonIntrospectionDenied      Reason = "introspection_denied"      // it refuses our own credentials
	ReasonIntrospectionCredentials Reason = "introspection_credentials" // #nosec G101 -- our own credentials could not be had: a reason, no credential
	ReasonIntrospectionUnsupported Reason = "introspection_unsupported" // it does not answer for such tokens
	ReasonIntrospectionMalformed   Reason = "introspection_malformed"   // its answer is none
)

// classes binds each reason that this package gives to its one class.
var classes = func() map[Reason]error {
	table := make(map[Reason]error)
	for class, reasons := range map[error][]Reason{
		ErrNoToken:        {ReasonNoToken, ReasonUnsupportedScheme, ReasonTokenInQuery},
		ErrInvalidRequest: {ReasonSeveralHeaders, ReasonMalformedHeader, ReasonTokenAlphabet, ReasonSecondPlace},
		ErrInvalidToken: {
			ReasonTokenTooLarge, ReasonNotJWT, ReasonMalformedToken, ReasonMalformedJOSEHeader, ReasonCriticalHeader,
			ReasonMalformedClaims, ReasonMalformedScope, ReasonConfirmationMalformed, ReasonConfirmationUnknown,
			ReasonUnknownIssuer, ReasonNotAccessToken, ReasonTenantMismatch, ReasonTenantNotAllowed, ReasonLifetimeTooLong, ReasonClaimMissing, ReasonAlgorithmNotAllowed,
			ReasonExpiryMissing, ReasonExpired, ReasonIssuedInFuture, ReasonNotYetValid,
			ReasonAudienceMissing, ReasonAudienceMismatch, ReasonClientMissing, ReasonClientMismatch, ReasonClientConflict,
			ReasonScopeConflict, ReasonUnknownKey, ReasonBadSignature, ReasonOpaqueFormat, ReasonNotSignal, ReasonStatusUnknown,
			ReasonRevoked, ReasonSuspended,
			ReasonInactive, ReasonIntrospectionDisagrees, ReasonConfirmationMissing, ReasonTokenTooOld,
		},
		ErrInvalidProof: {
			ReasonProofMissing, ReasonProofMismatch, ReasonProofScheme, ReasonProofInvalid,
			ReasonProofSeveral, ReasonProofTooLarge, ReasonProofMalformed, ReasonProofType, ReasonProofAlgorithm, ReasonProofKey,
			ReasonProofMethod, ReasonProofURI, ReasonProofTime, ReasonProofToken, ReasonProofID, ReasonProofSignature,
			ReasonProofReplayed, ReasonProofNonce,
		},
		ErrInsufficientAuthentication: {ReasonACRInsufficient, ReasonAuthenticationTooOld},
		ErrInsufficientScope: {
			ReasonInsufficientScope, ReasonIssuerNotAllowed, ReasonAudienceNotAllowed, ReasonClientNotAllowed, ReasonPolicyInvalid,
			ReasonDetailsInsufficient, ReasonDetailsMalformed, ReasonNotPermitted,
			ReasonRouteUnknown,
		},
		ErrUnavailable: {
			ReasonKeysUnavailable, ReasonKeyRefreshThrottled, ReasonFreshnessUnavailable, ReasonStatusUnavailable, ReasonRevocationsBehind,
			ReasonProofUnavailable, ReasonProofStoreFull, ReasonProofKeyFull,
			ReasonPermitUnavailable, ReasonCallerLeft,
			ReasonIntrospectionUnavailable, ReasonIntrospectionBusy, ReasonIntrospectionSuspended, ReasonIntrospectionDenied,
			ReasonIntrospectionCredentials, ReasonIntrospectionUnsupported, ReasonIntrospectionMalformed,
		},
	} {
		for _, reason := range reasons {
			table[reason] = class
		}
	}
	return table
}()

// bindings are the reasons that say nothing about a DPoP proof, but that the token's
// binding was not confirmed: RFC 9449 7.1 and RFC 8705 3 call that invalid_token.
var bindings = map[Reason]bool{ReasonProofMissing: true, ReasonProofMismatch: true, ReasonProofScheme: true, ReasonProofInvalid: true}

// Error is a refusal. It never contains the token. What it says about the cause
// is for logs: a client learns only what Challenge holds.
type Error struct {
	// Class is one of the seven classes; errors.Is(err, Class) holds.
	Class error
	// Reason is what exactly was wrong.
	Reason Reason
	// RetryAfter is when trying again can help; 0 when that is not known. Only
	// with ErrUnavailable.
	RetryAfter time.Duration
	// Challenge is what the client may be told.
	Challenge Challenge
	// Verified reports whether the token was known to be genuine: its signature had
	// verified, or its issuer had called it active. While it is false, nothing that
	// the token says about its subject can be believed.
	Verified bool
	// Detail is what was expected and what was found, in words, for logs. It may
	// quote claims of an unverified token.
	Detail string
	// Cause is the caller's own context error (ReasonCallerLeft), and nil
	// otherwise: what went wrong elsewhere is told in Detail, so that no deadline
	// of ours passes for one of the caller's.
	Cause error

	finding *failure // by which check, for Explain; nil: the one that has the reason
}

// Challenge is what a client may be told about a refusal (RFC 6750 3, RFC 9449 7.1,
// RFC 9470 3). Code and Description are constants: they do not help to guess which check
// failed.
type Challenge struct {
	Code        string   // error; empty for ErrNoToken and ErrUnavailable
	Description string   // error_description; empty without Code
	Scope       []string // scope: what the policy asks for; only with insufficient_scope

	// ACRValues and MaxAge are acr_values and max_age: how the policy would have the
	// user authenticated. Only with insufficient_user_authentication. ACRValues is in
	// order of preference; MaxAge is in whole seconds, at least one, and 0 where there
	// is no such demand.
	ACRValues []string
	MaxAge    time.Duration

	// Nonce is what the next proof must contain (the header DPoP-Nonce, RFC 9449 9).
	// Only with use_dpop_nonce.
	Nonce string
	// Scheme is how the token was presented: the error belongs into the challenge of
	// that scheme (RFC 9449 7.2). Transports set it; empty: that is not known.
	Scheme Scheme
}

// Error describes the refusal for logs.
func (e *Error) Error() string {
	text := "validator: "
	if e.Class != nil {
		text += e.Class.Error() + ": "
	}
	text += string(e.Reason)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Is reports whether target is the error's class.
func (e *Error) Is(target error) bool { return target == e.Class }

// Unwrap returns Cause.
func (e *Error) Unwrap() error { return e.Cause }

// NewError returns the refusal of a reason, with the class and the challenge
// that belong to it, for transports, Proofs and Policy.Permit of your own. detail
// is for logs.
// A reason that is not one of this package's is of class ErrUnavailable: nothing
// was decided.
func NewError(reason Reason, detail string) *Error { return refuse(reason, detail) }

// refuse makes the error of a reason.
func refuse(reason Reason, detail string) *Error {
	class, known := classes[reason]
	if !known {
		class = ErrUnavailable
	}
	return &Error{Class: class, Reason: reason, Detail: detail, Challenge: challenge(class, reason)}
}

// challenge is the fixed vocabulary of RFC 6750 3.1, RFC 9449 7.1 and 9, and RFC 9470
// 3. Only "expired" has a description of its own: an honest client should then refresh.
func challenge(class error, reason Reason) Challenge {
	switch {
	case reason == ReasonExpired:
		return Challenge{Code: "invalid_token", Description: "The access token expired"}
	case class == ErrInvalidRequest:
		return Challenge{Code: "invalid_request", Description: "The request is malformed"}
	case reason == ReasonProofNonce:
		return Challenge{Code: "use_dpop_nonce", Description: "The DPoP proof needs the nonce of this answer"}
	case class == ErrInvalidProof && !bindings[reason]:
		return Challenge{Code: "invalid_dpop_proof", Description: "The DPoP proof is invalid"}
	case class == ErrInvalidToken, class == ErrInvalidProof:
		return Challenge{Code: "invalid_token", Description: "The access token is invalid"}
	case class == ErrInsufficientAuthentication:
		return Challenge{Code: "insufficient_user_authentication", Description: "A different authentication is required"}
	case class == ErrInsufficientScope:
		return Challenge{Code: "insufficient_scope", Description: "The access token does not permit this request"}
	}
	return Challenge{}
}
