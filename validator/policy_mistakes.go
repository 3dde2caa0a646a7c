package validator

import (
	"slices"
	"time"
)

// CheckPolicy reports what is wrong with a policy for this Validator, so that
// wiring fails at start instead of requests later: it demands nothing, leaves
// open which issuer it means, contradicts itself, names issuers, audiences,
// clients or scopes that no configured issuer it names can put into a token, or
// asks for fresh answers where nobody is asked. The error joins *ConfigError
// values.
func (v *Validator) CheckPolicy(p Policy) error {
	var m mistakes
	if problem := p.problem(v.trusted); problem != "" {
		m.add("Policy", "%s", problem)
	}
	v.checkNames(&m, p)
	checkScopes(&m, "Policy.Scopes", p.Scopes)
	checkScopes(&m, "Policy.AnyScope", p.AnyScope)
	p.checkDemands(&m)
	return m.err()
}

// unusable says why the policy cannot be evaluated, whether or not CheckPolicy
// ever saw it; empty when it can.
func (p *Policy) unusable(trusted *trusted) string {
	if problem := p.problem(trusted); problem != "" {
		return problem
	}
	var m mistakes
	if p.checkDemands(&m); len(m) > 0 {
		return m[0].Error()
	}
	return ""
}

// problem says what is wrong with the policy as a whole; empty: nothing.
func (p *Policy) problem(trusted *trusted) string {
	named := len(p.Issuers) + len(p.Audiences)
	switch {
	case emptied(p.Scopes, p.AnyScope, p.Issuers, p.Audiences, p.ClientIDs, p.ACRValues),
		p.AuthorizationDetails != nil && len(p.AuthorizationDetails) == 0:
		return "a list is there and empty: leave it out (nil), or name what it should hold"
	case p.AnyToken && p.demanding():
		return "AnyToken says that nothing more is needed, but scopes, clients, authorization details or Permit are there"
	case !p.AnyToken && !p.demanding():
		return "it demands nothing of whom it serves: name scopes, or say AnyToken"
	case p.AnyTrustedIssuer && named > 0:
		return "AnyTrustedIssuer says that it does not matter, but issuers or audiences are named"
	case slices.Contains(p.ClientIDs, ""):
		return "ClientIDs contains an empty name, which tokens without a client would have"
	case !p.AnyTrustedIssuer && len(p.Issuers) == 0 && trusted.ambiguous(p.Audiences):
		return "several issuers or audiences are trusted: name Issuers, or Audiences of one issuer, or say AnyTrustedIssuer"
	}
	return ""
}

// demanding reports whether the policy says who may. Whose tokens it is for does not:
// every token of an issuer is for all that the issuer is for.
func (p *Policy) demanding() bool {
	return len(p.Scopes)+len(p.AnyScope)+len(p.ClientIDs)+len(p.AuthorizationDetails) > 0 || p.Permit != nil
}

// emptied reports whether a list was given and holds nothing: whoever filled it
// meant to restrict something (no check is off because a field is empty).
func emptied(lists ...[]string) bool {
	return slices.ContainsFunc(lists, func(list []string) bool { return list != nil && len(list) == 0 })
}

// checkDemands reports demands that nobody can mean, or no token can satisfy.
func (p *Policy) checkDemands(m *mistakes) {
	checkDuration(m, "Policy.MaxTokenAge", p.MaxTokenAge)
	for _, value := range p.ACRValues {
		if !isScopeToken(value) { // the same alphabet: both are told in a list with spaces between
			m.add("Policy.ACRValues", "%q cannot stand in acr_values (RFC 9470 3): printable ASCII without spaces", value)
		}
	}
	checkDuration(m, "Policy.MaxAuthAge", p.MaxAuthAge)
	if p.MaxAuthAge >= time.Millisecond && p.MaxAuthAge%time.Second != 0 {
		// Rounded, the challenge would ask for what does not suffice, or for too much.
		m.add("Policy.MaxAuthAge", "is %v, but max_age is in whole seconds (RFC 9470 3)", p.MaxAuthAge)
	}
	p.Fresh.check(m, "Policy.Fresh")
	for _, rule := range p.AuthorizationDetails {
		rule.check(m, "Policy.AuthorizationDetails")
	}
	if p.PermitName != "" && p.Permit == nil {
		m.add("Policy.PermitName", "is %q, but Permit is nil", p.PermitName)
	}
}

func (f Freshness) check(m *mistakes, field string) {
	if f.named() && !f.now() {
		checkDuration(m, field, f.within)
	}
	checkDuration(m, field, f.ifDown)
}

func checkScopes(m *mistakes, field string, scopes []string) {
	for _, scope := range scopes {
		if !isScopeToken(scope) {
			m.add(field, "%q is not a scope (RFC 6749 3.3)", scope)
		}
	}
}

func (v *Validator) checkNames(m *mistakes, p Policy) {
	for _, name := range p.Issuers {
		if !v.anyIssuer(func(is *issuer) bool { return is.in([]string{name}) }) {
			m.add("Policy.Issuers", "%q is not configured", name)
		}
	}
	for _, audience := range p.Audiences {
		if !v.anyIssuer(func(is *issuer) bool { return p.permitsIssuer(is) && slices.Contains(is.audiences, audience) }) {
			m.add("Policy.Audiences", "%q is not configured", audience)
		}
	}
	serves := func(is *issuer) bool {
		return p.permitsIssuer(is) && (len(p.Audiences) == 0 || containsAny(is.audiences, p.Audiences))
	}
	for _, client := range p.ClientIDs {
		if !v.anyIssuer(func(is *issuer) bool { return serves(is) && (is.anyClient || slices.Contains(is.clientIDs, client)) }) {
			m.add("Policy.ClientIDs", "%q is not configured", client)
		}
	}
	if len(p.Scopes)+len(p.AnyScope) > 0 && v.anyIssuer(serves) && !v.anyIssuer(func(is *issuer) bool { return serves(is) && is.hasScopes() }) {
		m.add("Policy.Scopes", "no issuer whose tokens are meant has scopes (ProfileSpec.Scope)")
	}
	if p.Fresh != (Freshness{}) && !v.anyIssuer(func(is *issuer) bool { return serves(is) && is.introspection != nil }) {
		m.add("Policy.Fresh", "no issuer whose tokens are meant is asked about them (Issuer.Introspection)")
	}
}

func (v *Validator) anyIssuer(match func(*issuer) bool) bool {
	for _, is := range v.trusted.all { // and not by iss: some stand for many
		if match(is) {
			return true
		}
	}
	return false
}
