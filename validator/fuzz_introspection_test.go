package validator_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// asked is a validator over a transport that answers what the target fuzzes, at an
// hour that stands still.
type asked struct {
	validator *validator.Validator
	now       time.Time
	body      []byte
	tokens    []string // it was asked about
}

func newAsked(f *testing.F, edits ...func(*validator.Config)) *asked {
	clock := newClock()
	z := &asked{now: clock.Now()}
	z.validator = wired(f, wire(func(r *http.Request) (*http.Response, error) {
		z.tokens = append(z.tokens, r.PostFormValue("token"))
		return reply(r, http.StatusOK, string(z.body)), nil
	}), append(edits, func(c *validator.Config) { c.Clock = clock.Now })...)
	return z
}

// FuzzIntrospectionAnswer: whatever is accepted satisfies every rule as a second
// decoder (encoding/json) and a second, plain reading of the rules see it; and
// where that reading is sure, what satisfies the rules is accepted.
func FuzzIntrospectionAnswer(f *testing.F) {
	z := newAsked(f)
	property := func(t testing.TB, body []byte) bool {
		z.body = body
		token, err := z.validator.ValidateWith(context.Background(), "opaque-token", now())
		oneOf(t, "opaque-token", token, err)
		answer, sure := decodePlainly(body)
		good := answer != nil && z.satisfied(answer)
		if err == nil && !good {
			t.Fatalf("accepted: %s", body)
		}
		if err != nil && good && sure {
			t.Fatalf("refused with %v: %s", err, body)
		}
		if err == nil {
			sameClaims(t, token, answer)
		}
		return err == nil
	}
	base := fmt.Sprintf(`"active":true,"token_type":"Bearer","client_id":"client","aud":"api://default","exp":%d`, z.now.Unix()+600)
	seeds := []string{
		`{` + base + `}`, `{` + base + `,"sub":"u","scope":"a b","iat":1,"nbf":0,"jti":"x","iss":"https://as.example"}`,
		`{` + base + `,"scp":["a"],"scope":"a","azp":"client","custom":{"active":false}}`, `{"active":false}`, `{` + base + `,"active":true}`,
		`{` + base + `,"iss":"https://other.example"}`, `{` + base + `,"token_use":"refresh_token"}`, `{` + base + `,"typ":"ID"}`, `{` + base + `,"nonce":"n"}`,
		`{` + base + `,"cnf":{"jkt":"x"}}`, `{` + base + `,"azp":"x"}`, `{` + base + `} x`, `[` + base + `]`, `{` + base + `,"Active":false}`,
	}
	for _, change := range [][2]string{
		{`true`, `"true"`}, {`true`, `1`}, {`Bearer`, `DPoP`}, {`Bearer`, `mac`}, {`"client"`, `"other"`}, {`"client"`, `null`},
		{`"api://default"`, `[]`}, {`"api://default"`, `["api://default","client"]`}, {`"exp":`, `"exp":1e9,"x":`}, {`"exp":`, `"exp":"1","x":`},
	} {
		seeds = append(seeds, strings.Replace(`{`+base+`}`, change[0], change[1], 1))
	}
	seed(f, property, seeds...)
	f.Fuzz(func(t *testing.T, body []byte) { property(t, body) })
}

// satisfied is the generic profile's rules for answers once more, over a plain map.
func (z *asked) satisfied(a map[string]any) bool {
	for _, name := range []string{"sub", "jti", "client_id", "cid", "azp", "appid", "iss", "token_type"} {
		if value, ok := a[name]; ok && !is[string](value) {
			return false
		}
	}
	for _, name := range []string{"nonce", "at_hash", "c_hash", "s_hash", "events", "cnf"} {
		if _, ok := a[name]; ok {
			return false // none of the seeds' cnf is well-formed
		}
	}
	kind, _ := a["token_type"].(string)
	_, typed := a["token_type"]
	marked := typed && strings.EqualFold(kind, "Bearer")
	for _, name := range []string{"token_use", "typ"} {
		switch use, _ := a[name].(string); strings.ToLower(use) {
		case "access_token", "access", "bearer":
			marked = marked || !typed
		case "jwt", "at+jwt":
		default:
			if _, ok := a[name]; ok {
				return false
			}
		}
	}
	issuer, issued := a["iss"]
	at := float64(z.now.Unix())
	audience, ok := list(a["aud"])
	expiry, hasExpiry := seconds(a, "exp")
	iat, _ := seconds(a, "iat")
	notBefore, _ := seconds(a, "nbf")
	return a["active"] == true && marked && (!issued || issuer == "" || issuer == "https://as.example") &&
		ok && slices.Contains(audience, "api://default") && hasExpiry && expiry > at && // without leeway
		iat >= 0 && iat <= at+30 && notBefore >= 0 && notBefore <= at+30 && clientAgrees(a, audience) && scopesAgree(a)
}

// FuzzWhoIsAsked: an issuer is asked about exactly the texts that are no JWS by a
// plain reading of the rule, and about those as they are; about everything else it
// is not asked, whatever is wrong with it.
func FuzzWhoIsAsked(f *testing.F) {
	z := newAsked(f)
	z.body = []byte(`{"active":false}`)
	s := start(f, validatortest.Options{})
	property := func(t testing.TB, text []byte) bool {
		z.tokens = nil
		raw := string(text)
		token, err := z.validator.ValidateWith(context.Background(), raw, now())
		oneOf(t, raw, token, err)
		want, sure := opaquePlainly(raw)
		asked := len(z.tokens) > 0
		if sure && asked != want || asked && !slices.Equal(z.tokens, []string{raw}) {
			t.Fatalf("asked %d times about %q", len(z.tokens), raw)
		}
		return asked
	}
	head := func(header string) string { return base64URL(header) + ".e30.AA" }
	seed(f, property,
		"opaque", "ory_at_a.b", "a.b.c", s.AccessToken(), head(`{"alg":"ES256"}`), head(`{"alg":"ES256","enc":"x"}`), head(`{"typ":"x"}`),
		head(`{"alg":1}`), head(`{"alg":"x","alg":"x"}`), head(`[]`), head(` {"alg":"x"} `), head(`{"alg":"x"} y`), head(`{"ALG":"x"}`), head(`{"alg":"x"}`)+".b.c",
		head("{\"alg\":\"\xff\"}"), "e30.e30.", "..", "", " ", "a b", "a\x00", "eyJ", strings.Repeat("a", 17000), head(`{"alg":"x","x":`+strings.Repeat("[", 20)+strings.Repeat("]", 20)+`}`),
	)
	f.Fuzz(func(t *testing.T, text []byte) { property(t, text) })
}

// opaquePlainly: not segments that begin with a header that decodes to an object with
// alg and no enc (three of them are a JWS, others one for whom splits loosely). It is
// not sure of what begins like an object and is bad in another
// way: some readers may see a JWS in it, and it may be refused for good.
func opaquePlainly(raw string) (opaque, sure bool) {
	if raw == "" || len(raw) > validator.MaxTokenSize || strings.Trim(raw, b64token) != "" {
		return false, true
	}
	segments := strings.Split(raw, ".")
	if len(segments) == 1 {
		return true, true
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(segments[0])
	if err != nil {
		return true, true
	}
	var header map[string]json.RawMessage
	if !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
		return true, true
	}
	if json.Unmarshal(text, &header) != nil {
		return true, false // depends on what is wrong first
	}
	_, signed := header["alg"]
	_, encrypted := header["enc"]
	if signed && !encrypted {
		return false, utf8.Valid(text) // what is no UTF-8 is no JSON
	}
	return true, cleanHeader(text, header)
}

// cleanHeader: nothing in it but the three that are known, as strings, and once.
func cleanHeader(text []byte, header map[string]json.RawMessage) bool {
	for name, value := range header {
		if !slices.Contains([]string{"alg", "enc", "cty"}, name) || value[0] != '"' || string(value) == `""` {
			return false
		}
	}
	return bytes.Count(text, []byte(`":`)) == len(header) && !bytes.ContainsRune(text, '\\') && utf8.Valid(text)
}

const b64token = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="
