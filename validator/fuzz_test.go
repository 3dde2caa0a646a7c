package validator_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// fuzzed is a generic server, its validator and a clock that stands still.
type fuzzed struct {
	server    *validatortest.Server
	config    validator.Config
	validator *validator.Validator
	now       int64
}

func newFuzzed(f *testing.F) fuzzed {
	clock := newClock()
	s := start(f, validatortest.Options{Style: validatortest.StyleGeneric, Clock: clock.Now})
	c := configure(trust(s))
	c.Clock = clock.Now
	v := build(f, c)
	require.NoError(f, v.Ready(f.Context()))
	return fuzzed{s, c, v, clock.Now().Unix()}
}

// seed adds the seeds and fails unless the property accepts some of them and
// refuses others: a target that never gets past the signature proves nothing.
func seed(f *testing.F, property func(testing.TB, []byte) (accepted bool), seeds ...string) {
	f.Helper()
	verdicts := map[bool]int{}
	for _, s := range seeds {
		f.Add([]byte(s))
		verdicts[property(f, []byte(s))]++
	}
	if verdicts[true] == 0 || verdicts[false] == 0 {
		f.Fatalf("of the seeds, %d are accepted and %d refused", verdicts[true], verdicts[false])
	}
}

// FuzzClaims signs fuzzed claims with the trusted key. Whatever is accepted
// satisfies every rule as a second decoder (encoding/json) and a second, plain
// reading of the rules see it; and where that reading is sure, what satisfies
// the rules is accepted.
func FuzzClaims(f *testing.F) {
	z := newFuzzed(f)
	property := func(t testing.TB, payload []byte) bool {
		raw := z.server.Sign("", []byte(`{"alg":"ES256","typ":"JWT","kid":"`+z.server.KID()+`"}`), payload)
		if len(raw) > validator.MaxTokenSize {
			return false
		}
		token, err := z.validator.Validate(t.Context(), raw)
		oneOf(t, raw, token, err)
		claims, sure := decodePlainly(payload)
		good := claims != nil && z.satisfied(claims)
		if err == nil {
			if !good {
				t.Fatalf("accepted: %s", payload)
			}
			sameClaims(t, token, claims)
		} else if good && sure {
			t.Fatalf("refused with %v: %s", err, payload)
		}
		return err == nil
	}
	base := fmt.Sprintf(`"iss":%q,"aud":"api://default","client_id":"client"`, z.server.Issuer())
	exp := fmt.Sprintf(`,"exp":%d`, z.now+600)
	seed(f, property,
		`{`+base+exp+`}`,
		`{`+base+exp+`,"sub":"u","scope":"a b","iat":1,"nbf":0,"jti":"x","custom":{"a":[1,2,{"b":null}]}}`,
		`{`+base+exp+`.5,"scp":["a","b"],"scope":"b a","azp":"client","cid":"client","appid":"client"}`,
		`{`+base+`,"exp":1.9e9}`, `{`+base+`,"exp":1e400}`, `{`+base+`,"exp":"1"}`, `{`+base+`,"exp":0}`, `{`+base+`,"exp":-1}`, `{`+base+`}`,
		`{`+base+exp+`,"exp":1}`, `{`+base+exp+`,"ISS":"x"}`, `{`+base+exp+`,"`+"\u017f"+`ub":"x"}`, `{`+base+exp+`} x`, `[`+base+`]`,
		`{`+base+exp+`,"cnf":{"jkt":"x"}}`, `{`+base+exp+`,"nonce":"n"}`, `{`+base+exp+`,"azp":"other"}`, `{`+base+exp+`,"scp":["a b"]}`,
		`{`+base+exp+`,"x":`+strings.Repeat("[", 20)+strings.Repeat("]", 20)+`}`, `{`+base+exp+`,"s":"\ud800"}`, "{"+base+exp+",\"s\":\"\xff\"}",
		strings.Replace(`{`+base+exp+`}`, `"api://default"`, `["x","api://default"]`, 1),
		strings.Replace(`{`+base+exp+`}`, `"client"`, `"somebody"`, 1),
	)
	f.Fuzz(func(t *testing.T, payload []byte) { property(t, payload) })
}

// decodePlainly decodes with encoding/json. It is sure when nothing is in the
// payload that the two decoders may see differently.
func decodePlainly(payload []byte) (claims map[string]any, sure bool) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	if decoder.Decode(&claims) != nil || claims == nil {
		return nil, false
	}
	text := string(payload)
	sure = utf8.Valid(payload) && json.Valid(payload) && !strings.Contains(text, `\`) &&
		strings.Count(text, "[")+strings.Count(text, "{") < 10 && strings.Count(text, `":`)+strings.Count(text, `" `) <= len(claims)
	for name := range claims {
		sure = sure && name == strings.ToLower(name) && len(name) == utf8.RuneCountInString(name)
	}
	return claims, sure
}

// satisfied is the generic profile's rules once more, over a plain map.
func (z fuzzed) satisfied(c map[string]any) bool {
	for _, name := range []string{"sub", "jti", "client_id", "cid", "azp", "appid"} {
		if value, ok := c[name]; ok && !is[string](value) {
			return false
		}
	}
	for _, name := range []string{"nonce", "at_hash", "c_hash", "s_hash", "events", "cnf"} {
		if _, ok := c[name]; ok {
			return false
		}
	}
	for _, name := range []string{"typ", "token_use"} {
		kind, ok := c[name]
		text, _ := kind.(string)
		if ok && !slices.Contains([]string{"bearer", "dpop", "access", "jwt", "at+jwt"}, strings.ToLower(text)) {
			return false
		}
	}
	audience, ok := list(c["aud"])
	expiry, hasExpiry := seconds(c, "exp")
	issued, _ := seconds(c, "iat")
	notBefore, _ := seconds(c, "nbf")
	return ok && slices.Contains(audience, "api://default") && c["iss"] == z.server.Issuer() &&
		hasExpiry && expiry > 0 && expiry+30 > float64(z.now) && issued >= 0 && issued <= float64(z.now)+30 &&
		notBefore >= 0 && notBefore <= float64(z.now)+30 && clientAgrees(c, audience) && scopesAgree(c)
}

func clientAgrees(c map[string]any, audience []string) bool {
	client := c["client_id"]
	if client == nil || client == "" {
		client = c["cid"]
	}
	for _, name := range []string{"client_id", "cid", "azp", "appid"} {
		if other, ok := c[name]; ok && other != "" && (other != client || slices.Contains(audience, other.(string))) {
			return false
		}
	}
	return client == "client"
}

var scopeToken = regexp.MustCompile(`^[!#-\[\]-~]+$`)

func scopesAgree(c map[string]any) bool {
	var seen [][]string
	for _, name := range []string{"scope", "scp"} {
		value, ok := c[name]
		if !ok {
			continue
		}
		scopes, ok := list(value)
		if !ok {
			return false
		}
		if text, single := value.(string); single {
			scopes = slices.DeleteFunc(strings.Split(text, " "), func(s string) bool { return s == "" })
		}
		for _, s := range scopes {
			if !scopeToken.MatchString(s) {
				return false
			}
		}
		slices.Sort(scopes)
		seen = append(seen, slices.Compact(scopes))
	}
	return len(seen) < 2 || slices.Equal(seen[0], seen[1])
}

func is[T any](value any) bool { _, ok := value.(T); return ok }

// list is a string or an array of strings.
func list(value any) ([]string, bool) {
	switch v := value.(type) {
	case string:
		return []string{v}, true
	case []any:
		texts := make([]string, 0, len(v))
		for _, one := range v {
			text, ok := one.(string)
			if !ok {
				return nil, false
			}
			texts = append(texts, text)
		}
		return texts, true
	}
	return nil, false
}

// seconds is a NumericDate up to the year 9999; -1 when it is something else.
func seconds(c map[string]any, name string) (value float64, present bool) {
	number, present := c[name]
	if !present {
		return 0, false
	}
	n, ok := number.(json.Number)
	if !ok {
		return -1, true
	}
	value, err := n.Float64()
	if err != nil || value > 253402300799 {
		return -1, true
	}
	return value, true
}

// sameClaims: what the caller sees is what the second decoder sees.
func sameClaims(t testing.TB, token *validator.Token, claims map[string]any) {
	if sub, _ := claims["sub"].(string); token.Subject() != sub {
		t.Fatalf("subject %q, want %q", token.Subject(), sub)
	}
	for name, want := range claims {
		got, ok := token.Claim(name)
		if !ok {
			t.Fatalf("claim %q is gone", name)
		}
		if text, isText := want.(string); isText && got != text {
			t.Fatalf("claim %q is %v, want %q", name, got, text)
		}
	}
}

// oneOf: a token or an error, of exactly one class, that does not quote the token.
func oneOf(t testing.TB, raw string, token *validator.Token, err error) {
	t.Helper()
	if (token == nil) == (err == nil) {
		t.Fatalf("token %t, error %v", token != nil, err)
	}
	if err == nil {
		return
	}
	count := 0
	for _, class := range allClasses {
		if errors.Is(err, class) {
			count++
		}
	}
	if count != 1 {
		t.Fatalf("%v is of %d classes", err, count)
	}
	if len(raw) > 40 && strings.Contains(err.Error(), raw) {
		t.Fatal("the error quotes the token")
	}
}

// FuzzHeader signs good claims under a fuzzed header with the trusted key.
// Whatever is accepted has a header in which a second decoder finds the
// algorithm and key that verified, a type that access tokens have, and nothing
// that asks for more.
func FuzzHeader(f *testing.F) {
	z := newFuzzed(f)
	claims := fmt.Appendf(nil, `{"iss":%q,"aud":"api://default","client_id":"client","exp":%d}`, z.server.Issuer(), z.now+600)
	property := func(t testing.TB, header []byte) bool {
		raw := z.server.Sign("", header, claims)
		token, err := z.validator.Validate(t.Context(), raw)
		oneOf(t, raw, token, err)
		if err != nil {
			return false
		}
		var h map[string]any
		if json.Unmarshal(header, &h) != nil || h["alg"] != "ES256" {
			t.Fatalf("accepted with header %s", header)
		}
		if kid, ok := h["kid"]; ok && kid != z.server.KID() && kid != "" {
			t.Fatalf("accepted with kid %v", kid)
		}
		typ, _ := h["typ"].(string)
		if !slices.Contains([]string{"", "jwt", "at+jwt"}, strings.TrimPrefix(strings.ToLower(typ), "application/")) {
			t.Fatalf("accepted with typ %q", typ)
		}
		for _, name := range []string{"crit", "b64", "enc"} {
			if _, ok := h[name]; ok {
				t.Fatalf("accepted with %s", name)
			}
		}
		return true
	}
	seed(f, property,
		`{"alg":"ES256"}`, `{"alg":"ES256","kid":"`+z.server.KID()+`","typ":"at+jwt"}`, `{"typ":"application/AT+JWT","alg":"ES256","jku":"https://x"}`,
		`{"alg":"none"}`, `{"alg":"HS256"}`, `{"alg":"ES256","alg":"ES256"}`, `{"ALG":"ES256"}`, `{"alg":"ES256","crit":["x"],"x":1}`,
		`{"alg":"ES256","b64":false}`, `{"alg":"ES256","enc":"A128GCM"}`, `{"alg":"ES256","kid":7}`, `{"alg":"ES256","kid":"nobody"}`,
		`{"alg":"ES256","typ":"logout+jwt"}`, `{"alg":"RS256"}`, `{}`, ``, `{"alg":"ES256"`, `{"alg":"ES256"}{}`,
	)
	f.Fuzz(func(t *testing.T, header []byte) { property(t, header) })
}

// FuzzToken: any string gives a token or an error of one class, and the same one
// again; only what this server signed is accepted.
func FuzzToken(f *testing.F) {
	z := newFuzzed(f)
	good := z.server.AccessToken()
	property := func(t testing.TB, raw []byte) bool {
		token, err := z.validator.Validate(t.Context(), string(raw))
		oneOf(t, string(raw), token, err)
		if err == nil && string(raw) != good && !strings.HasPrefix(string(raw), good[:strings.LastIndexByte(good, '.')]) {
			t.Fatalf("accepted: %q", raw)
		}
		again, err2 := z.validator.Validate(t.Context(), string(raw))
		if (again == nil) != (token == nil) || err != nil && errors.Is(err, validator.ErrInvalidToken) && reasonOf(err) != reasonOf(err2) &&
			reasonOf(err) != validator.ReasonUnknownKey {
			t.Fatalf("%v, then %v", err, err2)
		}
		return err == nil
	}
	seed(f, property, good, good+"=", good+"\n", good[:len(good)-1], good[1:], "", ".", "..", "...", "eyJ.e30.x", "eyJhbGciOiJub25lIn0.e30.", "\x00", "a.b.c.d.e",
		strings.Repeat("a", 17000), strings.ReplaceAll(good, "A", "B"))
	f.Fuzz(func(t *testing.T, raw []byte) { property(t, raw) })
}

// FuzzHitIsAMiss walks the clock by fuzzed steps, forwards and back, between
// uses of tokens with fuzzed times: a validator that keeps results and one that
// never does say the same at every instant.
func FuzzHitIsAMiss(f *testing.F) {
	clock := newClock()
	begin := clock.Now()
	s := start(f, validatortest.Options{Style: validatortest.StyleGeneric, Clock: func() time.Time { return begin }})
	c := configure(trust(s))
	c.Clock, c.Leeway = clock.Now, 10*time.Second
	keeps := build(f, c)
	require.NoError(f, keeps.Ready(f.Context()))
	property := func(t testing.TB, steps []byte) bool {
		clock.Advance(begin.Sub(clock.Now()))
		forgets, err := keeps.WithConfig(c)
		if err != nil {
			t.Fatal(err)
		}
		accepted := false
		for len(steps) >= 3 {
			raw := s.AccessToken(
				validatortest.Claim("jti", "x"), validatortest.Claim("iat", begin.Unix()),
				validatortest.Claim("nbf", begin.Unix()+int64(int8(steps[0]))), validatortest.Claim("exp", begin.Unix()+int64(steps[1])))
			for range 2 { // ES256 signs differently each time: the second look is the hit
				_, kept := keeps.Validate(t.Context(), raw)
				clock.Advance(time.Duration(int8(steps[2])) * time.Second)
				_, hit := keeps.Validate(t.Context(), raw)
				_, miss := forgets.Validate(t.Context(), raw)
				if reasonOf(hit) != reasonOf(miss) {
					t.Fatalf("hit %v, miss %v", hit, miss)
				}
				accepted = accepted || kept == nil && hit == nil
				if forgets, err = forgets.WithConfig(c); err != nil {
					t.Fatal(err)
				}
			}
			steps = steps[3:]
		}
		return accepted
	}
	seed(f, property, "\x00\x7f\x05", "\x00\x7f\x40\xf0\x7f\xc0", "\x00\x05\x7f", "", "\x20\x7f\x10\x20\x7f\xf0\x00\x01\x01")
	f.Fuzz(func(t *testing.T, steps []byte) { property(t, steps[:min(len(steps), 30)]) })
}

var oktaIssuer = regexp.MustCompile(`^/oauth2/[^/]+$`)

// FuzzOktaURL: whatever issuer URL is accepted under Okta(), its decoded path is
// /oauth2/{id} with an id that is no "v1" and no dot segment.
func FuzzOktaURL(f *testing.F) {
	property := func(t testing.TB, raw []byte) bool {
		_, err := validator.New(validator.Config{Issuers: []validator.Issuer{{
			URL: string(raw), Profile: validator.Okta(), Audiences: []string{"a"}, AnyClient: true,
		}}})
		if err != nil {
			return false
		}
		u, err := url.Parse(string(raw))
		if err != nil || u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Host == "" {
			t.Fatalf("accepted: %q", raw)
		}
		id := strings.TrimPrefix(u.Path, "/oauth2/")
		if !oktaIssuer.MatchString(u.Path) || strings.EqualFold(id, "v1") || id == "." || id == ".." {
			t.Fatalf("accepted: %q", raw)
		}
		return true
	}
	seed(f, property, "https://a.okta.com/oauth2/default", "https://login.example.com/oauth2/aus1", "https://a.okta.com", "https://a.okta.com/oauth2/v1",
		"https://a.okta.com/oauth2/%76%31", "https://a.okta.com/oauth2/..", "https://a.okta.com/oauth2/x?y", "https://u@a.okta.com/oauth2/x",
		"https://a.okta.com/oauth2/%2e", "https://a.okta.com/oauth2/a%2fb", "http://a.okta.com/oauth2/x", "https://a.okta.com:443/oauth2/x")
	f.Fuzz(func(t *testing.T, raw []byte) { property(t, raw) })
}
