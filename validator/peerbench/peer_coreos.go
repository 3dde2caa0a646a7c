package main

import (
	"context"

	"github.com/coreos/go-oidc/v3/oidc"
)

// coreosOIDC takes access tokens for what its documentation calls ID tokens, which is
// how it is used at APIs: the client ID of its configuration is the audience.
func coreosOIDC(f *fixture, _ int) (verify, error) {
	provider, err := oidc.NewProvider(f.ctx, f.server.Issuer())
	if err != nil {
		return nil, err
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: audience, SupportedSigningAlgs: algorithms})
	return func(ctx context.Context, raw string) error {
		token, err := verifier.Verify(ctx, raw)
		if err != nil {
			return err
		}
		var claims grants
		if err := token.Claims(&claims); err != nil {
			return err
		}
		return claims.check()
	}, nil
}
