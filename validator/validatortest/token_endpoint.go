package validatortest

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// client is one who may ask the token and the introspection endpoint.
type client struct {
	secret string
	scopes []string
}

// AddClient registers a client for the token endpoint, with the scopes it may
// have, and for the introspection endpoint, and replaces one of the same id.
func (s *Server) AddClient(id, secret string, scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients[id] = client{secret, slices.Clone(scopes)}
}

// refusal is an error answer (RFC 6749 section 5.2).
type refusal struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// serveToken grants client credentials (RFC 6749 section 4.4).
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		notAllowed(w, "POST")
		return
	}
	body, no := s.grant(r)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store") // RFC 6749 section 5.1
	if no != nil {
		refuse(w, r, no)
		return
	}
	w.Write(mustJSON(body))
}

func refuse(w http.ResponseWriter, r *http.Request, no *refusal) {
	status := http.StatusBadRequest
	if no.Code == "invalid_client" {
		status = http.StatusUnauthorized
		if r.Header.Get("Authorization") != "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
		}
	}
	w.WriteHeader(status)
	w.Write(mustJSON(no))
}

// grant decides about a token request.
func (s *Server) grant(r *http.Request) (map[string]any, *refusal) {
	form, no := parseForm(r)
	if no != nil {
		return nil, no
	}
	id, c, no := s.authenticate(r, form)
	if no != nil {
		return nil, no
	}
	switch form.Get("grant_type") {
	case "client_credentials":
	case "":
		return nil, &refusal{"invalid_request", "grant_type is missing"}
	default:
		return nil, &refusal{Code: "unsupported_grant_type"}
	}
	scopes, no := c.grantable(form.Get("scope"))
	if no != nil {
		return nil, no
	}
	return map[string]any{
		"access_token": s.clientToken(id, scopes, s.audience(form)),
		"token_type":   "Bearer",
		"expires_in":   int(s.opts.Lifetime.Seconds()),
		"scope":        strings.Join(scopes, " "),
	}, nil
}

// parseForm reads the parameters, which may come only once (RFC 6749 section
// 3.2), save resource (RFC 8707 section 2).
func parseForm(r *http.Request) (url.Values, *refusal) {
	if err := r.ParseForm(); err != nil {
		return nil, &refusal{"invalid_request", "unreadable form"}
	}
	for name, values := range r.PostForm {
		if len(values) > 1 && name != "resource" {
			return nil, &refusal{"invalid_request", "a parameter is there more than once"}
		}
	}
	return r.PostForm, nil
}

// authenticate knows client_secret_basic and client_secret_post, of which a
// request uses one (RFC 6749 section 2.3).
func (s *Server) authenticate(r *http.Request, form url.Values) (string, client, *refusal) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if r.Header.Get("Authorization") != "" {
		if secret != "" {
			return "", client{}, &refusal{"invalid_request", "two ways to authenticate"}
		}
		id, secret = basic(r)
	}
	s.mu.Lock()
	c, known := s.clients[id]
	s.mu.Unlock()
	if !known || subtle.ConstantTimeCompare([]byte(secret), []byte(c.secret)) != 1 {
		return "", client{}, &refusal{Code: "invalid_client"}
	}
	return id, c, nil
}

// basic returns the id and secret of the Authorization header, which are form
// encoded within it (RFC 6749 section 2.3.1). Unreadable ones are empty.
func basic(r *http.Request) (id, secret string) {
	user, password, _ := r.BasicAuth()
	id, err1 := url.QueryUnescape(user)
	secret, err2 := url.QueryUnescape(password)
	if err1 != nil || err2 != nil {
		return "", ""
	}
	return id, secret
}

// grantable returns the scopes asked for, or all the client may have if it
// asks for none (RFC 6749 section 3.3).
func (c client) grantable(asked string) ([]string, *refusal) {
	if asked == "" {
		return c.scopes, nil
	}
	scopes := strings.Fields(asked)
	for _, scope := range scopes {
		if !slices.Contains(c.scopes, scope) {
			return nil, &refusal{"invalid_scope", "the client may not have that scope"}
		}
	}
	return scopes, nil
}

// audience is what the request names as resource or audience.
func (s *Server) audience(form url.Values) []string {
	if aud := form["resource"]; len(aud) > 0 {
		return aud
	}
	if aud := form.Get("audience"); aud != "" {
		return []string{aud}
	}
	return nil
}
