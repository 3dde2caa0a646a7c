package main

import (
	"context"

	jwtverifier "github.com/okta/okta-jwt-verifier-golang/v2"
)

func okta(f *fixture, _ int) (verify, error) {
	setup := jwtverifier.JwtVerifier{
		Issuer:           f.server.Issuer(),
		ClaimsToValidate: map[string]string{"aud": audience, "cid": clientID},
	}
	verifier, err := setup.New()
	if err != nil {
		return nil, err
	}
	return func(_ context.Context, raw string) error {
		token, err := verifier.VerifyAccessToken(raw)
		if err != nil {
			return err
		}
		return checkMap(token.Claims)
	}, nil
}
