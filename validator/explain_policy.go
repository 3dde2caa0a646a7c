package validator

import (
	"context"
	"strings"
)

// demand is one of the things that a Policy can ask for.
type demand struct {
	name, rfc, text string
	// only keeps that one thing of a policy; false: it does not ask for it.
	only func(p *Policy) (Policy, bool)
	// found is what there is to compare it with; nil where it is compared by a function
	// of the owner's, which is asked once, or not at all.
	found func(*facts) string
}

// demands are in the order of Policy.decide.
var demands = []demand{
	{"policy issuers", "", "an issuer that the policy is for", func(p *Policy) (Policy, bool) {
		return Policy{Issuers: p.Issuers}, len(p.Issuers) > 0
	}, func(t *facts) string { return t.issuer.name }},
	{"policy audiences", "", "an audience that the policy is for", func(p *Policy) (Policy, bool) {
		return Policy{Audiences: p.Audiences}, len(p.Audiences) > 0
	}, func(t *facts) string { return strings.Join(t.audience, " ") }},
	{"policy clients", "", "a client that the policy is for", func(p *Policy) (Policy, bool) {
		return Policy{ClientIDs: p.ClientIDs}, len(p.ClientIDs) > 0
	}, func(t *facts) string { return t.clientID }},
	{"policy token age", "", "a token no older than MaxTokenAge", func(p *Policy) (Policy, bool) {
		return Policy{MaxTokenAge: p.MaxTokenAge}, p.MaxTokenAge != 0
	}, func(t *facts) string { return "iat " + t.issuedAt.String() }},
	{"policy scopes", "RFC 6750 3.1", "the scopes that the policy asks for", func(p *Policy) (Policy, bool) {
		return Policy{Scopes: p.Scopes, AnyScope: p.AnyScope}, len(p.Scopes)+len(p.AnyScope) > 0
	}, func(t *facts) string { return "scopes " + strings.Join(t.scopes, " ") }},
	{"policy authorization_details", "RFC 9396 2", "authorization_details that the policy permits", func(p *Policy) (Policy, bool) {
		return Policy{AuthorizationDetails: p.AuthorizationDetails}, len(p.AuthorizationDetails) > 0
	}, nil},
	{"policy acr", "RFC 9470 3", "an acr that the policy asks for", func(p *Policy) (Policy, bool) {
		return Policy{ACRValues: p.ACRValues}, len(p.ACRValues) > 0
	}, func(t *facts) string { acr, _ := t.acr(); return "acr " + acr }},
	{"policy auth_time", "RFC 9470 3", "an authentication no older than MaxAuthAge", func(p *Policy) (Policy, bool) {
		return Policy{MaxAuthAge: p.MaxAuthAge}, p.MaxAuthAge != 0
	}, func(t *facts) string { at, _ := t.authTime(); return "auth_time " + at.String() }},
	{rulePermit, "", "that Permit has no objection", func(p *Policy) (Policy, bool) {
		return Policy{Permit: p.Permit, PermitName: p.PermitName}, p.Permit != nil
	}, nil},
}

// policyRules are the rows about the policy.
func policyRules() []rule {
	rows := []rule{{rulePolicy, "", "a policy that can be evaluated", func(x *explainer) sight {
		if x.require.Policy == nil {
			return sight{absent: true}
		}
		s := sight{expected: "one that can be evaluated: " + x.require.Policy.String(), looked: true}
		if problem := x.require.Policy.unusable(x.v.trusted); problem != "" {
			s.failure = failed(ReasonPolicyInvalid, "a policy that can be evaluated", problem)
		}
		return s
	}}}
	for _, d := range demands {
		rows = append(rows, rule{d.name, d.rfc, d.text, d.sight})
	}
	return rows
}

// sight evaluates the one demand by itself, with Policy.decide.
func (d demand) sight(x *explainer) sight {
	if x.require.Policy == nil {
		return sight{absent: true}
	}
	p, asks := d.only(x.require.Policy)
	if !asks {
		return sight{absent: true}
	}
	s := sight{expected: p.String()}
	if x.claimed == nil || d.found == nil {
		return s
	}
	s.actual, s.looked = d.found(x.claimed), true
	if len(p.Issuers) == 0 {
		p.Issuers = []string{x.claimed.issuer.name} // whose it is, is another demand
	}
	p.AnyToken = !p.demanding() // and so is what it permits
	if e := p.decide(context.Background(), x.claimed); e != nil {
		s.failure = failed(e.Reason, s.expected, s.actual)
	}
	return s
}
