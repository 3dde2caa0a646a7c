package main

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
)

// profiles are the names of the library's profiles.
var profiles = map[string]validator.Profile{
	"": {}, "generic": {}, "okta": validator.Okta(), "rfc9068": validator.RFC9068(),
}

// trust is what the file says about issuers, in the library's words.
func (c *config) trust(log *slog.Logger) validator.Config {
	trusted := validator.Config{Leeway: c.leeway(), InsecureAllowHTTP: c.InsecureAllowHTTP, Logger: log}
	if c.NoOpaqueTokens {
		trusted.OpaqueIssuer = validator.NoOpaqueTokens
	}
	for i := range c.Issuers {
		trusted.Issuers = append(trusted.Issuers, c.issuer(fmt.Sprintf("issuers[%d]", i), &c.Issuers[i]))
	}
	return trusted
}

// leeway tells 0s, which is none, from a field that is not there.
func (c *config) leeway() time.Duration {
	if leeway := c.Leeway.or(validator.DefaultLeeway); leeway != 0 {
		return leeway
	}
	return validator.NoLeeway
}

func (c *config) issuer(field string, part *issuerPart) validator.Issuer {
	profile, known := profiles[part.Profile]
	if !known {
		c.fault(field+".profile", "must be generic, okta or rfc9068")
	}
	is := validator.Issuer{
		Name: part.Name, URL: part.URL, Audiences: part.Audiences, ClientIDs: part.ClientIDs, AnyClient: part.AnyClient,
		AudienceMayBeClient: part.AudienceMayBeClient, Algorithms: part.Algorithms, Profile: profile,
		JWKSURL: part.JWKSURL, OpaqueOnly: part.OpaqueOnly, MaxTokenLifetime: part.MaxTokenLifetime.or(0),
		EventAudiences: part.EventAudiences, LogoutClientIDs: part.LogoutClientIDs,
	}
	c.positive(field+".max_token_lifetime", part.MaxTokenLifetime)
	if asked := part.Introspection; asked != nil {
		is.Introspection = c.introspection(field+".introspection", asked)
		is.IntrospectAlways, is.IntrospectionMaxAge = asked.Always, asked.MaxAge.or(0)
		is.StaleIfError = asked.StaleIfError.or(0)
		is.AllowMissingAudience, is.AllowMissingExpiry = asked.AllowMissingAudience, asked.AllowMissingExpiry.or(0)
		is.AllowMissingTokenType = asked.AllowMissingTokenType
	}
	return is
}

func (c *config) introspection(field string, part *introspectionPart) *introspect.Config {
	c.positive(field+".max_age", part.MaxAge)
	c.positive(field+".allow_missing_expiry", part.AllowMissingExpiry)
	asked := &introspect.Config{
		Endpoint: part.Endpoint, Hosts: part.Hosts, Auth: c.auth(field, part),
		Signed: part.Signed, SignedAudiences: part.SignedAudiences,
	}
	if f := part.Format; f != nil {
		asked.Format = introspect.Format{Prefix: f.Prefix, MinLength: f.MinLength, MaxLength: f.MaxLength}
	}
	return asked
}

// positive refuses 0s where the library takes it for "not said".
func (c *config) positive(field string, d *duration) {
	if d != nil && *d == 0 {
		c.fault(field, "must be more than 0s: leave it out if it does not matter")
	}
}
