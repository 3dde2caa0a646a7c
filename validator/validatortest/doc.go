// Package validatortest is an authorization server inside the process, for
// tests and examples of programs that accept OAuth 2.0 access tokens, and a
// corpus of hostile tokens to try on whatever decides about them.
//
// [Start] gives a [Server] with discovery, a key set, a token and an
// introspection endpoint on a loopback port. Its keys can be rotated, withdrawn
// and replaced, it mints any header and any claims, and opaque tokens, it can
// revoke them, answer about them in plain or signed JSON, also wrongly, and it
// can be made to fail in the ways that servers fail: see [Mode].
//
// [Server.Corpus] gives the tokens. Each refused one differs in one thing from
// an accepted neighbour and, wherever that is possible, carries a good
// signature of a trusted key, so that nothing but the check it names can
// refuse it. [Run] tries them on any function.
//
// The package is a tool for tests. It protects nothing: secrets and keys live
// in memory, and a mistake of the caller, such as the name of a key that does
// not exist, is a panic.
package validatortest
