package grpcauth_test

import (
	"fmt"
	"log"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/bearerguard/bearerguard/middleware/grpcauth"
	"github.com/bearerguard/bearerguard/validator"
)

// A test that finds methods which nobody listed, and so nobody can call, and names that
// no service has.
func ExampleGuard_Audit() {
	as, v := startOrders()
	defer as.Close()
	guard, err := grpcauth.New(v, grpcauth.Config{
		Methods: map[string]validator.Policy{"/orders.v1.Orders/Gett": {Scopes: []string{"orders.read"}}},
		Public:  []string{healthpb.Health_Check_FullMethodName},
	})
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(guard.ServerOptions()...)
	healthpb.RegisterHealthServer(server, health.NewServer())

	for _, method := range guard.Audit(server.GetServiceInfo()) {
		switch {
		case !method.Served:
			fmt.Println("nobody serves", method.Name)
		case method.Access == grpcauth.AccessRefused:
			fmt.Println("nobody may call", method.Name)
		case method.Access == grpcauth.AccessPublic:
			fmt.Println("everybody may call", method.Name)
		}
	}
	// Output:
	// everybody may call /grpc.health.v1.Health/Check
	// nobody may call /grpc.health.v1.Health/List
	// nobody may call /grpc.health.v1.Health/Watch
	// nobody serves /orders.v1.Orders/Gett
}
