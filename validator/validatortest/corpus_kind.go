package validatortest

// kind adds tokens that are good, but no access tokens (RFC 9068 section 4,
// RFC 8725 section 3.11).
func (c *corpus) kind() {
	ours := Audience(c.s.opts.Audience)
	c.notAccess("id-token", c.s.IDToken(c.client))
	c.notAccess("id-token-for-the-api", c.s.IDToken(c.client, ours))
	c.notAccess("logout-token", c.s.LogoutToken(c.client))
	c.notAccess("logout-token-for-the-api", c.s.LogoutToken(c.client, ours))
	c.notAccess("refresh-token", c.s.RefreshToken(c.client))
	c.notAccess("refresh-token-for-the-api", c.s.RefreshToken(c.client, ours))
	c.otherTypes([]named{
		{"dpop", "dpop+jwt"}, {"secevent", "secevent+jwt"}, {"logout", "logout+jwt"}, {"refresh", "rt+jwt"},
		{"introspection", "token-introspection+jwt"}, {"request", "oauth-authz-req+jwt"},
		{"hyphen", "at-jwt"}, {"parameter", "at+jwt; x"},
	})
	c.refuse("typ-empty", "form of typ", "good", "malformed_header", c.token(HeaderParam("typ", "")))
	c.s.dialect().cases(c)
}

func (c *corpus) otherTypes(types []named) {
	for _, typ := range types {
		c.notAccess("typ-"+typ.name, c.token(HeaderParam("typ", typ.value)))
	}
}

func (c *corpus) notAccess(name, token string) {
	c.refuse(name, "kind of token", "good", "not_an_access_token", token)
}

// mark adds tokens in which a claim has not the value that access tokens have, but
// others, or none.
func (c *corpus) mark(claim, name, value string, others []named) {
	c.notAccess(name+"-absent", c.token(NoClaim(claim)))
	none := noText(value)
	for _, kind := range sortedNames(none) {
		c.notAccess(name+"-"+kind, c.token(Claim(claim, none[kind])))
	}
	for _, other := range others {
		c.notAccess(name+"-"+other.name, c.token(Claim(claim, other.value)))
	}
}

// noText are values that are no string, or an empty one.
func noText(value any) map[string]any {
	return map[string]any{
		"null": nil, "number": 1, "bool": true, "array": []any{value}, "object": map[string]any{"a": value}, "empty": "",
	}
}

func (c *corpus) casesOkta() {
	c.notAccess("no-cid", c.token(NoClaim("cid")))
	c.notAccess("client_id-for-cid", c.token(NoClaim("cid"), Claim("client_id", c.client)))
}

func (c *corpus) casesRFC9068() {
	c.notAccess("typ-absent", c.token(NoHeaderParam("typ")))
	c.otherTypes([]named{
		{"jwt", "JWT"}, {"application-jwt", "application/jwt"}, {"text", "text/at+jwt"}, {"space", "at+jwt "},
	})
	for _, name := range []string{"sub", "iat", "jti", "client_id"} { // RFC 9068 section 2.2
		c.refuse(name+"-absent", "required claims", "good", "claim_missing", c.token(NoClaim(name)))
	}
}

func (c *corpus) casesGeneric() {
	c.notAccess("no-mark", c.token(NoClaim("client_id")))
	c.notAccess("azp-is-no-mark", c.token(NoClaim("client_id"), Claim("azp", c.client)))
	c.notAccess("appid-is-no-mark", c.token(NoClaim("client_id"), Claim("appid", c.client)))
	c.otherTokens()
	c.bound()
}

// bound are tokens that say that they are bound to a key, and not to which (RFC 9449 section 6.1).
func (c *corpus) bound() {
	typ := Claim("typ", "DPoP")
	c.refuse("claim-typ-dpop-without-cnf", "binding", "good", "confirmation_missing", c.token(typ))
	c.refuse("claim-typ-dpop-with-a-certificate", "binding", "good", "confirmation_missing", c.token(typ, Claim("cnf", map[string]any{"x5t#S256": thumbprint})))
}

// otherTokens adds what other kinds of tokens have.
func (c *corpus) otherTokens() {
	for _, name := range []string{"nonce", "at_hash", "c_hash", "s_hash"} {
		c.notAccess(name, c.token(Claim(name, thumbprint)))
	}
	c.notAccess("events", c.token(Claim("events", map[string]any{})))
	c.refuse("aud-names-the-client", "kind of token", "aud-array-with-ours", "not_an_access_token",
		c.token(Audience(c.client, c.s.opts.Audience)))
}
