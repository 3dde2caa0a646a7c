// Package middleware puts a validator in front of net/http handlers: the
// Authorization header in, the answers of RFC 6750 out.
//
//	guard, err := middleware.New(v, middleware.Config{Realm: "orders"})
//	...
//	readers := guard.Require(validator.Policy{Scopes: []string{"orders.read"}})
//	http.Handle("GET /orders", readers(ordersHandler))
//
// Inside, validator.FromContext returns the token. Guard.Authenticate is the
// same decision without a handler, for routers and protocols of your own.
//
// Tokens are taken from the one Authorization header and from nowhere else:
// request bodies and cookies are never read, and a token in the query is refused.
package middleware
