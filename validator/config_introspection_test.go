package validator_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
)

// asking is a configuration that is accepted.
func asking(edits ...func(*validator.Config)) validator.Config {
	c := validator.Config{Issuers: []validator.Issuer{
		{URL: "https://one.example", Audiences: []string{"api"}, AnyClient: true, Introspection: &introspect.Config{
			Auth: introspect.ClientSecretBasic("id", introspect.StaticSecret("secret")), Format: introspect.Format{Prefix: "one_"},
		}},
		{URL: "https://two.example", Audiences: []string{"api"}, AnyClient: true, Introspection: &introspect.Config{
			Auth: introspect.ClientSecretPost("id", introspect.StaticSecret("secret")), Format: introspect.Format{Prefix: "two_"},
		}},
		{URL: "https://three.example", Audiences: []string{"api"}, AnyClient: true},
	}}
	for _, edit := range edits {
		edit(&c)
	}
	return c
}

// TestIntrospectionMistakes: each has its field, and nothing else is one.
func TestIntrospectionMistakes(t *testing.T) {
	first := func(edit func(*validator.Issuer)) func(*validator.Config) {
		return func(c *validator.Config) { edit(&c.Issuers[0]) }
	}
	third := func(edit func(*validator.Issuer)) func(*validator.Config) {
		return func(c *validator.Config) { edit(&c.Issuers[2]) }
	}
	prefixes := func(one, two string) func(*validator.Config) {
		return func(c *validator.Config) {
			c.Issuers[0].Introspection.Format.Prefix, c.Issuers[1].Introspection.Format.Prefix = one, two
		}
	}
	const in = "Issuers[0].Introspection."
	for name, tc := range map[string]struct {
		edit   func(*validator.Config)
		fields []string
	}{
		"none":                   {func(*validator.Config) {}, nil},
		"no prefixes, but a way": {func(c *validator.Config) { prefixes("", "")(c); c.OpaqueIssuer = validator.NoOpaqueTokens }, nil},
		"one that is asked":      {func(c *validator.Config) { prefixes("", "")(c); c.Issuers[1].Introspection = nil }, nil},
		"everything": {first(func(is *validator.Issuer) {
			is.IntrospectAlways, is.IntrospectionMaxAge, is.StaleIfError = true, time.Minute, time.Hour
		}), nil},
		"keys elsewhere": {first(func(is *validator.Issuer) { is.JWKSURL = "https://keys.example/one" }), nil},
		"Okta at a host of its own": {first(func(is *validator.Issuer) {
			is.URL, is.Profile = "https://login.one.example/oauth2/default", validator.Okta()
			is.Introspection.Endpoint = "https://login.one.example/oauth2/default/v1/introspect"
		}), nil},
		"Okta's org server at it": {first(func(is *validator.Issuer) {
			is.URL, is.Profile = "https://login.one.example/oauth2/default", validator.Okta()
			is.Introspection.Endpoint = "https://login.one.example/oauth2/v1/introspect"
		}), []string{in + "Endpoint"}},
		"a template of Entra ID's": {first(func(is *validator.Issuer) { is.URL = "https://login.one.example/{tenantid}/v2.0" }), []string{"Issuers[0].URL", "Issuers[0].URL"}},
		"no prefixes":              {prefixes("", ""), []string{in + "Format.Prefix", "Issuers[1].Introspection.Format.Prefix"}},
		"one without prefix":       {prefixes("one_", ""), []string{"Issuers[1].Introspection.Format.Prefix"}},
		"the same prefix":          {prefixes("at_", "at_"), []string{in + "Format.Prefix", "Issuers[1].Introspection.Format.Prefix"}},
		"a prefix in another":      {prefixes("at_", "at_two_"), []string{"Issuers[1].Introspection.Format.Prefix"}},
		"a way to nobody": {func(c *validator.Config) {
			c.Issuers[0].Introspection, c.Issuers[1].Introspection, c.OpaqueIssuer = nil, nil, validator.NoOpaqueTokens
		}, []string{"OpaqueIssuer"}},
		"no auth": {first(func(is *validator.Issuer) { is.Introspection.Auth = introspect.Auth{} }), []string{in + "Auth"}},
		"no secret": {first(func(is *validator.Issuer) {
			is.Introspection.Auth = introspect.ClientSecretBasic("id", introspect.Secret{})
		}), []string{in + "Auth"}},
		"plain http": {first(func(is *validator.Issuer) { is.Introspection.Endpoint = "http://one.example/introspect" }), []string{in + "Endpoint"}},
		"org server": {first(func(is *validator.Issuer) { is.Introspection.Endpoint = "https://x.okta.com/oauth2/v1/introspect" }), []string{in + "Endpoint"}},
		"two places": {first(func(is *validator.Issuer) {
			is.Introspection.Endpoint = "https://one.example/i"
			is.Introspection.Hosts = []string{"a.example"}
		}), []string{in + "Hosts"}},
		"no timeout":     {first(func(is *validator.Issuer) { is.Introspection.Timeout = 2 }), []string{in + "Timeout"}},
		"max age":        {first(func(is *validator.Issuer) { is.IntrospectionMaxAge = 60 }), []string{"Issuers[0].IntrospectionMaxAge"}},
		"stale":          {first(func(is *validator.Issuer) { is.StaleIfError = -1 }), []string{"Issuers[0].StaleIfError"}},
		"missing expiry": {first(func(is *validator.Issuer) { is.AllowMissingExpiry = 60 }), []string{"Issuers[0].AllowMissingExpiry"}},
		"opaque, signed": {first(func(is *validator.Issuer) { is.OpaqueOnly, is.Introspection.Signed = true, true }), []string{"Issuers[0].OpaqueOnly"}},
		"opaque, always": {first(func(is *validator.Issuer) { is.OpaqueOnly, is.IntrospectAlways = true, true }), []string{"Issuers[0].OpaqueOnly"}},
		"opaque, keys":   {first(func(is *validator.Issuer) { is.OpaqueOnly, is.JWKSURL = true, "https://one.example/keys" }), []string{"Issuers[0].OpaqueOnly"}},
		"a foreign client": {func(c *validator.Config) {
			c.HTTPClient = &http.Client{Transport: wire(nil)}
			c.Issuers[0].Introspection.Auth = introspect.TLSClientAuth("id", noCertificate)
		}, []string{in + "Auth"}},
		"dead fields": {third(func(is *validator.Issuer) {
			is.IntrospectAlways, is.IntrospectionMaxAge, is.StaleIfError, is.OpaqueOnly = true, time.Minute, time.Minute, true
			is.AllowMissingAudience, is.AllowMissingExpiry, is.AllowMissingTokenType = true, time.Minute, true
		}), []string{
			"Issuers[2].AllowMissingAudience", "Issuers[2].AllowMissingExpiry", "Issuers[2].AllowMissingTokenType", "Issuers[2].IntrospectAlways",
			"Issuers[2].IntrospectionMaxAge", "Issuers[2].OpaqueOnly", "Issuers[2].StaleIfError",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := validator.New(asking(tc.edit))
			assert.Equal(t, tc.fields, fieldsOf(t, err))
		})
	}
}

// fieldsOf are the fields of the ConfigErrors that err joins, sorted.
func fieldsOf(t *testing.T, err error) (fields []string) {
	t.Helper()
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok, "%T", err)
	for _, one := range joined.Unwrap() {
		var mistake *validator.ConfigError
		require.True(t, errors.As(one, &mistake), "%v", one)
		fields = append(fields, mistake.Field)
	}
	slices.Sort(fields)
	return fields
}

func noCertificate(context.Context) (*tls.Certificate, error) { return nil, errors.New("none") }
