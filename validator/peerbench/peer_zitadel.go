package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// zitadelClaims extend TokenClaims as the package's example does.
type zitadelClaims struct {
	oidc.TokenClaims
	grants
}

func zitadel(f *fixture, _ int) (verify, error) {
	verifier := op.NewAccessTokenVerifier(f.server.Issuer(), rp.NewRemoteKeySet(http.DefaultClient, f.server.JWKSURL()),
		op.WithSupportedAccessTokenSigningAlgorithms(algorithms...))
	return func(ctx context.Context, raw string) error {
		claims, err := op.VerifyAccessToken[*zitadelClaims](ctx, raw, verifier)
		if err != nil {
			return err
		}
		if err := oidc.CheckAudience(claims, audience); err != nil {
			return err
		}
		return claims.check()
	}, nil
}

// zitadelResource asks the server, as the package's example of an API does.
func zitadelResource(f *fixture) (func(context.Context, string) (*oidc.IntrospectionResponse, error), error) {
	resource, err := rs.NewResourceServerClientCredentials(f.ctx, f.server.Issuer(), apiID, apiSecret)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, raw string) (*oidc.IntrospectionResponse, error) {
		answer, err := rs.Introspect[*oidc.IntrospectionResponse](ctx, resource, raw)
		switch {
		case err != nil:
			return nil, err
		case !answer.Active:
			return nil, errors.New("inactive")
		case answer.ClientID != clientID:
			return nil, errClient
		}
		return answer, nil
	}, nil
}

func zitadelIntrospection(f *fixture) (verify, error) {
	ask, err := zitadelResource(f)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, raw string) error {
		_, err := ask(ctx, raw)
		return err
	}, nil
}
