// Package servers holds docs/servers.md to the library: each token that it shows is
// accepted by the configuration that it shows, at a server of that kind, and refused
// when one thing about it is wrong.
package servers

import (
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

type object = map[string]any

// kinds are the servers of the sections: how each is started, the claims that are the
// mark and the client, and the scopes of the token.
var kinds = map[string]struct {
	style          validatortest.Style
	alg            string // default RS256
	mark, client   string
	clientStandsIn bool
	scopes         []string
}{
	"Okta":           {style: validatortest.StyleOkta, mark: "cid", client: "cid", scopes: []string{"openid", "orders.read"}},
	"Auth0":          {style: validatortest.StyleAuth0, mark: "azp", client: "azp", scopes: []string{"openid", "orders.read"}},
	"Entra ID":       {style: validatortest.StyleEntraV2, mark: "scp", client: "azp", scopes: []string{"Orders.Read"}},
	"Entra ID, v1.0": {style: validatortest.StyleEntraV1, mark: "appid", client: "appid", scopes: []string{"Orders.Read"}},
	"Keycloak":       {style: validatortest.StyleKeycloak, mark: "typ", client: "azp", scopes: []string{"openid", "orders.read"}},
	"Cognito":        {style: validatortest.StyleCognito, mark: "token_use", client: "client_id", clientStandsIn: true, scopes: []string{"orders/read"}},
	"Hydra":          {style: validatortest.StyleHydra, mark: "client_id", client: "client_id", scopes: []string{"orders.read"}},
	"GitHub Actions": {style: validatortest.StyleGeneric, mark: "job_workflow_ref", client: "repository"},
	"Kubernetes":     {style: validatortest.StyleGeneric, mark: "kubernetes.io", client: "sub"},
	"SPIFFE":         {style: validatortest.StyleGeneric, alg: "ES256", mark: "sub", client: "sub"},
	"Google":         {style: validatortest.StyleGeneric, mark: "email_verified", client: "azp"},
}

// shown are the tokens in the document, header and claims, by section.
func shown(t *testing.T) map[string][2]object {
	t.Helper()
	text, err := os.ReadFile("../../../docs/servers.md")
	require.NoError(t, err)
	found := map[string][2]object{}
	for _, section := range strings.Split(string(text), "\n#")[1:] {
		name, body, _ := strings.Cut(strings.TrimLeft(section, "# "), "\n")
		for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(body, -1) {
			require.NotContains(t, found, name, "one token a section")
			var token [2]object
			decoder := json.NewDecoder(strings.NewReader(block[1]))
			require.NoError(t, decoder.Decode(&token[0]), name)
			require.NoError(t, decoder.Decode(&token[1]), name)
			found[name] = token
		}
	}
	return found
}

func TestShownTokens(t *testing.T) {
	tokens := shown(t)
	for name := range configurations {
		require.Contains(t, kinds, name)
		require.Contains(t, tokens, name)
	}
	require.Len(t, tokens, len(configurations))
	for name, issuer := range configurations {
		t.Run(name, func(t *testing.T) {
			kind := kinds[name]
			header, claims := tokens[name][0], tokens[name][1]
			// Their kind, and no other: the configuration is for the token that is shown.
			assert.Equal(t, issuer.URL, claims["iss"])
			address, err := url.Parse(issuer.URL)
			require.NoError(t, err)
			as, err := validatortest.Start(validatortest.Options{Style: kind.style, Path: address.Path, Algorithm: kind.alg})
			require.NoError(t, err)
			defer as.Close()
			at := issuer
			at.URL = as.Issuer()
			v, err := validator.New(validator.Config{Issuers: []validator.Issuer{at}, InsecureAllowHTTP: true})
			require.NoError(t, err)
			header["kid"] = as.KID()
			now := time.Now().Unix()
			set(claims, object{"iss": as.Issuer(), "iat": now, "nbf": now, "exp": now + 300})

			token, err := v.Validate(t.Context(), sign(t, as, header, claims))
			require.NoError(t, err)
			assert.Contains(t, issuer.ClientIDs, token.ClientID())
			assert.ElementsMatch(t, kind.scopes, token.Scopes())

			refused := func(reason validator.Reason, what string, value any) {
				t.Helper()
				changed := maps.Clone(claims)
				changed[what] = value
				if value == nil {
					delete(changed, what)
				}
				_, err := v.Validate(t.Context(), sign(t, as, header, changed))
				var refusal *validator.Error
				require.ErrorAs(t, err, &refusal, what)
				assert.ErrorIs(t, err, validator.ErrInvalidToken)
				assert.Equal(t, reason, refusal.Reason, what)
			}
			refused(validator.ReasonNotAccessToken, kind.mark, nil)
			refused(validator.ReasonAudienceMismatch, "aud", "another API")
			clientMismatch := validator.ReasonClientMismatch
			if kind.clientStandsIn { // for aud, which is looked at first
				clientMismatch = validator.ReasonAudienceMismatch
			}
			refused(clientMismatch, kind.client, "spiffe://prod.example.com/another") // of the same trust domain
			refused(validator.ReasonUnknownIssuer, "iss", issuer.URL)
			refused(validator.ReasonExpired, "exp", now-60)
		})
	}
}

// set replaces the values of members that are there.
func set(claims, values object) {
	for name, value := range values {
		if _, is := claims[name]; is {
			claims[name] = value
		}
	}
}

func sign(t *testing.T, as *validatortest.Server, header, claims object) string {
	t.Helper()
	head, err := json.Marshal(header)
	require.NoError(t, err)
	body, err := json.Marshal(claims)
	require.NoError(t, err)
	return as.Sign("", head, body)
}

// The org server is refused, whatever the profile, and the error says what to use.
func TestOktaOrgServer(t *testing.T) {
	for _, profile := range []validator.Profile{validator.Okta(), {}, validator.RFC9068()} {
		_, err := validator.New(validator.Config{Issuers: []validator.Issuer{{
			URL: "https://example.okta.com", Audiences: []string{"api://orders"}, AnyClient: true, Profile: profile,
		}}})
		var mistake *validator.ConfigError
		require.ErrorAs(t, err, &mistake)
		assert.Equal(t, "Issuers[0].URL", mistake.Field)
		assert.ErrorContains(t, err, "https://{domain}/oauth2/{id}")
	}
}
