// Package gooidc is an API for tokens of a Keycloak realm, with go-oidc and with
// bearerguard.
package gooidc

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Before is the API with go-oidc.
func Before(issuer string, client *http.Client) (http.Handler, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(context.Background(), client), issuer)
	if err != nil {
		return nil, err
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: "api://orders"}) // compared with aud
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, r *http.Request) {
		rawToken, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !isBearer {
			http.Error(w, "no token", http.StatusUnauthorized)
			return
		}
		token, err := verifier.Verify(r.Context(), rawToken)
		if err != nil {
			http.Error(w, "bad token", http.StatusUnauthorized)
			return
		}
		var claims struct {
			Type   string `json:"typ"`
			Client string `json:"azp"`
			Scope  string `json:"scope"`
		}
		if err := token.Claims(&claims); err != nil || claims.Type != "Bearer" || claims.Client != "orders-app" {
			http.Error(w, "bad token", http.StatusUnauthorized)
			return
		}
		if !slices.Contains(strings.Fields(claims.Scope), "orders.read") {
			http.Error(w, "not permitted", http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, "the orders of %v\n", token.Subject)
	})
	return mux, nil
}
