package main

import (
	"log"
	"log/slog"
	"net/http"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

func main() {
	v, err := validator.New(validator.Config{Logger: slog.Default(), Issuers: []validator.Issuer{{
		URL: "https://example.okta.com/oauth2/default", Profile: validator.Okta(), // the exact iss of the tokens
		Audiences: []string{"api://orders"}, ClientIDs: []string{"0oa1b2c3d4"}, // this API, and who may call it
	}}})
	if err != nil {
		log.Fatal(err)
	}
	guard, err := middleware.New(v, middleware.Config{})
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("GET /orders", guard.Require(validator.Policy{Scopes: []string{"orders.read"}})(http.HandlerFunc(listOrders)))
	log.Fatal(http.ListenAndServe("localhost:8080", nil))
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	token, _ := validator.FromContext(r.Context())
	_, _ = w.Write([]byte("the orders of " + token.Subject() + "\n"))
}
