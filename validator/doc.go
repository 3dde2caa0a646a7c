// Package validator decides whether an API accepts an OAuth 2.0 access token: one raw
// token goes in, one [*Token] or one error comes out.
//
//	v, err := validator.New(validator.Config{
//		Issuers: []validator.Issuer{{
//			URL:       "https://example.okta.com/oauth2/default",
//			Audiences: []string{"api://orders"},
//			ClientIDs: []string{"0oa1b2c3d4"},
//			Profile:   validator.Okta(),
//		}},
//	})
//	...
//	token, err := v.Validate(ctx, rawToken)
//
// # Where to begin
//
// A [Config] lists the authorization servers that are trusted. Each is an [Issuer]: its
// URL, the names of this API there, the clients that may call, and the [Profile] by which
// its access tokens are known. [New] checks all of it and does no I/O.
//
// [Validator.Validate] decides on a token. [Validator.ValidateWith] also asks what the
// call requires of it: a [Policy] (scopes and more), a [Freshness], and proofs that the
// sender holds the token's key ([Proof]). [Claims] reads claims of your own from a [Token].
//
// For net/http, package middleware does all that, with the answers; for gRPC the module
// middleware/grpcauth. Another transport takes the token out of its headers with
// [ParseAuthorization], and passes the [Token] on with [NewContext]. Package validatortest
// is an authorization server for tests.
//
// # How a token flows
//
//	raw ─ size ─ cache ──hit── exp, key still trusted, fresh, revoked? ── proof, policy ── *Token
//	          └─miss─ alphabet ─┬ JWS: header ─ claims, decoded once and strictly ─ issuer by exact iss
//	                            │   ─ kind, algorithm, exp, iat, nbf, aud, client, scope ─ key by kid ─ signature ─ keep ─ as on a hit
//	                            └ else: its issuer is asked ─ the same checks ─ keep ─ as on a hit
//
// The cheapest check comes first, and a check that failed is final. The cache keeps
// facts, never verdicts: everything that can change is looked at on every hit. A refusal
// of a JWT is never kept.
//
// # Errors
//
// A nil [Token] accompanies every error. Every error is an [*Error] of exactly one of seven
// classes ([ErrInvalidToken] and its neighbours), with a [Reason] from a closed set that is
// safe as a metric label. [ErrUnavailable] alone means that nothing was decided. A client
// is told no more than Error.Challenge holds.
//
// Operators are told all: [Validator.Explain] decides by the same code, and reports every
// check with what was expected and found.
//
// # Zero values
//
// No check is off because a field is empty. What relaxes one has a name that says so:
// AnyClient, AnyToken, AnyTrustedIssuer, AllowMissingAudience, InsecureAllowHTTP. A zero
// [Policy] is refused, a zero [Profile] is the generic one, zero [Requirements] ask for no
// more than a good token, and fields of [Config] and [Issuer] say their defaults. A
// [Validator], [Token] or [Revocations] is made by this package alone; a zero one is good
// for nothing.
//
// # Keys
//
// Keys are fetched for the first token, or [Validator.Ready], and again when a token names
// one that is not listed. A key that the server withdraws is trusted until the next fetch:
// Issuer.KeyMaxAge and [Validator.RefreshKeys] see to that. [Validator.Status] tells what
// is known; [Validator.ExportKeys] and [Validator.ImportKeys] bridge a restart.
//
// # Asking the issuer
//
// An [Issuer] with Introspection (RFC 7662) is asked about tokens that are no JWS, about
// JWTs whose key cannot be had because the last fetch of keys failed, and, with
// IntrospectAlways or a [Freshness] that a call names, about JWTs that were found good.
// Nobody is asked after a check that failed.
//
// # Revocation
//
// [Revocations] count at once, although results are kept: by [Revocations.Revoke], by what
// issuers tell ([Validator.ReceiveEvent], [Validator.ReceiveLogout], and package
// middleware/signals over HTTP), or by what other processes do ([Revocations.Apply]).
// What lasts longer than a request ends by [Token.Watch], or asks [Validator.Recheck].
//
// # Watching it
//
// An [Observer] hears of every decision, fetch and question; Config.Logger gets refusals.
// Neither is given a token, and a [Token] never prints itself.
//
// # Concurrency and reload
//
// A [Validator] is immutable and safe for concurrent use, starts no goroutine that outlives
// a fetch, and has nothing to close. [Validator.WithConfig] makes a new one for a changed
// configuration without losing keys.
package validator
