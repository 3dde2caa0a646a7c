package validatortest

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.Hash
	_ "crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"time"
)

const (
	unknownKID  = "nobody"
	outsidePath = "/corpus/outsider/keys"
)

// outsideURL is where the attacker's key set is.
func (s *Server) outsideURL() string { return s.address(s.path() + outsidePath) }

// algorithm adds what no issuer of the validator signs with (RFC 8725
// sections 3.1 and 3.2).
func (c *corpus) algorithm() {
	for _, v := range []named{
		{"none", "none"}, {"none-capitalized", "None"}, {"none-upper-case", "NONE"}, {"none-mixed-case", "nOnE"},
		{"unknown", "RS257"}, {"es256k", "ES256K"}, {"space", "RS256 "}, {"lower-case", "rs256"}, {"hs256", "HS256"},
	} {
		c.refuse("alg-"+v.name, "alg", "good", "algorithm_not_allowed", c.token(HeaderParam("alg", v.value)))
	}
	allowed := c.s.Algorithms()
	for _, alg := range []string{"PS256", "PS384", "PS512", "RS384", "RS512"} {
		if !slices.Contains(allowed, alg) {
			c.refuse("alg-not-allowed-"+alg, "alg", "good-rs256", "algorithm_not_allowed", c.byAlg(c.rsa, alg))
		}
	}
	for _, v := range c.publicForms() {
		c.refuse("hs256-"+v.name, "alg", "good-rs256", "algorithm_not_allowed", c.byHMAC("HS256", crypto.SHA256, v.value))
	}
	public := c.publicForms()[0].value
	c.refuse("hs384-pem", "alg", "good-rs256", "algorithm_not_allowed", c.byHMAC("HS384", crypto.SHA384, public))
	c.refuse("hs512-pem", "alg", "good-rs256", "algorithm_not_allowed", c.byHMAC("HS512", crypto.SHA512, public))
}

// byAlg signs with a key, and says so, by another algorithm than the key's.
func (c *corpus) byAlg(kid, alg string) string {
	h, p, _ := segments(c.by(kid, HeaderParam("alg", alg)))
	return h + "." + p + "." + b64.EncodeToString(signAs(alg, c.s.key(kid).signer, h+"."+p))
}

// byHMAC takes a public text for an HMAC secret.
func (c *corpus) byHMAC(alg string, hash crypto.Hash, secret string) string {
	h, p, _ := segments(c.by(c.rsa, HeaderParam("alg", alg)))
	return h + "." + p + "." + b64.EncodeToString(hmacOf(hash, secret, h+"."+p))
}

func hmacOf(hash crypto.Hash, secret, input string) []byte {
	m := hmac.New(hash.New, []byte(secret))
	m.Write([]byte(input))
	return m.Sum(nil)
}

// publicForms spells the RSA key as libraries that confuse it with a secret
// would hold it.
func (c *corpus) publicForms() []named {
	k := c.s.key(c.rsa)
	public := k.signer.Public().(*rsa.PublicKey)
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		panic(err)
	}
	block := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	pkcs1 := x509.MarshalPKCS1PublicKey(public)
	return []named{
		{"pem", block},
		{"pem-without-newline", strings.TrimSpace(block)},
		{"pem-pkcs1", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: pkcs1}))},
		{"der", string(der)},
		{"der-pkcs1", string(pkcs1)},
		{"jwk", string(mustJSON(k.jwk()))},
		{"jwk-n", k.jwk().N},
		{"modulus", string(public.N.Bytes())},
		{"empty-secret", ""},
	}
}

// keys adds tokens whose key is not to be found (RFC 7515 section 4.1.4).
func (c *corpus) keys() {
	add := func(name, neighbour, token string) { c.refuse(name, "key by kid", neighbour, "unknown_key", token) }
	add("kid-unlisted", "good", c.token(HeaderParam("kid", unknownKID)))
	add("kid-and-key-unlisted", "good-es256", c.forge(HeaderParam("kid", unknownKID)))
	add("kid-absent-several-keys-fit", "good-rs256", c.by(c.rsa, NoHeaderParam("kid")))
	switch { // one of them: see Corpus
	case c.is(StyleKeycloak):
		add("kid-of-the-encryption-key", "good-rs256", c.by(EncryptionKID))
	case c.is(StyleCognito):
		add("kid-without-padding", "good", c.token(HeaderParam("kid", strings.TrimRight(c.s.KID(), "="))))
	default:
		add("kid-of-a-key-of-another-type", "good-rs256", c.by(c.rsa, HeaderParam("kid", c.ec)))
	}
}

// forge is the good token signed by the attacker, under the kid of the ES256
// key unless edited.
func (c *corpus) forge(edits ...Edit) string {
	h, p, _ := segments(c.by(c.ec, edits...))
	return key{alg: "ES256", signer: c.outsider}.compact(h, p)
}

// embedded adds forgeries that bring or name their key (RFC 7515 sections
// 4.1.2 to 4.1.6): nothing a token says about keys is to be believed.
func (c *corpus) embedded() {
	for _, v := range []struct {
		name  string
		value any
	}{
		{"jwk", publicJWK(c.outsider.Public())},
		{"jku", c.s.outsideURL()},
		{"x5c", x5c(c.outsider)},
	} {
		own := HeaderParam(v.name, v.value)
		c.refuse(v.name+"-under-listed-kid", "key by kid", "header-parameters-never-followed", "bad_signature", c.forge(own))
		c.refuse(v.name+"-under-unlisted-kid", "key by kid", "header-parameters-never-followed", "unknown_key",
			c.forge(own, HeaderParam("kid", unknownKID)))
	}
}

// x5c is a chain of one certificate for the key: base64, not base64url (RFC
// 7515 section 4.1.6).
func x5c(k crypto.Signer) []string {
	return []string{base64.StdEncoding.EncodeToString(selfSigned(k))}
}

// selfSigned is a certificate for the key.
func selfSigned(k crypto.Signer) []byte {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "outsider"},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // none is known, RFC 5280 section 4.1.2.5
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		panic(err)
	}
	return der
}
