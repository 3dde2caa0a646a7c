package validator

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// failure is a check that did not pass: what it expected and what it found.
type failure struct {
	check            string // the name of the check
	reason           Reason
	expected, actual string
	private          string // the claim whose values are nobody's business; empty: of none
}

func failed(reason Reason, expected, actual string) *failure {
	return &failure{check: "claims", reason: reason, expected: expected, actual: actual}
}

// error turns the failure into a refusal. What was found is quoted and cut: it
// is the sender's text.
func (f *failure) error() *Error {
	var space [256]byte
	text := append(space[:0], f.check...)
	text = append(text, ": expected "...)
	text = append(text, f.expected...)
	text = append(text, ", found "...)
	e := refuse(f.reason, string(appendQuoted(text, f.actual)))
	e.finding = f
	return e
}

// unquoted is the failure without what was expected and found.
func (f *failure) unquoted() *failure {
	if f == nil {
		return nil
	}
	return &failure{check: f.check, reason: f.reason}
}

// appendQuoted is %.100q, for whoever is refused again and again.
func appendQuoted(text []byte, said string) []byte {
	left := 100
	for end := range said {
		if left--; left < 0 {
			said = said[:end]
			break
		}
	}
	return strconv.AppendQuote(text, said)
}

// oneOf is what was expected of these names.
func oneOf(names []string) string {
	var space [256]byte
	text := append(space[:0], "one of ["...)
	for i, name := range names {
		if i > 0 {
			text = append(text, ' ')
		}
		text = strconv.AppendQuote(text, name)
	}
	return string(append(text, ']'))
}

// candidate is a token under examination: decoded, of a configured issuer, and
// not yet believed.
type candidate struct {
	issuer    *issuer
	rules     *profileRules
	claims    claims
	known     *knownHeader // nil: not of an access token
	header    jose.Header
	typ       string // header typ in normal form
	algorithm jose.Algorithm
	client    string
	scopes    []string
	matched   string
	further   further
	status    *tokenStatus
	exact     numericDate // exp by the issuer's answer; absent: none
	signature [512]byte   // room for it: no common one is longer
}

// candidates are those that were decided on, for the next tokens.
var candidates = sync.Pool{New: func() any { return new(candidate) }}

// free ends the use of a candidate, if there is one. Nothing about a token stays in it.
func (c *candidate) free() {
	if c == nil {
		return
	}
	*c = candidate{}
	candidates.Put(c)
}

// instant is the time of a decision and the leeway that it grants.
type instant struct {
	now    numericDate
	leeway time.Duration
}

// times are the claims that the clock turns good or bad.
type times struct {
	expiry, notBefore, issuedAt numericDate
	exact                       numericDate // exp by the issuer's answer; absent: none
}

// check is one rule. Those with a look at the clock hold on every hit as on a
// miss; the others depend on nothing but the token and the configuration, so
// what they found once holds for as long as the result is kept.
type check struct {
	name string
	once func(*candidate) *failure
	ever func(times, instant) *failure
}

// checks are all rules that need no key, in order: cheapest first, and all of
// them before anything that costs a network access or a signature verification.
var checks = []check{
	{name: "typ", once: isAccessToken},
	{name: "required", once: hasRequiredClaims},
	{name: "tid", once: tenantMatches},
	{name: "alg", once: algorithmAllowed},
	{name: "exp", once: hasExpiry},
	{name: "exp", ever: notExpired},
	{name: "iat", ever: notFromTheFuture},
	{name: "nbf", ever: alreadyValid},
	{name: "lifetime", once: livesNoLonger},
	{name: "aud", once: audienceIsOurs},
	{name: "client", once: clientIsKnown},
	{name: "scope", once: scopesAgree},
	{name: "cnf", once: boundAsItSays},
	{name: "status", once: statusIsKnown},
}

// lasting are those that hold on every hit.
var lasting = slices.DeleteFunc(slices.Clone(checks), func(c check) bool { return c.ever == nil })

// examine runs all checks of a list.
func (c *candidate) examine(list []check, at instant) *failure {
	when := times{c.claims.expiry, c.claims.notBefore, c.claims.issuedAt, c.exact}
	for _, check := range list {
		var f *failure
		if check.once != nil {
			f = check.once(c)
		} else {
			f = check.ever(when, at)
		}
		if f != nil {
			f.check = check.name
			return f
		}
	}
	return nil
}

// examineAgain runs those that hold on every hit. byAnswer: the decision rests on
// the issuer's answer.
func (t *facts) examineAgain(at instant, byAnswer bool) *failure {
	when := times{t.expiry, t.notBefore, t.issuedAt, absent}
	if byAnswer && t.inquiry != nil {
		when.exact = t.inquiry.until
	}
	for _, check := range lasting {
		if f := check.ever(when, at); f != nil {
			f.check = check.name
			return f
		}
	}
	return nil
}

// isAccessToken demands a positive mark: an ID token of the same issuer has a
// valid signature, and often an audience that is easy to take for ours (RFC
// 8725 2.8 and 3.12, RFC 9068 5).
func isAccessToken(c *candidate) *failure {
	rules := c.rules
	if !slices.Contains(rules.types, c.typ) || !rules.mark(c) {
		return failed(ReasonNotAccessToken, "an access token by the "+rules.name+" profile: "+rules.marks, c.saysItIs())
	}
	return noOtherToken(c)
}

// noOtherToken refuses what other kinds of tokens have, where the profile says so.
func noOtherToken(c *candidate) *failure {
	if !c.rules.denied {
		return nil
	}
	for _, name := range c.claims.foreign {
		if !slices.Contains(c.rules.allowed, name) {
			return failed(ReasonNotAccessToken, "no claim of another kind of token", name)
		}
	}
	// The audience of an ID token is the client (OpenID Connect Core 2).
	if !c.issuer.audienceMayBeClient {
		for _, client := range c.claims.clients {
			if client != "" && slices.Contains(c.claims.audience, client) {
				return failed(ReasonNotAccessToken, "an audience other than the client (or AudienceMayBeClient)", client)
			}
		}
	}
	return nil
}

func hasRequiredClaims(c *candidate) *failure {
	for _, name := range c.rules.required {
		if !c.claims.has(name) && !c.further.has(name) {
			return failed(ReasonClaimMissing, "claim "+name, "none")
		}
	}
	return nil
}

// algorithmAllowed holds the header to the configuration before any key is
// looked at: the sender chooses neither "none" nor a key's misuse (RFC 8725 3.1).
func algorithmAllowed(c *candidate) *failure {
	algorithm, _ := jose.ParseAlgorithm(c.header.Alg) // no set has the zero Algorithm
	if !c.issuer.algorithms.Has(algorithm) {
		return failed(ReasonAlgorithmNotAllowed, "one of "+strings.Join(c.issuer.algorithms.Names(), " "), c.header.Alg)
	}
	c.algorithm = algorithm
	return nil
}

// hasExpiry: a token without exp would be good, and cached, for ever (RFC 9068 2.2).
func hasExpiry(c *candidate) *failure {
	if c.claims.expiry == absent {
		return failed(ReasonExpiryMissing, "claim exp", "none")
	}
	return nil
}

// notExpired: "on or after which" (RFC 7519 4.1.4).
func notExpired(t times, at instant) *failure {
	if at.now >= t.expiry.plus(at.leeway) {
		return failed(ReasonExpired, "exp after "+at.now.plus(-at.leeway).String()+" (leeway included)", t.expiry.String())
	}
	// An answer is as good as the server's own clock was then: no leeway is due for
	// a difference between the clocks (RFC 7662 4: not beyond exp).
	if t.exact != absent && at.now >= t.exact {
		return failed(ReasonExpired, "exp after "+at.now.String(), t.exact.String())
	}
	return nil
}

// notFromTheFuture: a token that will have been issued is a clock or an issuer
// gone wrong, and would outlive what revocation knows (RFC 7519 4.1.6).
func notFromTheFuture(t times, at instant) *failure {
	if t.issuedAt > at.now.plus(at.leeway) { // an absent date is before all others
		return failed(ReasonIssuedInFuture, "iat not after "+at.now.plus(at.leeway).String()+" (leeway included)", t.issuedAt.String())
	}
	return nil
}

// alreadyValid: RFC 7519 4.1.5.
func alreadyValid(t times, at instant) *failure {
	if t.notBefore > at.now.plus(at.leeway) { // an absent date is before all others
		return failed(ReasonNotYetValid, "nbf not after "+at.now.plus(at.leeway).String()+" (leeway included)", t.notBefore.String())
	}
	return nil
}

// livesNoLonger holds a token to what its issuer is configured to issue: one that
// lives longer was issued by mistake, or outlives what is known about revocation. A
// JWT without iat could be of any age.
func livesNoLonger(c *candidate) *failure {
	longest := c.issuer.maxLifetime
	switch {
	case longest == 0:
		return nil
	case c.claims.issuedAt == absent:
		return failed(ReasonClaimMissing, "claim iat, by which MaxTokenLifetime is counted", "none")
	case c.claims.expiry > c.claims.issuedAt.plus(longest):
		return failed(ReasonLifetimeTooLong, "exp at most "+longest.String()+" after iat", c.claims.lifetime())
	}
	return nil
}

// audienceIsOurs: a token for another API is not for us, whoever signed it (RFC
// 7519 4.1.3, RFC 9068 4). Names compare byte for byte.
func audienceIsOurs(c *candidate) *failure {
	// Where there is none: an empty list is one that names nobody.
	if c.claims.audience == nil && c.rules.clientStandsIn && c.claims.clients[claimClientID] != "" {
		c.claims.audience = []string{c.claims.clients[claimClientID]}
	}
	if len(c.claims.audience) == 0 {
		return failed(ReasonAudienceMissing, "claim aud", "none")
	}
	for _, ours := range c.issuer.audiences {
		if slices.Contains(c.claims.audience, ours) {
			c.matched = ours
			return nil
		}
	}
	return failed(ReasonAudienceMismatch, oneOf(c.issuer.audiences), strings.Join(c.claims.audience, " "))
}

// clientIsKnown finds the client and holds it to the configured list. Claims
// that name different clients leave open which one the issuer meant.
func clientIsKnown(c *candidate) *failure {
	client, agree := c.rules.clientOf(c)
	switch {
	case client == "" && !c.issuer.anyClient:
		return failed(ReasonClientMissing, "a client claim", "none")
	case !agree:
		return failed(ReasonClientConflict, "claims that name one client", strings.Join(c.claims.clients[:], " "))
	case !c.issuer.anyClient && !slices.Contains(c.issuer.clientIDs, client):
		return failed(ReasonClientMismatch, oneOf(c.issuer.clientIDs), client)
	}
	c.client = client
	return nil
}

// scopesAgree finds the scopes. Roles, groups and permissions never become scopes.
func scopesAgree(c *candidate) *failure {
	scopes, agree := c.rules.scopesOf(&c.claims)
	if !agree {
		return failed(ReasonScopeConflict, "scope and scp that say the same", "two different lists")
	}
	c.scopes = scopes
	return nil
}

// boundAsItSays: a token whose claim typ is DPoP (Keycloak) is bound to a key, and must
// say to which: without that it would pass as a bearer token (RFC 9449 6.1).
func boundAsItSays(c *candidate) *failure {
	if c.claims.kind == "dpop" && c.claims.confirmation.JKT == "" {
		return failed(ReasonConfirmationMissing, "cnf with jkt, as typ is DPoP", "none")
	}
	return nil
}

func (c *claims) lifetime() string {
	if c.issuedAt == absent || c.expiry == absent {
		return "unknown"
	}
	return (time.Duration(c.expiry-c.issuedAt) * time.Microsecond).String()
}

func (d numericDate) String() string {
	if d == absent {
		return "none"
	}
	return d.time().UTC().Format(time.RFC3339)
}

// normalType is the normal form of a header's typ: media types compare without
// regard to case, and "application/" may be left out (RFC 7515 4.1.9).
func normalType(typ string) string {
	if typ == "at+jwt" || typ == "" { // what nearly every token has
		return typ
	}
	typ = strings.ToLower(typ)
	return strings.TrimPrefix(typ, "application/")
}
