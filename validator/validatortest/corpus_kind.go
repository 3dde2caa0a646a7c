package validatortest

// kind adds tokens that are good, but no access tokens (RFC 9068 section 4,
// RFC 8725 section 3.11).
func (c *corpus) kind() {
	ours := Audience(c.s.opts.Audience)
	c.notAccess("id-token", c.s.IDToken(c.client))
	c.notAccess("id-token-for-the-api", c.s.IDToken(c.client, ours))
	c.notAccess("logout-token", c.s.LogoutToken(c.client))
	c.notAccess("logout-token-for-the-api", c.s.LogoutToken(c.client, ours))
	c.otherTypes([]named{
		{"dpop", "dpop+jwt"}, {"secevent", "secevent+jwt"}, {"logout", "logout+jwt"}, {"refresh", "rt+jwt"},
		{"introspection", "token-introspection+jwt"}, {"request", "oauth-authz-req+jwt"},
		{"hyphen", "at-jwt"}, {"parameter", "at+jwt; x"},
	})
	c.refuse("typ-empty", "form of typ", "good", "malformed_header", c.token(HeaderParam("typ", "")))
	switch c.s.opts.Style {
	case StyleOkta:
		c.notAccess("no-cid", c.token(NoClaim("cid")))
		c.notAccess("client_id-for-cid", c.token(NoClaim("cid"), Claim("client_id", c.client)))
	case StyleGeneric:
		c.kindGeneric()
	default:
		c.kindRFC9068()
	}
}

func (c *corpus) otherTypes(types []named) {
	for _, typ := range types {
		c.notAccess("typ-"+typ.name, c.token(HeaderParam("typ", typ.value)))
	}
}

func (c *corpus) notAccess(name, token string) {
	c.refuse(name, "kind of token", "good", "not_an_access_token", token)
}

func (c *corpus) kindRFC9068() {
	c.notAccess("typ-absent", c.token(NoHeaderParam("typ")))
	c.otherTypes([]named{
		{"jwt", "JWT"}, {"application-jwt", "application/jwt"}, {"text", "text/at+jwt"}, {"space", "at+jwt "},
	})
	for _, name := range []string{"sub", "iat", "jti", "client_id"} { // RFC 9068 section 2.2
		c.refuse(name+"-absent", "required claims", "good", "claim_missing", c.token(NoClaim(name)))
	}
}

func (c *corpus) kindGeneric() {
	c.notAccess("no-mark", c.token(NoClaim("client_id")))
	c.notAccess("azp-is-no-mark", c.token(NoClaim("client_id"), Claim("azp", c.client)))
	c.notAccess("appid-is-no-mark", c.token(NoClaim("client_id"), Claim("appid", c.client)))
	for _, name := range []string{"nonce", "at_hash", "c_hash", "s_hash"} {
		c.notAccess(name, c.token(Claim(name, thumbprint)))
	}
	c.notAccess("events", c.token(Claim("events", map[string]any{})))
	c.refuse("aud-names-the-client", "kind of token", "aud-array-with-ours", "not_an_access_token",
		c.token(Audience(c.client, c.s.opts.Audience)))
}
