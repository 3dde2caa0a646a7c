package servers

import "github.com/bearerguard/bearerguard/validator"

// configurations are what docs/servers.md shows, by its sections.
var configurations = map[string]validator.Issuer{
	"Okta": {
		URL:       "https://example.okta.com/oauth2/default",
		Profile:   validator.Okta(),
		Audiences: []string{"api://orders"},
		ClientIDs: []string{"0oa1b2c3d4"},
	},
	"Auth0": {
		URL:       "https://example.eu.auth0.com/", // with the slash
		Profile:   validator.Auth0(),
		Audiences: []string{"https://orders.example.com"},
		ClientIDs: []string{"EwJ8a2kQ"},
	},
	"Entra ID": {
		URL:       "https://login.microsoftonline.com/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/v2.0",
		Profile:   validator.EntraV2(validator.Tenants{}),
		Audiences: []string{"6e74172b-be56-4843-9ff4-e66a39bb12e3"},
		ClientIDs: []string{"2d4d11a2-f814-46a7-890a-274a72a7309e"},
	},
	"Entra ID, v1.0": {
		URL:       "https://sts.windows.net/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/", // with the slash
		Profile:   validator.EntraV1(validator.Tenants{}),
		Audiences: []string{"api://orders"},
		ClientIDs: []string{"2d4d11a2-f814-46a7-890a-274a72a7309e"},
	},
	"Keycloak": {
		URL:       "https://sso.example.com/realms/shop",
		Profile:   validator.Keycloak(),
		Audiences: []string{"orders"},
		ClientIDs: []string{"web"},
	},
	"Cognito": {
		URL:       "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a1b2c3",
		Profile:   validator.Cognito(),
		Audiences: []string{"7fe0a1c2"}, // the app client, which stands in for aud
		ClientIDs: []string{"7fe0a1c2"},
	},
	"Hydra": {
		URL:       "https://example.projects.oryapis.com",
		Profile:   validator.Hydra(),
		Audiences: []string{"https://orders.example.com"},
		ClientIDs: []string{"c3b6c1f0"},
	},
	"GitHub Actions": {
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
		Audiences: []string{"https://deploy.example.com"},
		ClientIDs: []string{"octo-org/shop"},
	},
	"Kubernetes": {
		URL: "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE",
		Profile: validator.NewProfile(validator.ProfileSpec{
			Name:   "Kubernetes",
			Types:  []string{"", "JWT"}, // JWT: by an external signer
			Marks:  []validator.Mark{{Claim: "kubernetes.io"}},
			Client: "sub", // the service account
		}),
		Audiences: []string{"orders"},
		ClientIDs: []string{"system:serviceaccount:shop:frontend"},
	},
	"SPIFFE": {
		URL: "https://oidc.prod.example.com",
		Profile: validator.NewProfile(validator.ProfileSpec{
			Name:   "SPIFFE",
			Types:  []string{"", "JWT", "JOSE"},
			Marks:  []validator.Mark{{Claim: "sub", Prefix: "spiffe://prod.example.com/"}},
			Client: "sub", // the workload
		}),
		Audiences: []string{"orders"},
		ClientIDs: []string{"spiffe://prod.example.com/shop/frontend"},
	},
	"Google": {
		URL: "https://accounts.google.com",
		Profile: validator.NewProfile(validator.ProfileSpec{
			Name:       "Google",
			Types:      []string{"JWT"},
			Marks:      []validator.Mark{{Claim: "email_verified", Values: []string{"true"}}, {Claim: "azp"}},
			Client:     "azp", // the service account's unique id
			Algorithms: []string{"RS256"},
		}),
		Audiences: []string{"https://orders.example.com"},
		ClientIDs: []string{"113774264463038321964"},
	},
}
