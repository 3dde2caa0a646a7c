package middleware_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
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

const attacked, attackedToo = "api://orders", "api://billing"

// attackedBy says what an API does beyond what all of them do.
type attackedBy struct {
	asks, always bool // about opaque tokens; about JWTs too
	second       *validatortest.Server
	nonces       *dpop.Nonces
}

// guarding puts a Guard before a handler.
type guarding func(*middleware.Guard, http.Handler) http.Handler

// attackedAPI is an API that demands all that a Target can say.
func attackedAPI(t *testing.T, as *validatortest.Server, by attackedBy, guard guarding) validatortest.API {
	t.Helper()
	var asked *introspect.Config
	if by.asks {
		as.AddClient("orders-api", "secret")
		asked = &introspect.Config{Auth: introspect.ClientSecretBasic("orders-api", introspect.StaticSecret("secret"))}
	}
	issuers := []validator.Issuer{{
		URL: as.Issuer(), Audiences: []string{attacked, "api://other-part"}, ClientIDs: []string{"orders-app", "other-app", "orders-login"},
		LogoutClientIDs: []string{"orders-login"}, EventAudiences: []string{"https://api.example.com/events"},
		MaxTokenLifetime: 2 * time.Hour,
		Introspection:    asked, // then keys that cannot be had are no outage
		IntrospectAlways: by.always,
		Profile:          validator.RFC9068(), Algorithms: []string{"RS256", "ES256", "EdDSA"},
	}}
	if by.second != nil {
		issuers = append(issuers, validator.Issuer{
			URL: by.second.Issuer(), Audiences: []string{attackedToo}, ClientIDs: []string{"orders-app"}, MaxTokenLifetime: 2 * time.Hour,
			Profile: validator.RFC9068(), Algorithms: []string{"RS256", "ES256", "EdDSA"},
		})
	}
	revocations, err := validator.NewRevocations(validator.RevocationsConfig{})
	require.NoError(t, err)
	v, err := validator.New(validator.Config{
		Issuers:     issuers,
		Revocations: revocations, InsecureAllowHTTP: true,
		HTTPClient: &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	})
	require.NoError(t, err)
	proofs, err := dpop.New(dpop.Config{Origins: []string{"https://api.example.com"}, Nonces: by.nonces})
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
	anybody := validator.Policy{AnyToken: true, AnyTrustedIssuer: true}
	for name, guard := range map[string]guarding{
		"guard": lenient,
		"routes": func(g *middleware.Guard, h http.Handler) http.Handler {
			routes := g.Routes()
			routes.Handle("GET /orders/list", anybody, h)
			return routes
		},
	} {
		t.Run(name, func(t *testing.T) {
			as, err := validatortest.Start(validatortest.Options{Audience: attacked, Algorithm: "ES256"})
			require.NoError(t, err)
			defer as.Close()
			target := validatortest.Target{
				Server: as, ClientID: "orders-app", Statuses: true, LogoutClientID: "orders-login", EventAudience: "https://api.example.com/events",
				Proofs: dpoptest.Proofs(dpoptest.NewKey("ES256"), "GET", "https://api.example.com/orders/list"),
				Start:  func(context.Context) (validatortest.API, error) { return attackedAPI(t, as, attackedBy{}, guard), nil },
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
				{Family: validatortest.JWTAnswers, Why: "Target.JWTsAsked is false"},
				{Family: validatortest.MixUps, Why: "Target.Second is nil"},
				{Family: validatortest.Policies, Why: "Target.Demands is empty"},
			}, report.NotTried)

			target.Opaque, target.Families = true, introspected
			target.Start = func(context.Context) (validatortest.API, error) {
				return attackedAPI(t, as, attackedBy{asks: true}, guard), nil
			}
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

// twoServers are one for the API, and a second one that it trusts too.
func twoServers(t *testing.T) (as, second *validatortest.Server) {
	t.Helper()
	as, err := validatortest.Start(validatortest.Options{Audience: attacked, Algorithm: "ES256"})
	require.NoError(t, err)
	t.Cleanup(as.Close)
	second, err = validatortest.Start(validatortest.Options{Audience: attackedToo, Algorithm: "ES256"})
	require.NoError(t, err)
	t.Cleanup(second.Close)
	return as, second
}

func lenient(g *middleware.Guard, h http.Handler) http.Handler {
	return g.Require(validator.Policy{AnyToken: true, AnyTrustedIssuer: true})(h)
}

// TestAttackOfTwoIssuers: what one of two trusted issuers says in the name of the other,
// and what an issuer that is asked says of JWTs.
func TestAttackOfTwoIssuers(t *testing.T) {
	as, second := twoServers(t)
	for _, by := range []attackedBy{{second: second}, {asks: true, always: true}} {
		report, err := validatortest.Attack(t.Context(), validatortest.Target{
			Server: as, ClientID: "orders-app", Second: by.second, JWTsAsked: by.always,
			Families: []validatortest.Family{validatortest.MixUps, validatortest.JWTAnswers},
			Start:    func(context.Context) (validatortest.API, error) { return attackedAPI(t, as, by, lenient), nil },
		})
		require.NoError(t, err)
		fine(t, report)
		assert.NotEmpty(t, report.Results)
	}
}

// TestAttackNonces: proofs for an API that demands nonces, which it hands out itself.
func TestAttackNonces(t *testing.T) {
	as, _ := twoServers(t)
	by := attackedBy{nonces: &dpop.Nonces{Secret: []byte(strings.Repeat("secret", 6))}}
	const address = "https://api.example.com/orders/list"
	key := dpoptest.NewKey("ES256")
	var api http.Handler
	nonce := func() string {
		token := as.AccessToken(validatortest.ClientID("orders-app"), key.Bind())
		r := httptest.NewRequest("GET", address, nil)
		r.Header.Set("Authorization", "DPoP "+token)
		r.Header.Set("DPoP", key.Proof("GET", address, token))
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return w.Header().Get("DPoP-Nonce")
	}
	report, err := validatortest.Attack(t.Context(), validatortest.Target{
		Server: as, ClientID: "orders-app", Families: []validatortest.Family{validatortest.Proofs},
		Proofs: dpoptest.NonceProofs(key, "GET", address, nonce),
		Start: func(context.Context) (validatortest.API, error) {
			return attackedAPI(t, as, by, func(g *middleware.Guard, h http.Handler) http.Handler {
				api = lenient(g, h)
				return api
			}), nil
		},
	})
	require.NoError(t, err)
	fine(t, report)
	assert.Greater(t, len(report.Results), 12)
}

// TestAttackPolicies: good tokens that are not enough.
func TestAttackPolicies(t *testing.T) {
	as, second := twoServers(t)
	strict := validator.Policy{
		Scopes: []string{"read"}, ACRValues: []string{"mfa"}, MaxAuthAge: 10 * time.Minute, MaxTokenAge: 10 * time.Minute,
		Audiences: []string{attacked}, ClientIDs: []string{"orders-app"}, Issuers: []string{as.Issuer()},
		AuthorizationDetails: []validator.DetailRule{validator.Detail("payment", func(map[string]any) bool { return true })},
	}
	report, err := validatortest.Attack(t.Context(), validatortest.Target{
		Server: as, ClientID: "orders-app", Families: []validatortest.Family{validatortest.Policies},
		Demands: validatortest.Demands{
			Scope: "read", ACR: "mfa", MaxAuthAge: 10 * time.Minute, MaxAge: 10 * time.Minute, MaxLifetime: 2 * time.Hour, Audience: "api://other-part", ClientID: "other-app",
			Other: second, DetailType: "payment",
		},
		Start: func(context.Context) (validatortest.API, error) {
			return attackedAPI(t, as, attackedBy{second: second}, func(g *middleware.Guard, h http.Handler) http.Handler { return g.Require(strict)(h) }), nil
		},
	})
	require.NoError(t, err)
	fine(t, report)
}
