package dpoptest

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// Case is one request of the corpus, by its DPoP headers.
type Case struct {
	Name   string   // unique
	Proofs []string // the values of the DPoP headers
	Reason string   // why package dpop refuses it; "" for accepted ones
}

// Corpus makes proofs, good and bad, for one request with an access token that is bound
// to k. Each bad one differs in one thing from a good one and, wherever that is
// possible, carries a good signature of k, so that nothing but the check it is about
// can refuse it. address is https, in its normal form, with a host of letters, no port,
// and a path of two segments at least that end in a letter, such as
// "https://api.example.com/orders/list".
//
// They fit a dpop.Verifier for that origin with the default window, without nonces, at
// the time of k's Clock, and are good for about 20 seconds. Accepted ones are so once.
func Corpus(k *Key, method, address, accessToken string) []Case {
	u, err := url.Parse(address)
	must(err)
	c := &corpus{k: k, other: NewKey(k.alg), method: method, address: address, url: u, token: accessToken}
	for _, add := range []func(){
		c.form, c.header, c.second, c.key, c.material, c.members, c.claims, c.methods,
		c.spellings, c.otherAddresses, c.notAddresses, c.times, c.tokens, c.ids, c.signatures,
	} {
		add()
	}
	return c.cases
}

type corpus struct {
	k, other               *Key // other is not the one of the token
	method, address, token string
	url                    *url.URL
	cases                  []Case
}

func (c *corpus) add(name, reason string, proofs ...string) {
	c.cases = append(c.cases, Case{name, proofs, reason})
}

// proof is a good proof after edits.
func (c *corpus) proof(edits ...validatortest.Edit) string {
	return c.k.Proof(c.method, c.address, c.token, edits...)
}

// rewrite is a good proof whose header and claims are other texts, signed.
func (c *corpus) rewrite(header, claims func(string) string) string {
	parts := strings.Split(c.proof(), ".")
	for i, edit := range []func(string) string{header, claims} {
		if edit != nil {
			text, err := b64.DecodeString(parts[i])
			must(err)
			parts[i] = b64.EncodeToString([]byte(edit(string(text))))
		}
	}
	return c.k.sign(parts[0], parts[1])
}

// last puts a member, such as `"a":1`, behind the others; first before them.
func last(member string) func(string) string {
	return func(object string) string { return object[:len(object)-1] + "," + member + "}" }
}

func first(member string) func(string) string {
	return func(object string) string { return "{" + member + "," + object[1:] }
}

var (
	claim  = validatortest.Claim
	no     = validatortest.NoClaim
	param  = validatortest.HeaderParam
	noParm = validatortest.NoHeaderParam
)

// form is what makes one JWT of the headers.
func (c *corpus) form() {
	c.add("good", "", c.proof())
	c.add("more claims and parameters", "", c.proof(claim("custom", []any{1, nil}), param("kid", "any"), param("cty", "x"), claim("nonce", "of another server")))
	c.add("no proof", "proof_missing")
	c.add("empty header", "proof_malformed", "")
	c.add("two headers", "proof_several", c.proof(), c.proof())
	good := c.proof()
	c.add("twice the same header", "proof_several", good, good)
	c.add("good and empty header", "proof_several", c.proof(), "")
	c.add("list of two", "proof_several", c.proof()+","+c.proof())
	c.add("list of two with a space", "proof_several", c.proof()+", "+c.proof())
	c.add("list with an empty member", "proof_several", c.proof()+",")
	c.add("too large", "proof_too_large", c.proof(claim("padding", strings.Repeat("x", 4096))))
	c.add("leading space", "proof_malformed", " "+c.proof())
	c.add("line break", "proof_malformed", good[:20]+"\n"+good[20:])
	c.add("not ASCII", "proof_malformed", c.proof()+"é")
	c.add("opaque", "proof_malformed", "abc")
	c.add("two parts", "proof_malformed", good[:strings.LastIndexByte(good, '.')])
	c.add("four parts", "proof_malformed", c.proof()+".AAAA")
	c.add("five parts", "proof_malformed", c.proof()+".AAAA.AAAA")
	c.add("JSON serialisation", "proof_malformed", `{"payload":"e30"}`)
	c.add("padding in the header", "proof_malformed", strings.Replace(c.proof(), ".", "=.", 1))
}

// header is typ, alg and what may not be there.
func (c *corpus) header() {
	c.add("typ missing", "proof_typ", c.proof(noParm("typ")))
	for _, typ := range []string{"", "JWT", "at+jwt", "DPoP+JWT", "dpop", "application/dpop+jwt", "dpop+jwt "} {
		c.add("typ "+typ, "proof_typ", c.proof(param("typ", typ)))
	}
	c.add("typ number", "proof_malformed", c.proof(param("typ", 1)))
	c.add("typ null", "proof_malformed", c.proof(param("typ", nil)))
	c.add("typ twice", "proof_malformed", c.rewrite(last(`"typ":"dpop+jwt"`), nil))
	c.add("TYP besides typ", "proof_malformed", c.rewrite(first(`"TYP":"JWT"`), nil))
	c.add("alg missing", "proof_algorithm", c.proof(noParm("alg")))
	for _, alg := range []string{"", "none", "None", "HS256", "HS512", "ES256K", "es256", "RSA-OAEP"} {
		c.add("alg "+alg, "proof_algorithm", c.proof(param("alg", alg)))
	}
	c.add("alg of another key type", "proof_key", c.proof(param("alg", c.otherAlgorithm())))
	c.add("alg list", "proof_malformed", c.proof(param("alg", []string{c.k.alg})))
	c.add("alg twice", "proof_malformed", c.rewrite(last(`"alg":"none"`), nil))
	c.add("crit", "proof_malformed", c.proof(param("crit", []string{"exp"})))
	c.add("b64", "proof_malformed", c.proof(param("b64", true)))
	c.add("enc", "proof_malformed", c.proof(param("enc", "A128GCM")))
	c.add("zip", "proof_malformed", c.proof(param("zip", "DEF")))
	c.add("header no object", "proof_malformed", c.rewrite(func(s string) string { return " [" + s + "]" }, nil))
	c.add("header with trailing data", "proof_malformed", c.rewrite(func(s string) string { return s + "{}" }, nil))
}

func (c *corpus) otherAlgorithm() string {
	if strings.HasPrefix(c.k.alg, "Ed") {
		return "ES256"
	}
	return "EdDSA"
}

// second are headers that name another key than jwk.
func (c *corpus) second() {
	for name, value := range map[string]any{
		"jku": "https://evil.example/keys", "x5u": "https://evil.example/chain", "x5c": []string{"AAAA"}, "x5t": strings.Repeat("A", 27),
		"x5t#S256": strings.Repeat("A", 43),
	} {
		c.add(name+" besides jwk", "proof_key", c.proof(param(name, value)))
		c.add(name+" without jwk", "proof_key", c.proof(param(name, value), noParm("jwk")))
	}
	c.add("kid without jwk", "proof_key", c.proof(param("kid", c.k.Thumbprint()), noParm("jwk")))
}

// jwk is the key in the header with other members; nil removes one.
func (c *corpus) jwk(pairs ...any) validatortest.Edit {
	jwk := c.k.JWK()
	for i := 0; i < len(pairs); i += 2 {
		if jwk[pairs[i].(string)] = pairs[i+1]; pairs[i+1] == nil {
			delete(jwk, pairs[i].(string))
		}
	}
	return param("jwk", jwk)
}

func (c *corpus) key() {
	c.add("jwk as WebCrypto exports it", "", c.proof(c.jwk("key_ops", []string{"verify"}, "ext", true)))
	c.add("jwk with a name", "", c.proof(c.jwk("kid", "1", "use", "sig", "alg", c.k.alg)))
	c.add("jwk missing", "proof_key", c.proof(noParm("jwk")))
	c.add("jwk string", "proof_malformed", c.proof(param("jwk", "error")))
	c.add("jwk null", "proof_malformed", c.proof(param("jwk", nil)))
	c.add("jwk list", "proof_malformed", c.proof(param("jwk", []any{c.k.JWK()})))
	c.add("jwk empty", "proof_key", c.proof(param("jwk", map[string]any{})))
	text, err := json.Marshal(c.other.JWK())
	must(err)
	c.add("jwk twice", "proof_malformed", c.rewrite(last(`"jwk":`+string(text)), nil))
	c.add("jwk of another key", "proof_mismatch", c.proof(param("jwk", c.other.JWK())))
	c.add("another key", "proof_mismatch", c.other.Proof(c.method, c.address, c.token))
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k", "oth", "priv"} {
		c.add("jwk with "+private, "proof_key", c.proof(c.jwk(private, "AQAB")))
	}
	c.add("jwk for encryption", "proof_key", c.proof(c.jwk("use", "enc")))
	c.add("jwk for signing", "proof_key", c.proof(c.jwk("key_ops", []string{"sign"})))
	c.add("jwk for another algorithm", "proof_key", c.proof(c.jwk("alg", c.otherAlgorithm())))
	c.add("jwk with a long kid", "proof_key", c.proof(c.jwk("kid", strings.Repeat("k", 257))))
}

// material is what is no key, or a weak one. It is nobody's, so these are signed by k:
// who looks at the signature first finds it bad.
func (c *corpus) material() {
	zero, x := b64.EncodeToString(make([]byte, 32)), b64.EncodeToString(bytes.Repeat([]byte{7}, 32))
	short := append(bytes.Repeat([]byte{0xff}, 127), 0x01)
	for name, tc := range map[string]struct {
		alg string
		jwk map[string]any
	}{
		"kty missing":     {"ES256", map[string]any{"crv": "P-256", "x": x, "y": x}},
		"kty unknown":     {"ES256", map[string]any{"kty": "AKP", "alg": "ML-DSA-44", "pub": x}},
		"oct":             {"ES256", map[string]any{"kty": "oct", "k": x}},
		"off the curve":   {"ES256", map[string]any{"kty": "EC", "crv": "P-256", "x": x, "y": x}},
		"infinity":        {"ES256", map[string]any{"kty": "EC", "crv": "P-256", "x": zero, "y": zero}},
		"short x":         {"ES256", map[string]any{"kty": "EC", "crv": "P-256", "x": "AQ", "y": x}},
		"secp256k1":       {"ES256", map[string]any{"kty": "EC", "crv": "secp256k1", "x": x, "y": x}},
		"X25519":          {"EdDSA", map[string]any{"kty": "OKP", "crv": "X25519", "x": x}},
		"small order":     {"EdDSA", map[string]any{"kty": "OKP", "crv": "Ed25519", "x": zero}},
		"short Ed25519":   {"EdDSA", map[string]any{"kty": "OKP", "crv": "Ed25519", "x": "AQ"}},
		"RSA-1024":        {"RS256", map[string]any{"kty": "RSA", "e": "AQAB", "n": b64.EncodeToString(short)}},
		"RSA without e":   {"RS256", map[string]any{"kty": "RSA", "n": b64.EncodeToString(bytes.Repeat(short, 2))}},
		"RSA with e of 1": {"RS256", map[string]any{"kty": "RSA", "e": "AQ", "n": b64.EncodeToString(bytes.Repeat(short, 2))}},
		"even RSA":        {"RS256", map[string]any{"kty": "RSA", "e": "AQAB", "n": b64.EncodeToString(bytes.Repeat([]byte{0xfe}, 256))}},
	} {
		c.add("key: "+name, "proof_key", c.proof(param("alg", tc.alg), param("jwk", tc.jwk)))
	}
}

// members: the same member twice is two proofs in one (RFC 7519 4), whatever its name.
func (c *corpus) members() {
	for _, member := range []string{`"jti":"x"`, `"htm":"GET"`, `"htu":"https://evil.example/"`, `"iat":1`, `"ath":"x"`} {
		c.add("first "+member, "proof_malformed", c.rewrite(nil, first(member)))
		c.add("last "+member, "proof_malformed", c.rewrite(nil, last(member)))
	}
	c.add("twice within", "proof_malformed", c.rewrite(nil, last(`"a":{"b":1,"b":1}`)))
	for _, member := range []string{`"JTI":"x"`, `"Htm":"GET"`, `"hTu":"x"`, `"ⅰat":1`, `"аth":"x"`, `"EXP":1`, `"Nonce":"x"`} {
		c.add("besides the claim: "+member, "proof_malformed", c.rewrite(nil, last(member)))
	}
	c.add("claims no object", "proof_malformed", c.rewrite(nil, func(s string) string { return "[" + s + "]" }))
	c.add("claims with trailing data", "proof_malformed", c.rewrite(nil, func(s string) string { return s + " 1" }))
	c.add("claims not UTF-8", "proof_malformed", c.rewrite(nil, last("\"a\":\"\xff\"")))
	c.add("claims nested deeply", "proof_malformed", c.rewrite(nil, last(`"a":`+strings.Repeat("[", 20)+strings.Repeat("]", 20))))
	good := strings.Split(c.proof(), ".")
	c.add("claims with padding", "proof_malformed", c.k.sign(good[0], good[1]+"="))
	c.add("claims empty", "proof_malformed", c.k.sign(good[0], ""))
}

// claims: each missing, of a wrong type, and empty.
func (c *corpus) claims() {
	for name, reason := range map[string]string{"jti": "proof_jti", "htm": "proof_method", "htu": "proof_uri", "iat": "proof_time", "ath": "proof_token"} {
		c.add(name+" missing", reason, c.proof(no(name)))
		for kind, value := range map[string]any{"null": nil, "list": []any{"x"}, "object": map[string]any{}, "bool": true} {
			c.add(name+" "+kind, "proof_malformed", c.proof(claim(name, value)))
		}
		if name != "iat" {
			c.add(name+" number", "proof_malformed", c.proof(claim(name, 7)))
			c.add(name+" empty", reason, c.proof(claim(name, "")))
		}
	}
	c.add("iat string", "proof_malformed", c.proof(claim("iat", "1700000000")))
	c.add("nonce number", "proof_malformed", c.proof(claim("nonce", 7)))
	c.add("exp string", "proof_malformed", c.proof(claim("exp", "never")))
	c.add("nbf null", "proof_malformed", c.proof(claim("nbf", nil)))
}

func (c *corpus) methods() {
	for _, method := range []string{"GET", "POST", "HEAD", strings.ToLower(c.method), c.method + " ", "*", c.method + ",PUT"} {
		if method != c.method {
			c.add("htm "+method, "proof_method", c.proof(claim("htm", method)))
		}
	}
}

func (c *corpus) tokens() {
	c.add("ath of another token", "proof_token", c.proof(func(_, claims map[string]any) {
		claims["ath"] = c.pieces(c.token + "x")
	}))
	good := c.pieces(c.token)
	c.add("ath with padding", "proof_token", c.proof(claim("ath", good+"=")))
	c.add("ath cut short", "proof_token", c.proof(claim("ath", good[:42])))
	c.add("ath in other letters", "proof_token", c.proof(claim("ath", otherCase(good))))
	c.add("ath is the token", "proof_token", c.proof(claim("ath", c.token[:min(len(c.token), 500)])))
}

func (c *corpus) ids() {
	c.add("jti of 128 bytes", "", c.proof(claim("jti", strings.Repeat("j", 128))))
	c.add("jti of one byte", "", c.proof(claim("jti", "j")))
	c.add("jti of 129 bytes", "proof_jti", c.proof(claim("jti", strings.Repeat("j", 129))))
	c.add("jti of 43 characters of 3 bytes", "proof_jti", c.proof(claim("jti", strings.Repeat("€", 43))))
}

func (c *corpus) signatures() {
	good := c.proof()
	end := strings.LastIndexByte(good, '.')
	c.add("signature empty", "proof_signature", good[:end+1])
	c.add("signature cut short", "proof_signature", good[:len(good)-8])
	c.add("signature longer", "proof_signature", good+"AAAA")
	c.add("signature zero", "proof_signature", good[:end+1]+b64.EncodeToString(make([]byte, 64)))
	c.add("signature with padding", "proof_signature", c.proof()+"=")
	c.add("signature of another proof", "proof_signature", good[:end]+c.proof()[end:])
	forged := strings.Split(c.proof(), ".")
	foreign := c.other.sign(forged[0], forged[1])
	c.add("signature by another key", "proof_signature", foreign)
	changed := strings.Split(c.proof(), ".")
	claims, err := b64.DecodeString(changed[1])
	must(err)
	c.add("claims changed", "proof_signature", changed[0]+"."+b64.EncodeToString([]byte(last(`"a":1`)(string(claims))))+"."+changed[2])
}
