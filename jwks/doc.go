// Package jwks keeps the public keys of one authorization server.
//
// A Source holds the last good key set as an atomic snapshot and asks for it
// again only when a token names a key that the set does not list. One fetch is
// shared by all who wait, a token bucket bounds how often unknown keys can cause
// one, and neither ever stands before a key that is listed.
//
// A Source starts no goroutine that outlives a fetch, so there is nothing to
// close. The validator package makes one Source per issuer; use this package
// directly only to verify something else that the same server signed.
package jwks
