package main

import (
	"context"
	"net/http"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"github.com/golang-jwt/jwt/v5/request"
)

// jwtClaims are decoded by golang-jwt, which calls Validate after its own checks.
type jwtClaims struct {
	jwt.RegisteredClaims
	grants
}

func (c *jwtClaims) Validate() error { return c.check() }

// rememberedClaims are those that a cache keeps: the scope is for each request to say.
type rememberedClaims struct {
	jwt.RegisteredClaims
	grants
}

func (c *rememberedClaims) Validate() error { return c.checkClient() }

// golangJWTParser is golang-jwt by hand with the keys of keyfunc, both as their
// READMEs show.
func golangJWTParser(f *fixture) (*jwt.Parser, jwt.Keyfunc, error) {
	keys, err := keyfunc.NewDefaultCtx(f.ctx, []string{f.server.JWKSURL()})
	if err != nil {
		return nil, nil, err
	}
	return jwt.NewParser(
		jwt.WithValidMethods(algorithms), jwt.WithIssuer(f.server.Issuer()), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
	), keys.Keyfunc, nil
}

func golangJWT(f *fixture, _ int) (verify, error) {
	parser, keys, err := golangJWTParser(f)
	if err != nil {
		return nil, err
	}
	return func(_ context.Context, raw string) error {
		_, err := parser.ParseWithClaims(raw, new(jwtClaims), keys)
		return err
	}, nil
}

func golangJWTHandler(f *fixture, _ int) (func(http.Handler) http.Handler, error) {
	parser, keys, err := golangJWTParser(f)
	if err != nil {
		return nil, err
	}
	return guarded(func(r *http.Request) (any, error) {
		return request.ParseFromRequest(r, request.BearerExtractor{}, keys,
			request.WithClaims(new(jwtClaims)), request.WithParser(parser))
	}), nil
}

// identity is the key of what a middleware by hand found out.
type identity struct{}

// guarded is the middleware that everybody writes around a function.
func guarded(authenticate func(*http.Request) (any, error)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			found, err := authenticate(r)
			if err != nil {
				http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), identity{}, found)))
		})
	}
}
