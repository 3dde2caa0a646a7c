package validator_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// The servers that have a profile. New needs no network.
func ExampleProfile() {
	issuers := []validator.Issuer{
		{
			Name: "okta", URL: "https://example.okta.com/oauth2/default", Profile: validator.Okta(),
			Audiences: []string{"api://orders"}, ClientIDs: []string{"0oa1b2c3d4"},
		},
		{
			Name: "auth0", URL: "https://example.eu.auth0.com/", Profile: validator.Auth0(), // with the slash
			Audiences: []string{"https://orders.example.com"}, ClientIDs: []string{"EwJ8a2kQ"},
		},
		{
			Name: "entra", URL: "https://login.microsoftonline.com/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/v2.0", Profile: validator.EntraV2(validator.Tenants{}),
			Audiences: []string{"6e74172b-be56-4843-9ff4-e66a39bb12e3"}, ClientIDs: []string{"2d4d11a2-f814-46a7-890a-274a72a7309e"},
		},
		{
			Name: "keycloak", URL: "https://sso.example.com/realms/shop", Profile: validator.Keycloak(),
			Audiences: []string{"orders"}, ClientIDs: []string{"web"}, // the client needs an audience mapper
		},
		{
			Name: "cognito", URL: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a1b2c3", Profile: validator.Cognito(),
			Audiences: []string{"7fe0a1c2"}, ClientIDs: []string{"7fe0a1c2"}, // the app client stands in for aud
		},
		{
			Name: "hydra", URL: "https://example.projects.oryapis.com", Profile: validator.Hydra(),
			Audiences: []string{"https://orders.example.com"}, ClientIDs: []string{"c3b6c1f0"},
		},
	}
	_, err := validator.New(validator.Config{Issuers: issuers})
	fmt.Println(err)
	// Output: <nil>
}

// Many tenants of Entra ID by one template. Token.Issuer is the tenant's own.
func ExampleEntraV2() {
	customers := validator.Tenants{Allowed: []string{
		"8eaef023-2b34-4da1-9baa-8bc8c9d6a490",
		"82229342-1101-4ab6-817b-70c0747630f3",
	}}
	issuer := validator.Issuer{
		Name: "customers", URL: "https://login.microsoftonline.com/{tenantid}/v2.0", Profile: validator.EntraV2(customers),
		Audiences: []string{"6e74172b-be56-4843-9ff4-e66a39bb12e3"}, AnyClient: true,
	}
	_, err := validator.New(validator.Config{Issuers: []validator.Issuer{issuer}})
	fmt.Println(err)
	// Output: <nil>
}

// Customers that come and go: the function is asked on every request, cached token or
// not.
func ExampleTenants() {
	paying := map[string]bool{validatortest.DefaultTenant: true} // your database, or a copy in memory
	as := exampleServer(validatortest.Options{Style: validatortest.StyleEntraV2, Path: "/{tenantid}/v2.0", Audience: "6e74172b"})
	defer as.Close()
	v := exampleValidator(as, validator.Config{Issuers: []validator.Issuer{{
		URL:       as.Issuer(), // https://login.microsoftonline.com/{tenantid}/v2.0
		Profile:   validator.EntraV2(validator.Tenants{Permit: func(tenant string) bool { return paying[tenant] }}),
		Audiences: []string{"6e74172b"}, AnyClient: true,
	}}})
	rawToken := as.AccessToken()
	_, err := v.Validate(context.Background(), rawToken)
	fmt.Println(err)
	delete(paying, validatortest.DefaultTenant)
	_, err = v.Validate(context.Background(), rawToken)
	var refusal *validator.Error
	fmt.Println(errors.As(err, &refusal), refusal.Reason)
	// Output:
	// <nil>
	// true tenant_not_allowed
}

// Jobs of GitHub Actions: everybody on GitHub can get a token with any audience, so
// the mark and the client say whose jobs may call.
func ExampleNewProfile_gitHubActions() {
	issuer := validator.Issuer{
		URL: "https://token.actions.githubusercontent.com",
		Profile: validator.NewProfile(validator.ProfileSpec{
			Name:  "GitHub Actions",
			Types: []string{"JWT"},
			Marks: []validator.Mark{
				{Claim: "repository_owner", Values: []string{"octo-org"}},
				{Claim: "job_workflow_ref", Prefix: "octo-org/"},
			},
			Client:     "repository",
			Required:   []string{"sub", "jti"},
			Algorithms: []string{"RS256"},
		}),
		Audiences: []string{"https://deploy.example.com"}, ClientIDs: []string{"octo-org/shop"},
	}
	_, err := validator.New(validator.Config{Issuers: []validator.Issuer{issuer}})
	fmt.Println(err)
	// Output: <nil>
}

// Service accounts of a Kubernetes cluster, by bound tokens.
func ExampleNewProfile_kubernetes() {
	issuer := validator.Issuer{
		URL: "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE",
		Profile: validator.NewProfile(validator.ProfileSpec{
			Name:   "Kubernetes",
			Types:  []string{"", "JWT"}, // JWT: by an external signer
			Marks:  []validator.Mark{{Claim: "kubernetes.io"}},
			Client: "sub", // the service account
		}),
		Audiences: []string{"orders"}, ClientIDs: []string{"system:serviceaccount:shop:frontend"},
	}
	_, err := validator.New(validator.Config{Issuers: []validator.Issuer{issuer}})
	fmt.Println(err)
	// Output: <nil>
}

// JWT-SVIDs of a SPIFFE trust domain, of a SPIRE server that has a jwt_issuer.
func ExampleNewProfile_spiffe() {
	issuer := validator.Issuer{
		URL: "https://oidc.prod.example.com",
		Profile: validator.NewProfile(validator.ProfileSpec{
			Name:   "SPIFFE",
			Types:  []string{"", "JWT", "JOSE"},
			Marks:  []validator.Mark{{Claim: "sub", Prefix: "spiffe://prod.example.com/"}},
			Client: "sub", // the workload
		}),
		Audiences: []string{"orders"}, ClientIDs: []string{"spiffe://prod.example.com/shop/frontend"},
	}
	_, err := validator.New(validator.Config{Issuers: []validator.Issuer{issuer}})
	fmt.Println(err)
	// Output: <nil>
}

// Service accounts of Google Cloud: an ID token that was made for this API, and asked
// for with the account's address. Every project can make one: ClientIDs says whose.
func ExampleNewProfile_google() {
	issuer := validator.Issuer{
		URL: "https://accounts.google.com",
		Profile: validator.NewProfile(validator.ProfileSpec{
			Name:       "Google",
			Types:      []string{"JWT"},
			Marks:      []validator.Mark{{Claim: "email_verified", Values: []string{"true"}}, {Claim: "azp"}},
			Client:     "azp", // the service account's unique id
			Algorithms: []string{"RS256"},
		}),
		Audiences: []string{"https://orders.example.com"}, ClientIDs: []string{"113774264463038321964"},
	}
	_, err := validator.New(validator.Config{Issuers: []validator.Issuer{issuer}})
	fmt.Println(err)
	// Output: <nil>
}

// Dex: its access tokens look like its ID tokens, and the audience is a client.
func ExampleNewProfile_dex() {
	issuer := validator.Issuer{
		URL: "https://dex.example.com/dex",
		Profile: validator.NewProfile(validator.ProfileSpec{
			Name:          "Dex",
			Types:         []string{"", "JWT"},
			AllowIDTokens: true,
			AllowClaims:   []string{"nonce", "at_hash"}, // not c_hash: that is what an ID token for a code has
			Client:        "azp",                        // there when a client asks in another's name
		}),
		AudienceMayBeClient: true,
		Audiences:           []string{"orders-api"}, AnyClient: true,
	}
	_, err := validator.New(validator.Config{Issuers: []validator.Issuer{issuer}})
	fmt.Println(err)
	// Output: <nil>
}
