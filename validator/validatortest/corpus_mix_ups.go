package validatortest

// MixUps are tokens of two servers that an API trusts both: each for its own audience, and
// both for one client. What one of them may say, the other may not say in its name. They
// are of one style, and fit a validator that is else that of [Server.Corpus].
func (s *Server) MixUps(clientID string, second *Server) []Case {
	c := s.corpus(MixUps, clientID)
	c.accept("of-the-first", c.token())
	client := ClientID(clientID)
	c.accept("of-the-second", second.AccessToken(client))
	c.accept("of-the-second-for-both", second.AccessToken(client, Audience(s.opts.Audience, second.opts.Audience)))
	for _, one := range []struct {
		name     string
		of, with *Server // whose it says it is, and who signs
	}{{"first", s, second}, {"second", second, s}} {
		c.borrowedKeys(one.name, one.of, one.with)
		c.refuse("audience-of-the-other-by-the-"+one.name, "audiences of another issuer", "of-the-"+one.name, "audience_mismatch",
			one.of.AccessToken(client, Audience(one.with.opts.Audience)))
	}
	return c.cases
}

// borrowedKeys are tokens in the name of one server by the keys of another.
func (c *corpus) borrowedKeys(name string, of, with *Server) {
	bad := func(kind, reason, kid string, edits ...Edit) {
		edits = append([]Edit{ClientID(c.client), Claim("iss", of.tokenIssuer()), Audience(of.opts.Audience)}, edits...)
		c.refuse(kind+"-for-the-"+name, "keys of another issuer", "of-the-"+name, reason, with.MintWith(kid, edits...))
	}
	alg := of.key("").alg
	borrowed := with.listedKey(alg)
	bad("keys-of-the-other-by-our-kid", "bad_signature", borrowed, HeaderParam("kid", of.KID()))
	bad("keys-of-the-other-at-their-jku", "bad_signature", borrowed, HeaderParam("kid", of.KID()), HeaderParam("jku", with.JWKSURL()))
	if own := with.ownKey(alg, of); own != "" {
		bad("keys-of-the-other-by-their-kid", "unknown_key", own)
	}
}

// ownKey is a key that only s lists, under a kid that the other does not know.
func (s *Server) ownKey(alg string, other *Server) string {
	other.mu.Lock()
	taken := other.ring.listed(alg)
	other.mu.Unlock()
	return s.listedKey(alg, taken...)
}
