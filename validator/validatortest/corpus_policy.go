package validatortest

import (
	"maps"
	"slices"
	"strings"
	"time"
)

func sortedNames(values map[string]any) []string { return slices.Sorted(maps.Keys(values)) }

// issuer adds other issuers: iss is compared byte by byte (RFC 8414 section
// 3.3, RFC 9068 section 4).
func (c *corpus) issuer() {
	iss := c.s.tokenIssuer()
	add := func(name string, edit Edit) {
		c.refuse("iss-"+name, "iss", "good", "unknown_issuer", c.token(edit))
	}
	slash := iss + "/"
	if strings.HasSuffix(iss, "/") {
		slash = strings.TrimSuffix(iss, "/")
	}
	scheme, rest, _ := strings.Cut(iss, "://")
	add("absent", NoClaim("iss"))
	for _, v := range []named{
		{"empty", ""}, {"other", "https://evil.example"}, {"trailing-slash", slash}, {"case", otherCase(iss)},
		{"scheme-case", strings.ToUpper(scheme) + "://" + rest}, {"no-scheme", rest}, {"other-path", iss + "/other"},
		{"prefix", iss[:len(iss)-1]}, {"longer", iss + "0"}, {"query", iss + "?"}, {"fragment", iss + "#"},
		{"space", iss + " "}, {"userinfo", scheme + "://x@" + rest}, {"localhost", strings.Replace(iss, "127.0.0.1", "localhost", 1)},
		{"host-dot", strings.Replace(iss, "127.0.0.1", "127.0.0.1.", 1)}, {"dot-segment", iss + "/."},
	} {
		add(v.name, Claim("iss", v.value))
	}
}

// times adds tokens of another time (RFC 7519 section 4.1).
func (c *corpus) times() {
	at := func(d time.Duration) int64 { return c.now.Add(d).Unix() }
	c.refuse("exp-absent", "exp required", "good", "expiry_missing", c.token(NoClaim("exp")))
	c.refuse("exp-past", "exp", "exp-past-within-leeway", "expired", c.token(Claim("exp", at(-time.Minute))))
	c.refuse("exp-past-fraction", "exp", "exp-fraction", "expired", c.token(Claim("exp", float64(at(-time.Minute))+0.5)))
	c.refuse("exp-long-past", "exp", "good", "expired", c.token(Claim("exp", at(-365*24*time.Hour))))
	c.refuse("exp-1970", "exp", "good", "expired", c.token(Claim("exp", 1)))
	c.refuse("iat-future", "iat", "iat-future-within-leeway", "issued_in_future", c.token(Claim("iat", at(2*time.Minute))))
	c.refuse("exp-milliseconds", "NumericDate", "good", "malformed_claims", c.token(Claim("exp", at(time.Hour)*1000)))
	c.refuse("iat-milliseconds", "NumericDate", "good", "malformed_claims", c.token(Claim("iat", at(0)*1000)))
	c.refuse("nbf-future", "nbf", "nbf-future-within-leeway", "not_yet_valid", c.token(Claim("nbf", at(2*time.Minute))))
	c.refuse("nbf-future-fraction", "nbf", "nbf-future-within-leeway", "not_yet_valid", c.token(Claim("nbf", float64(at(2*time.Minute))+0.5)))
}

// audience adds tokens for others (RFC 9068 section 4, RFC 7519 section
// 4.1.3).
func (c *corpus) audience() {
	ours := c.s.opts.Audience
	if !c.is(StyleCognito) {
		c.refuse("aud-absent", "aud required", "good", "audience_missing", c.token(NoClaim("aud")))
	}
	c.refuse("aud-empty-array", "aud required", "aud-array-of-one", "audience_missing", c.token(Audience()))
	c.refuse("aud-array-without-ours", "aud", "aud-array-with-ours", "audience_mismatch", c.token(Audience("api://another", ours+"2")))
	for _, v := range []named{
		{"other", "urn:other:" + ours}, {"prefix", ours[:len(ours)-1]}, {"longer", ours + "2"}, {"suffix", ours[1:]},
		{"case", otherCase(ours)}, {"trailing-slash", ours + "/"}, {"space", " " + ours}, {"list-in-a-string", ours + " api://another"},
		{"comma-list", ours + ",api://another"}, {"wildcard", "*"}, {"issuer", c.s.tokenIssuer()},
	} {
		c.refuse("aud-"+v.name, "aud", "good", "audience_mismatch", c.token(Claim("aud", v.value)))
	}
}

// otherClientClaims are those that may name the client besides the style's
// own.
func (c *corpus) otherClientClaims() []string {
	return slices.DeleteFunc([]string{"client_id", "cid", "azp", "appid"}, func(name string) bool { return name == c.clientClaim() })
}

func (c *corpus) clients() {
	for _, v := range []named{
		{"other", "not-" + c.client}, {"case", otherCase(c.client)}, {"longer", c.client + "2"}, {"space", c.client + " "},
		{"wildcard", "*"},
	} {
		// With an audience of its own, for else another client is another audience to Cognito.
		c.refuse("client-"+v.name, "client", "aud-array-of-one", "client_mismatch",
			c.token(Claim("aud", []string{c.s.opts.Audience}), ClientID(v.value)))
	}
	for _, name := range c.otherClientClaims() {
		c.refuse("client-other-in-"+name, "client conflict", "client-also-in-"+name, "client_conflict", c.token(Claim(name, c.client+"2")))
	}
	if c.is(StyleGeneric) {
		c.refuse("client-absent", "client required", "typ-access", "client_missing",
			c.token(HeaderParam("typ", "at+jwt"), NoClaim("client_id")))
	}
}

func (c *corpus) scopes() {
	one := func(s string) Edit { return Claim(c.scopeClaim(), c.scopeValue("read", s)) }
	if c.scopeClaim() == "scp" {
		c.scopeConflicts("scope", "scope-also-as-string", "read admin", "read")
	} else {
		c.scopeConflicts("scp", "scope-also-as-array", []string{"read", "admin"}, []string{"read"})
	}
	c.refuse("scope-space-in-array", "scope alphabet", "scope-in-the-other-form", "malformed_scope",
		c.token(Claim(c.scopeClaim(), []string{"read", "write admin"})))
	// RFC 6749 section 3.3: %x21 / %x23-5B / %x5D-7E.
	for _, v := range []named{
		{"tab", "write\tadmin"}, {"lf", "write\nadmin"}, {"nul", "write\x00"}, {"quote", `"write"`}, {"backslash", `write\`},
		{"non-ascii", "schreibe-ö"}, {"no-break-space", "write\u00a0admin"}, {"del", "write\x7f"},
	} {
		c.refuse("scope-"+v.name, "scope alphabet", "good", "malformed_scope", c.token(one(v.value)))
	}
}

func (c *corpus) scopeConflicts(claim, neighbour string, other, fewer any) {
	c.refuse("scope-other-in-"+claim, "scope conflict", neighbour, "scope_conflict", c.token(Claim(claim, other)))
	c.refuse("scope-fewer-in-"+claim, "scope conflict", neighbour, "scope_conflict", c.token(Claim(claim, fewer)))
}

// thumbprint has the form of a key's (RFC 7638, RFC 8705 section 3.1).
var thumbprint = b64.EncodeToString(make([]byte, 32))

// confirmation adds tokens bound to a key, which is no bearer's (RFC 7800
// section 3.1, RFC 9449 section 6, RFC 8705 section 3).
func (c *corpus) confirmation() {
	add := func(name, kills, reason string, cnf any) {
		c.refuse("cnf-"+name, kills, "good", reason, c.token(Claim("cnf", cnf)))
	}
	type object = map[string]any
	malformed := map[string]any{
		"null": nil, "string": thumbprint, "number": 1, "bool": true, "array": []any{object{"jkt": thumbprint}}, "empty": object{},
		"jkt-null": object{"jkt": nil}, "jkt-number": object{"jkt": 1}, "jkt-array": object{"jkt": []string{thumbprint}},
		"jkt-empty": object{"jkt": ""}, "jkt-short": object{"jkt": thumbprint[1:]}, "jkt-long": object{"jkt": thumbprint + "A"},
		"jkt-padded": object{"jkt": thumbprint[1:] + "="}, "jkt-base64": object{"jkt": "+/" + thumbprint[2:]},
		"x5t-null": object{"x5t#S256": nil}, "x5t-number": object{"x5t#S256": 1}, "x5t-short": object{"x5t#S256": thumbprint[1:]},
		"x5t-hex": object{"x5t#S256": strings.Repeat("0", 64)},
	}
	for _, name := range sortedNames(malformed) {
		add(name, "form of cnf", "confirmation_malformed", malformed[name])
	}
	unknown := map[string]any{
		"jwk": object{"jwk": publicJWK(c.outsider.Public())}, "kid": object{"kid": "x"}, "x5t-sha1": object{"x5t": thumbprint},
		"jkt-case": object{"JKT": thumbprint}, "jkt-and-kid": object{"jkt": thumbprint, "kid": "x"}, "other": object{"x": thumbprint},
	}
	for _, name := range sortedNames(unknown) {
		add(name, "kind of cnf", "confirmation_unknown", unknown[name])
	}
	add("jkt", "proof", "proof_missing", object{"jkt": thumbprint})
	add("x5t", "proof", "proof_missing", object{"x5t#S256": thumbprint})
	add("jkt-and-x5t", "proof", "proof_missing", object{"jkt": thumbprint, "x5t#S256": thumbprint})
}
