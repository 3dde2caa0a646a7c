package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

var readers = validator.Policy{Scopes: []string{needScope}}

// newValidator is observed, and looks up what was revoked, as in production.
func newValidator(f *fixture, size int, edits ...func(*validator.Config)) (*validator.Validator, error) {
	revocations, err := validator.NewRevocations(validator.RevocationsConfig{})
	if err != nil {
		return nil, err
	}
	config := validator.Config{
		Issuers: []validator.Issuer{{
			URL: f.server.Issuer(), Audiences: []string{audience}, ClientIDs: []string{clientID},
			Algorithms: algorithms, Profile: validator.Okta(), MaxTokenLifetime: lifetime,
		}},
		CacheSize: size, Revocations: revocations, InsecureAllowHTTP: true,
		Observer: validator.Observer{Decision: func(context.Context, validator.Decision) {}},
	}
	for _, edit := range edits {
		edit(&config)
	}
	v, err := validator.New(config)
	if err != nil {
		return nil, err
	}
	if config.Revocations == revocations { // somebody always is revoked
		if err := revokeSubjects(revocations, config.Issuers[0].URL, 1000); err != nil {
			return nil, err
		}
	}
	return v, v.Ready(f.ctx)
}

func revokeSubjects(r *validator.Revocations, issuer string, n int) error {
	for i := range n {
		if err := r.Revoke(validator.Revocation{Issuer: issuer, Subject: fmt.Sprint(i)}); err != nil {
			return err
		}
	}
	return nil
}

func bearerguard(f *fixture, size int) (verify, error) {
	v, err := newValidator(f, size)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, raw string) error {
		_, err := v.ValidateWith(ctx, raw, validator.Requirements{Policy: &readers})
		return err
	}, nil
}

func bearerguardHandler(f *fixture, size int) (func(http.Handler) http.Handler, error) {
	v, err := newValidator(f, size)
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(v, middleware.Config{})
	if err != nil {
		return nil, err
	}
	return guard.Require(readers), nil
}

func bearerguardIntrospection(f *fixture) (verify, error) {
	v, err := newValidator(f, 0, func(c *validator.Config) {
		c.Issuers[0].Introspection = &introspect.Config{
			Auth: introspect.ClientSecretBasic(apiID, introspect.StaticSecret(apiSecret)),
		}
	})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, raw string) error {
		_, err := v.ValidateWith(ctx, raw, validator.Requirements{Policy: &readers})
		return err
	}, nil
}
