package validator_test

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/MicahParks/jwkset"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// plain judges tokens of a generic server with libraries alone and with nothing kept:
// every segment decoded by encoding/base64, checked by jsontext and read by
// encoding/json, the signature verified by golang-jwt, the rules read off a map.
type plain struct {
	fuzzed
	key *ecdsa.PublicKey
}

func newPlain(f *testing.F) plain {
	z := newFuzzed(f)
	var set jwkset.JWKSMarshal
	require.NoError(f, json.Unmarshal(z.server.KeySet(), &set))
	jwk, err := jwkset.NewJWKFromMarshal(set.Keys[0], jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	require.NoError(f, err)
	return plain{z, jwk.Key().(*ecdsa.PublicKey)}
}

// accepts judges a token. It is sure unless there is something in it that the strict
// rules refuse and this reading does not look for.
func (p plain) accepts(raw string) (claims map[string]any, sure bool) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 || len(raw) > validator.MaxTokenSize || strings.ContainsAny(raw, "\r\n") {
		return nil, true
	}
	header, sureOfHeader := segment(parts[0])
	claims, sureOfClaims := segment(parts[1])
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || header == nil || claims == nil || !p.headed(header) {
		return nil, true
	}
	if jwt.SigningMethodES256.Verify(parts[0]+"."+parts[1], signature, p.key) != nil || !p.satisfied(claims) {
		return nil, true
	}
	if kind, _ := claims["typ"].(string); strings.EqualFold(kind, "DPoP") {
		return nil, true // without the key that it is bound to, or without a proof of it
	}
	_, status := claims["status"]
	return claims, sureOfHeader && sureOfClaims && !status
}

// segment decodes an object; nil for what is none.
func segment(text string) (object map[string]any, sure bool) {
	data, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || !jsontext.Value(data).IsValid() {
		return nil, true
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if decoder.Decode(&object) != nil {
		return nil, true
	}
	sure = len(object) <= 256 && bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) <= 16
	for name := range object {
		odd := strings.IndexFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' })
		sure = sure && odd < 0 && len(name) <= 256
	}
	return object, sure
}

// headed is what a header has to be.
func (p plain) headed(h map[string]any) bool {
	for _, name := range []string{"crit", "b64", "enc"} {
		if _, ok := h[name]; ok {
			return false
		}
	}
	typ, hasType := h["typ"]
	text, isText := typ.(string)
	if hasType && (!isText || !slices.Contains([]string{"jwt", "at+jwt"}, strings.TrimPrefix(strings.ToLower(text), "application/"))) {
		return false
	}
	kid, hasKid := h["kid"]
	return h["alg"] == "ES256" && (!hasKid || kid == "" || kid == p.server.KID())
}

// FuzzPlainPath signs a fuzzed header and fuzzed claims, spoils a byte of some, and has
// the token judged when nothing is known of it, when it is kept, by a validator that has
// seen nothing else, and by the plain path: they agree, and so do the claims.
func FuzzPlainPath(f *testing.F) {
	p := newPlain(f)
	good := p.server.AccessToken(validatortest.Scope("one", "two"))
	config := p.config
	property := func(t testing.TB, header, payload []byte, spoilt uint16) bool {
		raw := []byte(p.server.Sign("", header, payload))
		if spoilt > 0 {
			raw[int(spoilt)%len(raw)] ^= byte(1 + spoilt>>11)
		}
		return p.agree(t, string(raw), good, config)
	}
	accepted := 0
	for _, s := range p.seeds() {
		f.Add(s[0], s[1], uint16(0))
		f.Add(s[0], s[1], uint16(1+len(s[0])+len(s[1])))
		if property(f, s[0], s[1], 0) {
			accepted++
		}
	}
	if accepted == 0 {
		f.Fatal("no seed is accepted")
	}
	f.Fuzz(func(t *testing.T, header, payload []byte, spoilt uint16) { property(t, header, payload, spoilt) })
}

func (p plain) agree(t testing.TB, raw, good string, config validator.Config) bool {
	t.Helper()
	claims, sure := p.accepts(raw)
	first, err := p.validator.Validate(t.Context(), strings.Clone(raw))
	switch {
	case err == nil && claims == nil:
		t.Fatalf("accepted: %s", raw)
	case err != nil && claims != nil && sure:
		t.Fatalf("refused with %v: %s", err, raw)
	}
	if between, err := p.validator.Validate(t.Context(), good); err != nil || !slices.Equal(between.Scopes(), strs{"one", "two"}) {
		t.Fatalf("another token between: %v", err)
	}
	again, errAgain := p.validator.Validate(t.Context(), strings.Clone(raw))
	alone, fresh := p.validator.WithConfig(config)
	require.NoError(t, fresh)
	other, errAlone := alone.Validate(t.Context(), raw)
	if sameReason(err) != sameReason(errAgain) || sameReason(err) != sameReason(errAlone) {
		t.Fatalf("%v, when kept %v, alone %v: %s", err, errAgain, errAlone, raw)
	}
	if err != nil {
		return false
	}
	for _, token := range []*validator.Token{first, again, other} {
		sameClaims(t, token, claims)
		want := strs{}
		for _, name := range []string{"scp", "scope"} {
			if said, ok := list(claims[name]); ok {
				want = said
				if text, single := claims[name].(string); single {
					want = strings.Fields(text)
				}
			}
		}
		if got := token.Scopes(); len(got) != len(want) || len(want) > 0 && !slices.Equal(got, want) {
			t.Fatalf("scopes %q, the plain path sees %q: %s", got, want, raw)
		}
		audience, _ := list(claims["aud"])
		if !slices.Equal(token.Audiences(), audience) || token.Expiry() != first.Expiry() || token.KeyID() != p.server.KID() {
			t.Fatalf("%q, %v, %q: %s", token.Audiences(), token.Expiry(), token.KeyID(), raw)
		}
	}
	return true
}

// sameReason takes an unknown kid for the same whether there was a fetch left for it.
func sameReason(err error) validator.Reason {
	if errors.Is(err, validator.ErrUnavailable) {
		return validator.ReasonUnknownKey
	}
	return reasonOf(err)
}

// seeds are headers and claims of the corpus, and some of other shapes.
func (p plain) seeds() (list [][2][]byte) {
	header := fmt.Sprintf(`{"alg":"ES256","typ":"at+jwt","kid":%q}`, p.server.KID())
	base := fmt.Sprintf(`"iss":%q,"aud":"api://default","client_id":"client","exp":%d`, p.server.Issuer(), p.now+600)
	for _, rest := range []string{
		``, `,"scope":"a b"`, `,"scp":["a","b"],"scope":"a b"`, `,"sub":"Zoë"`, `,"sub":"\u0041"`, `,"x":1e3,"y":[{"a":[]},{}]`, `,"sub":"s","sub":"t"`,
		` , "sub" : "s" `, `,"exp":1`, `,"SUB":"x"`, `,"aud":["api://default"]`, `,"cnf":{"jkt":"x"}`, `,"x":01`, `,"scope":""`, `,"scp":[]`,
	} {
		list = append(list, [2][]byte{[]byte(header), []byte("{" + base + rest + "}")})
	}
	for _, h := range []string{`{"alg":"ES256"}`, ` {"typ":"JWT" , "alg":"ES256"} `, `{"alg":"ES256","kid":""}`, `{"alg":"none"}`, `{"alg":"ES256","crit":[]}`, `{"alg":"ES256","typ":""}`} {
		list = append(list, [2][]byte{[]byte(h), []byte("{" + base + "}")})
	}
	for _, c := range p.server.Corpus(client) {
		parts := strings.Split(c.Token, ".")
		if len(parts) != 3 {
			continue
		}
		head, errHead := base64.RawURLEncoding.DecodeString(parts[0])
		claims, errClaims := base64.RawURLEncoding.DecodeString(parts[1])
		if errHead == nil && errClaims == nil {
			list = append(list, [2][]byte{bytes.ReplaceAll(head, []byte("RS256"), []byte("ES256")), claims})
		}
	}
	return list
}
