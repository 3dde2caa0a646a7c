package validator

import (
	"fmt"
	"slices"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// checkAuthentication is step-up (RFC 9470): how, and how recently, the user
// authenticated. A claim that is absent or malformed says nothing of either.
func (p *Policy) checkAuthentication(t *facts) *Error {
	if len(p.ACRValues) > 0 {
		acr, err := t.acr()
		if err != nil || !slices.Contains(p.ACRValues, acr) {
			return p.stepUp(ReasonACRInsufficient, fmt.Sprintf("the policy asks for acr one of %q, found %.100q", p.ACRValues, acr), err)
		}
	}
	if p.MaxAuthAge != 0 {
		at, err := t.authTime()
		if err != nil || !at.within(p.MaxAuthAge, t.instant()) {
			return p.stepUp(ReasonAuthenticationTooOld, fmt.Sprintf("the policy asks for auth_time at most %v ago, found %v", p.MaxAuthAge, at), err)
		}
	}
	return nil
}

// stepUp tells the client all that the policy demands, not only what was missing:
// the next authentication must satisfy all of it.
func (p *Policy) stepUp(reason Reason, detail string, malformed error) *Error {
	if malformed != nil {
		detail += ": " + malformed.Error()
	}
	e := refuse(reason, detail)
	e.Challenge.ACRValues, e.Challenge.MaxAge = slices.Clone(p.ACRValues), p.MaxAuthAge
	return e
}

// The claims that only some policies look at. Nothing else in a token that is held
// to one may resemble it.
var (
	acrName      = jose.NewNames("acr")
	authTimeName = jose.NewNames("auth_time")
	detailsName  = jose.NewNames("authorization_details")
)

// acr is the authentication context class (RFC 9068 2.2.1); empty when absent.
func (t *facts) acr() (acr string, err error) {
	err = t.read("acr", acrName, func(o *jose.Object) { acr = o.String() })
	return acr, err
}

// authTime is when the user authenticated (RFC 9068 2.2.1). 0 is what some servers
// say who do not know.
func (t *facts) authTime() (numericDate, error) {
	at := absent
	err := t.read("auth_time", authTimeName, func(o *jose.Object) {
		if readDate(o, &at, false) != nil {
			o.Refuse()
		}
	})
	return at, err
}

// read reads one claim from the text that was checked, as strictly as those that
// every token is held to: its type is right, and no other claim looks like it.
func (t *facts) read(name string, names *jose.Names, take func(*jose.Object)) error {
	o := t.object(names)
	defer o.Close()
	for o.Next() {
		if o.Name() == name {
			take(o)
		}
	}
	return o.Err()
}
