// Package grpcauth puts a validator in front of gRPC methods: the metadata
// authorization in, a status and the challenge of RFC 6750 out. It is to grpc-go
// what package middleware is to net/http, in a module of its own for the sake of
// those who use no gRPC.
//
//	guard, err := grpcauth.New(v, grpcauth.Config{
//		Methods: map[string]validator.Policy{
//			orderspb.Orders_List_FullMethodName: {Scopes: []string{"orders.read"}},
//		},
//		Public: []string{healthpb.Health_Check_FullMethodName},
//	})
//	...
//	server := grpc.NewServer(guard.ServerOptions()...)
//
// Inside, [validator.FromContext] returns the token. What nobody listed is refused,
// whether it is served or not: Unauthenticated without a token, PermissionDenied
// with a good one. Health checks and reflection are no exception. Names are compared
// with what is on the wire, byte for byte.
//
// Tokens are taken from the one metadata authorization and from nowhere else. Those that
// are bound to a key are refused unless Config.DPoP, MutualTLS or Proofs say how that is
// proven.
//
// # Answers
//
// A call that is refused gets a status by the class of the refusal:
//
//	ErrNoToken                     Unauthenticated
//	ErrInvalidRequest              InvalidArgument    INVALID_REQUEST
//	ErrInvalidToken                Unauthenticated    INVALID_TOKEN
//	ErrInvalidProof                Unauthenticated    INVALID_TOKEN, INVALID_DPOP_PROOF, USE_DPOP_NONCE
//	ErrInsufficientAuthentication  Unauthenticated    INSUFFICIENT_USER_AUTHENTICATION
//	ErrInsufficientScope           PermissionDenied   INSUFFICIENT_SCOPE
//	ErrUnavailable                 Unavailable
//
// The third column is the reason of a google.rpc.ErrorInfo, in the domain
// [ErrorDomain]: the error code that HTTP has in the challenge. The challenge itself
// is in the trailer www-authenticate, word for word as in HTTP; a server that is a
// handler of net/http (ServeHTTP) sends it without, because net/http forbids that
// name in a trailer. Unavailable has a google.rpc.RetryInfo. Clients are told one
// constant text per code and never the cause, which the Validator's Logger and
// Observer get; an interceptor further out finds it in the error (errors.As, a
// *validator.Error). A call whose own context ended is Canceled or DeadlineExceeded.
//
// grpc reads and decodes the request of a unary call before any interceptor:
// grpc.MaxRecvMsgSize bounds what that costs.
//
// # Streams
//
// A stream ends when Validate would refuse its token: at once when that expires or is
// revoked ([validator.Revocations]), and with the next message when its key was
// withdrawn or is too old (Issuer.KeyMaxStale: Unavailable). The handler's context is
// cancelled (context.Cause is the refusal), and SendMsg and RecvMsg return the status that
// the client gets, also to a handler that waits in them. Policy and proofs are for the beginning of a stream, and no issuer is
// asked again: Issuer.IntrospectionMaxAge does not end one, and a mark does for which
// the issuer would have to be asked. Config.StreamsOutliveTokens lets streams go on.
package grpcauth
