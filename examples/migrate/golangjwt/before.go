// Package golangjwt is an API with a middleware by hand over golang-jwt and keyfunc,
// and with bearerguard.
package golangjwt

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"github.com/golang-jwt/jwt/v5/request"
)

// accessClaims are the claims of an access token. Tier is this API's own.
type accessClaims struct {
	jwt.RegisteredClaims
	Client string `json:"client_id"`
	Scope  string `json:"scope"`
	Tier   string `json:"tier"`
}

// Validate is called by golang-jwt after its own checks.
func (c *accessClaims) Validate() error {
	if c.Client != "orders-app" {
		return fmt.Errorf("the client is %q", c.Client)
	}
	return nil
}

// Before is the API with golang-jwt and keyfunc. The keys are refreshed until ctx ends.
func Before(ctx context.Context, issuer, jwksURL string, client *http.Client) (http.Handler, error) {
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{jwksURL}, keyfunc.Override{Client: client})
	if err != nil {
		return nil, err
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(issuer), jwt.WithAudience("api://orders"),
		jwt.WithExpirationRequired(), jwt.WithLeeway(30*time.Second),
	)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, r *http.Request) {
		claims := new(accessClaims)
		token, err := request.ParseFromRequest(r, request.BearerExtractor{}, keys.Keyfunc,
			request.WithClaims(claims), request.WithParser(parser))
		if err != nil || token.Header["typ"] != "at+jwt" {
			http.Error(w, "bad token", http.StatusUnauthorized)
			return
		}
		if !slices.Contains(strings.Fields(claims.Scope), "orders.read") {
			http.Error(w, "not permitted", http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, "the %s orders of %v\n", claims.Tier, claims.Subject)
	})
	return mux, nil
}
