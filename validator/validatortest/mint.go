package validatortest

// AccessToken returns a good access token of the server's style, signed by
// the current key, for [DefaultClientID], [DefaultSubject] and
// [DefaultScope]. Edits are made in their order, after everything else: they
// have the last word on alg and kid too, though not on who signs.
func (s *Server) AccessToken(edits ...Edit) string { return s.MintWith("", edits...) }

// MintWith is [Server.AccessToken] signed by another key with its algorithm,
// listed or not.
func (s *Server) MintWith(kid string, edits ...Edit) string {
	header, claims := s.accessToken()
	return s.mint(s.key(kid), header, claims, edits)
}

// IDToken returns an OpenID Connect ID token for a client, signed by the
// current key. It is what an API must not take for an access token.
func (s *Server) IDToken(clientID string, edits ...Edit) string {
	return s.other(s.dialect().id, clientID, edits)
}

// LogoutToken returns a token of OpenID Connect Back-Channel Logout for a
// client, signed by the current key.
func (s *Server) LogoutToken(clientID string, edits ...Edit) string {
	return s.other(s.dialect().logout, clientID, edits)
}

// RefreshToken returns a JWT that is the refresh token of a client, signed by
// the current key, so that nothing but its kind is wrong with it. Keycloak's
// look like this; those of most servers are opaque, and this is then what a
// careless one would issue in the same style. Its audience is the server.
func (s *Server) RefreshToken(clientID string, edits ...Edit) string {
	return s.other(s.dialect().refresh, clientID, append([]Edit{Audience(s.tokenIssuer())}, edits...))
}

// other is a token of another kind than an access token, for the client.
func (s *Server) other(kind func(header, claims map[string]any, client string), clientID string, edits []Edit) string {
	header, claims := map[string]any{}, s.registered()
	claims["aud"] = clientID
	kind(header, claims, clientID)
	return s.mint(s.key(""), header, claims, edits)
}

// Sign returns a compact JWS (RFC 7515 section 7.1) over exactly these bytes,
// whatever they are. kid selects the key, and by it the algorithm; empty: the
// current one.
func (s *Server) Sign(kid string, header, payload []byte) string {
	return s.key(kid).compact(b64.EncodeToString(header), b64.EncodeToString(payload))
}

// compact signs two segments as they stand.
func (k key) compact(header, payload string) string {
	input := header + "." + payload
	return input + "." + b64.EncodeToString(k.sign(input))
}

func (s *Server) mint(k key, header, claims map[string]any, edits []Edit) string {
	header["alg"], header["kid"] = k.signs(), k.kid
	if add := s.dialect().header; add != nil {
		add(k, header)
	}
	for _, edit := range edits {
		edit(header, claims)
	}
	return k.compact(b64.EncodeToString(mustJSON(header)), b64.EncodeToString(mustJSON(claims)))
}
