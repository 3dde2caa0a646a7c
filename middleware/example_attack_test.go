package middleware_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// attackedOrders is the API that is attacked.
func attackedOrders(issuer string) (http.Handler, error) {
	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			URL: issuer, Profile: validator.RFC9068(), Audiences: []string{"api://orders"}, ClientIDs: []string{"orders-app"},
			Algorithms: []string{"RS256", "ES256", "EdDSA"},
		}},
		InsecureAllowHTTP: true, // the issuer is on loopback, without TLS
		HTTPClient:        &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(v, middleware.Config{})
	if err != nil {
		return nil, err
	}
	routes := guard.Routes()
	routes.Handle("GET /orders", validator.Policy{AnyToken: true}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return routes, nil
}

// The whole corpus against an API: one call, and a report.
func Example_attack() {
	as, err := validatortest.Start(validatortest.Options{Audience: "api://orders"})
	if err != nil {
		log.Fatal(err)
	}
	defer as.Close()
	report, err := validatortest.Attack(context.Background(), validatortest.Target{
		Server: as, ClientID: "orders-app",
		Start: func(context.Context) (validatortest.API, error) {
			api, err := attackedOrders(as.Issuer()) // with nothing kept of keys and tokens
			return validatortest.API{Resource: validatortest.ToHandler(api, "/orders")}, err
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	if len(report.Failed()) > 0 {
		fmt.Println(report)
	}
	fmt.Println(len(report.Holes()), "hostile requests were accepted")
	// Output: 0 hostile requests were accepted
}
