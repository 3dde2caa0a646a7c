package main

import (
	"fmt"
	"log"
	"log/slog"
	"net/http"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

func main() {
	v, err := validator.New(validator.Config{Logger: slog.Default(), Issuers: []validator.Issuer{{
		URL:       "https://example.okta.com/oauth2/default", // the exact iss of the tokens
		Audiences: []string{"api://orders"},                  // the name of this API
		ClientIDs: []string{"0oa1b2c3d4"},                    // who may call it, or AnyClient: true
		Profile:   validator.Okta(),
	}}})
	if err != nil {
		log.Fatal(err)
	}
	guard, err := middleware.New(v, middleware.Config{Realm: "orders"})
	if err != nil {
		log.Fatal(err)
	}
	readers := guard.Require(validator.Policy{Scopes: []string{"orders.read"}})
	http.Handle("GET /orders", readers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := validator.FromContext(r.Context())
		fmt.Fprintf(w, "the orders of %q\n", token.Subject())
	})))
	log.Fatal(http.ListenAndServe("localhost:8080", nil))
}
