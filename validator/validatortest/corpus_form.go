package validatortest

import (
	"strings"
)

// maxTokenBytes is the longest token that a validator looks at.
const maxTokenBytes = 16384

func (c *corpus) size() {
	c.refuse("size-over-limit", "size", "size-at-limit", "token_too_large", c.sized(maxTokenBytes+1))
	c.refuse("size-far-over-limit", "size", "size-at-limit", "token_too_large", c.token(Claim("pad", strings.Repeat("a", 1<<20))))
	c.refuse("empty", "presence", "good", "no_token", "")
}

// sized is a good token of exactly n bytes.
func (c *corpus) sized(n int) string {
	padded := func(h, p int) string {
		return c.token(HeaderParam("pad", strings.Repeat("a", h)), Claim("pad", strings.Repeat("a", p)))
	}
	bare := padded(0, 0)
	header, payload := decodeJWS(bare)
	rest := len(bare) - b64.EncodedLen(len(header)) - b64.EncodedLen(len(payload))
	// No base64url text has a length of 4k+1, so the header has to help.
	for h := range 3 {
		for p := range n {
			if b64.EncodedLen(len(header)+h)+b64.EncodedLen(len(payload)+p)+rest == n {
				return padded(h, p)
			}
		}
	}
	panic("validatortest: no such size")
}

// alphabet adds bytes that no bearer token has (RFC 6750 section 2.1). Go's
// base64 skips CR and LF, so these tokens would decode as the good one.
func (c *corpus) alphabet() {
	good := c.token()
	dot := strings.LastIndexByte(good, '.')
	key := c.s.key("")
	for _, b := range []named{
		{"space", " "}, {"tab", "\t"}, {"cr", "\r"}, {"lf", "\n"}, {"crlf", "\r\n"}, {"nul", "\x00"}, {"del", "\x7f"},
		{"quote", `"`}, {"comma", ","}, {"percent", "%20"}, {"non-ascii", "é"}, {"invalid-utf8", "\xff"}, {"bom", "\ufeff"},
	} {
		c.refuse("alphabet-"+b.name+"-behind", "alphabet", "good", "token_alphabet", good+b.value)
		c.refuse("alphabet-"+b.name+"-before", "alphabet", "good", "token_alphabet", b.value+good)
	}
	for _, b := range []named{{"cr", "\r"}, {"lf", "\n"}} {
		header, payload, _ := segments(good)
		c.refuse("alphabet-"+b.name+"-in-payload", "alphabet", "good", "token_alphabet",
			key.compact(header, payload[:8]+b.value+payload[8:]))
		c.refuse("alphabet-"+b.name+"-in-signature", "alphabet", "good", "token_alphabet",
			good[:dot+9]+b.value+good[dot+9:])
	}
	c.refuse("alphabet-two-tokens", "alphabet", "good", "token_alphabet", good+" "+good)
	c.refuse("alphabet-json-serialization", "alphabet", "good", "token_alphabet", jsonSerialization(good))
}

func jsonSerialization(token string) string {
	header, payload, signature := segments(token)
	return string(mustJSON(map[string]string{"protected": header, "payload": payload, "signature": signature}))
}

// segments splits a token of this package.
func segments(token string) (header, payload, signature string) {
	parts := strings.Split(token, ".")
	return parts[0], parts[1], parts[2]
}

// shape adds what is no JWS at all.
func (c *corpus) shape() {
	good := c.token()
	header, payload, signature := segments(good)
	add := func(name, token string) { c.refuse(name, "shape", "good", "not_a_jwt", token) }
	add("opaque", "2YotnFZFEjr1zCsicMWpAA")
	add("dots", "..")
	add("two-segments", header+"."+payload)
	add("four-segments", good+"."+signature)
	add("four-segments-last-empty", good+".")
	add("first-segment-empty", "."+good)
	add("five-segments", good+".AAAA.AAAA")
	jwe := b64.EncodeToString([]byte(`{"alg":"RSA-OAEP-256","enc":"A256GCM"}`))
	add("jwe", jwe+".AAAA.AAAA.AAAA.AAAA")
	add("header-enc", c.token(HeaderParam("enc", "A256GCM")))
	add("header-without-alg", c.token(NoHeaderParam("alg")))
	_, claims := decodeJWS(good)
	for _, h := range []named{
		{"empty-object", "{}"}, {"array", `[{"alg":"RS256"}]`}, {"string", `"alg"`}, {"null", "null"}, {"no-json", "alg"},
	} {
		add("header-"+h.name, c.s.Sign("", []byte(h.value), claims))
	}
	headerText, _ := decodeJWS(good)
	add("header-trailing-data", c.s.Sign("", append(headerText, "{}"...), claims))
}

// encoding adds segments that are no canonical base64url (RFC 7515 section
// 2). What is signed is the text as it stands, so the signature is good.
func (c *corpus) encoding() {
	key := c.s.key("")
	payload := func(name string, remainder int, edit func(string) string) {
		h, p, _ := segments(c.token(padTo(remainder)))
		c.refuse("payload-"+name, "base64url", "good", "malformed_token", key.compact(h, edit(p)))
	}
	payload("padded", 2, func(p string) string { return p + "=" })
	payload("padded-twice", 1, func(p string) string { return p + "==" })
	payload("unused-bits", 2, unusedBit)
	payload("unused-bits-four", 1, unusedBit)
	payload("impossible-length", 0, func(p string) string { return p + "A" })
	payload("plus", 0, func(p string) string { return strings.ReplaceAll(p, "-", "+") })
	payload("slash", 0, func(p string) string { return strings.ReplaceAll(p, "_", "/") })
	payload("empty", 0, func(string) string { return "" })
	c.encodingOfSignature()
	c.encodingOfHeader()
}

func (c *corpus) encodingOfSignature() {
	var h, p, sig string
	for !strings.Contains(sig, "-") || !strings.Contains(sig, "_") { // ES256 differs each time
		h, p, sig = segments(c.by(c.ec))
	}
	signature := func(name, text string) {
		c.refuse("signature-"+name, "base64url of the signature", "good-es256", "malformed_token", h+"."+p+"."+text)
	}
	signature("padded", sig+"==")
	signature("unused-bits", unusedBit(sig))
	signature("impossible-length", sig+"AAA")
	signature("plus", strings.ReplaceAll(sig, "-", "+"))
	signature("slash", strings.ReplaceAll(sig, "_", "/"))
	signature("empty", "")
	none, claims, _ := segments(c.token(HeaderParam("alg", "none")))
	c.refuse("alg-none-unsigned", "alg", "good", "algorithm_not_allowed", none+"."+claims+".")
}

func (c *corpus) encodingOfHeader() {
	token := c.token()
	for pad := 0; ; pad++ {
		if header, _ := decodeJWS(token); len(header)%3 == 2 {
			break
		}
		token = c.token(HeaderParam("pad", strings.Repeat("a", pad)))
	}
	h, p, _ := segments(token)
	c.refuse("header-padded", "base64url of the header", "good", "not_a_jwt", c.s.key("").compact(h+"=", p))
	c.refuse("header-unused-bits", "base64url of the header", "good", "not_a_jwt", c.s.key("").compact(unusedBit(h), p))
}

// padTo adds a claim that leaves the length of the claims with a remainder
// modulo three, and both special letters of base64url in their encoding.
func padTo(remainder int) Edit {
	return func(_, claims map[string]any) {
		for pad := 0; ; pad++ {
			claims["pad"] = "~~~~~~??????" + strings.Repeat("a", pad)
			if len(mustJSON(claims))%3 == remainder {
				return
			}
		}
	}
}

// unusedBit sets a bit of the last letter that no byte comes from.
func unusedBit(segment string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	end := len(segment) - 1
	return segment[:end] + string(letters[strings.IndexByte(letters, segment[end])|1])
}
