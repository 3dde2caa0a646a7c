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
// Where a Validator trusts several issuers, or issuers with several audiences, a
// policy names which of them it means, or says AnyTrustedIssuer: "orders.read"
// of one API product is not "orders.read" of another.
type Policy struct {
	// Scopes must all be among the token's.
	Scopes []string
	// AnyScope: at least one must be among the token's.
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
// ErrInsufficientScope; a nil Token is ErrNoToken.
func (p Policy) Check(_ context.Context, t *Token) error {
	if t == nil {
		return refuse(ReasonNoToken, "")
	}
	if e := p.check(t); e != nil {
		return e
	}
	return nil
}

func (p *Policy) check(t *Token) *Error {
	if problem := p.problem(t.issuer.several); problem != "" {
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
		return p.insufficient()
	}
	return nil
}

func (p *Policy) insufficient() *Error {
	e := verified(refuse(ReasonInsufficientScope, fmt.Sprintf("the policy asks for all of %q and one of %q", p.Scopes, p.AnyScope)))
	e.Challenge.Scope = slices.Concat(p.Scopes, p.AnyScope) // RFC 6750 3: what is necessary
	return e
}

// problem says why the policy cannot be evaluated; empty when it can. several
// reports whether the validator trusts more than one issuer or audience.
func (p *Policy) problem(several bool) string {
	demands := len(p.Scopes) + len(p.AnyScope) + len(p.ClientIDs)
	named := len(p.Issuers) + len(p.Audiences)
	switch {
	case p.AnyToken && demands > 0:
		return "AnyToken says that nothing more is needed, but scopes or clients are named"
	case !p.AnyToken && demands+named == 0:
		return "it demands nothing: name scopes, or say AnyToken"
	case p.AnyTrustedIssuer && named > 0:
		return "AnyTrustedIssuer says that it does not matter, but issuers or audiences are named"
	case several && named == 0 && !p.AnyTrustedIssuer:
		return "several issuers or audiences are trusted: name Issuers or Audiences, or say AnyTrustedIssuer"
	}
	return ""
}

// forOneOf reports whether the token names one of the audiences, and its issuer
// is trusted for that audience: a name in aud that is configured for another
// issuer means nothing here.
func (t *Token) forOneOf(audiences []string) bool {
	for _, a := range audiences {
		if slices.Contains(t.issuer.audiences, a) && slices.Contains(t.audience, a) {
			return true
		}
	}
	return false
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
// that no token here can have. The error joins *ConfigError values.
func (v *Validator) CheckPolicy(p Policy) error {
	var m mistakes
	if problem := p.problem(v.several); problem != "" {
		m.add("Policy", "%s", problem)
	}
	v.checkNames(&m, p)
	for _, scope := range slices.Concat(p.Scopes, p.AnyScope) {
		if !isScopeToken(scope) {
			m.add("Policy.Scopes", "%q is not a scope (RFC 6749 3.3)", scope)
		}
	}
	return m.err()
}

func (v *Validator) checkNames(m *mistakes, p Policy) {
	for _, name := range p.Issuers {
		if !v.anyIssuer(func(is *issuer) bool { return is.in([]string{name}) }) {
			m.add("Policy.Issuers", "%q is not configured", name)
		}
	}
	for _, audience := range p.Audiences {
		if !v.anyIssuer(func(is *issuer) bool { return slices.Contains(is.audiences, audience) }) {
			m.add("Policy.Audiences", "%q is not configured", audience)
		}
	}
	for _, client := range p.ClientIDs {
		if !v.anyIssuer(func(is *issuer) bool { return is.anyClient || slices.Contains(is.clientIDs, client) }) {
			m.add("Policy.ClientIDs", "%q is not configured", client)
		}
	}
}

func (v *Validator) anyIssuer(match func(*issuer) bool) bool {
	for _, is := range v.issuers {
		if match(is) {
			return true
		}
	}
	return false
}
