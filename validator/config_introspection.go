package validator

import (
	"strings"
)

// checkIntrospection reports the mistakes in how an issuer is asked about tokens.
func (c *Config) checkIntrospection(m *mistakes, field string, is *Issuer) {
	checkDuration(m, field+".IntrospectionMaxAge", is.IntrospectionMaxAge)
	checkDuration(m, field+".StaleIfError", is.StaleIfError)
	checkDuration(m, field+".AllowMissingExpiry", is.AllowMissingExpiry)
	if is.Introspection == nil {
		for _, dead := range []struct {
			name string
			set  bool
		}{
			{"IntrospectAlways", is.IntrospectAlways}, {"IntrospectionMaxAge", is.IntrospectionMaxAge != 0},
			{"StaleIfError", is.StaleIfError != 0}, {"OpaqueOnly", is.OpaqueOnly}, {"AllowMissingAudience", is.AllowMissingAudience},
			{"AllowMissingExpiry", is.AllowMissingExpiry != 0}, {"AllowMissingTokenType", is.AllowMissingTokenType},
		} {
			if dead.set {
				m.add(field+"."+dead.name, "is about introspection, but Introspection is nil")
			}
		}
		return
	}
	rule := endpointRule{c.InsecureAllowHTTP, is.Profile.rules() == oktaRules}
	for _, mistake := range is.Introspection.Check(rule.check, c.HTTPClient) {
		m.add(field+".Introspection."+mistake.Field, "%s", mistake.Problem)
	}
	if is.OpaqueOnly && is.Introspection.Signed {
		m.add(field+".OpaqueOnly", "says that no keys are needed, but Introspection.Signed needs them for the answers")
	}
	if is.OpaqueOnly && is.IntrospectAlways {
		m.add(field+".OpaqueOnly", "says that there are no JWTs, but IntrospectAlways is about them")
	}
	if is.OpaqueOnly && is.JWKSURL != "" {
		m.add(field+".OpaqueOnly", "says that no keys are needed, but JWKSURL says where they are")
	}
}

// checkOpaque makes sure that every opaque token goes to one server at most: it is
// a secret between its issuer and us.
func (c *Config) checkOpaque(m *mistakes) {
	prefixes := map[int]string{}
	for i := range c.Issuers {
		if asked := c.Issuers[i].Introspection; asked != nil {
			prefixes[i] = asked.Format.Prefix
		}
	}
	if c.OpaqueIssuer != nil {
		if len(prefixes) == 0 {
			m.add("OpaqueIssuer", "there is no issuer with Introspection")
		}
		return
	}
	if len(prefixes) < 2 {
		return
	}
	for i := range c.Issuers {
		prefix, asked := prefixes[i]
		if !asked {
			continue
		}
		field := fmtIssuer(i) + ".Introspection.Format.Prefix"
		if prefix == "" {
			m.add(field, "is required: several issuers have Introspection, and a token goes to one (or set OpaqueIssuer; NoOpaqueTokens if there are none)")
			continue
		}
		for j, other := range prefixes {
			if j != i && other != "" && strings.HasPrefix(prefix, other) {
				m.add(field, "%q begins with that of Issuers[%d], %q: a token goes to one", prefix, j, other)
			}
		}
	}
}

// NoOpaqueTokens is an OpaqueIssuer for issuers whose tokens are all JWTs: a token
// that is none is shown to nobody.
func NoOpaqueTokens(string) string { return "" }
