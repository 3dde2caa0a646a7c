package validator

import (
	"strconv"
	"strings"
)

// String describes the policy in one line, for audits and logs: each demand once,
// in the order of the fields, such as
// "scopes orders.read; issuers staff; acr gold; authenticated within 5m0s". The
// text is for people and may change.
func (p Policy) String() string {
	var parts []string
	list := func(label string, names []string, between string) {
		if len(names) > 0 {
			parts = append(parts, label+" "+words(names, between))
		}
	}
	say := func(said bool, text string) {
		if said {
			parts = append(parts, text)
		}
	}
	say(p.AnyToken, "any token")
	list("scopes", p.Scopes, ", ")
	list("any of", p.AnyScope, ", ")
	list("issuers", p.Issuers, ", ")
	list("audiences", p.Audiences, ", ")
	list("clients", p.ClientIDs, ", ")
	say(p.AnyTrustedIssuer, "any trusted issuer")
	say(p.MaxTokenAge != 0, "issued within "+p.MaxTokenAge.String())
	list("acr", p.ACRValues, " or ")
	say(p.MaxAuthAge != 0, "authenticated within "+p.MaxAuthAge.String())
	say(p.Fresh != Freshness{}, p.Fresh.text())
	list("authorization details", types(p.AuthorizationDetails), ", ")
	say(p.Permit != nil && p.PermitName == "", "a predicate")
	say(p.Permit != nil && p.PermitName != "", "permit "+word(p.PermitName))
	say(len(parts) == 0, "nothing demanded")
	return strings.Join(parts, "; ")
}

// text describes a Freshness that is not the issuer's setting alone.
func (f Freshness) text() string {
	down := "within " + f.ifDown.String() + " while the issuer is down"
	switch {
	case !f.named():
		return "introspected " + down
	case f.now() && f.ifDown > 0:
		return "introspected now (" + down + ")"
	case f.now():
		return "introspected now"
	case f.ifDown > 0:
		return "introspected within " + f.within.String() + " (" + down + ")"
	}
	return "introspected within " + f.within.String()
}

func words(names []string, between string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = word(name)
	}
	return strings.Join(quoted, between)
}

// word quotes a name that would not read as one: no name can look like two, or
// like another demand, or end the line.
func word(name string) string {
	if isScopeToken(name) && !strings.ContainsAny(name, ",;") {
		return name
	}
	return strconv.Quote(name)
}
