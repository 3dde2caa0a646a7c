package jwks_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/jwks"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestBadKeyIsSkippedAndCountedAndTheGoodOneBesideItWorks(t *testing.T) {
	ec, rsa := es256(t, "bad"), rsaKey(t, "bad", 2048)
	even := new(big.Int).SetBit(new(big.Int), 2047, 1).Bytes()
	cases := map[string]fmt.Stringer{
		"unknown kty":                    ec.with("kty", "XYZ"),
		"missing kty":                    ec.without("kty"),
		"kty in lower case":              ec.with("kty", "ec"),
		"AKP":                            jwk{"kty": "AKP", "kid": "bad", "alg": "ML-DSA-44", "pub": "AAAA"},
		"secp256k1":                      ec.with("crv", "secp256k1"),
		"X25519":                         edKey(t, "bad").with("crv", "X25519"),
		"Ed448":                          edKey(t, "bad").with("crv", "Ed448"),
		"Ed25519 of 31 bytes":            edKey(t, "bad").with("x", strings.Repeat("A", 41)+"A"),
		"bad x5c":                        ec.with("x5c", []string{"AAAA"}),
		"x5c that is no base64":          ec.with("x5c", []string{"!"}),
		"numeric kid":                    ec.with("kid", 1),
		"null in an array":               text("null"),
		"a number":                       text("1"),
		"an array":                       text("[]"),
		"a string":                       text(`"key"`),
		"an empty object":                jwk{},
		"missing e":                      rsa.without("e"),
		"missing n":                      rsa.without("n"),
		"e is 1":                         rsa.with("e", "AQ"),
		"e is 2":                         rsa.with("e", "Ag"),
		"e is even":                      rsa.with("e", "AQAA"),
		"e is 0":                         rsa.with("e", "AA"),
		"e is a number":                  rsa.with("e", 65537),
		"n is no base64url":              rsa.with("n", "+++"),
		"missing x":                      ec.without("x"),
		"missing y":                      ec.without("y"),
		"missing crv":                    ec.without("crv"),
		"off the curve":                  ec.with("y", ec["x"]),
		"point of another curve":         ec.with("crv", "P-384"),
		"point at infinity":              ec.with("x", "AA", "y", "AA"),
		"unknown use":                    ec.with("use", "proof"),
		"use enc":                        ec.with("use", "enc"),
		"use SIG":                        ec.with("use", "SIG"),
		"use is a number":                ec.with("use", 1),
		"key_ops without verify":         ec.with("key_ops", []string{"sign"}),
		"key_ops empty":                  ec.with("key_ops", []string{}),
		"key_ops is a string":            ec.with("key_ops", "verify"),
		"oct":                            jwk{"kty": "oct", "kid": "bad", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"},
		"oct with alg":                   jwk{"kty": "oct", "kid": "bad", "alg": "HS256", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ"},
		"RSA 1024":                       rsaKey(t, "bad", 1024),
		"RSA 2040":                       rsaKey(t, "bad", 2040),
		"RSA 8200":                       rsaKey(t, "bad", 8200),
		"RSA 16384":                      rsaKey(t, "bad", 16384),
		"RSA 1024 with leading zeros":    rsa.with("n", b64.EncodeToString(append(make([]byte, 128), even[:128]...))),
		"alg of another family":          ec.with("alg", "RS256"),
		"alg of another curve":           ec.with("alg", "ES384"),
		"alg of a MAC":                   rsa.with("alg", "HS256"),
		"alg none":                       rsa.with("alg", "none"),
		"alg of encryption":              rsa.with("alg", "RSA-OAEP"),
		"alg is a number":                ec.with("alg", 7),
		"duplicate member":               text(strings.Replace(ec.String(), `{`, `{"kid":"bad",`, 1)),
		"duplicate member, other values": text(strings.Replace(ec.String(), `{`, `{"kid":"good-looking",`, 1)),
		"duplicate member deep inside":   text(strings.Replace(ec.String(), `{`, `{"ext":{"a":1,"a":2},`, 1)),
		"invalid UTF-8":                  text(strings.Replace(ec.String(), `{`, "{\"ext\":\"\xff\",", 1)),
		"invalid UTF-8 in kid":           text(strings.Replace(ec.String(), `"bad"`, "\"bad\xff\"", 1)),
		"lone surrogate in kid":          text(strings.Replace(ec.String(), `"bad"`, `"bad\ud800"`, 1)),
		"issuer is a number":             ec.with("issuer", 1),
		"issuer is null":                 ec.with("issuer", nil),
		"issuer is empty":                ec.with("issuer", ""),
		"issuer is an array":             ec.with("issuer", []string{"https://as.example"}),
		"issuer twice":                   text(strings.Replace(ec.String(), `{`, `{"issuer":"https://as.example","issuer":"https://as.example",`, 1)),
		"invalid UTF-8 in issuer":        text(strings.Replace(ec.String(), `{`, "{\"issuer\":\"a\xff\",", 1)),
		"private member oth":             rsa.with("oth", []map[string]string{{"r": "AA", "d": "AA", "t": "AA"}}),
	}
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
		cases["private member "+name] = rsa.with(name, "AQAB")
		cases["private member "+name+" of an EC key"] = ec.with(name, "AQAB")
	}
	server := startServer(t, validatortest.Options{})
	good := es256(t, "good")
	for name, bad := range cases {
		t.Run(name, func(t *testing.T) {
			for _, set := range [][]byte{setOf(bad, good), setOf(good, bad)} {
				server.ServeKeySet(set)
				s := newSubject(t, jwks.Config{URL: server.JWKSURL()})
				s.known(t, "good", "ES256")
				report := s.fetches.last(t)
				assert.Equal(t, 1, report.Keys)
				require.Len(t, report.Skipped, 1)
				assert.NotEmpty(t, report.Skipped[0].Why)
				assert.Contains(t, []string{"", "bad"}, report.Skipped[0].KeyID)
			}
		})
	}
}

// The neighbours of the bad keys: the same keys without their fault.
func TestUsableKeysAreListed(t *testing.T) {
	ec, rsa, ed := es256(t, "k"), rsaKey(t, "k", 2048), edKey(t, "k")
	for name, test := range map[string]struct {
		key  jwk
		fits []string
	}{
		"EC P-256":              {ec, []string{"ES256"}},
		"EC P-384":              {ecKey(t, "k", elliptic.P384()), []string{"ES384"}},
		"EC P-521":              {ecKey(t, "k", elliptic.P521()), []string{"ES512"}},
		"Ed25519":               {ed, []string{"EdDSA", "Ed25519"}},
		"Ed25519, alg EdDSA":    {ed.with("alg", "EdDSA"), []string{"EdDSA", "Ed25519"}},
		"Ed25519, alg Ed25519":  {ed.with("alg", "Ed25519"), []string{"EdDSA", "Ed25519"}},
		"RSA 2048":              {rsa, []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}},
		"RSA 8192":              {rsaKey(t, "k", 8192), []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}},
		"RSA, e is 3":           {rsa.with("e", "Aw"), []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}},
		"RSA, alg PS256":        {rsa.with("alg", "PS256"), []string{"PS256"}},
		"use sig":               {ec.with("use", "sig"), []string{"ES256"}},
		"key_ops of others too": {ec.with("key_ops", []string{"verify", "urn:example:other"}), []string{"ES256"}},
		"x5u over http":         {ec.with("x5u", "http://elsewhere.example/cert"), []string{"ES256"}},
		"key_ops with verify":   {ec.with("key_ops", []string{"sign", "verify"}), []string{"ES256"}},
		"x5t and unknown":       {ec.with("x5t", "AAAA", "issuer", "https://as.example"), []string{"ES256"}},
		"x5u is never followed": {ec.with("x5u", "https://elsewhere.example/cert"), []string{"ES256"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSubject(t, jwks.Config{
				URL: "https://as.example/keys", RefreshBurst: many,
				HTTPClient: serving(setOf(test.key)).client(),
			})
			require.NoError(t, s.Ready(t.Context()))
			assert.Empty(t, s.fetches.last(t).Skipped)
			for _, name := range jose.AllAlgorithms.Names() {
				_, err := s.key("k", name)
				if slices.Contains(test.fits, name) {
					assert.NoError(t, err, name)
				} else {
					assert.ErrorIs(t, err, jwks.ErrUnknownKey, name)
				}
			}
		})
	}
}

func TestSetThatIsBadAsAWholeNeverReplacesAGoodOne(t *testing.T) {
	keys := func(n int) []byte {
		list := make([]fmt.Stringer, n)
		for i := range list {
			list[i] = edKey(t, fmt.Sprintf("new-%d", i))
		}
		return setOf(list...)
	}
	fine := edKey(t, "new-0").String()
	for name, body := range map[string]string{
		"empty":              "",
		"not JSON":           "keys",
		"HTML":               "<!DOCTYPE html><html></html>",
		"an array":           `[` + fine + `]`,
		"an array, like one": `["keys",[` + fine + `]]`,
		"a string":           `"keys"`,
		"a number":           `1`,
		"null":               `null`,
		"no keys member":     `{"Keys":[` + fine + `]}`,
		"empty object":       `{}`,
		"keys twice":         `{"keys":[` + fine + `],"keys":[` + fine + `]}`,
		"keys twice, escape": `{"keys":[` + fine + `],"\u006beys":[]}`,
		"keys null":          `{"keys":null}`,
		"keys an object":     `{"keys":{"new-0":` + fine + `}}`,
		"keys a string":      `{"keys":"new-0"}`,
		"keys a number":      `{"keys":0}`,
		"trailing object":    `{"keys":[` + fine + `]}{}`,
		"trailing text":      `{"keys":[` + fine + `]} x`,
		"trailing comma":     `{"keys":[` + fine + `],}`,
		"cut":                `{"keys":[` + fine,
		"cut in a name":      `{"keys":[` + fine + `],"x`,
		"cut in a value":     `{"keys":[` + fine + `],"x":`,
		"cut before the end": `{"keys":[` + fine + `]`,
		"name without colon": `{"keys" [` + fine + `]}`,
		"byte order mark":    "\ufeff" + `{"keys":[` + fine + `]}`,
		"101 keys":           string(keys(101)),
		"101 unusable":       `{"keys":[` + fine + strings.Repeat(`,{}`, 100) + `]}`,
		"no keys":            `{"keys":[]}`,
		"only unusable keys": `{"keys":[{"kty":"oct","k":"AAAA"},{},null]}`,
	} {
		t.Run(name, func(t *testing.T) {
			server, s := ready(t, jwks.Config{})
			before := s.known(t, server.KID(), "ES256")
			server.ServeKeySet([]byte(body))
			_, err := s.key("new-0", "EdDSA")
			failed := unavailable(t, err)
			assert.False(t, failed.Throttled)
			var cause *remote.Error
			assert.NotErrorAs(t, failed.Cause, &cause, "the answer came")
			assert.Error(t, s.fetches.last(t).Err)
			assert.Same(t, before, s.known(t, server.KID(), "ES256"))
			assert.True(t, before.Trusted())
		})
	}
}

func TestSetOfAHundredKeysIsRead(t *testing.T) {
	list := make([]fmt.Stringer, jwks.MaxKeys)
	for i := range list {
		list[i] = edKey(t, fmt.Sprint(i))
	}
	s := newSubject(t, jwks.Config{URL: "https://as.example/keys", HTTPClient: serving(setOf(list...)).client()})
	s.known(t, "99", "EdDSA")
	assert.Equal(t, 100, s.fetches.last(t).Keys)
}

func TestMembersBesideKeysAreIgnored(t *testing.T) {
	body := "{\"a\":{\"keys\":[],\"keys\":1},\"a\":\"\xff\",\"KEYS\":null,\"keys\":[" + es256(t, "k").String() + "],\"z\":[1]} \n"
	s := newSubject(t, jwks.Config{URL: "https://as.example/keys", HTTPClient: serving([]byte(body)).client()})
	s.known(t, "k", "ES256")
}

func TestSkippedKeysAreReportedAgainWhenNothingChanged(t *testing.T) {
	server := startServer(t, validatortest.Options{})
	server.ServeKeySet(setOf(es256(t, "good"), es256(t, "bad").with("use", "enc")))
	s := newSubject(t, jwks.Config{URL: server.JWKSURL()})
	s.known(t, "good", "ES256")
	report := s.refresh(t) // 304
	assert.Equal(t, []jwks.Skipped{{KeyID: "bad", Why: "use is not sig"}}, report.Skipped)
	assert.Equal(t, 1, report.Keys)
}

func TestReportOfSkippedKeysIsACopy(t *testing.T) {
	s := newSubject(t, jwks.Config{URL: "https://as.example/keys", HTTPClient: serving(setOf(es256(t, "good"), es256(t, "bad").with("use", "enc"))).client()})
	s.known(t, "good", "ES256")
	s.fetches.last(t).Skipped[0].KeyID = "changed by the hook"
	assert.Equal(t, "bad", s.refresh(t).Skipped[0].KeyID)
}

func TestKidOfMoreThan256BytesMakesAKeyUnusable(t *testing.T) {
	longest, longer := strings.Repeat("k", 256), strings.Repeat("l", 257)
	s := newSubject(t, jwks.Config{URL: "https://as.example/keys", HTTPClient: serving(setOf(es256(t, longest), es256(t, longer))).client()})
	s.known(t, longest, "ES256")
	report := s.fetches.last(t)
	assert.Equal(t, 1, report.Keys)
	require.Len(t, report.Skipped, 1)
	assert.Equal(t, longer[:256], report.Skipped[0].KeyID)
}

// The thumbprint is of the key, not of its spelling.
func TestSpellingOfAModulusDoesNotChangeTheThumbprint(t *testing.T) {
	key := rsaKey(t, "k", 2048)
	n, err := base64.RawURLEncoding.DecodeString(key["n"].(string))
	require.NoError(t, err)
	long := key.with("kid", "long", "n", b64.EncodeToString(append([]byte{0}, n...)))
	s := newSubject(t, jwks.Config{URL: "https://as.example/keys", HTTPClient: serving(setOf(key, long)).client()})
	assert.Equal(t, s.known(t, "k", "RS256").Thumbprint(), s.known(t, "long", "RS256").Thumbprint())
}

func TestFindingAKey(t *testing.T) {
	ec, rsa, ed := es256(t, "same"), rsaKey(t, "same", 2048), edKey(t, "ed")
	other := es256(t, "other")
	for name, test := range map[string]struct {
		set       []byte
		kid       string
		algorithm string
		found     bool
	}{
		"one kid for RSA and EC: EC":           {setOf(ec, rsa), "same", "ES256", true},
		"one kid for RSA and EC: RSA":          {setOf(ec, rsa), "same", "PS256", true},
		"one kid for RSA and EC: neither":      {setOf(ec, rsa), "same", "ES384", false},
		"one kid for two EC keys":              {setOf(ec, other.with("kid", "same")), "same", "ES256", false},
		"one kid for three EC keys":            {setOf(ec, other.with("kid", "same"), es256(t, "same")), "same", "ES256", false},
		"one key with and without alg":         {setOf(ec, ec.with("alg", "ES256")), "same", "ES256", true},
		"one key with and without use, no kid": {setOf(ec, ec.with("use", "sig"), rsa), "", "ES256", true},
		"one key twice and another":            {setOf(ec, ec.with("use", "sig"), other.with("kid", "same")), "same", "ES256", false},
		"one kid, each key names another alg":  {setOf(rsa.with("alg", "RS256"), rsaKey(t, "same", 2048).with("alg", "PS256")), "same", "PS256", true},
		"kid of another key":                   {setOf(ec, ed), "ed", "ES256", false},
		"kid in another case":                  {setOf(ec), "SAME", "ES256", false},
		"kid that nobody has":                  {setOf(ec), "nobody", "ES256", false},
		"no kid, one key fits":                 {setOf(ec, rsa, ed), "", "ES256", true},
		"no kid, the key has none either":      {setOf(ec.without("kid"), rsa), "", "ES256", true},
		"no kid, two keys fit":                 {setOf(ec, other), "", "ES256", false},
		"no kid, one fits, one names its alg":  {setOf(rsa.with("alg", "RS256"), rsaKey(t, "r2", 2048).with("alg", "PS256")), "", "RS256", true},
		"no kid, none fits":                    {setOf(ec), "", "RS256", false},
		"key without kid is not found by one":  {setOf(ec.without("kid")), "same", "ES256", false},
		"one key for two issuers":              {setOf(ec.with("issuer", "https://a.example"), ec.with("issuer", "https://b.example")), "same", "ES256", false},
		"one key for an issuer, and for none":  {setOf(ec, ec.with("issuer", "https://a.example")), "same", "ES256", false},
		"one key for two issuers, no kid":      {setOf(ec.with("issuer", "https://a.example"), ec.with("issuer", "https://b.example")), "", "ES256", false},
		"one key for one issuer, twice":        {setOf(ec.with("issuer", "https://a.example"), ec.with("issuer", "https://a.example", "use", "sig")), "same", "ES256", true},
		"one key listed twice, no kid":         {setOf(ec, ec), "", "ES256", true},
		"one material under two kids, no kid":  {setOf(ec, ec.with("kid", "copy")), "", "ES256", false},
		"one material under two kids, one kid": {setOf(ec, ec.with("kid", "copy")), "copy", "ES256", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSubject(t, jwks.Config{URL: "https://as.example/keys", HTTPClient: serving(test.set).client()})
			require.NoError(t, s.Ready(t.Context()))
			key, err := s.key(test.kid, test.algorithm)
			if !test.found {
				assert.ErrorIs(t, err, jwks.ErrUnknownKey)
				assert.Nil(t, key)
				assert.Equal(t, 2, s.fetches.count(), "a misfit counts as an unknown kid")
				return
			}
			require.NoError(t, err)
			if test.kid != "" {
				assert.Equal(t, test.kid, key.ID())
			}
			assert.Equal(t, 1, s.fetches.count())
		})
	}
}

// A misfit is remembered by its algorithm: a kid that is unknown for one may be
// listed for another.
func TestUnknownIsRememberedPerAlgorithm(t *testing.T) {
	requests := 0
	set := setOf(es256(t, "k"))
	s := newSubject(t, jwks.Config{URL: "https://as.example/keys", HTTPClient: web(func(r *http.Request) (*http.Response, error) {
		requests++
		return respond(r, 200, string(set)), nil
	}).client()})
	_, err := s.key("k", "RS256")
	require.ErrorIs(t, err, jwks.ErrUnknownKey)
	s.known(t, "k", "ES256")
	assert.Equal(t, 1, requests)
}
