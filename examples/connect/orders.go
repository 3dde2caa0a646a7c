package main

import (
	"context"
	"fmt"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerguard/bearerguard/validator"
)

// The procedures of the service. In a service of your own, protoc-gen-connect-go
// writes these names, with types of your own in the place of the well-known ones.
const (
	listProcedure   = "/orders.v1.Orders/List"   // unary
	exportProcedure = "/orders.v1.Orders/Export" // server stream
	cancelProcedure = "/orders.v1.Orders/Cancel" // unary
)

var orders = []string{"4711", "4712", "4713"}

// list is reached only with a token that has orders.read.
func list(ctx context.Context, _ *connect.Request[emptypb.Empty]) (*connect.Response[structpb.Struct], error) {
	token, _ := validator.FromContext(ctx)
	numbers := make([]any, len(orders))
	for i, number := range orders {
		numbers[i] = number
	}
	message, err := structpb.NewStruct(map[string]any{"orders": numbers, "asked_by": token.Subject()})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(message), nil
}

// export is reached only with a token that has orders.read.
func export(ctx context.Context, _ *connect.Request[emptypb.Empty], stream *connect.ServerStream[structpb.Struct]) error {
	token, _ := validator.FromContext(ctx)
	for _, number := range orders {
		message, err := structpb.NewStruct(map[string]any{"order": number, "asked_by": token.Subject()})
		if err != nil {
			return err
		}
		if err := stream.Send(message); err != nil {
			return err
		}
	}
	return nil
}

// cancel is reached only with a token that has orders.write.
func cancel(ctx context.Context, request *connect.Request[wrapperspb.StringValue]) (*connect.Response[wrapperspb.StringValue], error) {
	token, _ := validator.FromContext(ctx)
	return connect.NewResponse(wrapperspb.String(fmt.Sprintf("order %q was cancelled by %q", request.Msg.GetValue(), token.Subject()))), nil
}
