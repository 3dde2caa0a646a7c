package okta

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

// After is the API with bearerguard.
func After(issuer string, client *http.Client, logger *slog.Logger) (http.Handler, error) {
	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			URL:       issuer, // https://{domain}/oauth2/{id}
			Audiences: []string{"api://orders"},
			ClientIDs: []string{"orders-app"},
			Profile:   validator.Okta(),
		}},
		HTTPClient: client,
		Logger:     logger,
	})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(v, middleware.Config{})
	if err != nil {
		return nil, err
	}
	readers := guard.Require(validator.Policy{Scopes: []string{"orders.read"}})
	mux := http.NewServeMux()
	mux.Handle("GET /orders", readers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := validator.FromContext(r.Context())
		fmt.Fprintf(w, "the orders of %v\n", token.Subject())
	})))
	return mux, nil
}
