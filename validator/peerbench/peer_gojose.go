package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// goJOSE is go-jose by hand: a key set that was fetched once, and the claims decoded
// in one go into its own struct and ours.
func goJOSE(f *fixture, _ int) (verify, error) {
	keys := new(jose.JSONWebKeySet)
	if err := json.Unmarshal(f.server.KeySet(), keys); err != nil {
		return nil, err
	}
	var allowed []jose.SignatureAlgorithm
	for _, name := range algorithms {
		allowed = append(allowed, jose.SignatureAlgorithm(name))
	}
	expected := jwt.Expected{Issuer: f.server.Issuer(), AnyAudience: jwt.Audience{audience}}
	return func(_ context.Context, raw string) error {
		token, err := jwt.ParseSigned(raw, allowed)
		if err != nil {
			return err
		}
		var claims jwt.Claims
		var own grants
		if err := token.Claims(keys, &claims, &own); err != nil {
			return err
		}
		if claims.Expiry == nil {
			return errors.New("without exp")
		}
		if err := claims.Validate(expected.WithTime(time.Now())); err != nil {
			return err
		}
		return own.check()
	}, nil
}
