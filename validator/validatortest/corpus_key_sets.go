package validatortest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
)

// material are the keys of the corpus of key sets, which the server itself never lists.
type material struct {
	ec, rsa, ed, other key
	weak               *rsa.PrivateKey // 1024 bits
}

// KeySets are key sets, and tokens by what is in them (RFC 7517). A bad key comes alone
// beside a good one: a token by it must be refused, and one by the good key accepted. The
// tokens carry good signatures wherever there is a key to make them with. Each case has to
// be arranged ([Case.Arrange]), and tried by an API that has read no keys yet.
func (s *Server) KeySets(clientID string) []Case {
	c := s.corpus(KeySets, clientID)
	s.materials()
	return c.collect(c.goodKeys, c.uses, c.kinds, c.texts, c.weakKeys, c.privateKeys, c.sameKids, c.wholeSets)
}

// materials makes the keys once per server.
func (s *Server) materials() {
	s.mu.Lock()
	made := s.material.weak != nil
	s.mu.Unlock()
	if made {
		return
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(fmt.Sprintf("validatortest: %v", err))
	}
	of := func(alg string) key { return key{kid: "k", alg: alg, signer: mustSigner(alg)} }
	m := material{of("ES256"), of("RS256"), of("EdDSA"), of("ES256"), weak}
	m.other.kid = "other"
	s.mu.Lock()
	defer s.mu.Unlock()
	s.material = m
	s.ring.borrowed = append(s.ring.borrowed, m.rsa.signer.(*rsa.PrivateKey))
}

// members is a JWK that can be edited.
type members map[string]any

func (m members) with(pairs ...any) members {
	m = maps.Clone(m)
	for i := 0; i < len(pairs); i += 2 {
		if m[pairs[i].(string)] = pairs[i+1]; pairs[i+1] == nil {
			delete(m, pairs[i].(string))
		}
	}
	return m
}

// text is the JWK as JSON, with a member in front.
func (m members) text(member string) json.RawMessage {
	return json.RawMessage(first(member)(string(mustJSON(m))))
}

// public is the JWK of a key: kty, kid and the material, without use and alg.
func (k key) public() members {
	var m members
	j := publicJWK(k.signer.Public())
	j.Kid = k.kid
	if err := json.Unmarshal(mustJSON(j), &m); err != nil {
		panic(err)
	}
	return m
}

// listing is a case with a token by k, and a set.
func (c *corpus) listing(name, kills, reason string, k key, set string, edits ...Edit) {
	header, claims := c.s.accessToken()
	of := Case{
		Name: name, Kills: kills, Reason: reason, Accept: reason == "", asked: (*Server).KeyRequests,
		Token: c.s.mint(k, header, claims, append([]Edit{ClientID(c.client)}, edits...)),
	}
	if reason != "" {
		of.Neighbour = map[string]string{"RS256": "key-rsa", "EdDSA": "key-ed25519"}[k.alg]
		if of.Neighbour == "" {
			of.Neighbour = "key-ec"
		}
	}
	if reason == "algorithm_not_allowed" {
		of.asked = nil // nobody needs keys for it
	}
	of.arrange = func(s *Server) func() {
		s.ServeKeySet([]byte(set))
		return func() { s.ServeKeySet(nil) }
	}
	c.add(of)
}

// setOf is a set of JWKs: members, or texts.
func setOf(keys ...any) string {
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = fmt.Sprintf("%s", k)
		if m, ok := k.(members); ok {
			texts[i] = string(mustJSON(m))
		}
	}
	return `{"keys":[` + strings.Join(texts, ",") + "]}"
}

// bad is two cases of a JWK that is no key for signatures: by it, and by the good one
// that is listed before it or behind it, as the name says.
func (c *corpus) bad(name, kills string, k key, jwk any) {
	good := c.s.material.other
	c.listing(name, kills, "unknown_key", k, setOf(jwk, good.public()))
	c.listing("good-behind-"+name, "", "", good, setOf(jwk, good.public()))
	c.listing("good-before-"+name, "", "", good, setOf(good.public(), jwk))
}

func (c *corpus) goodKeys() {
	m := c.s.material
	good := func(name string, k key, jwk members) { c.listing(name, "", "", k, setOf(jwk, m.other.public())) }
	good("key-ec", m.ec, m.ec.public())
	good("key-rsa", m.rsa, m.rsa.public())
	good("key-ed25519", m.ed, m.ed.public())
	good("key_ops-sign-and-verify", m.ec, m.ec.public().with("key_ops", []string{"sign", "verify"}))
	good("use-sig", m.ec, m.ec.public().with("use", "sig"))
	good("key_ops-verify", m.ec, m.ec.public().with("key_ops", []string{"verify", "urn:example:other"}))
	good("alg-of-the-key", m.rsa, m.rsa.public().with("alg", "RS256"))
	good("x5u-never-followed", m.ec, m.ec.public().with("x5u", "http://elsewhere.example/cert"))
	good("members-unknown", m.ec, m.ec.public().with("x", m.ec.public()["x"], "ext", map[string]any{"a": 1}))
	c.listing("same-kid-for-two-kinds", "", "", m.ec, setOf(m.ec.public(), m.rsa.public())) // RFC 7517 section 4.5
	c.listing("listed-twice", "", "", m.ec, setOf(m.ec.public(), m.ec.public().with("use", "sig")))
	c.listing("members-beside-keys", "", "", m.ec, `{"a":{"keys":[]},"KEYS":null,`+setOf(m.ec.public())[1:])
}

// uses are good keys that say that they are not for this (RFC 7517 sections 4.2 to 4.4).
func (c *corpus) uses() {
	ec, rsa := c.s.material.ec, c.s.material.rsa
	bad := func(name string, pairs ...any) { c.bad(name, "use of a key", ec, ec.public().with(pairs...)) }
	bad("use-enc", "use", "enc")
	bad("use-unknown", "use", "proof")
	bad("use-in-another-case", "use", "SIG")
	bad("use-number", "use", 1)
	bad("key_ops-sign", "key_ops", []string{"sign"})
	bad("key_ops-empty", "key_ops", []string{})
	bad("key_ops-string", "key_ops", "verify")
	bad("key_ops-encrypt", "key_ops", []string{"encrypt", "wrapKey"})
	for name, alg := range map[string]any{"es384": "ES384", "rs256": "RS256", "number": 7, "none": "none"} {
		c.bad("alg-of-the-key-"+name, "alg of a key", ec, ec.public().with("alg", alg))
	}
	for _, alg := range []string{"RSA-OAEP", "HS256", "PS256"} {
		c.bad("alg-of-the-key-"+alg, "alg of a key", rsa, rsa.public().with("alg", alg))
	}
}

// kinds are no keys, or of no kind that signs (RFC 7518 section 6).
func (c *corpus) kinds() {
	m := c.s.material
	ec, ed := m.ec.public(), m.ed.public()
	bad := func(name string, k key, jwk any) { c.bad("kind-"+name, "kind of a key", k, jwk) }
	bad("kty-unknown", m.ec, ec.with("kty", "XYZ"))
	bad("kty-absent", m.ec, ec.with("kty", nil))
	bad("kty-in-another-case", m.ec, ec.with("kty", "ec"))
	bad("akp", m.ec, members{"kty": "AKP", "kid": "k", "alg": "ML-DSA-44", "pub": "AAAA"})
	bad("secp256k1", m.ec, ec.with("crv", "secp256k1"))
	bad("x25519", m.ed, ed.with("crv", "X25519"))
	bad("ed448", m.ed, ed.with("crv", "Ed448"))
	bad("oct-with-alg", m.ec, members{"kty": "oct", "kid": "k", "alg": "HS256", "k": ec["x"]})
	secret := members{"kty": "oct", "kid": "k", "k": ec["x"]}
	bad("oct", m.ec, secret)
	c.listing("kind-oct-hs256", "alg", "algorithm_not_allowed", m.ec, setOf(secret, m.other.public()), HeaderParam("alg", "HS256"))
	bad("x5c-of-another", m.ec, ec.with("x5c", x5c(c.outsider)))
	bad("x5c-no-certificate", m.ec, ec.with("x5c", []string{"AAAA"}))
	bad("x5c-no-base64", m.ec, ec.with("x5c", []string{"!"}))
	bad("issuer-number", m.ec, ec.with("issuer", 1))
	bad("issuer-array", m.ec, ec.with("issuer", []string{"https://as.example"}))
	bad("issuer-null", m.ec, ec.text(`"issuer":null`))
	bad("issuer-empty", m.ec, ec.with("issuer", ""))
}

// texts are JWKs that two readers may read in two ways, or not at all.
func (c *corpus) texts() {
	k := c.s.material.ec
	ec := k.public()
	bad := func(name string, jwk any) { c.bad("jwk-"+name, "strict JSON of a key", k, jwk) }
	bad("null", "null")
	bad("number", "1")
	bad("array", "[]")
	bad("string", `"key"`)
	bad("empty", "{}")
	bad("kid-number", ec.with("kid", 1))
	bad("duplicate-kid", ec.text(`"kid":"another"`))
	bad("duplicate-kty", ec.text(`"kty":"RSA"`))
	bad("duplicate-nested", ec.text(`"ext":{"a":1,"a":2}`))
	bad("invalid-utf8", ec.text("\"ext\":\"\xff\""))
	bad("lone-surrogate", ec.text(`"ext":"\ud800"`))
	bad("kid-invalid-utf8", ec.with("kid", nil).text("\"kid\":\"k\xff\""))
	bad("kid-lone-surrogate", ec.with("kid", nil).text(`"kid":"k\ud800"`))
	bad("duplicate-kid-of-one-value", ec.text(`"kid":"k"`))
	bad("duplicate-issuer", ec.text(`"issuer":"https://as.example","issuer":"https://as.example"`))
}

// weakKeys have a signature that others can make, or none at all.
func (c *corpus) weakKeys() {
	m := c.s.material
	ec, public, ed := m.ec.public(), m.rsa.public(), m.ed.public()
	bad := func(name string, k key, jwk any) { c.bad("weak-"+name, "strength of a key", k, jwk) }
	small := key{kid: "k", alg: "RS256", signer: m.weak}
	bad("rsa-1024", small, small.public())
	n := m.weak.N.FillBytes(make([]byte, 256))
	bad("rsa-1024-with-zeros", small, small.public().with("n", b64.EncodeToString(n)))
	for _, bits := range []int{8200, 16384} {
		large := new(big.Int).SetBit(new(big.Int).SetBit(m.rsa.signer.Public().(*rsa.PublicKey).N, 0, 1), bits-1, 1)
		bad(fmt.Sprint("rsa-", bits), m.rsa, public.with("n", b64.EncodeToString(large.Bytes())))
	}
	for _, e := range []named{{"one", "AQ"}, {"two", "Ag"}, {"even", "AQAA"}, {"zero", "AA"}} {
		bad("rsa-e-"+e.name, m.rsa, public.with("e", e.value))
	}
	bad("rsa-e-absent", m.rsa, public.with("e", nil))
	bad("rsa-e-number", m.rsa, public.with("e", 65537))
	bad("rsa-n-absent", m.rsa, public.with("n", nil))
	bad("rsa-n-no-base64url", m.rsa, public.with("n", "+++"))
	bad("ec-x-absent", m.ec, ec.with("x", nil))
	bad("ec-y-absent", m.ec, ec.with("y", nil))
	bad("ec-crv-absent", m.ec, ec.with("crv", nil))
	bad("ec-off-the-curve", m.ec, ec.with("y", ec["x"]))
	bad("ec-of-another-curve", m.ec, ec.with("crv", "P-384"))
	bad("ec-infinity", m.ec, ec.with("x", "AA", "y", "AA"))
	bad("ed25519-short", m.ed, ed.with("x", strings.Repeat("A", 42)))
	bad("ed25519-small-order", m.ed, ed.with("x", b64.EncodeToString(make([]byte, 32))))
}

// privateKeys are published: anybody can sign with them (RFC 7517 section 9.2).
func (c *corpus) privateKeys() {
	rsa, ec := c.s.material.rsa, c.s.material.ec
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
		c.bad("private-rsa-"+name, "private members", rsa, rsa.public().with(name, "AQAB"))
	}
	c.bad("private-rsa-oth", "private members", rsa, rsa.public().with("oth", []map[string]string{{"r": "AA", "d": "AA", "t": "AA"}}))
	c.bad("private-ec-d", "private members", ec, ec.public().with("d", "AQAB"))
	c.bad("private-ec-k", "private members", ec, ec.public().with("k", "AQAB"))
}

// sameKids leave open which key is meant.
func (c *corpus) sameKids() {
	m := c.s.material
	same := m.other.public().with("kid", "k")
	two := func(name string, set string, edits ...Edit) {
		c.listing(name, "one key for a kid", "unknown_key", m.ec, set, edits...)
	}
	two("same-kid-for-two-keys", setOf(m.ec.public(), same))
	two("same-kid-for-two-keys-other-order", setOf(same, m.ec.public()))
	third := m.other.public().with("kid", "k", "use", "sig")
	two("same-kid-for-one-key-twice-and-another", setOf(m.ec.public(), m.ec.public().with("use", "sig"), third))
	two("one-key-for-two-issuers", setOf(m.ec.public().with("issuer", "https://a.example"), m.ec.public().with("issuer", "https://b.example")))
	two("one-key-for-an-issuer-and-for-none", setOf(m.ec.public(), m.ec.public().with("issuer", "https://a.example")))
	two("kid-absent-one-key-under-two-kids", setOf(m.ec.public(), m.ec.public().with("kid", "copy")), NoHeaderParam("kid"))
	two("kid-in-another-case", setOf(m.ec.public().with("kid", "K")))
	two("kid-of-no-key", setOf(m.ec.public().with("kid", nil)))
	two("kid-absent-two-keys-fit", setOf(m.ec.public(), m.other.public()), NoHeaderParam("kid"))
	two("alg-of-no-key", setOf(m.ec.public().with("kid", "other"), m.rsa.public()))
}

// wholeSets are none: nothing is known of keys (RFC 7517 section 5).
func (c *corpus) wholeSets() {
	m := c.s.material
	fine := string(mustJSON(m.ec.public()))
	for _, v := range []named{
		{"empty", ""}, {"no-json", "keys"}, {"an-array", "[" + fine + "]"}, {"null", "null"}, {"a-key", fine},
		{"in-another-case", `{"Keys":[` + fine + `]}`}, {"keys-absent", "{}"}, {"keys-null", `{"keys":null}`},
		{"keys-twice", `{"keys":[` + fine + `],"keys":[` + fine + `]}`}, {"keys-twice-escaped", `{"keys":[` + fine + `],"\u006beys":[]}`},
		{"keys-an-object", `{"keys":{"k":` + fine + `}}`}, {"keys-a-string", `{"keys":"k"}`}, {"trailing-object", `{"keys":[` + fine + `]}{}`},
		{"trailing-text", `{"keys":[` + fine + `]} x`},
		{"login-page", loginPage}, {"an-array-like-one", `["keys",[` + fine + `]]`}, {"a-string", `"keys"`}, {"a-number", "1"}, {"keys-a-number", `{"keys":0}`},
		{"cut-in-a-name", `{"keys":[` + fine + `],"x`}, {"cut-in-a-value", `{"keys":[` + fine + `],"x":`}, {"without-colon", `{"keys" [` + fine + `]}`}, {"trailing-comma", `{"keys":[` + fine + `],}`}, {"cut", `{"keys":[` + fine},
		{"cut-at-the-end", `{"keys":[` + fine + `]`}, {"bom", "\ufeff" + `{"keys":[` + fine + `]}`},
		{"101-keys", setOf(slices.Concat([]any{m.ec.public()}, slices.Repeat([]any{"{}"}, 100))...)},
	} {
		c.listing("set-"+v.name, "strict JSON of a key set", "keys_unavailable", m.ec, v.value)
	}
	c.listing("set-of-100-keys", "", "", m.ec, setOf(slices.Concat([]any{m.ec.public()}, slices.Repeat([]any{"{}"}, 99))...))
	c.listing("set-of-no-keys", "a key set without keys", "keys_unavailable", m.ec, `{"keys":[]}`)
	c.listing("set-of-unusable-keys", "a key set without keys", "keys_unavailable", m.ec, `{"keys":[{},null]}`)
}
