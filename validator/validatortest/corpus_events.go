package validatortest

import (
	"encoding/json"
	"strings"
	"time"
)

const (
	eventType       = "https://schemas.openid.net/secevent/caep/event-type/credential-change"
	accountDisabled = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"

	logoutType = "http://schemas.openid.net/event/backchannel-logout"
)

// Events are security event tokens for a receiver of that name (RFC 8417), about a user
// whom no other family names, except in one case.
func (s *Server) Events(audience string) []Case {
	c := s.corpus(Events, "")
	c.receiver = audience
	c.signal = func(edits ...Edit) string {
		return s.EventToken(audience, eventType, nil, append([]Edit{Claim("sub_id", c.subject("user-of-events"))}, edits...)...)
	}
	return c.collect(c.signals, c.events, c.subjects)
}

// Logouts are logout tokens (OpenID Connect Back-Channel Logout section 2.4) for a client.
// One case is an access token whose session a good one has ended.
func (s *Server) Logouts(clientID string) []Case {
	c := s.corpus(Logouts, clientID)
	c.receiver, c.client = clientID, clientID
	c.signal = func(edits ...Edit) string {
		return s.LogoutToken(clientID, append([]Edit{Subject("user-of-logouts"), Claim("sid", "session-of-logouts")}, edits...)...)
	}
	return c.collect(c.signals, c.logouts)
}

func (c *corpus) subject(sub string) map[string]any {
	return map[string]any{"format": "iss_sub", "iss": c.s.tokenIssuer(), "sub": sub}
}

func (c *corpus) badSignal(name, kills, reason string, edits ...Edit) {
	c.refuse(name, kills, "signal", reason, c.signal(edits...))
}

// signals is what makes any of them bad.
func (c *corpus) signals() {
	at := func(d time.Duration) int64 { return c.now.Add(d).Unix() }
	bad := c.badSignal
	c.accept("signal", c.signal())
	c.accept("aud-in-a-list", c.signal(Claim("aud", []string{"https://other.example", c.receiver})))
	bad("iss-absent", "iss", "unknown_issuer", NoClaim("iss"))
	bad("iss-another", "iss", "unknown_issuer", Claim("iss", "https://other.example"))
	bad("iss-longer", "iss", "unknown_issuer", Claim("iss", c.s.tokenIssuer()+"/x"))
	bad("iss-with-a-slash", "iss", "unknown_issuer", Claim("iss", c.s.tokenIssuer()+"/"))
	bad("iss-in-a-list", "claim types", "malformed_claims", Claim("iss", []string{c.s.tokenIssuer()}))
	bad("aud-absent", "aud of a signal", "audience_mismatch", NoClaim("aud"))
	bad("aud-another", "aud of a signal", "audience_mismatch", Claim("aud", "https://other.example"))
	bad("aud-of-access-tokens", "aud of a signal", "audience_mismatch", Claim("aud", c.s.opts.Audience))
	bad("aud-list-of-others", "aud of a signal", "audience_mismatch", Claim("aud", []string{"a", "b"}))
	bad("aud-number", "claim types", "malformed_claims", Claim("aud", 1))
	bad("iat-absent", "required claims of a signal", "claim_missing", NoClaim("iat"))
	bad("iat-future", "iat", "issued_in_future", Claim("iat", at(time.Hour)))
	bad("iat-string", "claim types", "malformed_claims", Claim("iat", "1"))
	bad("iat-infinite", "claim types", "malformed_claims", Claim("iat", json.RawMessage("1e999")))
	bad("exp-past", "exp", "expired", Claim("exp", at(-time.Minute)))
	bad("nbf-future", "nbf", "not_yet_valid", Claim("nbf", at(time.Hour)))
	bad("jti-absent", "required claims of a signal", "claim_missing", NoClaim("jti"))
	bad("jti-empty", "required claims of a signal", "claim_missing", Claim("jti", ""))
	bad("jti-number", "claim types", "malformed_claims", Claim("jti", 1))
	bad("events-absent", "kind of a signal", "not_a_signal", NoClaim("events"))
	bad("events-list", "events", "malformed_claims", Claim("events", []string{eventType, logoutType}))
	bad("events-empty", "events", "malformed_claims", Claim("events", map[string]any{}))
	bad("events-of-texts", "events", "malformed_claims", Claim("events", map[string]any{eventType: "", logoutType: ""}))
	bad("folded-events", "names that look alike", "malformed_claims", Claim("evеnts", map[string]any{})) // a Cyrillic е
	bad("folded-events-in-capitals", "names that look alike", "malformed_claims", Claim("Events", map[string]any{}))
	bad("typ-empty", "form of typ", "malformed_header", HeaderParam("typ", ""))
	bad("typ-of-access-tokens", "kind of a signal", "not_a_signal", HeaderParam("typ", "at+jwt"))
	bad("alg-none", "alg", "algorithm_not_allowed", HeaderParam("alg", "none"))
	bad("alg-hs256", "alg", "algorithm_not_allowed", HeaderParam("alg", "HS256"))
	bad("crit", "crit and b64", "critical_header", HeaderParam("crit", []string{"exp"}))
	bad("alg-of-another-key", "key by kid", "unknown_key", HeaderParam("alg", c.otherAlgorithm()))
	bad("kid-unlisted", "key by kid", "unknown_key", HeaderParam("kid", unknownKID))
	bad("too-large", "size", "token_too_large", Claim("pad", strings.Repeat("x", maxTokenBytes)))
	good := c.signal()
	h, p, _ := segments(good)
	header, claims := decodeJWS(good)
	form := func(name, text string) { c.refuse(name, "shape", "signal", "malformed_token", text) }
	form("no-jws", "signal")
	form("no-jws-at-the-limit", strings.Repeat("a", maxTokenBytes))
	form("two-segments", h+"."+p)
	form("line-feed-behind", good+"\n")
	c.refuse("alg-absent", "alg", "signal", "not_a_jwt", c.signal(NoHeaderParam("alg")))
	c.refuse("signature-absent", "signature", "signal", "malformed_token", h+"."+p+".")
	c.refuse("signature-of-an-access-token", "signature", "signal", "bad_signature", h+"."+p+"."+b64.EncodeToString(sigOf(c.token())))
	c.refuse("signature-of-nobody", "signature", "signal", "bad_signature", h+"."+p+"."+b64.EncodeToString(make([]byte, len(sigOf(good)))))
	c.refuse("signature-of-another", "signature", "signal", "bad_signature", h+"."+p+good[strings.LastIndexByte(good, '.'):][:1]+b64.EncodeToString(flip(0, 1)(sigOf(good))))
	c.refuse("duplicate-iss", "duplicate members", "signal", "malformed_claims", c.s.Sign("", header, []byte(first(`"iss":"x"`)(string(claims)))))
	c.refuse("access-token", "kind of a signal", "signal", "not_a_signal", c.token())
}

// otherAlgorithm is one that the current key is not for, but another listed one is.
func (c *corpus) otherAlgorithm() string {
	if c.s.key("").alg == "ES256" {
		return "RS256"
	}
	return "ES256"
}

func sigOf(token string) []byte {
	_, _, s := segments(token)
	sig, err := b64.DecodeString(s)
	if err != nil {
		panic("validatortest: not a token of this package")
	}
	return sig
}

func (c *corpus) events() {
	c.badSignal("typ-jwt", "kind of a signal", "not_a_signal", HeaderParam("typ", "JWT"))
	c.badSignal("typ-absent", "kind of a signal", "not_a_signal", NoHeaderParam("typ"))
	c.badSignal("typ-logout", "kind of a signal", "not_a_signal", HeaderParam("typ", "logout+jwt"))
	payload := func(name string, of map[string]any) {
		c.badSignal("event-"+name, "events", "malformed_claims", Claim("events", map[string]any{eventType: of}))
	}
	payload("timestamp-string", map[string]any{"event_timestamp": "1"})
	payload("timestamp-null", map[string]any{"event_timestamp": nil})
	payload("folded-subject", map[string]any{"subject": c.subject("user-of-events"), "Subject": c.subject("joe")})
	c.badSignal("one-event-of-two", "events", "malformed_claims", Claim("events", map[string]any{
		accountDisabled: map[string]any{"subject": c.subject("user-of-events")}, eventType: map[string]any{"subject": "user-of-events"},
	}))
	c.badSignal("toe-string", "claim types", "malformed_claims", Claim("toe", "1"))
}

// subjects are about nobody, or about two (RFC 9493).
func (c *corpus) subjects() {
	type m = map[string]any
	iss := c.s.tokenIssuer()
	c.accept("subject-opaque", c.signal(Claim("sub_id", m{"format": "opaque", "id": "user-of-events"})))
	c.badSignal("subject-absent", "required claims of a signal", "claim_missing", NoClaim("sub_id"))
	c.badSignal("sub-for-sub_id", "required claims of a signal", "claim_missing", NoClaim("sub_id"), Subject("user-of-events"))
	bad := func(name string, subject any) {
		c.badSignal("subject-"+name, "subject of an event", "malformed_claims", Claim("sub_id", subject))
	}
	bad("string", "user")
	bad("without-format", m{"iss": iss, "sub": "user"})
	bad("format-number", m{"format": 1, "sub": "user"})
	bad("iss_sub-without-sub", m{"format": "iss_sub", "iss": iss})
	bad("iss_sub-empty", c.subject(""))
	bad("iss_sub-number", m{"format": "iss_sub", "iss": iss, "sub": 1})
	bad("iss_sub-without-iss", m{"format": "iss_sub", "sub": "user"})
	bad("jwt_id-without-jti", m{"format": "jwt_id", "iss": iss, "id": "x"})
	bad("opaque-without-id", m{"format": "opaque", "sub": "user"})
	bad("folded-sub", m{"format": "iss_sub", "iss": iss, "sub": "user", "ѕub": "joe"})
	c.badSignal("folded-sub_id", "names that look alike", "malformed_claims", Claim("Sub_id", c.subject("joe")))
	bad("aliases-of-nobody", m{"format": "aliases"})
	bad("aliases-of-strings", m{"format": "aliases", "identifiers": []string{"user"}})
	bad("aliases-of-a-malformed-one", m{"format": "aliases", "identifiers": []m{c.subject("user"), {"format": "opaque"}}})
	bad("complex-malformed-user", m{"format": "complex", "user": m{"format": "opaque"}, "session": m{"format": "opaque", "id": "s"}})
	bad("complex-malformed-session", m{"format": "complex", "user": c.subject("user"), "session": "s"})
}

func (c *corpus) logouts() {
	c.accept("sid-absent", c.signal(NoClaim("sid")))
	c.badSignal("typ-secevent", "kind of a signal", "not_a_signal", HeaderParam("typ", "secevent+jwt"))
	c.badSignal("id-token", "kind of a signal", "not_a_signal", NoClaim("events"), HeaderParam("typ", "JWT"))
	c.badSignal("nonce", "kind of a signal", "not_a_signal", Claim("nonce", "n"))
	c.badSignal("nonce-null", "kind of a signal", "not_a_signal", Claim("nonce", nil))
	c.badSignal("another-event", "kind of a signal", "not_a_signal", Claim("events", map[string]any{eventType: map[string]any{}}))
	c.badSignal("nobody", "required claims of a signal", "claim_missing", NoClaim("sub"), NoClaim("sid"))
	c.badSignal("sid-number", "claim types", "malformed_claims", Claim("sid", 1))
	c.badSignal("sub-empty", "required claims of a signal", "claim_missing", Subject(""), NoClaim("sid"))
	// What a good one is for: the session is over, and no other.
	ended := c.signal(NoClaim("sub"), Claim("sid", "session-that-ends"))
	for sid, of := range map[string]Case{
		"session-that-goes-on": {Name: "access-token-of-another-session", Accept: true},
		"session-that-ends":    {Name: "access-token-of-the-session", Kills: "revocation", Neighbour: "access-token-of-another-session", Reason: "revoked"},
	} {
		of.Token, of.before = c.token(Claim("sid", sid), Subject("user-of-"+sid), ClientID(c.receiver)), ended
		c.add(of)
	}
}
