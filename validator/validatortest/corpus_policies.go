package validatortest

import "time"

// Demands are what an API demands of a good token besides. What is zero is not tried.
type Demands struct {
	Scope      string        // RFC 6750 section 3.1: insufficient_scope without it
	ACR        string        // RFC 9470 section 3
	MaxAuthAge time.Duration // RFC 9470 section 3: since auth_time
	MaxAge     time.Duration // since iat

	MaxLifetime time.Duration // from iat to exp, as the issuer is configured to issue
	// Audience and ClientID are others that the validator trusts too, but not for the
	// endpoint that is asked.
	Audience, ClientID string
	// Other is a server of the same style whose tokens the validator trusts too, for its own
	// audience and from the same client, but not for the endpoint that is asked.
	Other *Server
	// DetailType is a type of authorization_details (RFC 9396 section 2) of which the
	// endpoint demands one, whatever else is in it.
	DetailType string
}

// Policies are good tokens that are not good enough for an endpoint with these demands.
func (s *Server) Policies(clientID string, d Demands) []Case {
	c := s.corpus(Policies, clientID)
	enough := func(edits ...Edit) string { return c.token(append(d.met(c.now), edits...)...) }
	c.accept("enough", enough())
	refuse := func(name, kills, reason string, edits ...Edit) {
		c.refuse(name, kills, "enough", reason, enough(edits...))
	}
	if d.Scope != "" {
		list := s.dialect().list
		scope := func(scopes ...string) Edit { return Claim(c.scopeClaim(), spell(list, scopes...)) }
		const kills, reason = "scopes that are demanded", "insufficient_scope"
		refuse("scope-another", kills, reason, scope("other"))
		refuse("scope-longer", kills, reason, scope(d.Scope+"x"))
		refuse("scope-with-a-prefix", kills, reason, scope("x:"+d.Scope))
		refuse("scope-in-another-case", kills, reason, scope(otherCase(d.Scope)))
		refuse("scope-as-a-role", kills, reason, scope("other"), Claim("roles", []string{d.Scope}), Claim("permissions", []string{d.Scope}))
		if !c.is(StyleEntraV1, StyleEntraV2) {
			refuse("scope-none", kills, reason, NoClaim(c.scopeClaim()))
		}
	}
	if d.ACR != "" {
		refuse("acr-absent", "acr", "acr_insufficient", NoClaim("acr"))
		refuse("acr-another", "acr", "acr_insufficient", Claim("acr", "0"))
		refuse("acr-in-another-case", "acr", "acr_insufficient", Claim("acr", otherCase(d.ACR)))
	}
	if d.MaxAuthAge != 0 {
		refuse("auth_time-absent", "auth_time", "authentication_too_old", NoClaim("auth_time"))
		refuse("auth_time-too-old", "auth_time", "authentication_too_old", Claim("auth_time", c.now.Add(-d.MaxAuthAge-time.Minute).Unix()))
	}
	if d.MaxAge != 0 {
		refuse("iat-too-old", "age of the token", "token_too_old", Claim("iat", c.now.Add(-d.MaxAge-time.Minute).Unix()))
	}
	if d.MaxLifetime != 0 {
		refuse("exp-too-late", "lifetime of the token", "lifetime_too_long", Claim("exp", c.now.Add(d.MaxLifetime+time.Hour).Unix()))
	}
	if d.Audience != "" {
		refuse("audience-of-another-endpoint", "audiences of the endpoint", "audience_not_allowed", Audience(d.Audience))
	}
	if d.ClientID != "" {
		refuse("client-of-another-endpoint", "clients of the endpoint", "client_not_allowed", ClientID(d.ClientID))
	}
	if d.Other != nil {
		edits := append([]Edit{ClientID(clientID), Audience(s.opts.Audience, d.Other.opts.Audience)}, d.met(c.now)...)
		c.refuse("issuer-of-another-endpoint", "issuers of the endpoint", "enough", "issuer_not_allowed", d.Other.AccessToken(edits...))
	}
	if d.DetailType != "" {
		c.details(d.DetailType, refuse)
	}
	return c.cases
}

// details are authorization_details that are not enough, or none at all (RFC 9396 section 2).
func (c *corpus) details(typ string, refuse func(name, kills, reason string, edits ...Edit)) {
	type m = map[string]any
	of := func(name, reason string, value any) {
		kills := map[string]string{"authorization_details_insufficient": "details that are demanded", "authorization_details_malformed": "form of the details"}[reason]
		refuse("details-"+name, kills, reason, Claim("authorization_details", value))
	}
	const less, malformed = "authorization_details_insufficient", "authorization_details_malformed"
	refuse("details-absent", "details that are demanded", less, NoClaim("authorization_details"))
	of("none", less, []m{})
	of("of-another-type", less, []m{{"type": "x-" + typ}})
	of("of-a-longer-type", less, []m{{"type": typ + "x"}})
	of("of-the-type-in-another-case", less, []m{{"type": otherCase(typ)}})
	of("of-the-type-inside", less, []m{{"type": "x-" + typ, "locations": []m{{"type": typ}}}})
	of("an-object", malformed, m{"type": typ})
	of("a-string", malformed, `[{"type":"`+typ+`"}]`)
	of("null", malformed, nil)
	of("of-strings", malformed, []string{typ})
	of("without-type", malformed, []m{{"type": typ}, {"actions": []string{"read"}}})
	of("type-a-list", malformed, []m{{"type": []string{typ}}})
	of("folded-type", malformed, []m{{"type": typ, "Type": "x"}})
}

// met are the edits that meet the demands.
func (d Demands) met(now time.Time) (edits []Edit) {
	if d.Scope != "" {
		edits = append(edits, Scope(d.Scope))
	}
	if d.ACR != "" {
		edits = append(edits, Claim("acr", d.ACR))
	}
	if d.MaxAuthAge != 0 {
		edits = append(edits, Claim("auth_time", now.Unix()))
	}
	if d.DetailType != "" {
		edits = append(edits, Claim("authorization_details", []map[string]any{{"type": "x-" + d.DetailType}, {"type": d.DetailType}}))
	}
	return edits
}
