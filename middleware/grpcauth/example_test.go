package grpcauth_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerguard/bearerguard/middleware/grpcauth"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// startOrders starts an authorization server, and a validator for the tokens it
// gives to the client "orders-app".
func startOrders() (*validatortest.Server, *validator.Validator) {
	as, err := validatortest.Start(validatortest.Options{Audience: "api://orders"})
	if err != nil {
		log.Fatal(err)
	}
	v, err := validator.New(validator.Config{
		Issuers:           []validator.Issuer{{URL: as.Issuer(), Audiences: []string{"api://orders"}, ClientIDs: []string{"orders-app"}}},
		InsecureAllowHTTP: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	return as, v
}

// Methods that are denied by default: what is not listed is refused, and the list is
// printed at start.
func ExampleNew() {
	as, v := startOrders()
	defer as.Close()

	guard, err := grpcauth.New(v, grpcauth.Config{
		Methods: map[string]validator.Policy{ // by the FullMethodName constants of generated code
			"/orders.v1.Orders/Get":  {Scopes: []string{"orders.read"}},
			"/orders.v1.Orders/Chat": {Scopes: []string{"orders.chat"}, ACRValues: []string{"mfa"}, MaxAuthAge: 5 * time.Minute},
		},
		Public: []string{healthpb.Health_Check_FullMethodName},
	})
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(guard.ServerOptions()...)
	orders{}.register(server)
	healthpb.RegisterHealthServer(server, health.NewServer())
	for _, method := range guard.Audit(server.GetServiceInfo()) {
		fmt.Println(method)
	}

	client, stop := start(server)
	defer stop()
	app := validatortest.ClientID("orders-app")
	reader := as.AccessToken(app, validatortest.Scope("orders.read"))
	old := as.AccessToken(app, validatortest.Scope("orders.read"), validatortest.Expiry(time.Now().Add(-time.Hour)))
	show(client, "/orders.v1.Orders/Get", "")
	show(client, "/orders.v1.Orders/Get", reader)
	show(client, "/orders.v1.Orders/Get", old)
	show(client, "/orders.v1.Orders/Drop", reader)
	show(client, "/orders.v1.Orders/Nothing", reader) // nothing tells it from the others
	// Output:
	// public     /grpc.health.v1.Health/Check
	// refused    /grpc.health.v1.Health/List
	// refused    /grpc.health.v1.Health/Watch
	// protected  /orders.v1.Orders/Chat                    scopes orders.chat; acr mfa; authenticated within 5m0s
	// refused    /orders.v1.Orders/Drop
	// refused    /orders.v1.Orders/Follow
	// protected  /orders.v1.Orders/Get                     scopes orders.read
	// /orders.v1.Orders/Get Unauthenticated: an access token is required [Bearer]
	// /orders.v1.Orders/Get OK
	// /orders.v1.Orders/Get Unauthenticated: The access token expired [Bearer error="invalid_token", error_description="The access token expired"]
	// /orders.v1.Orders/Drop PermissionDenied: The access token does not permit this request [Bearer error="insufficient_scope", error_description="The access token does not permit this request"]
	// /orders.v1.Orders/Nothing PermissionDenied: The access token does not permit this request [Bearer error="insufficient_scope", error_description="The access token does not permit this request"]
}

// start serves on loopback.
func start(server *grpc.Server) (client *grpc.ClientConn, stop func()) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	client, err = grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	return client, func() { client.Close(); server.Stop(); <-done }
}

// show prints what a call is answered.
func show(client *grpc.ClientConn, method, rawToken string) {
	ctx := context.Background()
	if rawToken != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+rawToken)
	}
	var trailer metadata.MD
	err := client.Invoke(ctx, method, wrapperspb.String("7"), new(wrapperspb.StringValue), grpc.Trailer(&trailer))
	if err == nil {
		fmt.Println(method, codes.OK)
		return
	}
	fmt.Printf("%s %v: %s %v\n", method, status.Code(err), status.Convert(err).Message(), trailer["www-authenticate"])
}

// A client that is refused finds the reason by name, and how long to wait.
func ExampleErrorDomain() {
	as, v := startOrders()
	defer as.Close()
	guard, err := grpcauth.New(v, grpcauth.Config{Methods: map[string]validator.Policy{"/orders.v1.Orders/Get": {Scopes: []string{"orders.read"}}}})
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(guard.ServerOptions()...)
	orders{}.register(server)
	client, stop := start(server)
	defer stop()

	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+as.AccessToken(validatortest.ClientID("another-app")))
	err = client.Invoke(ctx, "/orders.v1.Orders/Get", wrapperspb.String("7"), new(wrapperspb.StringValue))
	for _, detail := range status.Convert(err).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			fmt.Println(detail.GetDomain(), detail.GetReason()) // INVALID_TOKEN: get another one
		case *errdetails.RetryInfo:
			fmt.Println("ask again in", detail.GetRetryDelay().AsDuration())
		}
	}
	// Output:
	// bearerguard INVALID_TOKEN
}
