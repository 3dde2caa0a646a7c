package validator

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// answerClaims are what an introspection answer (RFC 7662 2.2) says of a token.
type answerClaims struct {
	claims
	tokenType string // token_type in small letters; empty: absent
	marked    bool   // token_use or typ say that it is an access token
	dpop      bool   // one of the three says that it is bound to a DPoP key
	other     string // the one of them that says that it is something else
}

// answerNames are the names that nothing else in an answer may resemble.
var answerNames = jose.NewNames(append([]string{"active", "token_type"}, registered...)...)

// readAnswer reads the members of an answer. The result's strings are parts of
// its text.
func readAnswer(text string) (answerClaims, *failure) {
	a := answerClaims{claims: claims{expiry: absent, notBefore: absent, issuedAt: absent}}
	o := jose.ReadObject(text, answerNames)
	defer o.Close()
	a.text = o.Text
	for o.Next() {
		if f := a.read(o); f != nil {
			return answerClaims{}, f
		}
	}
	if err := o.Err(); err != nil {
		return answerClaims{}, failed(ReasonMalformedClaims, "one strict JSON object", err.Error())
	}
	return a, nil
}

func (a *answerClaims) read(o *jose.Object) *failure {
	switch o.Name() {
	case "token_type":
		a.tokenType = strings.ToLower(o.String()) // RFC 6749 5.1: case does not matter
		a.dpop = a.dpop || a.tokenType == "dpop"
	case "token_use", "typ":
		a.readMark(o)
	default:
		return a.claims.read(o)
	}
	return nil
}

// readMark reads where some servers say what kind of token it is: token_use
// "access_token" or "refresh_token" (Hydra), typ "Bearer" or "Refresh" (Keycloak).
func (a *answerClaims) readMark(o *jose.Object) {
	if o.Kind() == jsontext.KindString {
		switch mark := strings.ToLower(o.String()); mark {
		case "access_token", "access", "bearer", "dpop":
			a.marked = true
			a.dpop = a.dpop || mark == "dpop"
			return
		case "jwt", "at+jwt": // how it is written, not what it is for
			return
		}
	}
	a.other = o.Name()
}

// answerChecks are the rules for what an answer says, in the order of checks and
// with the same functions: only what says which kind of token it is, and what a
// server may leave out, is its own.
func answerChecks(a *answerClaims) []check {
	return []check{
		{name: "token_type", once: func(c *candidate) *failure { return a.isAccessToken(c) }},
		{name: "exp", once: hasExpiry},
		{name: "exp", ever: notExpired},
		{name: "iat", ever: notFromTheFuture},
		{name: "nbf", ever: alreadyValid},
		{name: "lifetime", once: answerLivesNoLonger},
		{name: "aud", once: audienceOrAllowed},
		{name: "client", once: clientIsKnown},
		{name: "scope", once: scopesAgree},
	}
}

// isAccessToken demands a positive mark: an introspection endpoint answers for
// refresh tokens too (RFC 7662 2.1), and token_type is what only access tokens
// have (RFC 6749 5.1).
func (a *answerClaims) isAccessToken(c *candidate) *failure {
	switch {
	case a.tokenType != "" && a.tokenType != "bearer" && a.tokenType != "dpop":
		return failed(ReasonNotAccessToken, "token_type Bearer or DPoP", a.tokenType)
	case a.other != "":
		return failed(ReasonNotAccessToken, "no "+a.other+" of another kind of token", a.other)
	case a.tokenType == "" && !a.marked && !c.issuer.allowMissingTokenType:
		return failed(ReasonNotAccessToken, "token_type, or token_use access_token (or AllowMissingTokenType)", "none")
	}
	if mark := c.unmarked(); mark != "" {
		return failed(ReasonNotAccessToken, "nothing but "+mark, "another one")
	}
	return noOtherToken(c)
}

// answerLivesNoLonger: see livesNoLonger. Many servers' answers have no iat; that the
// token is good is what its issuer just said.
func answerLivesNoLonger(c *candidate) *failure {
	if c.claims.issuedAt == absent {
		return nil
	}
	return livesNoLonger(c)
}

// audienceOrAllowed: see audienceIsOurs. An audience that is there must be ours
// whatever is allowed to be missing.
func audienceOrAllowed(c *candidate) *failure {
	if len(c.claims.audience) == 0 && c.issuer.allowMissingAudience {
		return nil
	}
	return audienceIsOurs(c)
}

// complete fills in what an answer leaves out and a verified JWS says itself, so
// that both are held to the same checks together.
func (a *answerClaims) complete(own *facts) {
	a.marked = true       // by its profile
	a.expiry = own.expiry // agree compares the answer's, and inquiry.until keeps it
	if len(a.audience) == 0 {
		a.audience = own.audience
	}
	if a.clients == [clientClaims]string{} {
		a.clients[claimClientID] = own.clientID
	}
}

// agree holds an answer to what the JWS says itself, in everything that both say:
// otherwise it is the answer for another token, or the JWS is not the one that
// was issued. expiry is the answer's own exp, if it has one.
func (c *candidate) agree(own *facts, expiry numericDate) *failure {
	a := &c.claims
	differ := func(name, here, there string) *failure {
		f := failed(ReasonIntrospectionDisagrees, fmt.Sprintf("an answer with the token's %s, %.100q", name, there), here)
		if name == "sub" || name == "jti" {
			f.private = name
		}
		return f
	}
	for _, text := range []struct{ name, here, there string }{
		{"sub", a.subject, own.subject}, {"jti", a.id, own.id}, {"client", c.client, own.clientID},
		{"jkt", a.confirmation.JKT, own.confirmation.JKT}, {"x5t#S256", a.confirmation.X5TS256, own.confirmation.X5TS256},
	} {
		if text.here != "" && text.there != "" && text.here != text.there {
			return differ(text.name, text.here, text.there)
		}
	}
	for _, date := range []struct {
		name        string
		here, there numericDate
	}{{"exp", expiry, own.expiry}, {"iat", a.issuedAt, own.issuedAt}, {"nbf", a.notBefore, own.notBefore}} {
		if date.here != absent && date.there != absent && date.here.seconds() != date.there.seconds() {
			return differ(date.name, date.here.String(), date.there.String())
		}
	}
	if len(a.audience) > 0 && len(own.audience) > 0 && !sameSet(a.audience, own.audience) {
		return differ("aud", strings.Join(a.audience, " "), strings.Join(own.audience, " "))
	}
	if c.scopes != nil && own.scopes != nil && !sameSet(c.scopes, own.scopes) { // an empty scope is one
		return differ("scope", strings.Join(c.scopes, " "), strings.Join(own.scopes, " "))
	}
	return nil
}

// union binds to whatever either binds to; agree saw that they do not differ.
func (c Confirmation) union(other Confirmation) Confirmation {
	if c.JKT == "" {
		c.JKT = other.JKT
	}
	if c.X5TS256 == "" {
		c.X5TS256 = other.X5TS256
	}
	return c
}

// seconds is without the fraction, which servers do not agree about.
func (d numericDate) seconds() int64 { return int64(d) / time.Second.Microseconds() }

// of reports whether an iss in an answer, if there is one, is the
// issuer's: an answer for another issuer is no answer (RFC 7662 2.2).
func (a *answerClaims) of(is *issuer) bool { return a.issuer == "" || a.issuer == is.url }
