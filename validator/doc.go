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
//	raw ─ size ─ cache ──hit── exp, key still trusted, revoked? ── proof, policy ── *Token
//	          └─miss─ alphabet ─ header ─ claims, decoded once and strictly ─ issuer by exact iss
//	                  ─ kind, algorithm, exp, iat, nbf, aud, client, scope ─ key by kid ─ signature ─ keep ─ as on a hit
//
// The cache keeps facts, never verdicts: everything that can change is looked at
// on every hit. A refusal is never kept.
//
// Every error is an *Error of exactly one of seven classes, with a Reason that
// is safe as a metric label. ErrUnavailable alone means that nothing was decided.
//
// A Validator is safe for concurrent use. WithConfig makes a new one for a
// changed configuration without losing keys.
package validator
