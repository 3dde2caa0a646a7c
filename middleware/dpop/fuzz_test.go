package dpop_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bearerguard/bearerguard/internal/httpuri"
	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/validator"
)

// FuzzProof signs fuzzed headers and claims with the client's key. Whatever is accepted
// satisfies every rule as a second decoder (encoding/json) and a plain reading of RFC
// 9449 4.3 see it; and where that reading is sure, what satisfies them is accepted. A
// refusal is of one of two classes, and says nothing secret.
func FuzzProof(f *testing.F) {
	a := newAPI(f, "ES256")
	v := a.verifier(f).WithoutConsuming()
	property := func(t testing.TB, header, claims []byte) bool {
		proof := a.key.Sign(header, claims)
		err := a.present(t, v, proof)
		good, sure := a.plainly(header, claims)
		var e *validator.Error
		switch {
		case err == nil && !good:
			t.Fatalf("accepted: %s %s", header, claims)
		case err != nil && good && sure && len(proof) <= dpop.MaxProofSize:
			t.Fatalf("refused with %v: %s %s", err, header, claims)
		case err != nil && (!errors.As(err, &e) || !errors.Is(err, validator.ErrInvalidProof) || strings.Contains(err.Error(), proof)):
			t.Fatalf("refused with %v: %s %s", err, header, claims)
		}
		return err == nil
	}
	verdicts := map[bool]int{}
	seed := func(header, claims string) {
		f.Add([]byte(header), []byte(claims))
		verdicts[property(f, []byte(header), []byte(claims))]++
	}
	for _, c := range dpoptest.Corpus(a.key, "GET", address, a.token) {
		if len(c.Proofs) != 1 {
			continue
		}
		if parts := strings.Split(c.Proofs[0], "."); len(parts) == 3 {
			header, _ := base64.RawURLEncoding.DecodeString(parts[0])
			claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
			seed(string(header), string(claims))
		}
	}
	if verdicts[true] < 20 || verdicts[false] < 100 {
		f.Fatalf("of the seeds, %d are accepted and %d refused", verdicts[true], verdicts[false])
	}
	f.Fuzz(func(t *testing.T, header, claims []byte) { property(t, header, claims) })
}

// plainly is RFC 9449 4.3 over plain maps. It is sure when nothing is in the texts that
// two decoders may see differently, or that we refuse beyond the RFC.
func (a *api) plainly(header, claims []byte) (good, sure bool) {
	h, sureOfHeader := decode(header, "typ", "alg", "jwk", "kid", "cty")
	c, sureOfClaims := decode(claims, "jti", "htm", "htu", "ath", "iat", "nonce")
	digest := sha256.Sum256([]byte(a.token))
	jti, _ := c["jti"].(string)
	htu, _ := c["htu"].(string)
	u, err := httpuri.Parse(htu) // held to another implementation by a fuzz target of its own
	now := float64(a.clock.Now().Unix())
	iat, dated := c["iat"].(float64)
	for name, ended := range map[string]func(float64) bool{
		"exp": func(at float64) bool { return now >= at }, "nbf": func(at float64) bool { return now < at },
	} {
		if value, ok := c[name]; ok {
			if at, ok := value.(float64); !ok || ended(at) {
				return false, false
			}
		}
	}
	jwk, _ := h["jwk"].(map[string]any)
	for name, value := range a.key.JWK() {
		if !reflect.DeepEqual(jwk[name], value) {
			return false, false
		}
	}
	good = h["typ"] == "dpop+jwt" && h["alg"] == "ES256" &&
		jti != "" && len(jti) <= 128 && c["htm"] == "GET" && err == nil && u.String() == address &&
		c["ath"] == base64.RawURLEncoding.EncodeToString(digest[:]) &&
		dated && iat >= now-60 && iat < now+60.000001
	return good, sureOfHeader && sureOfClaims && len(jwk) == len(a.key.JWK())
}

func decode(text []byte, known ...string) (object map[string]any, sure bool) {
	if json.Unmarshal(text, &object) != nil || object == nil {
		return nil, false
	}
	sure = utf8.Valid(text) && !strings.Contains(string(text), `\`) &&
		strings.Count(string(text), ":") == strings.Count(fmt.Sprint(object), ":") // no member is there twice
	for name, value := range object {
		_, nested := value.(map[string]any)
		sure = sure && slices.Contains(known, name) && (!nested || name == "jwk")
		if name == "kid" || name == "cty" || name == "nonce" {
			_, ok := value.(string)
			sure = sure && (ok || name != "nonce")
		}
	}
	return object, sure
}
