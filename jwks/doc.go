// Package jwks keeps the public keys of one authorization server.
//
// A [Source] holds the last good key set as an atomic snapshot and asks for it
// again only when a token names a key that the set does not list. One fetch is
// shared by all who wait, a token bucket bounds how often unknown keys can cause
// one, and neither ever stands before a key that is listed.
//
// So a key that the server withdraws is trusted until somebody names one that is
// unknown, or the owner calls [Source.Refresh]. Config.MaxAge bounds that: an older set is
// asked for again by a fetch that nobody waits for. Config.MaxStale bounds it while
// the server is down, too, at the price that its tokens then cannot be decided on.
// A server that suddenly lists no usable key is believed after Config.EmptyGrace.
//
// [Source.Export] and [Source.Import] carry the last good set over a restart, or to where the server
// cannot be reached. [Source.Status] is for health pages, and [Source.Keyfunc] for
// programs that verify tokens with github.com/golang-jwt/jwt.
//
// Processes that share what they fetch (Shared) are one to the server.
//
// A Source starts no goroutine that outlives a fetch, or the saving of what it brought,
// so there is nothing to close. The validator package makes one Source per issuer; use this package
// directly only to verify something else that the same server signed.
package jwks
