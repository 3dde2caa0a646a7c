package validator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// ProfileSpec describes how a server spells its access tokens. It is data, so that
// everything about it is checked at start: New reports what is wrong with it as a
// mistake of Issuer.Profile. Names of claims are exact, and another claim of the
// same token may not resemble one of them (see Claims of your own in README.md).
type ProfileSpec struct {
	// Name is what refusals call the profile. Required.
	Name string
	// Types are the values of the header typ that are accepted, without regard to
	// case and to "application/" in front; "" for a token without typ. Required.
	Types []string
	// Marks are what an access token has and no other token of this server: all of
	// them must be there. Required, unless at+jwt is the only one of Types: a list of
	// what other tokens have is never complete (RFC 8725 3.11 and 3.12). They and
	// Required are about JWTs. The answer of an Introspection may leave their claims out,
	// so that a mark says nothing about whose an opaque token is, but may not contradict
	// a mark.
	Marks []Mark
	// AllowIDTokens accepts tokens without Marks, for servers that give an API nothing
	// but ID tokens, or access tokens that look like them: an ID token made for a
	// client is then as good as an access token, if its audience is configured.
	AllowIDTokens bool
	// AllowClaims are those claims of other kinds of tokens that this server's access
	// tokens have too: nonce, at_hash, c_hash, s_hash, events, typ or token_use with
	// a value other than of an access token. Default: each of them refuses a token.
	AllowClaims []string
	// Client is the claim that names the client, a string: it is held to
	// Issuer.ClientIDs. It may be whatever the server vouches for, such as sub or
	// repository. Another one of client_id, cid, azp and appid must agree if it is
	// there. Default: none, so that Issuer.AnyClient is needed, and a token that names a
	// client in one of those is refused.
	Client string
	// Scope is the claim that holds the scopes: scope or scp. The other one must
	// agree if it is there. Default: none, and a token that has one is refused.
	Scope string
	// Required are claims that must be there and not be null, false or empty, besides
	// iss, aud and exp.
	Required []string
	// Algorithms are those of an Issuer that names none. Default: all asymmetric ones.
	Algorithms []string
}

// Mark is a claim by which an access token is known. Without Values and Prefix it
// is enough that it is there and not null, false or empty.
type Mark struct {
	// Claim is the name of the claim.
	Claim string
	// Values are the strings of which it must be one, exactly. Any other JSON value is
	// compared by its text, such as 1 or true.
	Values []string
	// Prefix is what it must begin with, and go on after; it is then a string.
	Prefix string
}

// NewProfile returns the profile of a server that has none of its own here.
func NewProfile(spec ProfileSpec) Profile {
	marks := slices.Clone(spec.Marks)
	for i := range marks {
		marks[i].Values = slices.Clone(marks[i].Values)
	}
	rules := &profileRules{
		name: spec.Name, marks: describe(spec),
		types:   make([]string, 0, len(spec.Types)),
		mark:    func(c *candidate) bool { return c.marked(marks) },
		specs:   marks,
		denied:  true,
		allowed: slices.Clone(spec.AllowClaims), required: slices.Clone(spec.Required),
		algorithms: jose.AllAlgorithms, mistakes: spec.check(),
	}
	for _, typ := range spec.Types {
		rules.types = append(rules.types, normalType(typ))
	}
	if at := slices.Index(clientClaimNames[:], spec.Client); at >= 0 {
		rules.client = []clientClaim{clientClaim(at)}
	} else {
		rules.clientFrom = spec.Client
	}
	if at := slices.Index(scopeClaimNames[:], spec.Scope); at >= 0 {
		rules.scope = []scopeClaim{scopeClaim(at)}
	}
	if len(spec.Algorithms) > 0 {
		rules.algorithms = algorithms(spec.Algorithms)
	}
	rules.further = jose.NewNames(append(slices.Clone(spec.Required), claimsOf(spec)...)...)
	return Profile{rules}
}

// claimsOf are the claims that the marks and the client are in.
func claimsOf(spec ProfileSpec) (names []string) {
	for _, mark := range spec.Marks {
		names = append(names, mark.Claim)
	}
	if spec.Client != "" {
		names = append(names, spec.Client)
	}
	return names
}

// marked reports whether the candidate has all of the marks.
func (c *candidate) marked(marks []Mark) bool {
	return !slices.ContainsFunc(marks, func(m Mark) bool { return !m.on(c.further) })
}

// unmarked returns the first mark whose claim an answer has, with another value:
// whose token it is does not depend on how it is written. What kind of token it is,
// an answer says in words of its own (answerClaims.isAccessToken).
func (c *candidate) unmarked() string {
	for _, mark := range c.rules.specs {
		_, there := c.further[mark.Claim]
		if there && mark.Claim != "typ" && mark.Claim != "token_use" && !mark.on(c.further) {
			return mark.String()
		}
	}
	return ""
}

func (m *Mark) on(claims further) bool {
	raw := claims[m.Claim]
	text, isString := raw, false
	if strings.HasPrefix(raw, `"`) {
		isString = json.Unmarshal([]byte(raw), &text) == nil
	}
	switch {
	case m.Prefix != "" && !(isString && len(text) > len(m.Prefix) && strings.HasPrefix(text, m.Prefix)):
		return false
	case len(m.Values) > 0:
		return slices.Contains(m.Values, text)
	}
	return claims.has(m.Claim)
}

// String is the mark in words.
func (m Mark) String() string {
	text := "a claim " + m.Claim
	if m.Prefix != "" {
		text += fmt.Sprintf(" that begins with %q", m.Prefix)
	}
	if len(m.Values) > 0 {
		text += fmt.Sprintf(" of %q", m.Values)
	}
	return text
}

func describe(spec ProfileSpec) string {
	words := []string{fmt.Sprintf("typ of %q", spec.Types)}
	for _, mark := range spec.Marks {
		words = append(words, mark.String())
	}
	return strings.Join(words, ", ")
}

// check reports the mistakes in a spec; the field is what they are in.
func (spec *ProfileSpec) check() (m mistakes) {
	if spec.Name == "" {
		m.add("Name", "is required")
	}
	if len(spec.Types) == 0 {
		m.add("Types", "is required; \"\" is for tokens without typ")
	}
	spec.checkMarks(&m)
	for _, claim := range spec.AllowClaims {
		if !slices.Contains(foreignClaims, claim) {
			m.add("AllowClaims", "%q is none of %q", claim, foreignClaims)
		}
	}
	if spec.Scope != "" && !slices.Contains(scopeClaimNames[:], spec.Scope) {
		m.add("Scope", "%q is none of %q: roles, groups and permissions are no scopes", spec.Scope, scopeClaimNames)
	}
	if slices.Contains(spec.Required, "") {
		m.add("Required", "none may be empty")
	}
	for _, name := range spec.Algorithms {
		if _, ok := jose.ParseAlgorithm(name); !ok {
			m.add("Algorithms", "%q is not an asymmetric JWS algorithm that this library verifies", name)
		}
	}
	return m
}

func (spec *ProfileSpec) checkMarks(m *mistakes) {
	own := !slices.ContainsFunc(spec.Types, func(typ string) bool { return normalType(typ) != "at+jwt" })
	switch {
	case spec.AllowIDTokens && len(spec.Marks) > 0:
		m.add("AllowIDTokens", "says that there is no mark, but Marks are given")
	case !spec.AllowIDTokens && len(spec.Marks) == 0 && !own:
		m.add("Marks", "say how an access token is known, or AllowIDTokens")
	}
	for _, mark := range spec.Marks {
		if mark.Claim == "" {
			m.add("Marks", "a Claim is required")
		}
		if slices.Contains(neverInAccessTokens, mark.Claim) && !slices.Contains(spec.AllowClaims, mark.Claim) {
			m.add("Marks", "%s: refuses a token, unless AllowClaims has it", mark.Claim)
		}
		// OpenID Connect Core 2: every ID token has these.
		if len(mark.Values) == 0 && mark.Prefix == "" && slices.Contains([]string{"iss", "sub", "aud", "exp", "iat"}, mark.Claim) {
			m.add("Marks", "%s: every ID token has it too: say by which Values or Prefix an access token is known", mark.Claim)
		}
		if slices.Contains(mark.Values, "") {
			m.add("Marks", "%s: no value may be empty", mark.Claim)
		}
	}
}
