package golangjwt

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

// After is the API with bearerguard.
func After(issuer, jwksURL string, client *http.Client, logger *slog.Logger) (http.Handler, error) {
	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			URL:        issuer,
			JWKSURL:    jwksURL, // or none: discovery
			Audiences:  []string{"api://orders"},
			ClientIDs:  []string{"orders-app"},
			Algorithms: []string{"RS256"},
			Profile:    validator.RFC9068(),
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
		claims, err := validator.Claims[ours](token)
		if err != nil {
			guard.Refuse(w, validator.NewError(validator.ReasonNotPermitted, err.Error()))
			return
		}
		fmt.Fprintf(w, "the %s orders of %v\n", claims.Tier, token.Subject())
	})))
	return mux, nil
}

// ours are this API's own claims. The rest are methods of the token.
type ours struct {
	Tier string `json:"tier"`
}
