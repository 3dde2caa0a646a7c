// Package dpop verifies DPoP proofs (RFC 9449): that the sender of a request holds the
// private key which its access token is bound to. A stolen token is then of no use
// without the key.
//
//	proofs, err := dpop.New(dpop.Config{Origins: []string{"https://api.example.com"}})
//	...
//	guard, err := middleware.New(v, middleware.Config{DPoP: proofs})
//
// For other transports, [Verifier.Proof] is a [validator.Proof] of what they know about a
// request.
//
// # What is checked
//
// All of RFC 9449 4.3, and after the token was found good: exactly one proof; typ; an
// allowed asymmetric algorithm; a public key in it that is the one of the token; htm;
// htu; iat, exp and nbf; ath; jti; the nonce, if Config.Nonces asks for one; the
// signature; and last that it was not used before. Each has a reason of its own
// (validator.ReasonProofMethod and so on); clients are told invalid_dpop_proof.
//
// The address that htu is compared with has a configured origin, because Host and
// forwarded headers are the sender's words. Both are normalised by RFC 3986 6.2.2 and
// 6.2.3 (case, default port, percent-encoding, dot segments). Queries and fragments are
// ignored; user information and hosts that are not ASCII are refused.
//
// # What is remembered
//
// A proof is used up by the first request that passes everything else, even if a policy
// refuses that request then. It is remembered, as a hash, for as long as a proof with its
// iat can be accepted anywhere. By default that is a [Memory] of this process: replicas
// and restarts need a shared [ReplayStore], or [Nonces].
package dpop
