package validator_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// styled is a style with the profile for it.
type styled struct {
	style   validatortest.Style
	path    string
	profile validator.Profile
}

// issuer is the configuration that accepts the good tokens of a server of the style.
func (st styled) issuer(s *validatortest.Server) validator.Issuer {
	is := trust(s)
	is.Profile, is.Algorithms = st.profile, s.Algorithms()
	if st.style == validatortest.StyleCognito {
		is.Audiences = append(is.Audiences, client)
	}
	return is
}

var styles = map[string]styled{
	"RFC 9068":       {validatortest.StyleRFC9068, "/oauth2/default", validator.RFC9068()},
	"Okta":           {validatortest.StyleOkta, "/oauth2/default", validator.Okta()},
	"generic":        {validatortest.StyleGeneric, "/oauth2/default", validator.Profile{}},
	"Auth0":          {validatortest.StyleAuth0, "", validator.Auth0()},
	"Auth0 RFC 9068": {validatortest.StyleAuth0RFC9068, "", validator.Auth0()},
	"Entra v1":       {validatortest.StyleEntraV1, "", validator.EntraV1(validator.Tenants{})},
	"Entra v1, all":  {validatortest.StyleEntraV1, "/{tenantid}/", validator.EntraV1(ourTenant)},
	"Entra v2":       {validatortest.StyleEntraV2, "", validator.EntraV2(validator.Tenants{})},
	"Entra v2, all":  {validatortest.StyleEntraV2, "/{tenantid}/v2.0", validator.EntraV2(ourTenant)},
	"Keycloak":       {validatortest.StyleKeycloak, "", validator.Keycloak()},
	"Cognito":        {validatortest.StyleCognito, "", validator.Cognito()},
	"Hydra":          {validatortest.StyleHydra, "", validator.Hydra()},
}

var ourTenant = validator.Tenants{Allowed: strs{validatortest.DefaultTenant}}

// corpusValidator is a server of the style, its corpus, and the configuration
// that the corpus is made for. Their clock stands still: some tokens are good for seconds.
func corpusValidator(t testing.TB, name string) ([]validatortest.Case, *validator.Validator) {
	style, now := styles[name], time.Now()
	clock := func() time.Time { return now }
	s := start(t, validatortest.Options{Style: style.style, Algorithm: "RS256", Path: style.path, Clock: clock})
	cases := s.Corpus(client) // before: it may list other keys
	config := configure(style.issuer(s))
	config.Clock = clock
	return cases, build(t, config)
}

// classOf is the class that the corpus' reasons belong to.
func classOf(reason validator.Reason) error {
	switch reason {
	case validator.ReasonNoToken:
		return validator.ErrNoToken
	case validator.ReasonTokenAlphabet:
		return validator.ErrInvalidRequest
	case validator.ReasonProofMissing:
		return validator.ErrInvalidProof
	}
	return validator.ErrInvalidToken
}

// TestCorpus: every hostile token is refused for its own reason, every accepted
// neighbour is accepted, and asking twice changes nothing.
func TestCorpus(t *testing.T) {
	for name := range styles {
		t.Run(name, func(t *testing.T) {
			cases, v := corpusValidator(t, name)
			for _, round := range []string{"first", "again"} {
				for _, c := range cases {
					t.Run(round+"/"+c.Name, func(t *testing.T) {
						if c.Accept {
							accept(t, v, c.Token)
							return
						}
						reject(t, v, c.Token, classOf(validator.Reason(c.Reason)), validator.Reason(c.Reason))
					})
				}
			}
		})
	}
}

// TestCorpusReport: the corpus runs against any function.
func TestCorpusReport(t *testing.T) {
	cases, v := corpusValidator(t, "generic")
	report := validatortest.Run(t.Context(), cases, func(ctx context.Context, raw string) error {
		_, err := v.Validate(ctx, raw)
		return err
	})
	assert.Empty(t, report.Failed(), report.String())
	careless := validatortest.Run(t.Context(), cases, func(context.Context, string) error { return nil })
	assert.NotEmpty(t, careless.Failed())
	deaf := validatortest.Run(t.Context(), cases, func(context.Context, string) error { return errors.New("no") })
	require.NotEmpty(t, deaf.Failed())
}

// TestProfilesStayApart: a good token of one style is no access token, or has no
// client, under a profile that its server does not speak.
func TestProfilesStayApart(t *testing.T) {
	tests := []struct {
		style   validatortest.Style
		profile validator.Profile
		reason  validator.Reason
	}{
		{validatortest.StyleGeneric, validator.RFC9068(), validator.ReasonNotAccessToken},
		{validatortest.StyleOkta, validator.RFC9068(), validator.ReasonNotAccessToken},
		{validatortest.StyleGeneric, validator.Okta(), validator.ReasonNotAccessToken},
		{validatortest.StyleRFC9068, validator.Okta(), validator.ReasonNotAccessToken},
	}
	for _, tc := range tests {
		s := start(t, validatortest.Options{Style: tc.style, Path: "/oauth2/default"})
		is := trust(s)
		is.Profile, is.Algorithms = tc.profile, []string{"ES256"}
		reject(t, build(t, configure(is)), s.AccessToken(), validator.ErrInvalidToken, tc.reason)
	}
}

// TestAudienceMayBeClient: the loud name takes one check off, and only that one.
func TestAudienceMayBeClient(t *testing.T) {
	s := start(t, validatortest.Options{Style: validatortest.StyleGeneric})
	is := trust(s)
	is.Audiences = []string{client}
	raw := s.AccessToken(validatortest.Audience(client))
	reject(t, build(t, configure(is)), raw, validator.ErrInvalidToken, validator.ReasonNotAccessToken)
	is.AudienceMayBeClient = true
	v := build(t, configure(is))
	accept(t, v, raw)
	reject(t, v, s.IDToken(client), validator.ErrInvalidToken, validator.ReasonNotAccessToken)

	// To Auth0 it says nothing about azp, which marks no access token for itself.
	s = start(t, validatortest.Options{Style: validatortest.StyleAuth0})
	is = styles["Auth0"].issuer(s)
	is.AudienceMayBeClient = true
	v = build(t, configure(is))
	accept(t, v, s.AccessToken())
	reject(t, v, s.AccessToken(validatortest.Audience(audience, client)), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
}

// TestAnyClient: the loud name takes the client check off; claims that
// contradict each other, or name a client where the profile does not look, are
// refused all the same.
func TestAnyClient(t *testing.T) {
	s := start(t, validatortest.Options{})
	is := trust(s)
	is.ClientIDs, is.AnyClient = nil, true
	v := build(t, configure(is))
	assert.Equal(t, "somebody", accept(t, v, s.AccessToken(validatortest.ClientID("somebody"))).ClientID())
	assert.Empty(t, accept(t, v, s.AccessToken(validatortest.NoClaim("client_id"))).ClientID())
	reject(t, v, s.AccessToken(validatortest.Claim("azp", "else")), validator.ErrInvalidToken, validator.ReasonClientConflict)
	reject(t, v, s.AccessToken(validatortest.NoClaim("client_id"), validatortest.Claim("azp", "else")),
		validator.ErrInvalidToken, validator.ReasonClientConflict)
}

// TestDenyListIsNotForAll: under a profile with a mark that decides, a claim
// that ID tokens have too, or that an administrator added, refuses nothing.
func TestDenyListIsNotForAll(t *testing.T) {
	for _, name := range []string{"RFC 9068", "Okta", "Keycloak", "Cognito"} {
		s := start(t, validatortest.Options{Style: styles[name].style, Path: styles[name].path})
		v := build(t, configure(styles[name].issuer(s)))
		accept(t, v, s.AccessToken(validatortest.Claim("events", "x"), validatortest.Claim("nonce", "y")))
		accept(t, v, s.AccessToken(validatortest.Audience(audience, client)))
	}
}

// TestSpellingsOfClaims: what is wrong is told by what it is.
func TestSpellingsOfClaims(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	accept(t, v, s.AccessToken(validatortest.Claim("nbf", json.RawMessage(`0.0`))))
	reject(t, v, s.AccessToken(validatortest.Claim("exp", json.RawMessage(`-0.5`))), validator.ErrInvalidToken, validator.ReasonMalformedClaims)
	reject(t, v, s.AccessToken(validatortest.Claim("cnf", json.RawMessage(`{"jkt":"a","jkt":"b"}`))), validator.ErrInvalidToken, validator.ReasonMalformedClaims)
}

// TestKindClaims: what the payload says of its kind counts under the generic
// profile (design 6: other typ).
func TestKindClaims(t *testing.T) {
	s := start(t, validatortest.Options{Style: validatortest.StyleGeneric})
	v := build(t, configure(trust(s)))
	// Bound, it says: without cnf it would pass as a bearer token.
	reject(t, v, s.AccessToken(validatortest.Claim("typ", "DPoP")), validator.ErrInvalidToken, validator.ReasonConfirmationMissing)
	reject(t, v, s.AccessToken(validatortest.Claim("typ", "DPoP"), validatortest.Claim("cnf", map[string]any{"x5t#S256": strings.Repeat("A", 43)})),
		validator.ErrInvalidToken, validator.ReasonConfirmationMissing)
	reject(t, v, s.AccessToken(validatortest.Claim("typ", "DPoP"), validatortest.Claim("cnf", map[string]any{"jkt": strings.Repeat("A", 43)})),
		validator.ErrInvalidProof, validator.ReasonProofMissing)
	for _, kind := range []any{"Bearer", "bearer", "access", "at+jwt", "JWT"} {
		accept(t, v, s.AccessToken(validatortest.Claim("typ", kind)))
		accept(t, v, s.AccessToken(validatortest.Claim("token_use", kind)))
	}
	for _, kind := range []any{"ID", "Refresh", "Offline", "Logout", "id", "refresh", "", 1, nil, strs{"Bearer"}} {
		reject(t, v, s.AccessToken(validatortest.Claim("typ", kind)), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
		reject(t, v, s.AccessToken(validatortest.Claim("token_use", kind)), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
	}
}

// TestEmptyClaims: an empty client is no client, an empty audience is nobody's.
func TestEmptyClaims(t *testing.T) {
	s := start(t, validatortest.Options{Style: validatortest.StyleGeneric})
	v := build(t, configure(trust(s)))
	accept(t, v, s.AccessToken(validatortest.Audience(audience, ""), validatortest.Claim("azp", "")))
	reject(t, v, s.AccessToken(validatortest.ClientID("")), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
	reject(t, v, s.AccessToken(validatortest.Audience("")), validator.ErrInvalidToken, validator.ReasonAudienceMismatch)
	accept(t, v, s.AccessToken(validatortest.NoClaim("client_id"), validatortest.Claim("cid", client)))
	accept(t, v, s.AccessToken(validatortest.Claim("scope", "  a   b "), validatortest.Claim("scp", strs{"b", "a"})))
	assert.Equal(t, strs{"a", "b"}, accept(t, v, s.AccessToken(validatortest.Scope(), validatortest.Claim("scp", strs{"a", "b"}))).Scopes())
}

// TestManyScopesAgree: lists compare as sets, whatever is repeated in them.
func TestManyScopesAgree(t *testing.T) {
	s := start(t, validatortest.Options{Style: validatortest.StyleGeneric})
	v := build(t, configure(trust(s)))
	many := make(strs, 1500)
	for i := range many {
		many[i] = "y"
	}
	list := append(many, "x")
	accept(t, v, s.AccessToken(validatortest.Claim("scope", strings.Repeat("x ", 1500)+"y"), validatortest.Claim("scp", list)))
	reject(t, v, s.AccessToken(validatortest.Claim("scope", strings.Repeat("x ", 1500)+"z"), validatortest.Claim("scp", list)),
		validator.ErrInvalidToken, validator.ReasonScopeConflict)
}

// TestDefaultAlgorithms: Okta signs with RS256 and nothing else; elsewhere every
// asymmetric algorithm is good that the key is good for.
func TestDefaultAlgorithms(t *testing.T) {
	okta := start(t, validatortest.Options{Style: validatortest.StyleOkta, Path: "/oauth2/default"})
	is := trust(okta)
	is.Profile = validator.Okta()
	reject(t, build(t, configure(is)), okta.AccessToken(), validator.ErrInvalidToken, validator.ReasonAlgorithmNotAllowed)

	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	kids := map[string]string{}
	for _, algorithm := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"} {
		kids[algorithm] = s.Rotate(algorithm) // all before the first token: the bucket allows five fetches
	}
	for algorithm, kid := range kids {
		assert.Equal(t, kid, accept(t, v, s.MintWith(kid)).KeyID(), algorithm)
	}
}
