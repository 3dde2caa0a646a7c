package main

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerguard/bearerguard/validator"
)

// list is the full method of the one call that this service has.
const list = "/orders.v1.Orders/List"

// listOrders is its handler. Whose the call is it knows by the token; what the token
// permits it looks at itself.
func listOrders(ctx context.Context) (string, error) {
	token, _ := validator.FromContext(ctx)
	if !token.HasScope("orders.read") {
		return "", status.Error(codes.PermissionDenied, "the scope orders.read is required")
	}
	return "the orders of " + token.Subject(), nil
}

// orders is what a compiler makes of a .proto file.
var orders = grpc.ServiceDesc{
	ServiceName: "orders.v1.Orders",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "List", Handler: func(server any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		request := new(emptypb.Empty)
		if err := decode(request); err != nil {
			return nil, err
		}
		return interceptor(ctx, request, &grpc.UnaryServerInfo{Server: server, FullMethod: list}, func(ctx context.Context, _ any) (any, error) {
			answer, err := listOrders(ctx)
			return wrapperspb.String(answer), err
		})
	}}},
}
