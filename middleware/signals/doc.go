// Package signals receives over HTTP what authorization servers tell of revocations:
// security event tokens that are pushed (Shared Signals Framework; RFC 8935, RFC 8417),
// and OpenID Connect Back-Channel Logout. What they revoke is refused from the next
// request on, although results are kept.
//
// The policy is the Validator's ([validator.Validator.ReceiveEvent], ReceiveLogout): a signal counts if one of
// its issuers signed it, for us; who delivers it does not matter, and one that is not
// good changes nothing. A handler here adds no more than HTTP. It is for an address that
// the authorization server can reach. A transmitter that authenticates its requests
// too, by an Authorization header that was agreed upon, is held to that by a middleware
// around the handler: an access token for a middleware.Guard, or a fixed secret.
package signals
