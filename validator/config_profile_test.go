package validator_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const (
	contoso  = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
	fabrikam = "82229342-1101-4ab6-817b-70c0747630f3"
	entraV2  = "https://login.microsoftonline.com/"
)

// entraConfig is one issuer of Entra ID.
func entraConfig(url string, profile validator.Profile) validator.Config {
	return validator.Config{Issuers: []validator.Issuer{{URL: url, Profile: profile, Audiences: strs{"api"}, AnyClient: true}}}
}

func TestTenantMistakes(t *testing.T) {
	none, any := validator.Tenants{}, validator.Tenants{AnyTenant: true}
	some := validator.Tenants{Allowed: strs{contoso}}
	two := validator.Tenants{Allowed: strs{contoso}, Permit: func(string) bool { return true }}
	v2 := validator.EntraV2
	tests := map[string]struct {
		url     string
		profile validator.Profile
		field   string // empty: it is good
	}{
		"one tenant":                  {entraV2 + contoso + "/v2.0", v2(none), ""},
		"one tenant, v1":              {"https://sts.windows.net/" + contoso + "/", validator.EntraV1(none), ""},
		"template":                    {entraV2 + "{tenantid}/v2.0", v2(some), ""},
		"template, predicate":         {entraV2 + "{tenantid}/v2.0", v2(validator.Tenants{Permit: two.Permit}), ""},
		"template, any":               {entraV2 + "{tenantid}/v2.0", v2(any), ""},
		"template, v1":                {"https://sts.windows.net/{tenantid}/", validator.EntraV1(any), ""},
		"template, nobody named":      {entraV2 + "{tenantid}/v2.0", v2(none), "Issuers[0].Profile"},
		"template, emptied list":      {entraV2 + "{tenantid}/v2.0", v2(validator.Tenants{Allowed: strs{}}), "Issuers[0].Profile"},
		"template, two fields":        {entraV2 + "{tenantid}/v2.0", v2(two), "Issuers[0].Profile"},
		"one tenant and Tenants":      {entraV2 + contoso + "/v2.0", v2(some), "Issuers[0].Profile"},
		"no GUID":                     {entraV2 + "{tenantid}/v2.0", v2(validator.Tenants{Allowed: strs{"contoso.onmicrosoft.com"}}), "Issuers[0].Profile"},
		"a digit for a hyphen":        {entraV2 + "{tenantid}/v2.0", v2(validator.Tenants{Allowed: strs{"8eaef02302b34-4da1-9baa-8bc8c9d6a490"}}), "Issuers[0].Profile"},
		"a dot in it":                 {entraV2 + "{tenantid}/v2.0", v2(validator.Tenants{Allowed: strs{contoso[:35] + "."}}), "Issuers[0].Profile"},
		"a g in it":                   {entraV2 + "{tenantid}/v2.0", v2(validator.Tenants{Allowed: strs{contoso[:35] + "g"}}), "Issuers[0].Profile"},
		"GUID in capitals":            {entraV2 + "{tenantid}/v2.0", v2(validator.Tenants{Allowed: strs{"8EAEF023-2B34-4DA1-9BAA-8BC8C9D6A490"}}), "Issuers[0].Profile"},
		"common":                      {entraV2 + "common/v2.0", v2(any), "Issuers[0].URL"},
		"name of a tenant":            {entraV2 + "contoso.onmicrosoft.com/v2.0", v2(none), "Issuers[0].URL"},
		"two templates":               {entraV2 + "{tenantid}/{tenantid}/v2.0", v2(any), "Issuers[0].URL"},
		"part of a segment":           {entraV2 + "x{tenantid}/v2.0", v2(any), "Issuers[0].URL"},
		"in the host":                 {"https://{tenantid}.ciamlogin.com/v2.0", v2(any), "Issuers[0].URL"},
		"the host itself":             {"https://{tenantid}/v2.0", v2(any), "Issuers[0].URL"},
		"a GUID as host":              {"https://" + contoso + "/v2.0", v2(none), "Issuers[0].URL"},
		"GUID in host and path":       {"https://" + contoso + ".ciamlogin.com/" + contoso + "/v2.0", v2(none), ""},
		"template of another profile": {"https://as.example.com/{tenantid}", validator.Profile{}, "Issuers[0].URL"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := validator.New(entraConfig(tc.url, tc.profile))
			if tc.field == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.Equal(t, []string{tc.field}, slices.Compact(fields(t, err)))
		})
	}
}

// TestTemplateIsNotAsked: an endpoint answers for one issuer.
func TestTemplateIsNotAsked(t *testing.T) {
	c := entraConfig(entraV2+"{tenantid}/v2.0", validator.EntraV2(validator.Tenants{AnyTenant: true}))
	c.Issuers[0].Introspection = &introspect.Config{Auth: introspect.ClientSecretBasic("id", introspect.StaticSecret("secret"))}
	_, err := validator.New(c)
	assert.Equal(t, []string{"Issuers[0].Introspection"}, fields(t, err))
}

// TestOverlappingTemplates: a token must be of one issuer.
func TestOverlappingTemplates(t *testing.T) {
	any := validator.EntraV2(validator.Tenants{AnyTenant: true})
	template := validator.Issuer{Name: "all", URL: entraV2 + "{tenantid}/v2.0", Profile: any, Audiences: strs{"api"}, AnyClient: true}
	one := validator.Issuer{Name: "one", URL: entraV2 + contoso + "/v2.0", Profile: validator.EntraV2(validator.Tenants{}), Audiences: strs{"api"}, AnyClient: true}
	other := validator.Issuer{Name: "other", URL: "https://sts.windows.net/" + contoso + "/", Profile: validator.EntraV1(validator.Tenants{}), Audiences: strs{"api"}, AnyClient: true}
	generic := one
	generic.Profile = validator.Profile{}
	twice := template
	twice.Name = "again"

	_, err := validator.New(validator.Config{Issuers: []validator.Issuer{template, other}})
	require.NoError(t, err)
	for _, issuers := range [][]validator.Issuer{{template, one}, {template, generic}, {template, twice}} {
		_, err = validator.New(validator.Config{Issuers: issuers})
		require.Error(t, err)
		assert.Equal(t, strs{"Issuers[1].URL"}, fields(t, err))
	}
	_, err = validator.New(validator.Config{Issuers: []validator.Issuer{one, template}})
	require.Error(t, err)
	assert.Equal(t, strs{"Issuers[0].URL"}, fields(t, err))
}

func TestProfileSpecMistakes(t *testing.T) {
	type edit = func(*validator.ProfileSpec)
	tests := map[string]struct {
		edit  edit
		field string // empty: it is good
	}{
		"as it is":                   {func(*validator.ProfileSpec) {}, ""},
		"no name":                    {func(s *validator.ProfileSpec) { s.Name = "" }, "Name"},
		"no types":                   {func(s *validator.ProfileSpec) { s.Types = nil }, "Types"},
		"no marks":                   {func(s *validator.ProfileSpec) { s.Marks = nil }, "Marks"},
		"no marks, own type":         {func(s *validator.ProfileSpec) { s.Marks, s.Types = nil, strs{"application/AT+JWT"} }, ""},
		"no marks, own and another":  {func(s *validator.ProfileSpec) { s.Marks, s.Types = nil, strs{"at+jwt", ""} }, "Marks"},
		"no marks, said":             {func(s *validator.ProfileSpec) { s.Marks, s.AllowIDTokens = nil, true }, ""},
		"marks and none":             {func(s *validator.ProfileSpec) { s.AllowIDTokens = true }, "AllowIDTokens"},
		"mark of no claim":           {func(s *validator.ProfileSpec) { s.Marks = append(s.Marks, validator.Mark{}) }, "Marks"},
		"mark of every ID token":     {func(s *validator.ProfileSpec) { s.Marks = append(s.Marks, validator.Mark{Claim: "sub"}) }, "Marks"},
		"mark of some subjects":      {func(s *validator.ProfileSpec) { s.Marks[0] = validator.Mark{Claim: "sub", Prefix: "spiffe://a/"} }, ""},
		"mark of some audiences":     {func(s *validator.ProfileSpec) { s.Marks[0] = validator.Mark{Claim: "aud", Values: strs{"api"}} }, ""},
		"empty value":                {func(s *validator.ProfileSpec) { s.Marks[0].Values = strs{""} }, "Marks"},
		"allowed what nobody denies": {func(s *validator.ProfileSpec) { s.AllowClaims = strs{"name"} }, "AllowClaims"},
		"allowed":                    {func(s *validator.ProfileSpec) { s.AllowClaims = strs{"nonce", "typ"} }, ""},
		"mark that refuses":          {func(s *validator.ProfileSpec) { s.Marks[0] = validator.Mark{Claim: "nonce"} }, "Marks"},
		"mark that is allowed": {func(s *validator.ProfileSpec) {
			s.Marks[0], s.AllowClaims = validator.Mark{Claim: "nonce"}, strs{"nonce"}
		}, ""},
		"roles as scopes": {func(s *validator.ProfileSpec) { s.Scope = "roles" }, "Scope"},
		"scope":           {func(s *validator.ProfileSpec) { s.Scope = "scp" }, ""},
		"empty required":  {func(s *validator.ProfileSpec) { s.Required = strs{""} }, "Required"},
		"HMAC":            {func(s *validator.ProfileSpec) { s.Algorithms = strs{"HS256"} }, "Algorithms"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			spec := validator.ProfileSpec{Name: "x", Types: strs{""}, Marks: []validator.Mark{{Claim: "kind", Values: strs{"access"}}}}
			tc.edit(&spec)
			_, err := validator.New(entraConfig("https://as.example.com", validator.NewProfile(spec)))
			if tc.field == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.Equal(t, strs{"Issuers[0].Profile." + tc.field}, fields(t, err))
		})
	}
}

// TestProfileSpecIsCopied: what the owner does to the lists later changes nothing.
func TestProfileSpecIsCopied(t *testing.T) {
	s := start(t, styleGeneric)
	values, types := strs{"access"}, strs{"JWT"}
	marks := []validator.Mark{{Claim: "kind", Values: values}}
	is := trust(s)
	is.Profile = validator.NewProfile(validator.ProfileSpec{Name: "x", Types: types, Marks: marks, Client: "client_id", Scope: "scope"})
	v := build(t, configure(is))
	marks[0].Claim, types[0], values[0] = "scope", "at+jwt", "id"
	reject(t, v, s.AccessToken(), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
	reject(t, v, s.AccessToken(validatortest.Claim("kind", "id")), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
	accept(t, v, s.AccessToken(validatortest.Claim("kind", "access")))
}

func TestMaxTokenLifetimeHasAUnit(t *testing.T) {
	c := goodConfig()
	c.Issuers[0].MaxTokenLifetime = 3600
	_, err := validator.New(c)
	assert.Equal(t, strs{"Issuers[0].MaxTokenLifetime"}, fields(t, err))
	c.Issuers[0].MaxTokenLifetime = -time.Hour
	_, err = validator.New(c)
	assert.Equal(t, strs{"Issuers[0].MaxTokenLifetime"}, fields(t, err))
}
