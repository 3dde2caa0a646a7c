package middleware_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/middleware/signals"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const attacked = "api://orders"

// attackedAPI is an API that demands all that a Target can say.
func attackedAPI(t *testing.T, as *validatortest.Server, asks bool, guard func(*middleware.Guard, http.Handler) http.Handler) validatortest.API {
	t.Helper()
	var asked *introspect.Config
	if asks {
		as.AddClient("orders-api", "secret")
		asked = &introspect.Config{Auth: introspect.ClientSecretBasic("orders-api", introspect.StaticSecret("secret"))}
	}
	revocations, err := validator.NewRevocations(validator.RevocationsConfig{})
	require.NoError(t, err)
	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			URL: as.Issuer(), Audiences: []string{attacked, "api://other-part"}, ClientIDs: []string{"orders-app", "other-app", "orders-login"},
			LogoutClientIDs: []string{"orders-login"}, EventAudiences: []string{"https://api.example.com/events"},
			MaxTokenLifetime: 2 * time.Hour,
			Introspection:    asked, // then keys that cannot be had are no outage
			Profile:          validator.RFC9068(), Algorithms: []string{"RS256", "ES256", "EdDSA"},
		}},
		Revocations: revocations, InsecureAllowHTTP: true,
		HTTPClient: &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	})
	require.NoError(t, err)
	proofs, err := dpop.New(dpop.Config{Origins: []string{"https://api.example.com"}})
	require.NoError(t, err)
	g, err := middleware.New(v, middleware.Config{DPoP: proofs})
	require.NoError(t, err)
	api := guard(g, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "orders") }))
	return validatortest.API{
		Resource: validatortest.ToHandler(api, "/orders/list"),
		Events:   validatortest.ToHandler(signals.Events(v), "/events"),
		Logout:   validatortest.ToHandler(signals.Logout(v), "/logout"),
	}
}

// TestAttack: all of the corpus over net/http, each case with the answer that it should
// have, to Guard and to Routes.
func TestAttack(t *testing.T) {
	introspected := []validatortest.Family{validatortest.Answers}
	lenient := validator.Policy{AnyToken: true, AnyTrustedIssuer: true}
	for name, guard := range map[string]func(*middleware.Guard, http.Handler) http.Handler{
		"guard": func(g *middleware.Guard, h http.Handler) http.Handler { return g.Require(lenient)(h) },
		"routes": func(g *middleware.Guard, h http.Handler) http.Handler {
			routes := g.Routes()
			routes.Handle("GET /orders/list", lenient, h)
			return routes
		},
	} {
		t.Run(name, func(t *testing.T) {
			as, err := validatortest.Start(validatortest.Options{Audience: attacked, Algorithm: "ES256"})
			require.NoError(t, err)
			defer as.Close()
			target := validatortest.Target{
				Server: as, ClientID: "orders-app", LogoutClientID: "orders-login", EventAudience: "https://api.example.com/events",
				Proofs: dpoptest.Proofs(dpoptest.NewKey("ES256"), "GET", "https://api.example.com/orders/list"),
				Start:  func(context.Context) (validatortest.API, error) { return attackedAPI(t, as, false, guard), nil },
			}
			if name == "routes" { // the rest is the same code
				target.Families = []validatortest.Family{validatortest.Tokens, validatortest.Headers}
			}
			report, err := validatortest.Attack(t.Context(), target)
			require.NoError(t, err)
			fine(t, report)
			if name == "routes" {
				assert.Greater(t, len(report.Results), 400)
				return
			}
			assert.Equal(t, []validatortest.NotTried{
				{Family: validatortest.Answers, Why: "Target.Opaque is false"},
				{Family: validatortest.Policies, Why: "Target.Demands is empty"},
			}, report.NotTried)

			target.Opaque, target.Families = true, introspected
			target.Start = func(context.Context) (validatortest.API, error) { return attackedAPI(t, as, true, guard), nil }
			report, err = validatortest.Attack(t.Context(), target)
			require.NoError(t, err)
			fine(t, report)
			assert.Greater(t, len(report.Results), 90)
		})
	}
}

// fine: each case came out as it should, and its client was told so.
func fine(t *testing.T, report validatortest.Report) {
	t.Helper()
	assert.Empty(t, report.Failed(), report.String())
	for _, r := range report.Results {
		if r.Outcome == validatortest.NotComparable {
			assert.Contains(t, []string{"empty", "alphabet-space-before"}, r.Name)
			continue
		}
		assert.True(t, r.AsTold, "%s: %s: %s: %v %q", r.Family, r.Name, r.Outcome, r.Answer, r.Note)
	}
}

// TestAttackPolicies: good tokens that are not enough.
func TestAttackPolicies(t *testing.T) {
	as, err := validatortest.Start(validatortest.Options{Audience: attacked, Algorithm: "ES256"})
	require.NoError(t, err)
	defer as.Close()
	strict := validator.Policy{
		Scopes: []string{"read"}, ACRValues: []string{"mfa"}, MaxAuthAge: 10 * time.Minute, MaxTokenAge: 10 * time.Minute,
		Audiences: []string{attacked}, ClientIDs: []string{"orders-app"},
	}
	report, err := validatortest.Attack(t.Context(), validatortest.Target{
		Server: as, ClientID: "orders-app", Families: []validatortest.Family{validatortest.Policies},
		Demands: validatortest.Demands{
			Scope: "read", ACR: "mfa", MaxAuthAge: 10 * time.Minute, MaxAge: 10 * time.Minute, MaxLifetime: 2 * time.Hour, Audience: "api://other-part", ClientID: "other-app",
		},
		Start: func(context.Context) (validatortest.API, error) {
			return attackedAPI(t, as, false, func(g *middleware.Guard, h http.Handler) http.Handler { return g.Require(strict)(h) }), nil
		},
	})
	require.NoError(t, err)
	fine(t, report)
}
