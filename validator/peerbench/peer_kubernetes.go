package main

import (
	"context"
	"net/http"
	"slices"
	"time"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/request/bearertoken"
	"k8s.io/apiserver/pkg/authentication/token/cache"
	"k8s.io/apiserver/pkg/authentication/user"
)

// remembered is longer than any run, so that hits are hits.
const remembered = time.Hour

// Where scopes and client are kept in a user.Info.
const scopesKey, clientKey = "scopes", "client"

// kubernetesCache is the token cache of kubernetes around golang-jwt and keyfunc. It
// has no bound but its time.
func kubernetesCache(f *fixture) (authenticator.Token, error) {
	parser, keys, err := golangJWTParser(f)
	if err != nil {
		return nil, err
	}
	return cache.New(authenticator.TokenFunc(func(_ context.Context, raw string) (*authenticator.Response, bool, error) {
		claims := new(rememberedClaims)
		if _, err := parser.ParseWithClaims(raw, claims, keys); err != nil {
			return nil, false, err
		}
		return userOf(claims.Subject, claims.ClientID, claims.Scopes), true, nil
	}), false, remembered, 0), nil
}

func userOf(subject, client string, scopes []string) *authenticator.Response {
	return &authenticator.Response{User: &user.DefaultInfo{
		Name: subject, Extra: map[string][]string{clientKey: {client}, scopesKey: scopes},
	}}
}

func kubernetesScope(answer *authenticator.Response, ok bool, err error) error {
	if err != nil {
		return err
	}
	if !ok || !slices.Contains(answer.User.GetExtra()[scopesKey], needScope) {
		return errScope
	}
	return nil
}

func kubernetes(f *fixture, _ int) (verify, error) {
	tokens, err := kubernetesCache(f)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, raw string) error {
		return kubernetesScope(tokens.AuthenticateToken(ctx, raw))
	}, nil
}

func kubernetesHandler(f *fixture, _ int) (func(http.Handler) http.Handler, error) {
	tokens, err := kubernetesCache(f)
	if err != nil {
		return nil, err
	}
	requests := bearertoken.New(tokens)
	return guarded(func(r *http.Request) (any, error) {
		answer, ok, err := requests.AuthenticateRequest(r)
		return answer, kubernetesScope(answer, ok, err)
	}), nil
}

// kubernetesIntrospection is the cache around zitadel's introspection.
func kubernetesIntrospection(f *fixture) (verify, error) {
	ask, err := zitadelResource(f)
	if err != nil {
		return nil, err
	}
	tokens := cache.New(authenticator.TokenFunc(func(ctx context.Context, raw string) (*authenticator.Response, bool, error) {
		answer, err := ask(ctx, raw)
		if err != nil {
			return nil, false, err
		}
		return userOf(answer.Subject, answer.ClientID, answer.Scope), true, nil
	}), false, remembered, 0)
	return func(ctx context.Context, raw string) error {
		return kubernetesScope(tokens.AuthenticateToken(ctx, raw))
	}, nil
}
