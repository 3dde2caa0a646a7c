package validatortest

// EventToken returns a security event token (RFC 8417) for an audience, signed by the
// current key: one event, and what is said about it, which may be nil. It has no sub and
// no exp, as the Shared Signals Framework wants it.
func (s *Server) EventToken(audience, eventType string, event map[string]any, edits ...Edit) string {
	header, claims := map[string]any{"typ": "secevent+jwt"}, s.registered()
	delete(claims, "sub")
	delete(claims, "exp")
	claims["aud"] = audience
	if event == nil {
		event = map[string]any{}
	}
	claims["events"] = map[string]any{eventType: event}
	return s.mint(s.key(""), header, claims, edits)
}
