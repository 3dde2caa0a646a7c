package validatortest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// good adds the accepted tokens: the neighbours of the others, and forms that
// a check which is too strict would refuse.
func (c *corpus) good() {
	c.accept("good", c.token())
	c.accept("good-rs256", c.by(c.rsa))
	c.accept("good-es256", c.by(c.ec))
	c.accept("good-other-listed-key", c.by(c.rsa2))
	if c.s.onlyOneFits("ES256") {
		c.accept("kid-absent-one-key-fits", c.by(c.ec, NoHeaderParam("kid")))
	}
	c.accept("es256-other-s", c.signES256(otherS))
	c.accept("size-at-limit", c.sized(maxTokenBytes))
	c.accept("header-parameters-never-followed", c.token(
		HeaderParam("jku", c.s.outsideURL()), HeaderParam("x5u", c.s.outsideURL()),
		HeaderParam("jwk", publicJWK(c.outsider.Public())), HeaderParam("x5c", x5c(c.outsider)),
	))
	c.accept("header-cty", c.token(HeaderParam("cty", "json")))
	c.goodTimes()
	c.goodClaims()
	c.goodText()
	c.goodTypes()
}

func (c *corpus) goodTimes() {
	at := func(d time.Duration) int64 { return c.now.Add(d).Unix() }
	c.accept("exp-fraction", c.token(Claim("exp", json.RawMessage(fmt.Sprintf("%d.25", at(time.Hour))))))
	c.accept("exp-exponent", c.token(Claim("exp", json.RawMessage(fmt.Sprintf("%d.0e0", at(time.Hour))))))
	c.accept("exp-past-within-leeway", c.token(Claim("exp", at(-5*time.Second))))
	c.accept("iat-future-within-leeway", c.token(Claim("iat", at(10*time.Second))))
	c.accept("iat-fraction", c.token(Claim("iat", json.RawMessage(fmt.Sprintf("%d.5", at(-time.Second))))))
	c.accept("nbf-past", c.token(Claim("nbf", at(-time.Minute))))
	c.accept("nbf-future-within-leeway", c.token(Claim("nbf", at(10*time.Second))))
}

func (c *corpus) goodClaims() {
	ours := c.s.opts.Audience
	c.accept("aud-array-of-one", c.token(Claim("aud", []string{ours})))
	c.accept("aud-array-with-ours", c.token(Audience("api://another", ours)))
	c.accept("custom-claims", c.token(
		Claim("größe", "日本語 \U0001F511"), Claim("https://example.com/roles", []any{"a", nil, 1.5, true}), Claim("", ""),
	))
	c.accept("custom-claim-nested", c.token(Claim("nested", json.RawMessage(nested(8)))))
	c.accept("custom-claims-with-similar-names", c.token(
		Claim("issuer", 1), Claim("scopes", 2), Claim("audience", 3), Claim("expires", 4), Claim("subject", 5),
		Claim("client", 6), Claim("iss_", 7), Claim("aud2", 8), Claim("x_cnf", 9),
	))
	if !c.is(StyleEntraV2) { // the scope is part of its mark
		c.accept("scope-absent", c.token(Scope()))
	}
	for _, name := range c.otherClientClaims() {
		c.accept("client-also-in-"+name, c.token(Claim(name, c.client)))
	}
	if c.scopeClaim() == "scp" {
		c.accept("scope-also-as-string", c.token(Claim("scope", DefaultScope)))
	} else {
		c.accept("scope-also-as-array", c.token(Claim("scp", strings.Fields(DefaultScope))))
	}
	c.accept("scope-in-the-other-form", c.token(Claim(c.scopeClaim(), spell(!c.s.dialect().list, "read", "write"))))
}

func (c *corpus) goodText() {
	c.accept("json-whitespace", c.rewrite(func(p string) string {
		return " \t\r\n" + strings.ReplaceAll(p, `,"`, ",\n  \"") + "\n"
	}))
	c.accept("json-escaped-name", c.rewrite(func(p string) string {
		return strings.Replace(p, `"iss":`, `"\u0069ss":`, 1)
	}))
	c.accept("json-escaped-value", c.rewrite(func(p string) string {
		return strings.Replace(p, `"sub":"`+DefaultSubject, `"sub":"`+escaped(DefaultSubject), 1)
	}))
}

// goodTypes adds the header types that a style allows besides its own.
func (c *corpus) goodTypes() {
	typ := func(name, value string) { c.accept("typ-"+name, c.token(HeaderParam("typ", value))) }
	switch c.s.opts.Style {
	case StyleOkta:
		typ("jwt", "JWT")
		typ("jwt-lower-case", "jwt")
		typ("access", "at+jwt")
		return
	case StyleEntraV1, StyleEntraV2, StyleHydra:
		typ("jwt-lower-case", "jwt")
		typ("application-jwt", "application/jwt")
		return
	case StyleCognito:
		return
	case StyleGeneric:
		c.accept("typ-absent", c.token(NoHeaderParam("typ")))
		typ("jwt-lower-case", "jwt")
		typ("access", "at+jwt")
	case StyleAuth0, StyleKeycloak:
		typ("jwt-lower-case", "jwt")
		typ("access", "at+jwt")
	}
	typ("access-upper-case", "AT+JWT") // RFC 7515 section 4.1.9
	typ("application-access", "application/at+jwt")
	typ("application-access-mixed-case", "Application/At+JWT")
}

// onlyOneFits reports whether one listed key alone is of the algorithm.
func (s *Server) onlyOneFits(alg string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ring.listed(alg)) == 1
}

// nested is a JSON object of that depth.
func nested(depth int) string {
	return strings.Repeat(`{"a":`, depth-1) + "{}" + strings.Repeat("}", depth-1)
}

// escaped spells ASCII by JSON escapes.
func escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return b.String()
}
