package main

import (
	"context"
	"net/http"
	"net/url"
	"time"

	jwtmiddleware "github.com/auth0/go-jwt-middleware/v2"
	"github.com/auth0/go-jwt-middleware/v2/jwks"
	"github.com/auth0/go-jwt-middleware/v2/validator"
)

// auth0Claims are decoded by the middleware's validator.
type auth0Claims struct{ grants }

func (c *auth0Claims) Validate(context.Context) error { return c.check() }

func auth0Validator(f *fixture) (*validator.Validator, error) {
	issuer, err := url.Parse(f.server.Issuer())
	if err != nil {
		return nil, err
	}
	keys := jwks.NewCachingProvider(issuer, 5*time.Minute) // as in its examples
	return validator.New(keys.KeyFunc, validator.SignatureAlgorithm(f.algorithm), f.server.Issuer(), []string{audience},
		validator.WithCustomClaims(func() validator.CustomClaims { return new(auth0Claims) }))
}

func auth0(f *fixture, _ int) (verify, error) {
	v, err := auth0Validator(f)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, raw string) error {
		_, err := v.ValidateToken(ctx, raw)
		return err
	}, nil
}

func auth0Handler(f *fixture, _ int) (func(http.Handler) http.Handler, error) {
	v, err := auth0Validator(f)
	if err != nil {
		return nil, err
	}
	return jwtmiddleware.New(v.ValidateToken).CheckJWT, nil
}
