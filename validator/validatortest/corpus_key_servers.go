package validatortest

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
)

// movedPath is where the key set is, too, on the same host.
const movedPath = "/corpus/moved/keys"

// KeyServers are answers of a server about its keys, and about itself, that are none or
// that are somebody else's. The tokens are good by the keys that a careless reader would
// take from them. Each case has to be arranged ([Case.Arrange]), and tried by an API that has read
// nothing yet.
func (s *Server) KeyServers(clientID string) []Case {
	c := s.corpus(KeyServers, clientID)
	return c.collect(c.keyAnswers, c.keyRedirects, c.keyFailures, c.metadataAnswers)
}

// served is a case in which the key set comes from h, or does not.
func (c *corpus) served(name, kills, token string, h http.HandlerFunc) {
	of := Case{Name: name, Token: token, Accept: kills == "", Kills: kills, asked: (*Server).KeyRequests}
	if kills != "" {
		of.Neighbour, of.Reason = "keys-served", "keys_unavailable"
	}
	of.arrange = func(s *Server) func() { return s.setOver(&s.overKeys, h) }
	c.add(of)
}

// withSet answers with the key set in some way.
func (c *corpus) withSet(answer func(w http.ResponseWriter, set []byte)) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { answer(w, c.s.KeySet()) }
}

func typed(contentType string, status int) func(http.ResponseWriter, []byte) {
	return func(w http.ResponseWriter, set []byte) {
		w.Header()["Content-Type"] = []string{contentType}
		w.WriteHeader(status)
		w.Write(set)
	}
}

func (c *corpus) keyAnswers() {
	good := c.token()
	c.served("keys-served", "", good, c.withSet(typed("application/json", 200)))
	c.served("content-type-jwk-set", "", good, c.withSet(typed("application/jwk-set+json", 200))) // RFC 7517 section 8.5.1
	c.served("content-type-text", "", good, c.withSet(typed("text/plain", 200)))                  // as real servers do
	c.served("compressed", "", good, c.withSet(func(w http.ResponseWriter, set []byte) { compress(w, string(set), 0) }))
	for _, status := range []int{201, 203, 206} {
		c.served("status-"+http.StatusText(status), "status of the key server", good, c.withSet(typed("application/json", status)))
	}
	for _, status := range []int{400, 401, 403, 404, 500, 503} {
		c.served("set-in-an-error-"+http.StatusText(status), "status of the key server", good, c.withSet(typed("application/json", status)))
	}
	c.served("status-not-modified", "status of the key server", good, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) })
	c.served("status-no-content", "status of the key server", good, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	large := func(set []byte, filler string) string {
		return strings.TrimSuffix(string(set), "}") + `,"x":"` + filler + `"}`
	}
	c.served("10-mib", "size of a key set", good, c.withSet(func(w http.ResponseWriter, set []byte) {
		io.WriteString(w, large(set, strings.Repeat("A", hugeSize)))
	}))
	c.served("10-mib-compressed", "size of a key set", good, c.withSet(func(w http.ResponseWriter, set []byte) {
		compress(w, large(set, strings.Repeat("A", hugeSize)), 0)
	}))
	c.served("10-mib-of-blanks-behind", "size of a key set", good, c.withSet(func(w http.ResponseWriter, set []byte) {
		compress(w, string(set), hugeSize)
	}))
}

func compress(w http.ResponseWriter, text string, blanks int) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	io.WriteString(z, text)
	io.WriteString(z, strings.Repeat(" ", blanks))
	z.Close()
}

// keyRedirects lead to the attacker's keys, but for the first.
func (c *corpus) keyRedirects() {
	to := func(address string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, address, http.StatusFound) }
	}
	c.served("redirect-to-the-same-host", "", c.token(), to(c.s.address(c.s.path()+movedPath)))
	forged := c.forge()
	elsewhere := strings.Replace(c.s.outsideURL(), "127.0.0.1", "localhost", 1)
	c.served("redirect-to-another-host", "redirects of the key server", forged, to(elsewhere))
	if strings.HasPrefix(c.s.issuer, "https:") {
		c.served("redirect-to-http", "redirects of the key server", forged, to("http"+strings.TrimPrefix(elsewhere, "https")))
	}
	c.served("redirect-to-a-file", "redirects of the key server", c.token(), to("file:///etc/hostname"))
	c.served("redirect-to-itself", "redirects of the key server", c.token(), to(c.s.JWKSURL()))
	c.served("redirect-without-location", "status of the key server", c.token(), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(302) })
	// No redirect for HTTP, but for who follows pages.
	c.served("refresh-to-another-host", "status of the key server", forged, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Refresh", "0; url="+elsewhere)
		w.Header().Set("Link", "<"+elsewhere+`>; rel="jwks"`)
		typed("text/html", 200)(w, []byte(loginPage))
	})
}

// keyFailures are the modes of the server.
func (c *corpus) keyFailures() {
	for _, m := range []struct {
		name string
		mode Mode
	}{
		{"cut", ModeDown}, {"error", ModeError}, {"login-page", ModeGarbage}, {"truncated", ModeTruncated},
		{"huge", ModeHuge}, {"not-found", ModeNotFound}, {"no-answer", ModeHang},
	} {
		c.add(Case{
			Name: m.name, Kills: "outage of the key server", Neighbour: "keys-served", Reason: "keys_unavailable", Token: c.token(),
			asked: (*Server).KeyRequests, arrange: func(s *Server) func() {
				s.SetKeysMode(m.mode)
				return func() { s.SetKeysMode(ModeUp) }
			},
		})
	}
}

// metadataAnswers are those of discovery (RFC 8414 section 3.3).
func (c *corpus) metadataAnswers() {
	outside := c.s.outsideURL()
	for _, m := range []struct {
		name   string
		accept bool
		forged bool
		edit   func(map[string]any)
	}{
		{"metadata-with-more", true, false, func(m map[string]any) { m["x"] = []any{nil} }},
		{"metadata-of-another-issuer", false, true, func(m map[string]any) { m["issuer"], m["jwks_uri"] = "https://other.example", outside }},
		{"metadata-issuer-with-a-slash", false, true, func(m map[string]any) { m["issuer"], m["jwks_uri"] = c.s.issuer+"/", outside }},
		{"metadata-without-issuer", false, true, func(m map[string]any) { delete(m, "issuer"); m["jwks_uri"] = outside }},
		{"metadata-issuer-in-a-list", false, true, func(m map[string]any) { m["issuer"], m["jwks_uri"] = []string{c.s.issuer}, outside }},
		{"metadata-without-jwks-uri", false, false, func(m map[string]any) { delete(m, "jwks_uri") }},
		{"metadata-jwks-uri-relative", false, false, func(m map[string]any) { m["jwks_uri"] = c.s.endpoints().keys }},
		{"metadata-jwks-uri-a-file", false, false, func(m map[string]any) { m["jwks_uri"] = "file:///etc/hostname" }},
		{"metadata-jwks-uri-data", false, true, func(m map[string]any) { m["jwks_uri"] = "data:application/json," + string(c.s.outside()) }},
		{"metadata-jwks-uri-with-a-password", false, false, func(m map[string]any) {
			m["jwks_uri"] = strings.Replace(c.s.JWKSURL(), "://", "://user:password@", 1)
		}},
	} {
		of := Case{Name: m.name, Accept: m.accept, Token: c.token(), asked: (*Server).MetadataRequests, arrange: func(s *Server) func() {
			s.SetMetadata(m.edit)
			return func() { s.SetMetadata(nil) }
		}}
		if m.forged {
			of.Token = c.forge()
		}
		if !m.accept {
			of.Kills, of.Neighbour, of.Reason = "metadata of the issuer", "metadata-with-more", "keys_unavailable"
		}
		c.add(of)
	}
}

// outside is the attacker's key set.
func (s *Server) outside() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.outsideSet
}
