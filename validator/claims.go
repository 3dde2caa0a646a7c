package validator

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// claims are a token's claims as one strict decode found them. Everything that
// the checks look at is here, typed; everything else is checked for form and
// stays in text for the caller.
type claims struct {
	text string

	issuer, subject, session, id string
	audience                     []string
	expiry, notBefore, issuedAt  numericDate
	clients                      [clientClaims]string // empty: absent
	scopes                       [scopeClaims]scopeSet
	confirmation                 Confirmation
	status                       string   // an object, as JSON; empty: absent
	kind, use                    string   // typ and token_use in small letters, where they are strings
	foreign                      []string // claims that other kinds of tokens have
}

// clientClaim is one of the claims in which servers name the client.
type clientClaim int

const (
	claimClientID clientClaim = iota // client_id (RFC 9068, RFC 8693)
	claimCID                         // cid (Okta)
	claimAZP                         // azp (OpenID Connect)
	claimAppID                       // appid (Entra ID v1)
	clientClaims
)

// scopeClaim is one of the claims in which servers list scopes.
type scopeClaim int

const (
	claimScope scopeClaim = iota // scope (RFC 9068, RFC 8693)
	claimSCP                     // scp (Okta, Entra ID, Hydra)
	scopeClaims
)

// The names of both.
var (
	clientClaimNames = [clientClaims]string{"client_id", "cid", "azp", "appid"}
	scopeClaimNames  = [scopeClaims]string{"scope", "scp"}
)

// foreignClaims are those that other kinds of tokens have: always, or with a value
// that no access token has.
var foreignClaims = append(slices.Clone(neverInAccessTokens), "typ", "token_use")

// neverInAccessTokens are those that are enough by their names.
var neverInAccessTokens = []string{"nonce", "at_hash", "c_hash", "s_hash", "events"}

type scopeSet struct {
	list    []string
	present bool
}

// has reports whether a claim is there that a profile may require.
func (c *claims) has(name string) bool {
	switch name {
	case "sub":
		return c.subject != ""
	case "iat":
		return c.issuedAt != absent
	case "jti":
		return c.id != ""
	case "client_id":
		return c.clients[claimClientID] != ""
	}
	return false
}

// registered are the claims that this package reads in a token as in an answer.
var registered = []string{
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "cid", "azp", "appid", "scope", "scp", "cnf",
	"typ", "token_use", "nonce", "at_hash", "c_hash", "s_hash", "events", "sid", "status",
}

// knownClaims are the names that nothing else may resemble: those that this
// package reads.
var knownClaims = jose.NewNames(registered...)

// parseClaims reads the payload segment of a token. The result's strings are parts of
// its text.
func parseClaims(payload string) (c claims, f *failure) {
	f = c.parse(payload)
	return c, f
}

// parse is parseClaims in place: c must be zero. After a failure it is of no use.
func (c *claims) parse(payload string) *failure {
	c.expiry, c.notBefore, c.issuedAt = absent, absent, absent
	o, err := jose.ReadSegment(payload, knownClaims)
	if err != nil {
		return failed(ReasonMalformedToken, "a canonical payload", err.Error())
	}
	defer o.Close()
	c.text = o.Text
	for o.Next() {
		if f := c.read(o); f != nil {
			return f
		}
	}
	if err := o.Err(); err != nil {
		return failed(ReasonMalformedClaims, "one strict JSON object", err.Error())
	}
	return nil
}

// read takes in one member. A known claim of the wrong JSON type is an error of
// o, which ends the loop; null is a wrong type.
func (c *claims) read(o *jose.Object) *failure {
	name := o.Name()
	switch name {
	case "iss":
		c.issuer = o.String()
	case "sub":
		c.subject = o.String()
	case "sid":
		if o.Kind() == jsontext.KindString { // else a claim of somebody's own, and no session
			c.session = o.String()
		}
	case "status":
		if o.Kind() == jsontext.KindBeginObject { // else a claim of somebody's own
			c.status = o.Object()
		}
	case "jti":
		c.id = o.String()
	case "aud":
		if c.audience = stringOrList(o); len(c.audience) > maxList {
			o.Refuse()
		}
	case "exp":
		return readDate(o, &c.expiry, false)
	case "nbf":
		return readDate(o, &c.notBefore, true)
	case "iat":
		return readDate(o, &c.issuedAt, true)
	case "client_id":
		c.clients[claimClientID] = o.String()
	case "cid":
		c.clients[claimCID] = o.String()
	case "azp":
		c.clients[claimAZP] = o.String()
	case "appid":
		c.clients[claimAppID] = o.String()
	case "scope":
		return c.readScopes(o, claimScope)
	case "scp":
		return c.readScopes(o, claimSCP)
	case "cnf":
		return c.readConfirmation(o)
	case "nonce", "at_hash", "c_hash", "s_hash", "events":
		c.foreign = append(c.foreign, name)
	case "typ":
		c.readKind(o, &c.kind)
	case "token_use":
		c.readKind(o, &c.use)
	}
	return nil
}

// readKind reads a claim in which some servers say what kind of token this is:
// typ "Bearer" or "ID" (Keycloak), token_use "access" or "id" (Cognito).
func (c *claims) readKind(o *jose.Object, into *string) {
	if o.Kind() == jsontext.KindString {
		*into = strings.ToLower(o.String())
		switch *into {
		case "bearer", "dpop", "access", "jwt", "at+jwt":
			return
		}
	}
	c.foreign = append(c.foreign, o.Name())
}

// maxList is how many audiences or scopes a token may have: short ones take many
// times their text in memory, for as long as the token is kept.
const maxList = 4096

// stringOrList reads the two forms of aud (RFC 7519 4.1.3).
func stringOrList(o *jose.Object) []string {
	if o.Kind() == jsontext.KindString {
		return []string{o.String()}
	}
	return o.Strings()
}

// maxDate is the end of the year 9999.
const maxDate = 253402300799

// readDate reads a NumericDate (RFC 7519 2): a number of seconds, possibly with
// a fraction. Some servers send nbf 0; exp 0 would mean "absent" to careless
// readers, and never happens honestly.
func readDate(o *jose.Object, into *numericDate, zero bool) *failure {
	text := o.Number()
	date, ok := parseDate(text)
	if !ok || date == 0 && !zero {
		return failed(ReasonMalformedClaims, "a NumericDate", text)
	}
	*into = date
	return nil
}

func parseDate(text string) (numericDate, bool) {
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil { // nearly all: exactly, and in less time
		return numericDate(seconds * 1e6), true
	}
	seconds, _ := strconv.ParseFloat(text, 64) // what is out of its range is infinite
	if seconds < 0 || seconds > maxDate {
		return 0, false
	}
	return numericDate(math.Floor(seconds * 1e6)), true
}

// readScopes reads a space-separated string (RFC 6749 3.3) or an array. A member
// of an array is one scope: one with a space in it could be read as two by the
// next system, and is refused with everything else outside of the grammar.
func (c *claims) readScopes(o *jose.Object, claim scopeClaim) *failure {
	set := scopeSet{present: true}
	if o.Kind() == jsontext.KindString {
		set.list = splitScopes(o.String())
	} else {
		set.list = o.Strings()
	}
	if len(set.list) > maxList {
		o.Refuse()
	}
	for _, scope := range set.list {
		if !isScopeToken(scope) {
			return failed(ReasonMalformedScope, "scope tokens of RFC 6749 3.3", scope)
		}
	}
	c.scopes[claim] = set
	return nil
}

// splitScopes returns no nil: an empty scope is not an absent one.
func splitScopes(text string) []string {
	if text == "" {
		return []string{}
	}
	list := make([]string, 0, strings.Count(text, " ")+1)
	for scope := range strings.SplitSeq(text, " ") {
		if scope != "" {
			list = append(list, scope)
		}
	}
	return list
}

// isScopeToken is scope-token of RFC 6749 3.3: 1*( %x21 / %x23-5B / %x5D-7E ).
func isScopeToken(scope string) bool {
	for i := range len(scope) {
		if c := scope[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return scope != ""
}

// readConfirmation reads cnf (RFC 7800 3.1). A method that we do not know may be
// the one that protects the token: ignoring it would make a bound token a bearer
// token.
func (c *claims) readConfirmation(o *jose.Object) *failure {
	malformed := failed(ReasonConfirmationMalformed, "an object with jkt or x5t#S256, each a SHA-256 hash in base64url", "")
	inner := jose.ReadObject(o.Object(), nil) // nothing, if it is no object, and that is malformed too
	defer inner.Close()
	known, unknown := true, ""
	for inner.Next() {
		switch name := inner.Name(); name {
		case "jkt":
			c.confirmation.JKT = thumbprint(inner)
		case "x5t#S256":
			c.confirmation.X5TS256 = thumbprint(inner)
		default:
			known, unknown = false, name
		}
	}
	switch {
	case inner.Err() != nil:
		return malformed
	case !known:
		return failed(ReasonConfirmationUnknown, "jkt or x5t#S256", unknown)
	case c.confirmation == Confirmation{}:
		return malformed
	}
	return nil
}

// thumbprint reads a SHA-256 hash in its one canonical base64url form.
func thumbprint(o *jose.Object) string {
	text := o.String()
	if !isThumbprint(text) {
		o.Refuse()
	}
	return text
}

func isThumbprint(text string) bool {
	_, err := jose.AppendSegment(nil, text)
	return err == nil && len(text) == 43
}
