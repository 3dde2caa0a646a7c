package validatortest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"slices"
	"strings"
	"time"
)

// Corpus mints tokens, good and bad, for the server's issuer, audience and
// style and one client, at the time of its clock. They fit a validator that
// requires exactly these, allows [Server.Algorithms] as they are after the
// call, has a leeway of 30 seconds and no proof of possession. Try them
// within some 20 seconds of that clock. Under [StyleCognito] its audiences are
// the client and the server's audience, and of a server for all tenants it
// allows DefaultTenant alone.
//
// So that there are keys to confuse, it lists two RS256 keys and one of ES256
// where the server does not have them; the current key stays. Few kids are
// unknown, because a validator may limit how often those make it look for
// keys.
func (s *Server) Corpus(clientID string) []Case {
	c := s.corpus(Tokens, clientID)
	c.rsa2 = s.listedKey("RS256", c.rsa)
	return c.collect(
		c.good, c.size, c.alphabet, c.shape, c.encoding, c.header, c.critical,
		c.text, c.members, c.types, c.issuer, c.kind, c.algorithm, c.times,
		c.audience, c.clients, c.scopes, c.confirmation, c.keys, c.embedded,
		c.signature, c.signatureES256, c.tampered,
	)
}

// corpus collects cases.
type corpus struct {
	s             *Server
	family        Family
	client        string
	now           time.Time
	rsa, rsa2, ec string        // kids of listed keys
	outsider      crypto.Signer // a P-256 key that nobody lists
	cases         []Case

	receiver string               // of Events and Logouts
	signal   func(...Edit) string // a good one of them, after edits
}

func (s *Server) corpus(family Family, clientID string) *corpus {
	c := &corpus{s: s, family: family, client: clientID, now: s.opts.Clock()}
	c.rsa, c.ec = s.listedKey("RS256"), s.listedKey("ES256")
	c.outsider = s.outsideKey(c.ec)
	return c
}

func (c *corpus) collect(parts ...func()) []Case {
	for _, add := range parts {
		add()
	}
	return c.cases
}

func (c *corpus) accept(name, token string) {
	c.add(Case{Name: name, Token: token, Accept: true})
}

func (c *corpus) refuse(name, kills, neighbour, reason, token string) {
	c.add(Case{Name: name, Kills: kills, Neighbour: neighbour, Token: token, Reason: reason})
}

func (c *corpus) add(of Case) {
	of.Family, of.Name, of.Neighbour = c.family, kebab(of.Name), kebab(of.Neighbour)
	c.cases = append(c.cases, of)
}

// kebab spells names made of those of claims and algorithms as the others.
func kebab(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "-", " ", "-").Replace(name))
}

// named is a value with a name for the case it makes.
type named struct{ name, value string }

// token is the good token after edits.
func (c *corpus) token(edits ...Edit) string { return c.by("", edits...) }

// by is token signed by another key.
func (c *corpus) by(kid string, edits ...Edit) string {
	return c.s.MintWith(kid, append([]Edit{ClientID(c.client)}, edits...)...)
}

// rewrite is the good token after edits with other claims text, signed.
func (c *corpus) rewrite(edit func(claims string) string, edits ...Edit) string {
	header, claims := decodeJWS(c.token(edits...))
	return c.s.Sign("", header, []byte(edit(string(claims))))
}

// last puts a member, such as `"a":1`, behind the others.
func last(member string) func(string) string {
	return func(object string) string { return object[:len(object)-1] + "," + member + "}" }
}

// first puts a member before the others.
func first(member string) func(string) string {
	return func(object string) string { return "{" + member + "," + object[1:] }
}

// clientClaim and scopeClaim are the names of the server's style.
func (c *corpus) clientClaim() string { return c.s.dialect().client }
func (c *corpus) scopeClaim() string  { return c.s.dialect().scope }

// is reports whether the server is of one of the styles.
func (c *corpus) is(styles ...Style) bool { return slices.Contains(styles, c.s.opts.Style) }

// decodeJWS returns header and payload of a token that this package made.
func decodeJWS(token string) (header, payload []byte) {
	parts := strings.Split(token, ".")
	header, err1 := b64.DecodeString(parts[0])
	payload, err2 := b64.DecodeString(parts[1])
	if err1 != nil || err2 != nil {
		panic("validatortest: not a token of this package")
	}
	return header, payload
}

// otherCase differs from s in the case of its letters, or at all.
func otherCase(s string) string {
	for _, t := range []string{strings.ToUpper(s), strings.ToLower(s)} {
		if t != s {
			return t
		}
	}
	return s + "x"
}

// listedKey returns a listed key of the algorithm, the current one if it can,
// a new one if it must.
func (s *Server) listedKey(alg string, not ...string) string {
	s.mu.Lock()
	kids := s.ring.listed(alg)
	current := s.ring.current
	s.mu.Unlock()
	kids = slices.DeleteFunc(kids, func(kid string) bool { return slices.Contains(not, kid) })
	if slices.Contains(kids, current) {
		return current
	}
	if len(kids) > 0 {
		return kids[0]
	}
	kid := s.Prepare(alg)
	s.Publish(kid)
	return kid
}

// listed returns the kids of the listed keys of the algorithm.
func (r *ring) listed(alg string) []string {
	var kids []string
	for _, k := range r.keys {
		if k.listed && k.alg == alg {
			kids = append(kids, k.kid)
		}
	}
	return kids
}

// outsideKey returns the key of an attacker. A key set that lists it, under
// the kid given and under nobody's, is served at the jku of the corpus: who
// follows that accepts a forgery.
func (s *Server) outsideKey(kid string) crypto.Signer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outsider == nil {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		s.outsider = k
	}
	foreign := func(kid string) key { return key{kid: kid, alg: "ES256", signer: s.outsider, listed: true} }
	r := ring{keys: []key{foreign(kid), foreign(unknownKID)}}
	s.outsideSet = r.keySet(nil)
	return s.outsider
}
