package validatortest

import (
	"net/http"
	"strings"
)

const introspectionType = "token-introspection+jwt" // RFC 9701 section 5

// SetAnswer edits each answer of the introspection endpoint before it is sent,
// or signed. Nil leaves it as it was. Numbers of the token's claims are
// json.Number. The function may be called from several goroutines at once,
// each time with a new answer.
func (s *Server) SetAnswer(edit func(token string, answer map[string]any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.editAnswer = edit
}

// introspect decides about a request as it arrives (RFC 7662 section 2). What
// it returns says so whenever it is called.
func (s *Server) introspect(r *http.Request) http.HandlerFunc {
	if r.Method != http.MethodPost {
		return func(w http.ResponseWriter, _ *http.Request) { notAllowed(w, "POST") }
	}
	contentType, body, no := s.introspection(r)
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if no != nil {
			w.Header().Set("Content-Type", "application/json")
			refuse(w, r, no)
			return
		}
		w.Header().Set("Content-Type", contentType)
		w.Write(body)
	}
}

func (s *Server) introspection(r *http.Request) (contentType string, body []byte, no *refusal) {
	form, no := parseForm(r)
	if no != nil {
		return "", nil, no
	}
	caller, _, no := s.authenticate(r, form)
	if no != nil {
		return "", nil, no
	}
	token := form.Get("token")
	if token == "" {
		return "", nil, &refusal{"invalid_request", "token is missing"}
	}
	answer := s.editedAnswer(token)
	if wantsJWT(r) {
		return "application/" + introspectionType, s.signedAnswer(caller, answer), nil
	}
	return "application/json", mustJSON(answer), nil
}

func (s *Server) editedAnswer(token string) map[string]any {
	s.mu.Lock()
	edit := s.editAnswer
	s.mu.Unlock()
	answer := s.answerAbout(token)
	if edit != nil {
		edit(token, answer)
	}
	return answer
}

// wantsJWT reports whether Accept names the media type of RFC 9701 section 4.
func wantsJWT(r *http.Request) bool {
	for accepted := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		mediaType, _, _ := strings.Cut(accepted, ";")
		if strings.EqualFold(strings.TrimSpace(mediaType), "application/"+introspectionType) {
			return true
		}
	}
	return false
}

// signedAnswer is the answer as a JWT for the caller alone (RFC 9701 section
// 5). It has no sub and no exp of its own, so that nobody takes it for an
// access token.
func (s *Server) signedAnswer(caller string, answer map[string]any) []byte {
	header := map[string]any{"typ": introspectionType}
	return []byte(s.mint(s.key(""), header, map[string]any{
		"iss":                 s.tokenIssuer(),
		"aud":                 caller,
		"iat":                 s.opts.Clock().Unix(),
		"token_introspection": answer,
	}, nil))
}
