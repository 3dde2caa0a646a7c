package validatortest

// header adds headers that two readers may read in two ways.
func (c *corpus) header() {
	add := func(name, kills string, token string) { c.refuse(name, kills, "good", "malformed_header", token) }
	header, claims := decodeJWS(c.token())
	text := func(edit func(string) string) string { return c.s.Sign("", []byte(edit(string(header))), claims) }
	alg, kid := c.s.key("").alg, c.s.KID()

	add("header-alg-twice", "duplicate header members", text(last(`"alg":"`+alg+`"`)))
	add("header-alg-none-first", "duplicate header members", text(first(`"alg":"none"`)))
	add("header-kid-twice", "duplicate header members", text(last(`"kid":"`+kid+`"`)))
	add("header-typ-twice", "duplicate header members", text(func(h string) string {
		return first(`"typ":"at+jwt"`)(last(`"typ":"at+jwt"`)(h))
	}))
	add("header-escaped-duplicate", "duplicate header members", text(last(`"\u0061lg":"`+alg+`"`)))

	for _, m := range []struct{ name, param, value string }{
		{"alg-upper-case", "ALG", "none"}, {"alg-mixed-case", "Alg", "none"}, {"kid-upper-case", "KID", kid},
		{"kid-kelvin-sign", "\u212Aid", kid}, {"kid-fullwidth", "\uFF4Bid", kid},
		{"typ-mixed-case", "Typ", "at+jwt"}, {"crit-mixed-case", "Crit", "exp"},
	} {
		add("header-folded-"+m.name, "header names that look alike", c.token(HeaderParam(m.param, m.value)))
	}
	for _, m := range []struct {
		name  string
		value any
	}{{"number", 1}, {"null", nil}, {"array", []string{"x"}}, {"object", map[string]any{}}, {"bool", true}} {
		for _, param := range []string{"alg", "kid", "typ"} {
			add("header-"+param+"-"+m.name, "header types", c.token(HeaderParam(param, m.value)))
		}
	}
}

// critical adds extensions that must be understood (RFC 7515 section 4.1.11,
// RFC 7797 section 3), which none is.
func (c *corpus) critical() {
	add := func(name string, edits ...Edit) {
		c.refuse(name, "crit and b64", "good", "critical_header", c.token(edits...))
	}
	add("crit-b64", HeaderParam("crit", []string{"b64"}), HeaderParam("b64", false))
	add("crit-unknown", HeaderParam("crit", []string{"x"}), HeaderParam("x", 1))
	add("crit-exp", HeaderParam("crit", []string{"exp"}))
	add("crit-empty", HeaderParam("crit", []string{}))
	add("b64-false", HeaderParam("b64", false))
	add("b64-true", HeaderParam("b64", true))
}
