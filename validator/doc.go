// Package validator decides whether an API accepts an OAuth 2.0 access token.
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
// One raw token goes in, one *Token or one error comes out. What happens in
// between, in this order:
//
//	raw ─ size ─ cache ──hit── exp, key still trusted, fresh, revoked? ── proof, policy ── *Token
//	          └─miss─ alphabet ─┬ JWS: header ─ claims, decoded once and strictly ─ issuer by exact iss
//	                            │   ─ kind, algorithm, exp, iat, nbf, aud, client, scope ─ key by kid ─ signature ─ keep ─ as on a hit
//	                            └ else: its issuer is asked ─ the same checks ─ keep ─ as on a hit
//
// The cache keeps facts, never verdicts: everything that can change is looked at
// on every hit. A refusal of a JWT is never kept.
//
// An issuer with Introspection (RFC 7662) is asked about tokens that are no JWS,
// about JWTs whose key cannot be had because the last fetch of keys failed, and,
// with IntrospectAlways or a Freshness that a call names, about JWTs that were found
// good. A check that failed is final: nobody is asked after it.
//
// Revocations count at once, although results are kept: by a call, by what issuers tell
// (ReceiveEvent, ReceiveLogout), or by what other processes do.
//
// Explain runs the same checks for an operator, and reports each of them.
//
// Every error is an *Error of exactly one of seven classes, with a Reason that
// is safe as a metric label. ErrUnavailable alone means that nothing was decided.
//
// A Validator is safe for concurrent use. WithConfig makes a new one for a
// changed configuration without losing keys.
package validator
