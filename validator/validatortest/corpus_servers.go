package validatortest

// casesAuth0: what marks an access token is azp, and that aud is not it. An ID
// token for several audiences has azp too (OpenID Connect Core section 2).
func (c *corpus) casesAuth0() {
	c.accept("good-machine", c.machine())
	c.accept("aud-with-userinfo", c.token(Audience(c.s.opts.Audience, c.s.tokenIssuer()+"userinfo")))
	c.accept("permissions", c.token(Claim("permissions", []string{"admin"})))
	c.notAccess("azp-absent", c.token(NoClaim("azp")))
	c.notAccess("azp-empty", c.token(Claim("azp", "")))
	c.notAccess("client_id-for-azp", c.token(NoClaim("azp"), Claim("client_id", c.client)))
	c.notAccess("typ-absent", c.token(NoHeaderParam("typ")))
	c.notAccess("id-token-with-azp", c.s.IDToken(c.client, Claim("azp", c.client), Audience(c.client, c.s.opts.Audience)))
	c.otherTokens()
}

func (c *corpus) casesAuth0RFC9068() {
	c.accept("good-machine", c.machine())
	c.notAccess("typ-absent", c.token(NoHeaderParam("typ")))
	c.notAccess("typ-jwt", c.token(HeaderParam("typ", "JWT")))
	c.refuse("client_id-absent", "client required", "good", "client_missing", c.token(NoClaim("client_id")))
	c.otherTokens()
}

func (c *corpus) casesKeycloak() {
	c.accept("good-machine", c.machine())
	c.refuse("typ-claim-dpop-and-bound", "proof", "good", "proof_missing",
		c.token(Claim("typ", "DPoP"), Claim("cnf", map[string]any{"jkt": thumbprint})))
	c.accept("nonce", c.token(Claim("nonce", "x"))) // those of older versions have it
	c.accept("without-sub", c.token(NoClaim("sub")))
	c.accept("client_id-without-azp", c.token(NoClaim("azp"), Claim("client_id", c.client)))
	c.member("typ", "Typ", "Bearer", "ID")
	c.mark("typ", "typ-claim", "Bearer", []named{
		{"id", "ID"}, {"refresh", "Refresh"}, {"offline", "Offline"}, {"logout", "Logout"}, {"serialized-id", "Serialized-ID"},
		{"access", "access"}, {"jwt", "JWT"}, {"at-jwt", "at+jwt"}, {"space", "Bearer "},
	})
	c.refuse("client-absent", "client required", "good", "client_missing", c.token(NoClaim("azp")))
}

func (c *corpus) casesCognito() {
	c.accept("good-machine", c.machine())
	c.accept("aud-is-the-client", c.token(Audience(c.client)))
	c.member("token_use", "Token_use", "access", "id")
	c.mark("token_use", "token_use", "access", []named{
		{"id", "id"}, {"refresh", "refresh"}, {"bearer", "Bearer"}, {"jwt", "JWT"}, {"space", "access "},
	})
	c.refuse("aud-absent-and-another-client", "aud", "good", "audience_mismatch", c.token(ClientID(c.client+"2")))
	c.refuse("aud-absent-and-no-client", "aud required", "good", "audience_missing", c.token(NoClaim("client_id")))
	c.refuse("aud-absent-and-azp-for-the-client", "aud required", "good", "audience_missing", c.token(NoClaim("client_id"), Claim("azp", c.client)))
}

func (c *corpus) casesHydra() {
	c.accept("good-machine", c.machine())
	c.accept("scope-in-scope-alone", c.token(NoClaim("scp"), Claim("scope", DefaultScope)))
	c.accept("ext-with-anything", c.token(Claim("ext", map[string]any{"nonce": "x", "scp": "admin", "client_id": "another"})))
	c.notAccess("client_id-absent", c.token(NoClaim("client_id")))
	c.notAccess("client_id-empty", c.token(Claim("client_id", "")))
	c.notAccess("azp-for-client_id", c.token(NoClaim("client_id"), Claim("azp", c.client)))
	c.notAccess("id-token-with-client_id", c.s.IDToken(c.client, Claim("client_id", c.client), Audience(c.s.opts.Audience)))
	c.notAccess("token_use-id", c.token(Claim("token_use", "id_token")))
	c.otherTokens()
}

// machine is the good token of a client that acts for itself.
func (c *corpus) machine() string {
	return c.s.clientToken(c.client, []string{"read", "write"}, nil)
}
