package validatortest

import (
	"net/http"
	"strings"
	"time"
)

// Answers are opaque tokens, and what the introspection endpoint says of them (RFC 7662
// section 2.2). Each differs from a good answer in one thing. They fit a validator that
// asks the server about opaque tokens, under the profile of its style, and else is that
// of [Server.Corpus]. Each case has to be arranged ([Case.Arrange]); no answer is for two tokens.
func (s *Server) Answers(clientID string) []Case {
	c := s.corpus(Answers, clientID)
	return c.collect(c.goodAnswers, c.noAnswers, c.twoAnswers, c.answerTypes, c.answersOfNobody, c.answerPolicy, c.answerKinds, c.answerBindings)
}

// answered is a case with an answer of that text.
func (c *corpus) answered(name, kills, reason string, text func(answer map[string]any) string) {
	of := c.asking(name, kills, reason)
	token := of.Token
	of.arrange = func(s *Server) func() {
		return s.setOver(&s.overAnswers, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Write([]byte(text(s.answerAbout(token))))
		})
	}
	c.add(of)
}

// asking is a case about a new token.
func (c *corpus) asking(name, kills, reason string) Case {
	of := Case{
		Name: name, Kills: kills, Reason: reason, Accept: reason == "",
		Token: c.s.OpaqueToken(ClientID(c.client)), asked: (*Server).IntrospectionRequests,
	}
	if reason != "" {
		of.Neighbour = "answer-good"
	}
	return of
}

// edited is the good answer with other members; nil removes one.
func edited(members map[string]any) func(map[string]any) string {
	return func(answer map[string]any) string {
		for name, value := range members {
			if answer[name] = value; value == nil {
				delete(answer, name)
			}
		}
		return string(mustJSON(answer))
	}
}

func said(name string, value any) func(map[string]any) string {
	return edited(map[string]any{name: value})
}

// text edits the good answer as text.
func text(edit func(string) string) func(map[string]any) string {
	return func(answer map[string]any) string { return edit(string(mustJSON(answer))) }
}

func constant(text string) func(map[string]any) string {
	return func(map[string]any) string { return text }
}

func (c *corpus) goodAnswers() {
	good := func(name string, answer func(map[string]any) string) { c.answered("answer-"+name, "", "", answer) }
	good("good", edited(nil))
	good("with-blanks-around-it", text(func(s string) string { return " \r\n" + s + "\n" }))
	good("iss-that-is-ours", said("iss", c.s.tokenIssuer()))
	good("token_type-in-capitals", said("token_type", "BEARER"))
	good("aud-as-a-list", said("aud", []string{"api://other", c.s.opts.Audience}))
	good("without-sub", said("sub", nil))
	good("without-scope", said("scope", nil))
	good("token_use-for-token_type", edited(map[string]any{"token_type": nil, "token_use": "access_token"}))
	good("typ-for-token_type", edited(map[string]any{"token_type": nil, "typ": "Bearer"}))
	good("typ-of-the-header", said("typ", "at+jwt"))
	good("nbf-zero", said("nbf", 0))
	good("scp-that-agrees", edited(map[string]any{"scope": "read", "scp": []string{"read"}}))
	good("nbf-within-leeway", said("nbf", c.now.Add(10*time.Second).Unix()))
	good("azp-that-agrees", said("azp", c.client))
	good("members-of-its-own", said("tenant", map[string]any{"active": false, "aud": 1}))
	good("name-escaped", text(func(s string) string { return strings.Replace(s, `"active"`, `"\u0061ctive"`, 1) }))
}

// noAnswers say nothing about the token: it is not decided.
func (c *corpus) noAnswers() {
	none := func(name string, answer func(map[string]any) string) {
		c.answered("answer-"+name, "strict JSON of an answer", "introspection_malformed", answer)
	}
	appended := func(s string) func(map[string]any) string { return text(func(a string) string { return a + s }) }
	none("empty", constant(""))
	none("login-page", constant(loginPage))
	none("null", constant("null"))
	none("true", constant("true"))
	none("form", constant("active=true"))
	none("in-an-array", text(func(s string) string { return "[" + s + "]" }))
	none("two-objects", text(func(s string) string { return s + s }))
	none("trailing-data", appended("x"))
	none("trailing-nul", appended("\x00"))
	none("trailing-brace", appended("}"))
	none("bom", text(func(s string) string { return "\ufeff" + s }))
	none("cut", text(func(s string) string { return s[:len(s)-1] }))
	none("comment", text(func(s string) string { return s[:len(s)-1] + "/**/}" }))
	none("trailing-comma", text(func(s string) string { return s[:len(s)-1] + ",}" }))
	none("invalid-utf8", text(last("\"x\":\"\xff\"")))
	none("lone-surrogate", text(last(`"x":"\ud800"`)))
	none("nested-deep", text(last(`"x":`+strings.Repeat("[", 20)+strings.Repeat("]", 20))))
	active := func(name string, value any) {
		c.answered("active-"+name, "active", "introspection_malformed", said("active", value))
	}
	active("absent", nil)
	active("string", "true")
	active("number", 1)
	active("object", map[string]any{"active": true})
	active("array", []bool{true})
	c.answered("active-null", "active", "introspection_malformed", text(func(s string) string {
		return strings.Replace(s, `"active":true`, `"active":null`, 1)
	}))
	c.answered("active-nested", "active", "introspection_malformed", edited(map[string]any{"active": nil, "x": map[string]any{"active": true}}))
}

// twoAnswers say two things of one, to two readers.
func (c *corpus) twoAnswers() {
	for _, m := range []named{
		{"active", `"active":true`}, {"active-otherwise", `"active":false`}, {"active-escaped", `"\u0061ctive":false`},
		{"exp", `"exp":1`}, {"nested", `"x":{"a":1,"a":2}`},
	} {
		c.answered("answer-duplicate-"+m.name, "duplicate members of an answer", "introspection_malformed", text(last(m.value)))
	}
	for _, m := range []named{
		{"active", `"Active":false`}, {"active-cyrillic", `"аctive":false`}, {"client_id", `"Client_id":"x"`}, {"token_type", `"Token_type":"x"`},
	} {
		c.answered("answer-folded-"+m.name, "names of an answer that look alike", "introspection_malformed", text(last(m.value)))
	}
}

func (c *corpus) answerTypes() {
	wrong := func(name, claim string, value any) {
		c.answered("answer-"+claim+"-"+name, "types of an answer", "introspection_malformed", said(claim, value))
	}
	wrong("string", "exp", "9999999999")
	wrong("zero", "exp", 0)
	wrong("in-milliseconds", "exp", c.now.UnixMilli()*10)
	wrong("string", "nbf", "1")
	wrong("number", "aud", 1)
	wrong("list-with-number", "aud", []any{c.s.opts.Audience, 1})
	wrong("number", "client_id", 7)
	wrong("number", "scope", 7)
	wrong("with-a-quote", "scope", `read "all"`)
	wrong("list", "token_type", []string{"Bearer"})
}

// answersOfNobody are about a token of another issuer, and no answers of one.
func (c *corpus) answersOfNobody() {
	other := func(name string, iss any) {
		c.answered("answer-iss-"+name, "iss of an answer", "introspection_malformed", said("iss", iss))
	}
	other("another", "https://other.example")
	other("with-a-slash", c.s.tokenIssuer()+"/")
	other("longer", c.s.tokenIssuer()+"/x")
	other("list", []string{c.s.tokenIssuer()})
	status := func(name, reason string, status int, headers ...string) {
		of := c.asking("endpoint-"+name, "status of an answer", reason)
		of.arrange = func(s *Server) func() {
			return s.setOver(&s.overAnswers, func(w http.ResponseWriter, _ *http.Request) {
				for i := 0; i+1 < len(headers); i += 2 {
					w.Header().Set(headers[i], headers[i+1])
				}
				w.WriteHeader(status)
				if status != http.StatusNoContent {
					w.Write(mustJSON(s.answerAbout(of.Token)))
				}
			})
		}
		c.add(of)
	}
	status("error", "introspection_unavailable", 500)
	status("too-many", "introspection_unavailable", 429, "Retry-After", "1")
	status("created", "introspection_unavailable", 201)
	status("redirect", "introspection_unavailable", 307, "Location", c.s.IntrospectionURL())
	status("unauthorized", "introspection_denied", 401)
	status("forbidden", "introspection_denied", 403)
	of := c.asking("endpoint-huge", "size of an answer", "introspection_unavailable")
	of.arrange = func(s *Server) func() {
		return s.setOver(&s.overAnswers, func(w http.ResponseWriter, _ *http.Request) {
			compress(w, string(mustJSON(s.answerAbout(of.Token))), hugeSize)
		})
	}
	c.add(of)
	of = c.asking("endpoint-cut", "status of an answer", "introspection_unavailable")
	of.arrange = func(s *Server) func() {
		s.SetIntrospectionMode(ModeDown)
		return func() { s.SetIntrospectionMode(ModeUp) }
	}
	c.add(of)
}

// answerPolicy are answers about a token that is not for this API.
func (c *corpus) answerPolicy() {
	bad := func(name, kills, reason string, members map[string]any) {
		c.answered("answer-"+name, kills, reason, edited(members))
	}
	type m = map[string]any
	ours := c.s.opts.Audience
	c.answered("inactive", "active", "inactive", constant(`{"active":false}`))
	bad("inactive-and-everything-else", "active", "inactive", m{"active": false})
	bad("expired", "exp of an answer", "expired", m{"exp": c.now.Add(-time.Minute).Unix()})
	bad("without-exp", "exp of an answer", "expiry_missing", m{"exp": nil})
	bad("nbf-to-come", "nbf of an answer", "not_yet_valid", m{"nbf": c.now.Add(time.Hour).Unix()})
	bad("iat-to-come", "iat of an answer", "issued_in_future", m{"iat": c.now.Add(time.Hour).Unix()})
	bad("without-aud", "aud of an answer", "audience_missing", m{"aud": nil})
	bad("aud-empty", "aud of an answer", "audience_missing", m{"aud": []string{}})
	bad("another-aud", "aud of an answer", "audience_mismatch", m{"aud": "api://other"})
	bad("aud-in-another-case", "aud of an answer", "audience_mismatch", m{"aud": otherCase(ours)})
	bad("aud-with-ours-inside", "aud of an answer", "audience_mismatch", m{"aud": ours + " api://other"})
	bad("without-client_id", "client of an answer", "client_missing", m{"client_id": nil})
	bad("another-client", "client of an answer", "client_mismatch", m{"client_id": "other"})
	bad("two-clients", "client of an answer", "client_conflict", m{"azp": "other"})
	bad("two-clients-by-cid", "client of an answer", "client_conflict", m{"cid": "other"})
	bad("scopes-that-differ", "scopes of an answer", "scope_conflict", m{"scp": []string{"admin"}})
}

// answerKinds are answers about tokens of another kind: RFC 7662 is for refresh tokens too.
func (c *corpus) answerKinds() {
	bad := func(name string, members map[string]any) {
		c.answered("answer-"+name, "kind of an answer", "not_an_access_token", edited(members))
	}
	type m = map[string]any
	bad("without-mark", m{"token_type": nil})
	bad("typ-of-the-header-alone", m{"token_type": nil, "typ": "at+jwt"}) // how it is written, not what it is for
	bad("refresh-token-by-token_use", m{"token_type": nil, "token_use": "refresh_token"})
	bad("refresh-token-that-is-bearer", m{"token_use": "refresh_token"})
	bad("refresh-token-by-typ", m{"typ": "Refresh"})
	bad("offline-token", m{"typ": "Offline"})
	bad("id-token-by-typ", m{"typ": "ID"})
	bad("token_type-refresh", m{"token_type": "refresh_token"})
	bad("token_type-n_a", m{"token_type": "N_A"}) // RFC 8693 section 2.2.1
	bad("token_type-mac", m{"token_type": "mac"})
	bad("token_type-empty", m{"token_type": ""})
	bad("token_use-no-string", m{"token_use": true})
	if c.is(StyleGeneric) { // the others have marks that decide
		bad("id-token-by-nonce", m{"nonce": "n"})
		bad("id-token-by-audience", m{"aud": []string{c.s.opts.Audience, c.client}})
		bad("logout-token", m{"events": m{}})
	}
}

func (c *corpus) answerBindings() {
	type m = map[string]any
	bad := func(name, kills, reason string, members m) {
		c.answered("answer-"+name, kills, reason, edited(members))
	}
	bad("dpop-without-cnf", "binding of an answer", "confirmation_missing", m{"token_type": "DPoP"})
	bad("typ-dpop-without-cnf", "binding of an answer", "confirmation_missing", m{"typ": "DPoP"})
	bad("dpop-with-a-certificate", "binding of an answer", "confirmation_missing", m{"token_type": "DPoP", "cnf": m{"x5t#S256": thumbprint}})
	bad("cnf-unknown", "kind of cnf", "confirmation_unknown", m{"cnf": m{"kid": "x"}})
	bad("cnf-with-one-more", "kind of cnf", "confirmation_unknown", m{"cnf": m{"jkt": thumbprint, "jwk": m{}}})
	bad("cnf-empty", "form of cnf", "confirmation_malformed", m{"cnf": m{}})
	bad("cnf-string", "form of cnf", "confirmation_malformed", m{"cnf": thumbprint})
	bad("cnf-no-hash", "form of cnf", "confirmation_malformed", m{"cnf": m{"jkt": "short"}})
	c.answered("answer-cnf-null", "form of cnf", "confirmation_malformed", text(last(`"cnf":null`)))
	bad("bound-dpop", "proof", "proof_missing", m{"token_type": "DPoP", "cnf": m{"jkt": thumbprint}})
	bad("bound-dpop-bearer", "proof", "proof_missing", m{"cnf": m{"jkt": thumbprint}})
	bad("bound-certificate", "proof", "proof_missing", m{"cnf": m{"x5t#S256": thumbprint}})
}
