// Package okta is an API for tokens of an Okta custom authorization server, with
// okta-jwt-verifier-golang and with bearerguard.
package okta

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	jwtverifier "github.com/okta/okta-jwt-verifier-golang/v2"
)

// Before is the API with okta-jwt-verifier-golang.
func Before(issuer string, client *http.Client) (http.Handler, error) {
	setup := jwtverifier.JwtVerifier{
		Issuer:           issuer,
		ClaimsToValidate: map[string]string{"aud": "api://orders", "cid": "orders-app"},
		Client:           client,
	}
	verifier, err := setup.New()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, r *http.Request) {
		rawToken, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !isBearer {
			http.Error(w, "no token", http.StatusUnauthorized)
			return
		}
		token, err := verifier.VerifyAccessToken(rawToken)
		if err != nil {
			http.Error(w, "bad token", http.StatusUnauthorized)
			return
		}
		if scopes, _ := token.Claims["scp"].([]any); !slices.Contains(scopes, any("orders.read")) {
			http.Error(w, "not permitted", http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, "the orders of %v\n", token.Claims["sub"])
	})
	return mux, nil
}
