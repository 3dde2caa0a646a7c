package validator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// firstRules come before those of the list of checks: the token is read.
var firstRules = []rule{
	{ruleSize, "", fmt.Sprintf("1 to %d bytes", MaxTokenSize), func(x *explainer) sight {
		return sight{actual: fmt.Sprintf("%d bytes", len(x.raw))}
	}},
	{ruleAlphabet, "RFC 6750 2.1", "characters of a token", func(x *explainer) sight {
		return sight{looked: jose.InAlphabet(x.raw)}
	}},
	{ruleForm, "RFC 7515 3.1", "three parts, or an opaque token of an issuer with Introspection", func(x *explainer) sight {
		if x.jws {
			return sight{actual: "three parts", looked: true}
		}
		return sight{actual: "opaque"}
	}},
	{ruleHeader, "RFC 7515 4", "a strict JOSE header without crit and b64", read},
	{ruleClaims, "RFC 7519 7.2", "one strict JSON object, the known claims of their types", read},
	{ruleIssuer, "RFC 9068 4", "a configured issuer", func(x *explainer) sight {
		s := read(x)
		if x.token == nil {
			return s
		}
		s.actual = x.token.claims.issuer
		s.expected = x.v.trusted.words(s.actual)
		if x.token.issuer == nil {
			s.failure = failed(ReasonUnknownIssuer, s.expected, s.actual)
		}
		return s
	}},
}

// read is what can be seen of the rules for how a JWT is written: where something else
// decided before, it was not read.
func read(x *explainer) sight { return sight{absent: !x.jws} }

// words names the issuers that are trusted, or the one that was probably meant.
func (t *trusted) words(iss string) string {
	urls := make([]string, len(t.all))
	for i, is := range t.all {
		urls[i] = is.url
		if strings.EqualFold(strings.TrimRight(is.url, "/"), strings.TrimRight(iss, "/")) {
			return fmt.Sprintf("%q, byte for byte", is.url)
		}
	}
	if len(urls) > 5 {
		return fmt.Sprintf("one of %d configured issuers", len(urls))
	}
	return fmt.Sprintf("one of %q", urls)
}

// keyRules come after the list of checks: what takes the issuer's keys.
var keyRules = []rule{
	{ruleKey, "RFC 7515 4.1.4", "a key that the issuer lists under the token's kid, and that fits alg", func(x *explainer) sight {
		s := x.signed()
		if x.token != nil && x.issuer != nil {
			s.actual = "kid " + x.token.header.KeyID
			if x.token.header.KeyID == "" {
				s.actual = "no kid"
			}
		}
		return s
	}},
	{ruleSignature, "RFC 7515 5.2", "one that the key verifies", func(x *explainer) sight { return x.signed() }},
	{ruleTenant, "", "a tenant that Tenants.Permit allows", func(x *explainer) sight {
		if x.issuer == nil || x.issuer.rules.tenants == nil || x.issuer.rules.tenants.Permit == nil {
			return sight{absent: true}
		}
		return sight{}
	}},
	{ruleRevocation, "", "no revocation that concerns the token", func(x *explainer) sight {
		// Where the issuer itself is asked, its answer is newer than what it told before;
		// only what nobody knows may be newer still (RefuseWhileBehind).
		return sight{absent: x.issuer == nil || x.issuer.marks == nil || x.asked() || x.wouldAsk()}
	}},
}

// signed is what can be seen of the rules for keys. A JWS about which the issuer was
// asked because its key could not be had passed none of them.
func (x *explainer) signed() sight {
	return sight{absent: !x.jws || x.asked() && !x.local(), looked: x.local()}
}

// askRules come before the checks of an answer, and agreeRules after them.
var askRules = []rule{
	{ruleIntrospection, "RFC 7662 2.2", "active, by the issuer, as recently as is demanded", func(x *explainer) sight {
		if !x.asked() && !x.wouldAsk() {
			return sight{absent: true}
		}
		if x.known == nil || x.known.inquiry == nil {
			return sight{}
		}
		return sight{actual: "active, asked at " + dateOf(x.known.inquiry.sent).String(), looked: true}
	}},
	{ruleAnswer, "RFC 7662 2.2", "an answer that can be read, of this issuer", ofAnyAnswer},
}

var agreeRules = []rule{
	{ruleAnswerAgrees, "", "nothing else than what the token says", func(x *explainer) sight {
		s := ofAnyAnswer(x)
		s.absent = s.absent || !x.jws
		return s
	}},
	{ruleAnswerCnf, "RFC 9449 6.2", "cnf with jkt, if token_type or typ is DPoP", ofAnyAnswer},
}

// ofAnyAnswer is what can be seen of the rules for any answer: what is known was good.
func ofAnyAnswer(x *explainer) sight {
	return sight{absent: !x.asked() && !x.wouldAsk(), looked: x.known != nil && x.known.inquiry != nil}
}

// lastRules are those of a genuine token, and of the request that it came with.
var lastRules = []rule{
	{ruleStatusList, "draft-ietf-oauth-status-list 7.1", "status VALID, by the list that the token names", func(x *explainer) sight {
		return sight{absent: x.token == nil || x.token.claims.status == "" || x.known != nil && x.known.status == nil}
	}},
	{ruleProof, "RFC 9449 7.1, RFC 8705 3", "a proof of the key that the token is bound to", func(x *explainer) sight {
		unbound := x.claimed == nil || x.claimed.confirmation == Confirmation{}
		return sight{absent: unbound && len(x.require.Proofs) == 0, actual: x.claimed.binding()}
	}},
}

// binding says what a token is bound to, and not to which key.
func (t *facts) binding() string {
	switch {
	case t == nil || t.confirmation == Confirmation{}:
		return "not bound"
	case t.confirmation.JKT == "":
		return "bound to a certificate (x5t#S256)"
	}
	return "bound to a key (jkt)"
}

// description is how a check of a list is shown.
type description struct {
	rfc, demand string
	// found is what the check would say it expected and found, and whether there is
	// anything to check. A failure of the check itself has precedence.
	found func(*candidate, instant) (expected, actual string, applies bool)
}

// described are the checks by name. One that is not here is shown without words.
var described = map[string]description{
	"typ": {"RFC 9068 4, RFC 8725 3.11", "the positive mark of an access token", func(c *candidate, _ instant) (string, string, bool) {
		return "an access token by the " + c.rules.name + " profile: " + c.rules.marks, c.saysItIs(), true
	}},
	"token_type": {"RFC 7662 2.2", "the positive mark of an access token", nil},
	"required": {"RFC 9068 2.2", "the claims that the profile requires", func(c *candidate, _ instant) (string, string, bool) {
		return "claims " + strings.Join(c.rules.required, " "), "all", len(c.rules.required) > 0
	}},
	"tid": {"", "the tenant of iss, one that Tenants allows", func(c *candidate, _ instant) (string, string, bool) {
		return "", "tid " + c.further.text("tid"), c.rules.tenants != nil
	}},
	"alg": {"RFC 8725 3.1", "an algorithm of the configuration", func(c *candidate, _ instant) (string, string, bool) {
		return "one of " + strings.Join(c.issuer.algorithms.Names(), " "), c.header.Alg, true
	}},
	"exp": {"RFC 7519 4.1.4", "exp still to come", func(c *candidate, at instant) (string, string, bool) {
		if c.exact != absent { // as notExpired has it
			return "exp after " + at.now.String(), c.exact.String(), true
		}
		return "exp after " + at.now.plus(-at.leeway).String() + " (leeway included)", c.claims.expiry.String(), true
	}},
	"iat": {"RFC 7519 4.1.6", "iat not to come, if there is one", func(c *candidate, at instant) (string, string, bool) {
		return "iat not after " + at.now.plus(at.leeway).String() + " (leeway included)", c.claims.issuedAt.String(), c.claims.issuedAt != absent
	}},
	"nbf": {"RFC 7519 4.1.5", "nbf not to come, if there is one", func(c *candidate, at instant) (string, string, bool) {
		return "nbf not after " + at.now.plus(at.leeway).String() + " (leeway included)", c.claims.notBefore.String(), c.claims.notBefore != absent
	}},
	"lifetime": {"", "no longer life than MaxTokenLifetime", func(c *candidate, _ instant) (string, string, bool) {
		return "exp at most " + c.issuer.maxLifetime.String() + " after iat", c.claims.lifetime(), c.issuer.maxLifetime > 0
	}},
	"aud": {"RFC 7519 4.1.3, RFC 9068 4", "an audience that is ours", func(c *candidate, _ instant) (string, string, bool) {
		return fmt.Sprintf("one of %q", c.issuer.audiences), strings.Join(c.claims.audience, " "), true
	}},
	"client": {"RFC 9068 2.2", "a client that is configured", func(c *candidate, _ instant) (string, string, bool) {
		client, _ := c.rules.clientOf(c)
		if c.issuer.anyClient {
			return "any client, by claims that agree", client, true
		}
		return fmt.Sprintf("one of %q", c.issuer.clientIDs), client, true
	}},
	"scope": {"RFC 6749 3.3", "scope and scp that say the same", func(c *candidate, _ instant) (string, string, bool) {
		scopes, _ := c.rules.scopesOf(&c.claims)
		return "", strings.Join(scopes, " "), slices.ContainsFunc(c.claims.scopes[:], func(s scopeSet) bool { return s.present })
	}},
	"cnf": {"RFC 9449 6.1", "cnf with jkt, if typ is DPoP", func(c *candidate, _ instant) (string, string, bool) {
		return "", "", c.claims.kind == "dpop"
	}},
	"status": {"draft-ietf-oauth-status-list 6", "a status that can be looked at, if there is one", func(c *candidate, _ instant) (string, string, bool) {
		return "", "", c.claims.status != ""
	}},
}

// words is a date, or that there is none.
