// Package introspect asks an authorization server about tokens (RFC 7662).
//
// A [Client] authenticates in the one way that its [Config] states, [Auth], never
// probes another, and follows no redirect: it sends tokens, and a secret that
// lets whoever has it ask about every token there is. It asks only so many
// questions at once, and stops asking for a while when several tokens in a row
// could not be answered for. Answers are plain JSON or signed (RFC 9701).
//
// The validator package makes one Client per issuer and decides what an answer
// is worth; use this package directly only to ask about something else.
//
// A Client starts no goroutine that outlives a request, apart from those of
// connections that net/http keeps for a quarter of a minute, so there is nothing
// to close.
package introspect
