package validatortest

import (
	"net/http"
	"strings"
	"time"
)

// JWTAnswers are good JWTs, and what the introspection endpoint says of them (RFC 7662
// section 2.2). They fit a validator that asks the server about every JWT that it has
// verified, and else is that of [Server.Corpus]. Each case has to be arranged
// ([Case.Arrange]); no answer is for two tokens.
func (s *Server) JWTAnswers(clientID string) []Case {
	c := s.corpus(JWTAnswers, clientID)
	return c.collect(c.agreeing, c.disagreeing, c.otherwiseBad)
}

// disputed is a case of a JWT with an answer of that text.
func (c *corpus) disputed(name, kills, reason string, text func(answer map[string]any) string) {
	token := c.token(Claim("nbf", c.now.Add(-time.Minute).Unix()))
	of := Case{Name: "jwt-" + name, Kills: kills, Reason: reason, Accept: reason == "", Token: token, asked: (*Server).IntrospectionRequests}
	if reason != "" {
		of.Neighbour = "jwt-confirmed"
	}
	of.arrange = func(s *Server) func() {
		return s.setOver(&s.overAnswers, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Write([]byte(text(s.answerAbout(token))))
		})
	}
	c.add(of)
}

func (c *corpus) agreeing() {
	c.disputed("confirmed", "", "", edited(nil))
	c.disputed("confirmed-and-no-more", "", "", constant(`{"active":true}`)) // all else is optional
	c.disputed("confirmed-without-sub", "", "", said("sub", nil))
}

// disagreeing say something else than the token.
func (c *corpus) disagreeing() {
	bad := func(name string, members map[string]any) {
		c.disputed(name, "answer about a JWT", "introspection_disagrees", edited(members))
	}
	type m = map[string]any
	bad("sub-of-another", m{"sub": "another-user"})
	bad("jti-of-another", m{"jti": "another-id"})
	bad("iat-earlier", m{"iat": c.now.Add(-time.Hour).Unix()})
	bad("nbf-earlier", m{"nbf": c.now.Add(-time.Hour).Unix()})
	bad("exp-later", m{"exp": c.now.Add(48 * time.Hour).Unix()})
	bad("exp-earlier", m{"exp": c.now.Add(time.Minute).Unix()})
	bad("aud-more", m{"aud": []string{c.s.opts.Audience, "api://other"}})
	bad("scope-more", m{"scope": DefaultScope + " admin"})
	bad("scope-another", m{"scope": "admin"})
}

// otherwiseBad are bad for what they say, whatever the token does.
func (c *corpus) otherwiseBad() {
	type m = map[string]any
	c.disputed("inactive", "active", "inactive", constant(`{"active":false}`))
	c.disputed("inactive-and-everything-else", "active", "inactive", said("active", false))
	c.disputed("active-string", "active", "introspection_malformed", said("active", "true"))
	c.disputed("active-absent", "active", "introspection_malformed", said("active", nil))
	c.disputed("answer-empty", "strict JSON of an answer", "introspection_malformed", constant(""))
	c.disputed("answer-cut", "strict JSON of an answer", "introspection_malformed", text(func(s string) string { return s[:len(s)-1] }))
	c.disputed("answer-iss-another", "iss of an answer", "introspection_malformed", said("iss", "https://other.example"))
	c.disputed("expired", "exp of an answer", "expired", said("exp", c.now.Add(-time.Minute).Unix()))
	c.disputed("aud-another", "aud of an answer", "audience_mismatch", said("aud", "api://other"))
	c.disputed("client-another", "client of an answer", "client_mismatch", said("client_id", "other"))
	c.disputed("refresh-token", "kind of an answer", "not_an_access_token", said("token_type", "refresh_token"))
	c.disputed("bound-by-the-answer", "proof", "proof_missing", said("cnf", m{"jkt": strings.Repeat("A", 43)}))
	c.disputed("cnf-unknown", "kind of cnf", "confirmation_unknown", said("cnf", m{"kid": "x"}))
}
