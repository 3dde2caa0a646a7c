package validatortest

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"slices"
	"strings"
)

func (c *corpus) badSignature(name, neighbour, token string) {
	c.refuse(name, "signature", neighbour, "bad_signature", token)
}

// resign replaces the signature by what edit makes of it.
func resign(token string, edit func(sig []byte) []byte) string {
	h, p, s := segments(token)
	sig, err := b64.DecodeString(s)
	if err != nil {
		panic("validatortest: not a token of this package")
	}
	return h + "." + p + "." + b64.EncodeToString(edit(sig))
}

// signature adds signatures that are wrong in themselves.
func (c *corpus) signature() {
	edits := []struct {
		name string
		edit func([]byte) []byte
	}{
		{"first-bit", flip(0, 0x80)},
		{"middle-bit", flip(31, 1)},
		{"last-bit", flip(-1, 1)},
		{"short", func(s []byte) []byte { return s[:len(s)-1] }},
		{"short-at-front", func(s []byte) []byte { return s[1:] }},
		{"half", func(s []byte) []byte { return s[:len(s)/2] }},
		{"one-byte", func(s []byte) []byte { return s[:1] }},
		{"long", func(s []byte) []byte { return append(s, 0) }},
		{"long-at-front", func(s []byte) []byte { return append([]byte{0}, s...) }},
		{"twice", func(s []byte) []byte { return append(s, s...) }},
		{"zero", func(s []byte) []byte { return make([]byte, len(s)) }},
		{"one", func(s []byte) []byte { return flip(-1, 1)(make([]byte, len(s))) }},
		{"ones", func(s []byte) []byte { return slices.Repeat([]byte{0xff}, len(s)) }},
	}
	for _, e := range edits {
		c.badSignature("signature-rs256-"+e.name, "good-rs256", resign(c.by(c.rsa), e.edit))
		c.badSignature("signature-es256-"+e.name, "good-es256", resign(c.by(c.ec), e.edit))
	}
	other := func([]byte) []byte { return signAs("PS256", c.s.key(c.rsa).signer, "x.y") }
	c.badSignature("signature-of-no-token", "good-rs256", resign(c.by(c.rsa), other))
	c.badSignature("signature-by-another-key", "good-rs256", c.by(c.rsa2, HeaderParam("kid", c.rsa)))
	c.badSignature("signature-by-an-unlisted-key", "good-es256", c.forge())
	for _, alg := range []string{"PS256", "RS384", "RS512"} {
		c.badSignature("signature-"+alg+"-under-rs256", "good-rs256", c.mislabelled(alg))
	}
	h, p, _ := segments(c.by(c.rsa))
	sum := hmacOf(crypto.SHA256, c.publicForms()[0].value, h+"."+p)
	c.badSignature("signature-hs256-under-rs256", "good-rs256", h+"."+p+"."+b64.EncodeToString(sum))
	c.badSignature("signature-of-the-payload-alone", "good-rs256", c.signedOver(func(_, p string) string { return p }))
	c.badSignature("signature-of-the-decoded-text", "good-rs256", c.signedOver(func(h, p string) string {
		header, claims := decodeJWS(h + "." + p + ".")
		return string(header) + "." + string(claims)
	}))
}

func flip(i int, bit byte) func([]byte) []byte {
	return func(s []byte) []byte {
		s[(i+len(s))%len(s)] ^= bit
		return s
	}
}

// mislabelled is signed by the RSA key, but not by the algorithm it names.
func (c *corpus) mislabelled(alg string) string {
	h, p, _ := segments(c.by(c.rsa))
	return h + "." + p + "." + b64.EncodeToString(signAs(alg, c.s.key(c.rsa).signer, h+"."+p))
}

// signedOver signs another input than RFC 7515 section 5.1 wants.
func (c *corpus) signedOver(input func(h, p string) string) string {
	h, p, _ := segments(c.by(c.rsa))
	return h + "." + p + "." + b64.EncodeToString(c.s.key(c.rsa).sign(input(h, p)))
}

// signatureES256 adds pairs (r, s) that are none (RFC 7518 section 3.4).
func (c *corpus) signatureES256() {
	n := elliptic.P256().Params().N
	add := func(name string, edit func(r, s *big.Int)) {
		c.badSignature("signature-es256-"+name, "good-es256", c.signES256(edit))
	}
	add("r-zero", func(r, _ *big.Int) { r.SetInt64(0) })
	add("s-zero", func(_, s *big.Int) { s.SetInt64(0) })
	add("order", func(r, s *big.Int) { r.Set(n); s.Set(n) })
	add("swapped", func(r, s *big.Int) { *r, *s = *s, *r })
	add("negative-r", func(r, _ *big.Int) { r.Sub(n, r) })
	c.badSignature("signature-es256-der", "good-es256", c.derES256())
}

// signES256 is the good token by the ES256 key with another (r, s).
func (c *corpus) signES256(edit func(r, s *big.Int)) string {
	return resign(c.by(c.ec), func(sig []byte) []byte {
		r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
		edit(r, s)
		r.FillBytes(sig[:32])
		s.FillBytes(sig[32:])
		return sig
	})
}

// otherS gives the second good signature that each one of ECDSA has: a token
// is not to be known by its text.
func otherS(_, s *big.Int) { s.Sub(elliptic.P256().Params().N, s) }

// derES256 has the signature as X.509 spells it, not JOSE.
func (c *corpus) derES256() string {
	h, p, _ := segments(c.by(c.ec))
	digest := sha256.Sum256([]byte(h + "." + p))
	sig, err := c.s.key(c.ec).signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		panic(err)
	}
	return h + "." + p + "." + b64.EncodeToString(sig)
}

// tampered adds good signatures of something else than the token says.
func (c *corpus) tampered() {
	good := c.token()
	_, _, sig := segments(good)
	header, claims := decodeJWS(good)
	add := func(name, header, claims string) {
		c.badSignature(name, "good", b64.EncodeToString([]byte(header))+"."+b64.EncodeToString([]byte(claims))+"."+sig)
	}
	h, p := string(header), string(claims)
	add("tampered-claims-space", h, p[:len(p)-1]+" }")
	add("tampered-claims-member", h, last(`"x":1`)(p))
	add("tampered-claims-scope", h, strings.Replace(p, "write", "admin", 1))
	add("tampered-claims-sub", h, strings.Replace(p, `"sub":"`+DefaultSubject, `"sub":"admin`, 1))
	add("tampered-header-space", h[:len(h)-1]+" }", p)
	add("tampered-header-member", last(`"cty":"x"`)(h), p)
	h2, p2, _ := segments(c.token())
	c.badSignature("signature-of-another-token", "good", h2+"."+p2+"."+sig)
}
