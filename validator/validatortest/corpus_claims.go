package validatortest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// text adds claims that are not one strict JSON object (RFC 8259, RFC 7519
// section 7.2).
func (c *corpus) text() {
	add := func(name string, edit func(string) string) {
		c.refuse("json-"+name, "strict JSON", "good", "malformed_claims", c.rewrite(edit))
	}
	appended := func(s string) func(string) string { return func(p string) string { return p + s } }
	constant := func(s string) func(string) string { return func(string) string { return s } }
	add("second-object", appended("{}"))
	add("trailing-text", appended(" x"))
	add("trailing-nul", appended("\x00"))
	add("trailing-brace", appended("}"))
	add("bom", func(p string) string { return "\ufeff" + p })
	add("comment", func(p string) string { return "/* */" + p })
	add("trailing-comma", func(p string) string { return p[:len(p)-1] + ",}" })
	add("cut", func(p string) string { return p[:len(p)-1] })
	add("single-quotes", func(p string) string { return strings.ReplaceAll(p, `"`, "'") })
	add("in-an-array", func(p string) string { return "[" + p + "]" })
	add("in-a-string", func(p string) string { return string(mustJSON(p)) })
	add("null", constant("null"))
	add("number", constant("1"))
	add("no-json", constant("claims"))
	add("invalid-utf8-value", last("\"x\":\"\xff\""))
	add("invalid-utf8-name", last("\"\xff\":1"))
	add("overlong-utf8", last("\"x\":\"\xc0\xaf\""))
	add("lone-surrogate", last(`"x":"\ud800"`))
	add("control-character", last("\"x\":\"\n\""))
	add("nested-deep", last(`"x":`+nested(20)))
	add("nested-very-deep", last(`"x":`+strings.Repeat("[", 3000)+strings.Repeat("]", 3000)))
}

// members adds names that two readers may read in two ways: the same name
// twice, and names that only a reader who folds case takes for a claim. The
// values are those of a good token, so that nothing else is wrong; before
// it, where the last one wins in most readers, stands another.
func (c *corpus) members() {
	exp := c.now.Add(c.s.opts.Lifetime).Unix()
	for _, m := range []struct {
		name, folded string
		same, other  any
	}{
		{"iss", "ISS", c.s.tokenIssuer(), "https://evil.example"},
		{"sub", "\u017fub", DefaultSubject, "admin"},
		{"aud", "Aud", c.s.opts.Audience, "api://another"},
		{"exp", "Exp", exp, 1},
		{"iat", "IAT", c.now.Unix(), 1},
		{"jti", "Jti", "x", "y"},
		{c.clientClaim(), strings.ToUpper(c.clientClaim()), c.client, "another"},
		{c.scopeClaim(), "\u017f" + c.scopeClaim()[1:], c.scopeValue("read", "write"), c.scopeValue("admin")},
	} {
		c.member(m.name, m.folded, m.same, m.other)
	}
	for _, m := range []named{
		{"custom", `"x":1,"x":1`}, {"nested", `"x":{"y":[{"z":1,"z":2}]}`}, {"nbf", `"nbf":1,"nbf":1`},
	} {
		c.ambiguous("duplicate-"+m.name, "duplicate members", last(m.value))
	}
	for _, m := range []named{
		{"nbf", `"NBF":1`}, {"cnf", `"CNF":{}`}, {"sub-mixed-case", `"Sub":"admin"`},
	} {
		c.ambiguous("folded-"+m.name, "names that look alike", last(m.value))
	}
}

// member adds a claim with that value once more, in several ways.
func (c *corpus) member(name, folded string, same, other any) {
	again := ":" + string(mustJSON(same))
	add := func(kind, kills string, edit func(string) string) {
		c.ambiguous(kind, kills, edit, Claim(name, same)) // not every style has each claim
	}
	add("duplicate-"+name+"-last", "duplicate members", last(quoted(name)+again))
	add("duplicate-"+name+"-escaped", "duplicate members", last(`"`+escaped(name)+`"`+again))
	add("duplicate-"+name+"-first", "duplicate members", first(quoted(name)+":"+string(mustJSON(other))))
	add("folded-"+name, "names that look alike", last(quoted(folded)+again))
}

func (c *corpus) ambiguous(name, kills string, edit func(claims string) string, edits ...Edit) {
	c.refuse(name, kills, "good", "malformed_claims", c.rewrite(edit, edits...))
}

// scopeValue spells scopes as the server's style does.
func (c *corpus) scopeValue(scopes ...string) any { return spell(c.s.dialect().list, scopes...) }

func quoted(s string) string { return `"` + s + `"` }

// types adds claims of a wrong type.
func (c *corpus) types() {
	exp := c.now.Add(time.Hour).Unix()
	add := func(claim string, values map[string]any) {
		for _, name := range sortedNames(values) {
			c.refuse(claim+"-"+name, "claim types", "good", "malformed_claims", c.token(Claim(claim, values[name])))
		}
	}
	text := func(value any) map[string]any {
		return map[string]any{"null": nil, "number": 1, "bool": true, "array": []any{value}, "object": map[string]any{"a": value}}
	}
	add("iss", text(c.s.tokenIssuer()))
	add("sub", text(DefaultSubject))
	add("jti", text("x"))
	add(c.clientClaim(), text(c.client))
	add("aud", map[string]any{
		"null": nil, "number": 1, "bool": true, "object": map[string]any{c.s.opts.Audience: 1},
		"array-with-number": []any{c.s.opts.Audience, 1}, "array-with-null": []any{c.s.opts.Audience, nil},
		"array-in-array": []any{[]string{c.s.opts.Audience}},
	})
	add(c.scopeClaim(), map[string]any{
		"null": nil, "number": 1, "bool": true, "object": map[string]any{"read": true},
		"array-with-number": []any{"read", 1}, "array-in-array": []any{[]string{"read"}},
	})
	add("exp", map[string]any{
		"null": nil, "string": fmt.Sprint(exp), "bool": true, "array": []any{exp}, "object": map[string]any{},
		"zero": 0, "negative": -1, "too-large": json.RawMessage("1e400"),
	})
	add("iat", map[string]any{"null": nil, "string": fmt.Sprint(exp - 3600), "bool": true, "array": []any{1}})
	add("nbf", map[string]any{"null": nil, "string": "1", "bool": true, "object": map[string]any{}})
	for _, v := range []named{
		{"nan", "NaN"}, {"infinity", "Infinity"}, {"hexadecimal", "0x7fffffff"}, {"plus-sign", fmt.Sprintf("+%d", exp)},
	} {
		c.refuse("exp-"+v.name, "claim types", "good", "malformed_claims", c.rewrite(func(p string) string {
			return expiry.ReplaceAllString(p, `"exp":`+v.value)
		}))
	}
}

var expiry = regexp.MustCompile(`"exp":\d+`)
