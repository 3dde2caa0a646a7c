package main

import (
	"context"
	"slices"

	"github.com/hashicorp/cap/jwt"
)

func hashicorpCap(f *fixture, _ int) (verify, error) {
	keys, err := jwt.NewOIDCDiscoveryKeySet(f.ctx, f.server.Issuer(), "")
	if err != nil {
		return nil, err
	}
	validator, err := jwt.NewValidator(keys)
	if err != nil {
		return nil, err
	}
	expected := jwt.Expected{Issuer: f.server.Issuer(), Audiences: []string{audience}}
	for _, name := range algorithms {
		expected.SigningAlgorithms = append(expected.SigningAlgorithms, jwt.Alg(name))
	}
	return func(ctx context.Context, raw string) error {
		claims, err := validator.Validate(ctx, raw, expected)
		if err != nil {
			return err
		}
		return checkMap(claims)
	}, nil
}

// checkMap is for peers that hand out claims as a map.
func checkMap(claims map[string]any) error {
	if claims["cid"] != clientID {
		return errClient
	}
	if scopes, _ := claims["scp"].([]any); !slices.Contains(scopes, any(needScope)) {
		return errScope
	}
	return nil
}
