package validator

import (
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// further are claims that only some profiles look at, as JSON texts by name.
type further map[string]string

// readFurther reads what the candidate's profile looks at besides what every token
// has: from the very text that was read before, and as strictly. It comes second
// because it takes the issuer to know the profile, and a name that resembles one of
// these is nothing bad anywhere else.
func (c *candidate) readFurther() (f *failure) {
	if c.rules.further == nil {
		return nil
	}
	c.further, f = readNamed(c.claims.text, c.rules.further)
	return f
}

// readNamed reads these members of an object, and nothing may resemble them.
func readNamed(text string, names *jose.Names) (further, *failure) {
	found := further{}
	o := jose.ReadObject(text, names)
	defer o.Close()
	for o.Next() {
		if name := o.Name(); names.Has(name) {
			found[name] = o.Raw()
		}
	}
	if err := o.Err(); err != nil {
		return nil, failed(ReasonMalformedClaims, "one strict JSON object", err.Error())
	}
	return found, nil
}

// text is a claim that is a string; empty if it is none.
func (f further) text(name string) (text string) {
	if json.Unmarshal([]byte(f[name]), &text) != nil {
		return ""
	}
	return text
}

// has reports whether a claim is there and says anything.
func (f further) has(name string) bool {
	switch strings.Join(strings.Fields(f[name]), "") { // [ ] is [], and a blank text says nothing
	case "", "null", "false", `""`, "[]", "{}":
		return false
	}
	return true
}
