package middleware_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

// A test that holds what is open to everybody to a list: a route that somebody adds has
// to be put there on purpose.
func ExampleRoutes_Audit() {
	as, v := startOrders()
	defer as.Close()
	guard, err := middleware.New(v, middleware.Config{})
	if err != nil {
		log.Fatal(err)
	}
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	routes := guard.Routes()
	routes.Handle("GET /orders", validator.Policy{Scopes: []string{"orders.read"}}, ok)
	routes.Optional("GET /catalog", validator.Policy{AnyToken: true}, ok)
	routes.Public("GET /healthz", ok)
	routes.Public("GET /debug", ok)

	meant := map[string]string{"GET /healthz": middleware.AccessPublic, "GET /catalog": middleware.AccessOptional}
	for _, route := range routes.Audit() {
		if route.Access != middleware.AccessProtected && meant[route.Pattern] != route.Access {
			fmt.Println(route.Pattern, "is", route.Access)
		}
	}
	// Output: GET /debug is public
}
