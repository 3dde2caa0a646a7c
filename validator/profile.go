package validator

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// Profile is how an authorization server spells an access token: what marks it
// as one, which claim names the client and which the scopes. The zero Profile is
// generic: typ at+jwt, or a client_id or cid claim, and nothing that belongs to
// an ID token, a logout token or an event.
type Profile struct{ own *profileRules }

// Okta is the profile of Okta's custom authorization servers: cid names the
// client and marks the access token, scp holds the scopes. Signatures are RS256 unless
// Algorithms says otherwise.
func Okta() Profile { return Profile{oktaRules} }

// RFC9068 is the profile of the JWT Profile for OAuth 2.0 Access Tokens: typ
// must be at+jwt, and iss, exp, aud, sub, client_id, iat and jti must be present.
func RFC9068() Profile { return Profile{rfc9068Rules} }

// profileRules are the data of a profile. The checks that use them are in
// checks.go.
type profileRules struct {
	name    string
	marks   string   // the positive marks, in words
	types   []string // typ, in normal form; "" means absent
	mark    func(*candidate) bool
	specs   []Mark   // those of a ProfileSpec
	denied  bool     // claims of other kinds of tokens refuse it
	allowed []string // but these do not
	// client and scope are the authoritative claims, in order of preference;
	// another known one that is present must agree.
	client []clientClaim
	scope  []scopeClaim
	// clientFrom is the authoritative claim where it is none of the known ones.
	clientFrom string
	// clientStandsIn: a token without aud is for its client.
	clientStandsIn bool
	// required are claims that must be there besides iss, exp and aud.
	required   []string
	algorithms jose.Algorithms

	further  *jose.Names                // claims that are read besides those that every token has
	tenants  *Tenants                   // Entra ID; nil: there are none
	keysSay  bool                       // each key of them says whose it is
	ends     map[string]string          // how an issuer's URL ends, by the domain it is under
	metadata func(issuer string) string // where an issuer's are; "" or nil: where they always are
	mistakes mistakes                   // in what it was made of
}

var genericRules = &profileRules{
	name:  "generic",
	marks: "typ at+jwt, or a claim client_id or cid",
	types: []string{"", "jwt", "at+jwt"},
	mark: func(c *candidate) bool {
		return c.typ == "at+jwt" || c.claims.clients[claimClientID] != "" || c.claims.clients[claimCID] != ""
	},
	denied:     true,
	client:     []clientClaim{claimClientID, claimCID},
	scope:      []scopeClaim{claimScope, claimSCP},
	algorithms: jose.AllAlgorithms,
}

var rfc9068Rules = &profileRules{
	name:       "RFC 9068",
	marks:      "typ at+jwt",
	types:      []string{"at+jwt"}, // RFC 9068 4: anything else MUST be rejected
	mark:       func(*candidate) bool { return true },
	client:     []clientClaim{claimClientID},
	scope:      []scopeClaim{claimScope},
	required:   []string{"sub", "iat", "jti", "client_id"}, // RFC 9068 2.2
	algorithms: jose.AllAlgorithms,
}

var oktaRules = &profileRules{
	name:       "Okta",
	marks:      "a claim cid",
	types:      []string{"", "jwt", "at+jwt"},
	mark:       func(c *candidate) bool { return c.claims.clients[claimCID] != "" }, // Okta's ID tokens have no cid
	client:     []clientClaim{claimCID},
	scope:      []scopeClaim{claimSCP},
	algorithms: jose.NewAlgorithms(jose.RS256), // the only one that Okta signs access tokens with
}

func (p Profile) rules() *profileRules {
	if p.own == nil {
		return genericRules
	}
	return p.own
}

// metadataOf is where an issuer's metadata are; empty: where they always are.
func (r *profileRules) metadataOf(issuer string) string {
	if r.metadata == nil {
		return ""
	}
	return r.metadata(issuer)
}

// clientOf returns the client that the authoritative claim names, and whether
// every other known claim that is present agrees.
func (r *profileRules) clientOf(c *candidate) (client string, agree bool) {
	for _, claim := range r.client {
		if client = c.claims.clients[claim]; client != "" {
			break
		}
	}
	if r.clientFrom != "" {
		own := c.further.text(r.clientFrom)
		if client != "" && own != "" && own != client {
			return client, false // an answer names a client_id besides
		}
		client = cmp.Or(client, own)
	}
	for _, other := range c.claims.clients {
		if other != "" && other != client {
			return client, false
		}
	}
	return client, true
}

// endsAt is how an issuer's URL ends at a host: "" if that is not known. Nobody sends
// an iss without it, so a URL without it would be that of no token.
func (r *profileRules) endsAt(host string) string {
	for domain, end := range r.ends {
		if host == domain || strings.HasSuffix(host, "."+domain) {
			return end
		}
	}
	return ""
}

// scopesOf returns the scopes of the authoritative claim, and whether the other
// one, if present, says the same.
func (r *profileRules) scopesOf(c *claims) (scopes []string, agree bool) {
	for _, claim := range r.scope {
		if c.scopes[claim].present {
			scopes = c.scopes[claim].list
			break
		}
	}
	for _, other := range c.scopes {
		if other.present && !sameSet(other.list, scopes) {
			return scopes, false
		}
	}
	return scopes, true
}

// forAnswers are the rules for what an introspection answer says: RFC 7662 2.2
// names client_id and scope; what else the profile knows must agree, or stands in.
func (r *profileRules) forAnswers() *profileRules {
	answers := *r
	answers.client = append([]clientClaim{claimClientID}, r.client...)
	answers.scope = append([]scopeClaim{claimScope}, r.scope...)
	return &answers
}

// sameSet compares two lists as sets, in linear time: both may be the sender's,
// and this runs before the signature is looked at.
func sameSet(a, b []string) bool {
	return slices.Equal(a, b) || maps.Equal(setOf(a), setOf(b))
}

func setOf(list []string) map[string]struct{} {
	set := make(map[string]struct{}, len(list))
	for _, one := range list {
		set[one] = struct{}{}
	}
	return set
}

// saysItIs is all by which a token tells what kind it is, for logs: a claim typ is
// easily taken for the header's.
func (c *candidate) saysItIs() string {
	said := "no header typ"
	if c.typ != "" {
		said = "header typ " + c.typ
	}
	if c.claims.kind != "" {
		said += ", claim typ " + c.claims.kind
	}
	if c.claims.use != "" {
		said += ", claim token_use " + c.claims.use
	}
	if len(c.claims.foreign) > 0 {
		said += ", of another kind of token: " + strings.Join(c.claims.foreign, " ")
	}
	return said
}
