package validator

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Policy is what a token must permit at one endpoint. It is evaluated on every
// request, against the facts about the token and the clock, and no verdict of it
// is kept. All fields that are set must be satisfied. The zero Policy is refused,
// because an endpoint that forgot to say what it needs must not serve everybody:
// AnyToken says that being authenticated is enough. Issuers, Audiences, MaxTokenAge,
// ACRValues, MaxAuthAge and Fresh do not say who may, and so are not enough alone
// either.
//
// A scope counts only together with the issuer it came from: "orders.read" of
// one API product is not "orders.read" of another. So where a Validator trusts
// several issuers or audiences, a policy names Issuers, or Audiences that only
// one issuer serves, or says AnyTrustedIssuer.
//
// A Policy is a value: its String is one readable line, and Clone shares nothing
// with it. It is safe for concurrent use while nobody changes its lists.
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
	// with Scopes, AnyScope, ClientIDs, AuthorizationDetails or Permit.
	AnyToken bool

	// MaxTokenAge is how long ago the token may have been issued at most, by its iat
	// (RFC 7519 4.1.6) and with Config.Leeway. A token without iat is refused. An
	// older one is no longer a good token here (ErrInvalidToken): the client gets
	// another one as it does for one that expired. Default 0: until exp.
	MaxTokenAge time.Duration

	// ACRValues: the token's acr must be one of them, exactly (RFC 9470, RFC 9068
	// 2.2.1). In order of preference: the challenge tells the client. Printable ASCII
	// without spaces.
	ACRValues []string
	// MaxAuthAge is how long ago the user may have authenticated at most, by the
	// token's auth_time and with Config.Leeway; a token without auth_time is refused.
	// In whole seconds, as the challenge's max_age is. Default 0: it does not matter.
	MaxAuthAge time.Duration

	// Fresh is how recently the issuer must have called the token active. With
	// Requirements.Fresh, the stricter of the two holds. A token of an issuer that is
	// not asked about tokens is refused (ErrUnavailable). Default: the issuer's
	// setting.
	Fresh Freshness

	// AuthorizationDetails must all be satisfied by the token's authorization_details
	// (RFC 9396). See Detail.
	AuthorizationDetails []DetailRule

	// Permit is asked last, when everything else is satisfied, and on every request: a
	// rule of your own. nil permits. An error refuses with ErrInsufficientScope and
	// ReasonNotPermitted, and its text is for logs. One made by NewError keeps its
	// reason if its class is ErrInsufficientScope, ErrInsufficientAuthentication or
	// ErrUnavailable (ReasonPermitUnavailable for a store that failed, with
	// RetryAfter), and may tell the client a Challenge.Scope, ACRValues or MaxAge. It
	// must be safe for concurrent use, and end with its context.
	Permit func(context.Context, *Token) error
	// PermitName is what String calls Permit.
	PermitName string
}

// Clone returns a copy that shares no list with p. The functions are the same.
func (p Policy) Clone() Policy {
	for _, list := range []*[]string{&p.Scopes, &p.AnyScope, &p.Issuers, &p.Audiences, &p.ClientIDs, &p.ACRValues} {
		*list = slices.Clone(*list)
	}
	p.AuthorizationDetails = slices.Clone(p.AuthorizationDetails)
	return p
}

// Check reports whether t satisfies the policy now, by the clock of the Validator
// that accepted t; whether t is still good it does not look at. Errors are of
// class ErrInsufficientScope, with ReasonPolicyInvalid for a policy that cannot be
// evaluated (see Validator.CheckPolicy), ErrInvalidToken (MaxTokenAge),
// ErrInsufficientAuthentication (ACRValues, MaxAuthAge), ErrUnavailable, or what
// Permit makes of it; for no Token it is ErrNoToken. Check asks no issuer: where
// the answer about t is older than Fresh demands, it refuses with
// ReasonFreshnessUnavailable, so that IntrospectedNow is never satisfied. The
// Observer does not hear of it.
func (p Policy) Check(ctx context.Context, t *Token) error {
	if t == nil || t.facts.Load() == nil {
		return refuse(ReasonNoToken, "")
	}
	known := t.facts.Load()
	if fresh := p.freshness(known.issuer); fresh.named() && known.unmet(fresh, known.issuer.trusted.clock()) {
		return verified(refuse(ReasonFreshnessUnavailable, "the policy asks for a token that was "+fresh.text()))
	}
	if e := p.check(ctx, known); e != nil {
		return e
	}
	return nil
}

func (p *Policy) check(ctx context.Context, t *facts) *Error {
	if e := p.decide(ctx, t); e != nil {
		return verified(e)
	}
	return nil
}

// decide refuses with what helps the client most. Whose token it is comes first: no
// other token of that client will do. Then its age, which another token cures
// without the user, and which puts in doubt what an old one says of the rest. Then
// what it permits; and only then how the user authenticated: RFC 9470 3 would let
// the step-up come first and name the scope as well, but nobody should have to
// look for a second factor in order to learn that they may not, and a client that
// knows no RFC 9470 takes a 401 for a token to be refreshed. So a step-up is asked
// for where it is all that is missing, as far as anybody but Permit can tell.
func (p *Policy) decide(ctx context.Context, t *facts) *Error {
	if problem := p.unusable(t.issuer.trusted); problem != "" {
		return refuse(ReasonPolicyInvalid, problem)
	}
	switch {
	case !p.permitsIssuer(t.issuer):
		return refuse(ReasonIssuerNotAllowed, fmt.Sprintf("the policy is for issuers %q, found %q", p.Issuers, t.issuer.name))
	case len(p.Audiences) > 0 && !t.forOneOf(p.Audiences):
		return refuse(ReasonAudienceNotAllowed, fmt.Sprintf("the policy is for audiences %q, found %.100q", p.Audiences, strings.Join(t.audience, " ")))
	case len(p.ClientIDs) > 0 && !slices.Contains(p.ClientIDs, t.clientID):
		return refuse(ReasonClientNotAllowed, fmt.Sprintf("the policy is for clients %q, found %.100q", p.ClientIDs, t.clientID))
	case p.MaxTokenAge != 0 && !t.issuedAt.within(p.MaxTokenAge, t.instant()):
		return refuse(ReasonTokenTooOld, fmt.Sprintf("the policy asks for iat at most %v ago, found %v", p.MaxTokenAge, t.issuedAt))
	case !containsAll(t.scopes, p.Scopes), len(p.AnyScope) > 0 && !containsAny(t.scopes, p.AnyScope):
		return p.insufficient(t)
	}
	if e := p.checkDetails(t); e != nil {
		return e
	}
	if e := p.checkAuthentication(t); e != nil {
		return e
	}
	return p.askPermit(ctx, t)
}

func (p *Policy) insufficient(t *facts) *Error {
	detail := fmt.Sprintf("the policy asks for all of %q", p.Scopes)
	if len(p.AnyScope) > 0 {
		detail += fmt.Sprintf(" and one of %q", p.AnyScope)
	}
	detail += fmt.Sprintf(", found %.100q", strings.Join(t.scopes, " "))
	e := refuse(ReasonInsufficientScope, detail)
	// RFC 6750 3: the scope necessary to access the resource, and no more.
	e.Challenge.Scope = slices.Clone(p.Scopes)
	if len(p.AnyScope) > 0 && !containsAny(p.Scopes, p.AnyScope) {
		one := max(slices.IndexFunc(p.AnyScope, t.hasScope), 0) // what it has already, or the first
		e.Challenge.Scope = append(e.Challenge.Scope, p.AnyScope[one])
	}
	return e
}

func (p *Policy) permitsIssuer(is *issuer) bool { return len(p.Issuers) == 0 || is.in(p.Issuers) }

// freshness is what the policy demands for the tokens of an issuer. Those of one
// that it does not permit are refused whatever is said of them: nobody is asked,
// and that nobody can be asked does not hide the refusal.
func (p *Policy) freshness(is *issuer) Freshness {
	if !p.permitsIssuer(is) {
		return Freshness{}
	}
	return p.Fresh
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

// instant is now, and the leeway, by the settings of the token's Validator.
func (t *facts) instant() instant {
	return instant{dateOf(t.issuer.trusted.clock()), t.issuer.trusted.leeway}
}

// within reports whether a date is at most that long ago. An absent one is not: it
// is before all others. Nor is one that is still to come: a clock is wrong, so that
// nobody knows.
func (d numericDate) within(bound time.Duration, at instant) bool {
	return d <= at.now.plus(at.leeway) && at.now <= d.plus(bound).plus(at.leeway)
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
