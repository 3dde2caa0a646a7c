package rediscache_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/redis/go-redis/v9"

	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/validator"
)

// newOrdersAPI is one of several replicas of an API that accepts DPoP-bound tokens. Each
// proof is accepted once, by whichever of them.
func newOrdersAPI(v *validator.Validator, client redis.UniversalClient) (http.Handler, error) {
	replays, err := rediscache.NewReplays(rediscache.ReplaysConfig{Client: client})
	if err != nil {
		return nil, err
	}
	proofs, err := dpop.New(dpop.Config{Origins: []string{"https://api.example.com"}, Replays: replays})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(v, middleware.Config{Realm: "orders", DPoP: proofs})
	if err != nil {
		return nil, err
	}
	routes := guard.Routes()
	routes.Handle("GET /orders", validator.Policy{Scopes: []string{"read"}}, http.HandlerFunc(listOrders))
	routes.Public("GET /ready", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if replays.Ready(r.Context()) != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	return routes, nil
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	token, _ := validator.FromContext(r.Context())
	fmt.Fprintf(w, "the orders of %q", token.Subject())
}

func ExampleReplays() {
	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{{URL: "https://login.example.com", Audiences: []string{"https://api.example.com"}, AnyClient: true}},
	})
	if err != nil {
		log.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{
		Addr:                  "redis.internal:6379", // with TLSConfig and a user, unless the network is yours alone
		ContextTimeoutEnabled: true,                  // else go-redis keeps to no bound
	})
	api, err := newOrdersAPI(v, client)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("localhost:8080", api))
}
