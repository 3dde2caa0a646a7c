// Package auth0 is an API for tokens of Auth0, with go-jwt-middleware and with
// bearerguard.
package auth0

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	jwtmiddleware "github.com/auth0/go-jwt-middleware/v2"
	"github.com/auth0/go-jwt-middleware/v2/jwks"
	"github.com/auth0/go-jwt-middleware/v2/validator"
)

// grants are the claims that go-jwt-middleware leaves to its user.
type grants struct {
	Client string `json:"azp"`
	Scope  string `json:"scope"`
}

func (g *grants) Validate(context.Context) error {
	if g.Client != "orders-app" {
		return fmt.Errorf("the client is %q", g.Client)
	}
	return nil
}

// Before is the API with go-jwt-middleware.
func Before(issuer string, client *http.Client) (http.Handler, error) {
	address, err := url.Parse(issuer)
	if err != nil {
		return nil, err
	}
	keys := jwks.NewCachingProvider(address, 5*time.Minute, jwks.WithCustomClient(client))
	v, err := validator.New(keys.KeyFunc, validator.RS256, issuer, []string{"api://orders"},
		validator.WithCustomClaims(func() validator.CustomClaims { return new(grants) }),
		validator.WithAllowedClockSkew(30*time.Second))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, r *http.Request) {
		claims := r.Context().Value(jwtmiddleware.ContextKey{}).(*validator.ValidatedClaims)
		if !slices.Contains(strings.Fields(claims.CustomClaims.(*grants).Scope), "orders.read") {
			http.Error(w, "not permitted", http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, "the orders of %v\n", claims.RegisteredClaims.Subject)
	})
	return jwtmiddleware.New(v.ValidateToken).CheckJWT(mux), nil
}
