package validator_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
)

// TestIssuerEnds: an issuer of a known host without the end that every iss there has
// would be that of no token.
func TestIssuerEnds(t *testing.T) {
	const tenant = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
	auth0, v1, v2 := validator.Auth0(), validator.EntraV1(validator.Tenants{}), validator.EntraV2(validator.Tenants{})
	for url, tc := range map[string]struct {
		profile validator.Profile
		good    bool
	}{
		"https://example.eu.auth0.com/":                                  {auth0, true},
		"https://example.eu.auth0.com":                                   {auth0, false},
		"https://auth0.com":                                              {auth0, false},
		"https://notauth0.com":                                           {auth0, true},
		"https://login.example.com":                                      {auth0, true}, // nobody knows
		"https://example.auth0.com":                                      {validator.RFC9068(), true},
		"https://sts.windows.net/" + tenant + "/":                        {v1, true},
		"https://sts.windows.net/" + tenant:                              {v1, false},
		"https://sts.chinacloudapi.cn/" + tenant:                         {v1, false},
		"https://login.microsoftonline.com/" + tenant + "/v2.0":          {v2, true},
		"https://login.microsoftonline.com/" + tenant + "/v2.0/":         {v2, false},
		"https://login.microsoftonline.com/" + tenant + "/":              {v2, false},
		"https://login.microsoftonline.us/" + tenant:                     {v2, false},
		"https://login.partner.microsoftonline.cn/" + tenant:             {v2, false},
		"https://example.ciamlogin.com/" + tenant + "/v2.0":              {v2, true},
		"https://login.microsoftonline.com/" + tenant + "/v2.0#?x=/v2.0": {v2, false},
		"https://login.partner.microsoftonline.cn/" + tenant + "/v2.0":   {v2, true},
		"https://login.microsoftonline.us/" + tenant + "/v2.0":           {v2, true},
		"https://sts.chinacloudapi.cn/" + tenant + "/":                   {v1, true},
		"https://login.microsoftonline.com/" + tenant + "/oauth2/v2.0/x": {v2, false},
		"https://login.microsoftonline.com.example.com/" + tenant + "/":  {v2, true},
	} {
		t.Run(url, func(t *testing.T) {
			_, err := validator.New(validator.Config{Issuers: []validator.Issuer{{
				URL: url, Profile: tc.profile, Audiences: strs{audience}, AnyClient: true,
			}}})
			if tc.good {
				assert.NoError(t, err)
				return
			}
			assert.Contains(t, fields(t, err), "Issuers[0].URL")
		})
	}
}

// TestClientsThatNoClaimNames: a list of clients that nothing is compared with refuses
// every token.
func TestClientsThatNoClaimNames(t *testing.T) {
	mark := []validator.Mark{{Claim: "repository"}}
	for name, tc := range map[string]struct {
		edit func(*validator.Issuer)
		good bool
	}{
		"none": {func(*validator.Issuer) {}, false},
		"known claim": {func(is *validator.Issuer) {
			is.Profile = validator.NewProfile(validator.ProfileSpec{Name: "x", Types: strs{""}, Marks: mark, Client: "cid"})
		}, true},
		"other claim": {func(is *validator.Issuer) {
			is.Profile = validator.NewProfile(validator.ProfileSpec{Name: "x", Types: strs{""}, Marks: mark, Client: "sub"})
		}, true},
		"any client": {func(is *validator.Issuer) { is.ClientIDs, is.AnyClient = nil, true }, true},
		"an answer's": {func(is *validator.Issuer) {
			is.Introspection = &introspect.Config{Auth: introspect.ClientSecretBasic("a", introspect.StaticSecret("b"))}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := goodConfig()
			c.Issuers = c.Issuers[:1]
			c.Issuers[0].Profile = validator.NewProfile(validator.ProfileSpec{Name: "x", Types: strs{""}, Marks: mark})
			tc.edit(&c.Issuers[0])
			_, err := validator.New(c)
			if tc.good {
				assert.NoError(t, err)
				return
			}
			assert.Equal(t, strs{"Issuers[0].ClientIDs"}, fields(t, err))
		})
	}
}

// TestScopesThatNobodyHas: a policy that no token can satisfy is found at start.
func TestScopesThatNobodyHas(t *testing.T) {
	c := goodConfig()
	without := validator.ProfileSpec{Name: "x", Types: strs{""}, Marks: []validator.Mark{{Claim: "repository"}}, Client: "sub"}
	c.Issuers[0].Profile = validator.NewProfile(without)
	v := build(t, c)
	orders, reports := strs{"orders"}, strs{c.Issuers[1].URL}
	assert.Equal(t, strs{"Policy.Scopes"}, fields(t, v.CheckPolicy(validator.Policy{Issuers: orders, Scopes: strs{"a"}})))
	assert.Equal(t, strs{"Policy.Scopes"}, fields(t, v.CheckPolicy(validator.Policy{Issuers: orders, AnyScope: strs{"a"}})))
	assert.NoError(t, v.CheckPolicy(validator.Policy{Issuers: reports, Scopes: strs{"a"}}))
	assert.NoError(t, v.CheckPolicy(validator.Policy{AnyTrustedIssuer: true, Scopes: strs{"a"}}), "one of them has")
	assert.NoError(t, v.CheckPolicy(validator.Policy{Issuers: orders, AnyToken: true}))
	without.Scope = "scp"
	c.Issuers[0].Profile = validator.NewProfile(without)
	assert.NoError(t, build(t, c).CheckPolicy(validator.Policy{Issuers: orders, Scopes: strs{"a"}}))
	without.Scope = ""
	c.Issuers[0].Profile = validator.NewProfile(without)
	c.Issuers[0].Introspection = &introspect.Config{Auth: introspect.ClientSecretBasic("a", introspect.StaticSecret("b"))}
	assert.NoError(t, build(t, c).CheckPolicy(validator.Policy{Issuers: orders, Scopes: strs{"a"}}), "an answer may have")
}
