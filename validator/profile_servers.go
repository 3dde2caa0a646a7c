package validator

import (
	"slices"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// Auth0 is the profile of Auth0's access tokens for an API (not of those without an
// audience, which are opaque), in both of its dialects. In that of RFC 9068 typ is
// at+jwt and client_id names the client; in the older one azp does, and marks the
// token together with an aud that does not contain it: the aud of an ID token is the
// client. scope holds the scopes; permissions stay claims. Signatures are RS256 or
// PS256 unless Algorithms says otherwise. The issuer's URL ends with a slash.
func Auth0() Profile { return Profile{auth0Rules} }

var auth0Rules = &profileRules{
	name:  "Auth0",
	marks: "typ at+jwt, or a claim azp that is not in aud",
	types: []string{"jwt", "at+jwt"},
	mark: func(c *candidate) bool {
		azp := c.claims.clients[claimAZP]
		return c.typ == "at+jwt" || azp != "" && !slices.Contains(c.claims.audience, azp)
	},
	denied:     true,
	client:     []clientClaim{claimClientID, claimAZP},
	scope:      []scopeClaim{claimScope},
	ends:       map[string]string{"auth0.com": "/"},
	algorithms: jose.NewAlgorithms(jose.RS256, jose.PS256),
}

// Keycloak is the profile of Keycloak's access tokens: the claim typ is Bearer or
// DPoP (that of an ID token is ID, of a refresh token Refresh or Offline), azp names
// the client and scope holds the scopes. realm_access and resource_access stay
// claims. aud names the API only if the client has an audience mapper for it.
func Keycloak() Profile { return Profile{keycloakRules} }

var keycloakRules = &profileRules{
	name:       "Keycloak",
	marks:      "a claim typ Bearer or DPoP",
	types:      []string{"", "jwt", "at+jwt"},
	mark:       func(c *candidate) bool { return c.claims.kind == "bearer" || c.claims.kind == "dpop" },
	client:     []clientClaim{claimAZP, claimClientID},
	scope:      []scopeClaim{claimScope},
	algorithms: jose.AllAlgorithms,
}

// Cognito is the profile of the access tokens of an Amazon Cognito user pool:
// token_use is access, client_id names the client and scope holds the scopes.
// cognito:groups stays a claim. Most of them have no aud. Their client then stands
// in for it: Issuer.Audiences names the app clients that are meant for this API. An
// aud that is there (resource binding) must be one of them as anywhere. Signatures
// are RS256 unless Algorithms says otherwise.
func Cognito() Profile { return Profile{cognitoRules} }

var cognitoRules = &profileRules{
	name:           "Cognito",
	marks:          "a claim token_use access",
	types:          []string{"", "jwt", "at+jwt"},
	mark:           func(c *candidate) bool { return c.claims.use == "access" },
	client:         []clientClaim{claimClientID},
	clientStandsIn: true,
	scope:          []scopeClaim{claimScope},
	algorithms:     jose.NewAlgorithms(jose.RS256),
}

// Hydra is the profile of the JWT access tokens of Ory Hydra and Ory Network:
// client_id names the client and marks the token, scp or scope (or both) hold the
// scopes, and nothing may be there that belongs to an ID token. What the consent
// application adds is in ext. Its opaque tokens are for Introspection.
func Hydra() Profile { return Profile{hydraRules} }

var hydraRules = &profileRules{
	name:  "Hydra",
	marks: "a claim client_id",
	types: []string{"", "jwt", "at+jwt"},
	mark:  func(c *candidate) bool { return c.claims.clients[claimClientID] != "" },
	// Whoever answers the consent request can put a client_id into an ID token too.
	denied:     true,
	client:     []clientClaim{claimClientID},
	scope:      []scopeClaim{claimSCP, claimScope},
	algorithms: jose.AllAlgorithms,
}
