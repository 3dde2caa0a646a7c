package validatortest

// Headers are Authorization headers around a good token, or around two (RFC 6750 section
// 2.1, RFC 9110 section 11.6.2). Bytes that no HTTP carries are in some of them: what an
// API is handed by a server that lets them pass is another question.
func (s *Server) Headers(clientID string) []Case {
	c := s.corpus(Headers, clientID)
	return c.collect(c.goodHeaders, c.otherSchemes, c.malformedHeaders)
}

// header is a case with these values around the good token.
func (c *corpus) withHeader(name, kills, reason string, values ...string) {
	of := Case{Name: name, Kills: kills, Reason: reason, Accept: reason == "", Token: c.token(), Authorization: values}
	if reason != "" {
		of.Neighbour = "bearer"
	}
	if values == nil {
		of.Authorization = []string{}
	}
	c.add(of)
}

func (c *corpus) goodHeaders() {
	raw := c.token()
	c.withHeader("bearer", "", "", "Bearer "+raw)
	c.withHeader("lower-case", "", "", "bearer "+raw) // RFC 9110 section 11.1
	c.withHeader("upper-case", "", "", "BEARER "+raw)
	c.withHeader("several-spaces", "", "", "Bearer   "+raw) // RFC 6750 section 2.1: 1*SP
}

func (c *corpus) otherSchemes() {
	raw := c.token()
	c.withHeader("none", "presence", "no_token")
	c.withHeader("empty", "presence", "no_token", "")
	for _, v := range []named{
		{"basic", "Basic " + raw}, {"no-scheme", raw}, {"no-space", "Bearer" + raw}, {"leading-space", " Bearer " + raw},
		{"tab", "Bearer\t" + raw}, {"look-alike", "Вearer " + raw}, {"colon", "Bearer: " + raw}, {"token", "Token " + raw},
		{"other-first", "Basic dTpw, Bearer " + raw}, {"password", "Basic dXNlcjpwYXNz"}, {"scheme-alone", "Basic"}, {"dpop-and-tab", "DPoP\t" + raw},
	} {
		c.withHeader("scheme-"+v.name, "scheme", "unsupported_scheme", v.value)
	}
}

func (c *corpus) malformedHeaders() {
	raw := c.token()
	good, another := "Bearer "+raw, "Bearer "+c.token()
	for name, values := range map[string][]string{
		"two-headers": {good, another}, "the-same-twice": {good, good}, "another-scheme-first": {"Basic dTpw", good},
		"another-scheme-last": {good, "Basic dTpw"}, "an-empty-one-first": {"", good}, "an-empty-one-last": {good, ""},
	} {
		c.withHeader(name, "one Authorization header", "several_authorization_headers", values...)
	}
	for _, v := range []named{
		{"scheme-only", "Bearer"}, {"scheme-and-space", "Bearer "}, {"two-parts", good + " x"}, {"two-tokens", good + " " + raw},
		{"trailing-space", good + " "}, {"space-and-tab", "Bearer \t" + raw}, {"list", good + ", " + another}, {"list-without-space", good + "," + another},
		{"quoted", `Bearer "` + raw + `"`}, {"parameter", "Bearer token=" + raw + ",x"}, {"nul", good + "\x00"}, {"crlf", good + "\r\nX: y"},
		{"non-ascii", good + "é"}, {"bearer-twice", "Bearer " + good}, {"percent", good + "%20"}, {"semicolon", good + ";"},
		{"dpop-without-token", "DPoP"}, {"dpop-and-space", "DPoP "}, {"dpop-two-parts", "DPoP " + raw + " x"}, {"dpop-twice", "DPoP DPoP " + raw},
		{"byte-order-mark", "Bearer \ufeff" + raw},
	} {
		c.withHeader(v.name, "form of the header", "malformed_authorization_header", v.value)
	}
}
