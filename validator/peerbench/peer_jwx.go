package main

import (
	"context"
	"net/http"
	"slices"

	"github.com/lestrrat-go/httprc/v3"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// jwxOptions are the checks of jwx, with the keys of a jwk.Cache.
func jwxOptions(f *fixture) ([]jwt.ParseOption, error) {
	cache, err := jwk.NewCache(f.ctx, httprc.NewClient())
	if err != nil {
		return nil, err
	}
	if err := cache.Register(f.ctx, f.server.JWKSURL()); err != nil {
		return nil, err
	}
	keys, err := cache.CachedSet(f.server.JWKSURL())
	if err != nil {
		return nil, err
	}
	return []jwt.ParseOption{
		jwt.WithKeySet(keys), jwt.WithIssuer(f.server.Issuer()), jwt.WithAudience(audience),
		jwt.WithRequiredClaim(jwt.ExpirationKey), jwt.WithClaimValue("cid", clientID),
	}, nil
}

func jwxScope(token jwt.Token) error {
	var scopes []any
	if err := token.Get("scp", &scopes); err != nil {
		return err
	}
	if !slices.Contains(scopes, any(needScope)) {
		return errScope
	}
	return nil
}

func jwx(f *fixture, _ int) (verify, error) {
	options, err := jwxOptions(f)
	if err != nil {
		return nil, err
	}
	return func(_ context.Context, raw string) error {
		token, err := jwt.ParseString(raw, options...)
		if err != nil {
			return err
		}
		return jwxScope(token)
	}, nil
}

func jwxHandler(f *fixture, _ int) (func(http.Handler) http.Handler, error) {
	options, err := jwxOptions(f)
	if err != nil {
		return nil, err
	}
	return guarded(func(r *http.Request) (any, error) {
		token, err := jwt.ParseRequest(r, options...)
		if err != nil {
			return nil, err
		}
		return token, jwxScope(token)
	}), nil
}
