package validator

import (
	"context"
	"fmt"
	"slices"
)

// Policy is what a token must permit at one endpoint. All fields that are set
// must be satisfied. The zero Policy is refused, because an endpoint that
// forgot to say what it needs must not serve everybody: AnyToken says that being
// authenticated is enough.
//
// A scope counts only together with the issuer it came from: "orders.read" of
// one API product is not "orders.read" of another. So where a Validator trusts
// several issuers or audiences, a policy names Issuers, or Audiences that only
// one issuer serves, or says AnyTrustedIssuer.
type Policy struct {
	// Scopes must all be among the token's.
	Scopes []string
	// AnyScope: at least one must be among the token's. Name the one that permits
	// least first: it is what the challenge asks for.
	AnyScope []string
	// Issuers: the token must come from one of them, given by Name or URL.
	Issuers []string
	// Audiences: the token must name one of them.
	Audiences []string
	// ClientIDs: the token must have been issued to one of them.
	ClientIDs []string
	// AnyTrustedIssuer says that it does not matter which of the configured
	// issuers and audiences the token is from.
	AnyTrustedIssuer bool
	// AnyToken says that being authenticated is enough. It cannot be combined
	// with Scopes, AnyScope or ClientIDs.
	AnyToken bool
}

// Check reports whether t satisfies the policy. Errors are of class
// ErrInsufficientScope, with ReasonPolicyInvalid for a policy that cannot be
// evaluated (see Validator.CheckPolicy); for no Token it is ErrNoToken. The
// Observer does not hear of it.
func (p Policy) Check(_ context.Context, t *Token) error {
	if t == nil || t.facts.Load() == nil {
		return refuse(ReasonNoToken, "")
	}
	if e := p.check(t.facts.Load()); e != nil {
		return e
	}
	return nil
}

func (p *Policy) check(t *facts) *Error {
	if problem := p.problem(t.issuer.trusted); problem != "" {
		return verified(refuse(ReasonPolicyInvalid, problem))
	}
	switch {
	case len(p.Issuers) > 0 && !t.issuer.in(p.Issuers):
		return verified(refuse(ReasonIssuerNotAllowed, fmt.Sprintf("the policy is for issuers %q", p.Issuers)))
	case len(p.Audiences) > 0 && !t.forOneOf(p.Audiences):
		return verified(refuse(ReasonAudienceNotAllowed, fmt.Sprintf("the policy is for audiences %q", p.Audiences)))
	case len(p.ClientIDs) > 0 && !slices.Contains(p.ClientIDs, t.clientID):
		return verified(refuse(ReasonClientNotAllowed, fmt.Sprintf("the policy is for clients %q", p.ClientIDs)))
	case !containsAll(t.scopes, p.Scopes), len(p.AnyScope) > 0 && !containsAny(t.scopes, p.AnyScope):
		return p.insufficient(t)
	}
	return nil
}

func (p *Policy) insufficient(t *facts) *Error {
	detail := fmt.Sprintf("the policy asks for all of %q", p.Scopes)
	if len(p.AnyScope) > 0 {
		detail += fmt.Sprintf(" and one of %q", p.AnyScope)
	}
	e := verified(refuse(ReasonInsufficientScope, detail))
	// RFC 6750 3: the scope necessary to access the resource, and no more.
	e.Challenge.Scope = slices.Clone(p.Scopes)
	if len(p.AnyScope) > 0 && !containsAny(p.Scopes, p.AnyScope) {
		one := max(slices.IndexFunc(p.AnyScope, t.hasScope), 0) // what it has already, or the first
		e.Challenge.Scope = append(e.Challenge.Scope, p.AnyScope[one])
	}
	return e
}

// problem says why the policy cannot be evaluated; empty when it can.
func (p *Policy) problem(trusted *trusted) string {
	demands := len(p.Scopes) + len(p.AnyScope) + len(p.ClientIDs)
	named := len(p.Issuers) + len(p.Audiences)
	switch {
	case emptied(p.Scopes, p.AnyScope, p.Issuers, p.Audiences, p.ClientIDs):
		return "a list is there and empty: leave it out (nil), or name what it should hold"
	case p.AnyToken && demands > 0:
		return "AnyToken says that nothing more is needed, but scopes or clients are named"
	case !p.AnyToken && demands+named == 0:
		return "it demands nothing: name scopes, or say AnyToken"
	case p.AnyTrustedIssuer && named > 0:
		return "AnyTrustedIssuer says that it does not matter, but issuers or audiences are named"
	case slices.Contains(p.ClientIDs, ""):
		return "ClientIDs contains an empty name, which tokens without a client would have"
	case !p.AnyTrustedIssuer && len(p.Issuers) == 0 && trusted.ambiguous(p.Audiences):
		return "several issuers or audiences are trusted: name Issuers, or Audiences of one issuer, or say AnyTrustedIssuer"
	}
	return ""
}

// emptied reports whether a list was given and holds nothing: whoever filled it
// meant to restrict something (no check is off because a field is empty).
func emptied(lists ...[]string) bool {
	return slices.ContainsFunc(lists, func(list []string) bool { return list != nil && len(list) == 0 })
}

func (t *facts) hasScope(scope string) bool { return slices.Contains(t.scopes, scope) }

// forOneOf reports whether the token names one of the audiences, and its issuer
// is trusted for that audience: a name in aud that is configured for another
// issuer means nothing here.
func (t *facts) forOneOf(audiences []string) bool {
	for _, a := range audiences {
		if slices.Contains(t.issuer.audiences, a) && slices.Contains(t.audience, a) {
			return true
		}
	}
	return false
}

func containsAll(list, wanted []string) bool {
	for _, w := range wanted {
		if !slices.Contains(list, w) {
			return false
		}
	}
	return true
}

func containsAny(list, wanted []string) bool {
	return slices.ContainsFunc(wanted, func(w string) bool { return slices.Contains(list, w) })
}

// verified marks a refusal that came after the signature had verified.
func verified(e *Error) *Error {
	e.Verified = true
	return e
}

// CheckPolicy reports what is wrong with a policy for this Validator, so that
// wiring fails at start instead of requests later: it demands nothing, leaves
// open which issuer it means, or names issuers, audiences, clients or scopes
// that no configured issuer it names can put into a token. The error joins
// *ConfigError values.
func (v *Validator) CheckPolicy(p Policy) error {
	var m mistakes
	if problem := p.problem(v.trusted); problem != "" {
		m.add("Policy", "%s", problem)
	}
	v.checkNames(&m, p)
	checkScopes(&m, "Policy.Scopes", p.Scopes)
	checkScopes(&m, "Policy.AnyScope", p.AnyScope)
	return m.err()
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
	meant := func(is *issuer) bool { return len(p.Issuers) == 0 || is.in(p.Issuers) }
	for _, audience := range p.Audiences {
		if !v.anyIssuer(func(is *issuer) bool { return meant(is) && slices.Contains(is.audiences, audience) }) {
			m.add("Policy.Audiences", "%q is not configured", audience)
		}
	}
	serves := func(is *issuer) bool {
		return meant(is) && (len(p.Audiences) == 0 || containsAny(is.audiences, p.Audiences))
	}
	for _, client := range p.ClientIDs {
		if !v.anyIssuer(func(is *issuer) bool { return serves(is) && (is.anyClient || slices.Contains(is.clientIDs, client)) }) {
			m.add("Policy.ClientIDs", "%q is not configured", client)
		}
	}
}

func (v *Validator) anyIssuer(match func(*issuer) bool) bool {
	for _, is := range v.trusted.issuers {
		if match(is) {
			return true
		}
	}
	return false
}
