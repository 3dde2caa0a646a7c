package validatortest

import (
	"crypto/rand"
	"strings"
)

// OpaqueToken returns an access token that nothing can be read from, but that
// the introspection endpoint knows: [Options.OpaquePrefix] and 43 random
// characters. Its claims are those of [Server.AccessToken]; what an edit does
// to the header has no effect.
func (s *Server) OpaqueToken(edits ...Edit) string {
	header, claims := s.accessToken()
	for _, edit := range edits {
		edit(header, claims)
	}
	text := mustJSON(claims)
	random := make([]byte, 32)
	rand.Read(random) // never fails
	token := s.opts.OpaquePrefix + b64.EncodeToString(random)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opaque[token] = text
	return token
}

// Revoke makes a token, opaque or a JWT, inactive at the introspection
// endpoint. The signature of a JWT stays good.
func (s *Server) Revoke(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.opaque, token)
	s.revoked[signedPart(token)] = true
}

// signedPart is a JWT without its signature: there may be several good ones of
// the same token.
func signedPart(token string) string { return token[:max(0, strings.LastIndexByte(token, '.'))] }
