package validator_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
)

func goodConfig() validator.Config {
	return validator.Config{Issuers: []validator.Issuer{
		{Name: "orders", URL: "https://as.example.com/orders", Audiences: []string{"api://orders"}, ClientIDs: []string{"web"}},
		{URL: "https://as.example.com/reports/", Audiences: []string{"api://reports"}, AnyClient: true},
	}}
}

// fields lists the fields of a joined configuration error.
func fields(t *testing.T, err error) (list []string) {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok, "%v", err)
	for _, one := range joined.Unwrap() {
		var mistake *validator.ConfigError
		require.ErrorAs(t, one, &mistake)
		list = append(list, mistake.Field)
	}
	return list
}

func TestGoodConfig(t *testing.T) {
	_, err := validator.New(goodConfig())
	require.NoError(t, err)
}

func TestConfigMistakes(t *testing.T) {
	type edit = func(*validator.Config)
	url := func(u string) edit { return func(c *validator.Config) { c.Issuers[0].URL = u } }
	keys := func(u string) edit { return func(c *validator.Config) { c.Issuers[0].JWKSURL = u } }
	tests := map[string]struct {
		edit  edit
		field string
	}{
		"no issuer":              {func(c *validator.Config) { c.Issuers = nil }, "Issuers"},
		"no URL":                 {url(""), "Issuers[0].URL"},
		"no scheme":              {url("as.example.com"), "Issuers[0].URL"},
		"no host":                {url("https:///x"), "Issuers[0].URL"},
		"only a port":            {url("https://:443/x"), "Issuers[0].URL"},
		"opaque":                 {url("https:as.example.com"), "Issuers[0].URL"},
		"plain http":             {url("http://127.0.0.1/"), "Issuers[0].URL"},
		"ftp":                    {url("ftp://as.example.com"), "Issuers[0].URL"},
		"userinfo":               {url("https://me:secret@as.example.com"), "Issuers[0].URL"},
		"query":                  {url("https://as.example.com/?a=b"), "Issuers[0].URL"},
		"empty query":            {url("https://as.example.com/?"), "Issuers[0].URL"},
		"fragment":               {url("https://as.example.com/#f"), "Issuers[0].URL"},
		"not a URL":              {url("https://as.example.com/%zz"), "Issuers[0].URL"},
		"empty fragment":         {url("https://as.example.com/#"), "Issuers[0].URL"},
		"space":                  {url("https://as.example.com/a b"), "Issuers[0].URL"},
		"scheme in upper case":   {url("HTTPS://as.example.com"), "Issuers[0].URL"},
		"host not in ASCII":      {url("https://bücher.example"), "Issuers[0].URL"},
		"URL twice":              {url("https://as.example.com/reports/"), "Issuers[1].URL"},
		"JWKS plain http":        {keys("http://as.example.com/keys"), "Issuers[0].JWKSURL"},
		"JWKS not a URL":         {keys("https://as.example.com/%zz"), "Issuers[0].JWKSURL"},
		"JWKS fragment":          {keys("https://as.example.com/keys#f"), "Issuers[0].JWKSURL"},
		"name twice":             {func(c *validator.Config) { c.Issuers[1].Name = "orders" }, "Issuers[1].Name"},
		"name is another's URL":  {func(c *validator.Config) { c.Issuers[0].Name = c.Issuers[1].URL }, "Issuers[1].URL"},
		"no audience":            {func(c *validator.Config) { c.Issuers[0].Audiences = nil }, "Issuers[0].Audiences"},
		"empty audience":         {func(c *validator.Config) { c.Issuers[0].Audiences = []string{"a", ""} }, "Issuers[0].Audiences"},
		"no client":              {func(c *validator.Config) { c.Issuers[0].ClientIDs = nil }, "Issuers[0].ClientIDs"},
		"clients and AnyClient":  {func(c *validator.Config) { c.Issuers[0].AnyClient = true }, "Issuers[0].ClientIDs"},
		"empty client":           {func(c *validator.Config) { c.Issuers[0].ClientIDs = []string{"a", ""} }, "Issuers[0].ClientIDs"},
		"alg none":               {func(c *validator.Config) { c.Issuers[0].Algorithms = []string{"RS256", "none"} }, "Issuers[0].Algorithms"},
		"alg HS256":              {func(c *validator.Config) { c.Issuers[0].Algorithms = []string{"HS256"} }, "Issuers[0].Algorithms"},
		"alg in lower case":      {func(c *validator.Config) { c.Issuers[0].Algorithms = []string{"rs256"} }, "Issuers[0].Algorithms"},
		"alg empty":              {func(c *validator.Config) { c.Issuers[0].Algorithms = []string{""} }, "Issuers[0].Algorithms"},
		"negative burst":         {func(c *validator.Config) { c.Issuers[0].KeyRefreshBurst = -1 }, "Issuers[0].KeyRefreshBurst"},
		"negative interval":      {func(c *validator.Config) { c.Issuers[0].KeyRefreshInterval = -1 }, "Issuers[0].KeyRefreshInterval"},
		"leeway beyond 5 min":    {func(c *validator.Config) { c.Leeway = validator.MaxLeeway + 1 }, "Leeway"},
		"negative leeway":        {func(c *validator.Config) { c.Leeway = -2 }, "Leeway"},
		"negative cache size":    {func(c *validator.Config) { c.CacheSize = -1 }, "CacheSize"},
		"leeway without unit":    {func(c *validator.Config) { c.Leeway = 30 }, "Leeway"},
		"cap without unit":       {func(c *validator.Config) { c.CacheCap = 60 }, "CacheCap"},
		"interval without unit":  {func(c *validator.Config) { c.Issuers[0].KeyRefreshInterval = 10 }, "Issuers[0].KeyRefreshInterval"},
		"port too large":         {url("https://as.example.com:99999/"), "Issuers[0].URL"},
		"port zero":              {url("https://as.example.com:0/"), "Issuers[0].URL"},
		"port left out":          {url("https://as.example.com:/"), "Issuers[0].URL"},
		"wildcard":               {url("https://*.example.com/"), "Issuers[0].URL"},
		"well-known as issuer":   {url("https://as.example.com/.well-known"), "Issuers[0].URL"},
		"Okta's Administration":  {url("https://dev-1-ADMIN.okta.com/oauth2/default"), "Issuers[0].URL"},
		"metadata as issuer":     {url("https://as.example.com/.well-known/openid-configuration"), "Issuers[0].URL"},
		"Okta's administration":  {url("https://dev-1-admin.okta.com/oauth2/default"), "Issuers[0].URL"},
		"negative cache cap":     {func(c *validator.Config) { c.CacheCap = -1 }, "CacheCap"},
		"http to another host":   {func(c *validator.Config) { c.InsecureAllowHTTP = true; c.Issuers[0].URL = "http://as.example.com" }, "Issuers[0].URL"},
		"http to a loopback-ish": {func(c *validator.Config) { c.InsecureAllowHTTP = true; c.Issuers[0].URL = "http://127.0.0.1.nip.io" }, "Issuers[0].URL"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c := goodConfig()
			tc.edit(&c)
			v, err := validator.New(c)
			assert.Nil(t, v)
			assert.Equal(t, []string{tc.field}, fields(t, err))
		})
	}
}

func TestEveryMistakeIsReported(t *testing.T) {
	_, err := validator.New(validator.Config{Leeway: time.Hour, Issuers: []validator.Issuer{{URL: "http://x"}, {Algorithms: []string{"none"}}}})
	assert.Equal(t, []string{
		"Leeway", "Issuers[0].URL", "Issuers[0].Audiences", "Issuers[0].ClientIDs",
		"Issuers[1].URL", "Issuers[1].Audiences", "Issuers[1].ClientIDs", "Issuers[1].Algorithms",
	}, fields(t, err))
}

// TestOktaOrgServer: under any profile at Okta's domains, under Okta() anywhere,
// the org authorization server is no issuer and its keys are no keys.
func TestOktaOrgServer(t *testing.T) {
	const custom = "https://dev-1.okta.com/oauth2/default"
	tests := []struct {
		issuer, keys string
		profile      validator.Profile
		field        string // empty: fine
	}{
		{issuer: custom},
		{issuer: custom, profile: validator.Okta()},
		{issuer: "https://login.example.com/oauth2/aus1", profile: validator.Okta()},
		{issuer: "https://login.example.com", field: ""}, // not Okta, for all that we know
		{issuer: "https://notokta.com", field: ""},
		{issuer: "https://okta.com.example.com", field: ""},
		{issuer: custom, keys: custom + "/v1/keys"},
		{issuer: custom, keys: custom + "/v1/keys", profile: validator.Okta()},

		{issuer: "https://dev-1.okta.com", field: "URL"},
		{issuer: "https://dev-1.okta.com/", field: "URL"},
		{issuer: "https://DEV-1.OKTA.COM", field: "URL"},
		{issuer: "https://dev-1.okta.com.", field: "URL"},
		{issuer: "https://dev-1.okta.com:443", field: "URL"},
		{issuer: "https://okta.com", field: "URL"},
		{issuer: "https://a.b.oktapreview.com", field: "URL"},
		{issuer: "https://a.okta-emea.com", field: "URL"},
		{issuer: "https://a.okta-gov.com", field: "URL"},
		{issuer: "https://a.okta.mil", field: "URL"},
		{issuer: "https://dev-1.okta.com", profile: validator.RFC9068(), field: "URL"},
		{issuer: "https://dev-1.okta.com/oauth2", field: "URL"},
		{issuer: "https://dev-1.okta.com/oauth2/", field: "URL"},
		{issuer: "https://dev-1.okta.com/oauth2/v1", field: "URL"},
		{issuer: "https://dev-1.okta.com/oauth2/V1", field: "URL"},
		{issuer: "https://dev-1.okta.com/oauth2/%76%31", field: "URL"},
		{issuer: "https://dev-1.okta.com/oauth2/default/", field: "URL"},
		{issuer: "https://dev-1.okta.com/oauth2/default/x", field: "URL"},
		{issuer: "https://dev-1.okta.com/oauth2/default/..", field: "URL"},
		{issuer: "https://dev-1.okta.com/oauth2//default", field: "URL"},
		{issuer: "https://dev-1.okta.com/oauth2/v1;a", field: "URL"},
		{issuer: "https://dev-1.okta.com/oauth2/%64efault", field: "URL"},
		{issuer: custom, keys: "https://dev-1.okta.com/oauth2/%64efault/v1/keys", field: "JWKSURL"},
		{issuer: "https://dev-1-admin.example.com/oauth2/default", profile: validator.Okta()},
		{issuer: "https://dev-1.okta.com/oauth2/v1%20", field: "URL"},
		{issuer: "https://dev-1.okta.com../", field: "URL"},
		{issuer: "https://dev-1.okta.com/.well-known/oauth-authorization-server/oauth2/default", field: "URL"},
		{issuer: "https://dev-1.okta.com/oauth2/.", field: "URL"},
		{issuer: "https://dev-1.okta.com/oauth2/..", field: "URL"},
		{issuer: "https://dev-1.okta.com/x/oauth2/default", field: "URL"},
		{issuer: "https://login.example.com", profile: validator.Okta(), field: "URL"},
		{issuer: "https://login.example.com/oauth2/v1", profile: validator.Okta(), field: "URL"},
		{issuer: custom, keys: "https://dev-1.okta.com/oauth2/v1/keys", field: "JWKSURL"},
		{issuer: custom, keys: "https://dev-1.okta.com/keys", field: "JWKSURL"},
		{issuer: custom, keys: "https://dev-1.okta.com/oauth2/%76%31/keys", field: "JWKSURL"},
		{issuer: custom, keys: "https://dev-1.okta.com/oauth2/default/../v1/keys", field: "JWKSURL"},
		{issuer: custom, keys: "https://dev-1.okta.com/oauth2/default/%2e%2e/v1/keys", field: "JWKSURL"},
		{issuer: custom, keys: "https://dev-1.okta.com/oauth2//v1/keys", field: "JWKSURL"},
		{issuer: custom, keys: "https://dev-1.okta.com/oauth2/v1;a/keys", field: "JWKSURL"},
		{issuer: custom, keys: "https://dev-1.okta.com/oauth2/v1%20/keys", field: "JWKSURL"},
		{issuer: custom, keys: "https://dev-1.okta.com/oauth2/v1%09/keys", field: "JWKSURL"},
		{issuer: custom, keys: "https://dev-1.okta.com/oauth2/./.well-known/keys", field: "JWKSURL"},
		{issuer: custom, keys: "https://dev-1.okta.com../oauth2/v1/keys", field: "JWKSURL"},
		{issuer: custom, keys: "https://dev-1.okta\u3002com/oauth2/v1/keys", field: "JWKSURL"},
		{issuer: custom, keys: "https://dev-1.\uff4fkta.com/oauth2/v1/keys", field: "JWKSURL"},
		{issuer: custom, keys: "https://dev-1.ok\u00adta.com/oauth2/v1/keys", field: "JWKSURL"},
		{issuer: custom, keys: "https://dev-1.okta.com/.well-known/oauth-authorization-server/oauth2/v1/keys", field: "JWKSURL"},
		{issuer: custom, keys: custom + "/.well-known/keys"},
		{issuer: "https://as.example.com", keys: "https://dev-1.okta.com/oauth2/v1/keys", field: "JWKSURL"},
		{issuer: "https://login.example.com/oauth2/aus1", profile: validator.Okta(), keys: "https://login.example.com/oauth2/v1/keys", field: "JWKSURL"},
	}
	for _, tc := range tests {
		t.Run(strings.ReplaceAll(tc.issuer+" "+tc.keys, "/", "|"), func(t *testing.T) {
			_, err := validator.New(validator.Config{Issuers: []validator.Issuer{{
				URL: tc.issuer, JWKSURL: tc.keys, Profile: tc.profile, Audiences: []string{"a"}, AnyClient: true,
			}}})
			if tc.field == "" {
				assert.NoError(t, err)
				return
			}
			assert.Equal(t, []string{"Issuers[0]." + tc.field}, fields(t, err))
		})
	}
}
