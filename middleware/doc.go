// Package middleware puts a validator in front of net/http handlers: the
// Authorization header in, the answers of RFC 6750 and RFC 9449 out.
//
//	guard, err := middleware.New(v, middleware.Config{Realm: "orders"})
//	...
//	routes := guard.Routes()
//	routes.Handle("GET /orders", validator.Policy{Scopes: []string{"orders.read"}}, ordersHandler)
//	routes.Public("GET /healthz", healthHandler)
//	http.ListenAndServe("localhost:8080", routes)
//
// Inside, [validator.FromContext] returns the token. [Routes] deny by default: what
// nobody listed is refused, and [Routes.Audit] lists the rest. Under another router of the net/http kind (chi, gorilla,
// echo.WrapMiddleware), [Guard.Require] is a middleware like any other:
//
//	router.With(guard.Require(policy)).Get("/orders", ordersHandler)
//
// For routers and protocols with handlers of their own kind, such as gin,
// [Guard.Authorize] is the decision without a handler:
//
//	token, err := guard.Authorize(r, policy)
//	if err != nil {
//		guard.Refuse(w, err)
//		return
//	}
//	guard.SetNonce(w, token)
//
// Tokens are taken from the one Authorization header and from nowhere else:
// request bodies and cookies are never read, and a token in the query is refused.
//
// # Answers
//
// A request that is refused gets 400, 401, 403 or 503 by the class of the refusal, a
// challenge (RFC 6750 3) or Retry-After, no-store, and a body of RFC 9457. Clients
// are told one constant text per code and never the cause, which the Validator's
// Logger and Observer get, and Config.ErrorHandler, which may write another body.
//
// # Bound tokens
//
// A token that is bound to a key is refused unless its sender proves the key: by DPoP
// (Config.DPoP, package dpop), under the scheme of that name, or by a client certificate
// (Config.MutualTLS, package mtls). Where DPoP is configured, answers have a challenge
// for each of the two schemes, as two values of WWW-Authenticate.
//
// # CORS
//
// A CORS middleware goes outside of a Guard: preflight requests carry no token, and
// a script sees why it was refused only if the refusal passes through that
// middleware. Let it allow the headers of [RequestHeaders]
// (Access-Control-Allow-Headers), and expose those of [ResponseHeaders]
// (Access-Control-Expose-Headers).
//
// # Slow clients
//
// Set the server's ReadHeaderTimeout and ReadTimeout, or a read deadline after refusals
// ([net/http.ResponseController]): net/http reads the rest of a refused request's body
// before it answers, up to 256 KiB, and without a deadline whoever sends that slowly holds
// the connection. examples/gateway shows it.
package middleware
