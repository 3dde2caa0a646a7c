package validatortest

// EventToken returns a security event token (RFC 8417) of one event for an audience,
// signed by the current key. It has no sub and no exp, as the Shared Signals Framework
// wants it.
func (s *Server) EventToken(audience, eventType string, event map[string]any, edits ...Edit) string {
	header, claims := map[string]any{"typ": "secevent+jwt"}, s.registered()
	delete(claims, "sub")
	delete(claims, "exp")
	claims["aud"] = audience
	claims["events"] = map[string]any{eventType: event}
	return s.mint(s.key(""), header, claims, edits)
}
