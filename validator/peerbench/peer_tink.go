package main

import (
	"context"
	"slices"

	"github.com/tink-crypto/tink-go/v2/jwt"
)

// tink has no key source of its own: its keys are a set that was fetched once.
func tink(f *fixture, _ int) (verify, error) {
	keys, err := jwt.JWKSetToPublicKeysetHandle(f.server.KeySet())
	if err != nil {
		return nil, err
	}
	verifier, err := jwt.NewVerifier(keys)
	if err != nil {
		return nil, err
	}
	issuer, api := f.server.Issuer(), audience
	rules, err := jwt.NewValidator(&jwt.ValidatorOpts{ExpectedIssuer: &issuer, ExpectedAudience: &api, IgnoreTypeHeader: true})
	if err != nil {
		return nil, err
	}
	return func(_ context.Context, raw string) error {
		token, err := verifier.VerifyAndDecode(raw, rules)
		if err != nil {
			return err
		}
		if client, err := token.StringClaim("cid"); err != nil || client != clientID {
			return errClient
		}
		if scopes, err := token.ArrayClaim("scp"); err != nil || !slices.Contains(scopes, any(needScope)) {
			return errScope
		}
		return nil
	}, nil
}
