package jose_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/jose"
)

func TestHeaderSaysAlgKidAndTyp(t *testing.T) {
	for text, want := range map[string]jose.Header{
		`{"alg":"RS256","kid":"k","typ":"at+jwt"}`: {Alg: "RS256", KeyID: "k", Type: "at+jwt"},
		"{\"typ\":\"JWT\",\r\n \"alg\":\"ES256\"}": {Alg: "ES256", Type: "JWT"},
		`{"alg":"none"}`: {Alg: "none"},
		`{"alg":""}`:     {},
		`{"alg":"RS256","x5t#S256":"a","cty":"JWT"}`:    {Alg: "RS256"},
		`{"alg":"RS256","jku":"https://evil.example"}`:  {Alg: "RS256"},
		`{"alg":"RS256","jwk":{"kty":"oct"},"x5c":[1]}`: {Alg: "RS256"},
		`{"\u0061lg":"RS256"}`:                          {Alg: "RS256"},
		` {"alg":"RS256"} `:                             {Alg: "RS256"},
		`{"alg":"RS256","kid":""}`:                      {Alg: "RS256"},
	} {
		header, err := jose.ParseHeader(encode(text))
		require.NoError(t, err, text)
		assert.Equal(t, want, header, text)
	}
}

func TestHeaderThatIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want error
	}{
		"not JSON":              {`alg`, jose.ErrNotJWS},
		"an array":              {`["alg"]`, jose.ErrNotJWS},
		"cut":                   {`{"alg":"RS256"`, jose.ErrNotJWS},
		"trailing data":         {`{"alg":"RS256"}{}`, jose.ErrNotJWS},
		"byte order mark":       {"\ufeff" + `{"alg":"RS256"}`, jose.ErrNotJWS},
		"invalid UTF-8":         {"{\"alg\":\"RS256\",\"x\":\"\xff\"}", jose.ErrNotJWS},
		"no alg":                {`{"typ":"JWT"}`, jose.ErrNotJWS},
		"empty object":          {`{}`, jose.ErrNotJWS},
		"enc, a JWE":            {`{"alg":"RSA-OAEP","enc":"A128GCM"}`, jose.ErrNotJWS},
		"enc and crit":          {`{"alg":"dir","enc":"A128GCM","crit":["x"]}`, jose.ErrNotJWS},
		"crit":                  {`{"alg":"RS256","crit":["exp"],"exp":1}`, jose.ErrCritical},
		"crit, empty":           {`{"alg":"RS256","crit":[]}`, jose.ErrCritical},
		"crit, null":            {`{"alg":"RS256","crit":null}`, jose.ErrCritical},
		"b64 false":             {`{"alg":"RS256","b64":false}`, jose.ErrCritical},
		"b64 true":              {`{"alg":"RS256","b64":true}`, jose.ErrCritical},
		"alg a number":          {`{"alg":1}`, jose.ErrType},
		"alg null":              {`{"alg":null}`, jose.ErrType},
		"alg a list":            {`{"alg":["RS256"]}`, jose.ErrType},
		"kid a number":          {`{"alg":"RS256","kid":1}`, jose.ErrType},
		"kid null":              {`{"alg":"RS256","kid":null}`, jose.ErrType},
		"typ an object":         {`{"alg":"RS256","typ":{}}`, jose.ErrType},
		"alg twice":             {`{"alg":"none","alg":"RS256"}`, jose.ErrDuplicate},
		"kid twice":             {`{"alg":"RS256","kid":"a","kid":"a"}`, jose.ErrDuplicate},
		"duplicate deep inside": {`{"alg":"RS256","jwk":{"a":1,"a":1}}`, jose.ErrDuplicate},
		"ALG":                   {`{"ALG":"none","alg":"RS256"}`, jose.ErrFolded},
		"Crit":                  {`{"alg":"RS256","Crit":["x"]}`, jose.ErrFolded},
		"Kelvin kid":            {`{"alg":"RS256","` + "\u212A" + `id":"x"}`, jose.ErrFolded},
		"nested too deeply":     {`{"alg":"RS256","x":` + nest(16, "[", "]") + `}`, jose.ErrDepth},
		"kid of 257 bytes":      {`{"alg":"RS256","kid":"` + strings.Repeat("k", 257) + `"}`, jose.ErrKeyIDSize},
	} {
		t.Run(name, func(t *testing.T) {
			header, err := jose.ParseHeader(encode(test.text))
			assert.ErrorIs(t, err, test.want)
			assert.Zero(t, header)
		})
	}
	for _, segment := range []string{"", "e", "eyJh=", "eyJhbGciOiJSUzI1NiJ9="} {
		_, err := jose.ParseHeader(segment)
		assert.ErrorIs(t, err, jose.ErrNotJWS, segment)
	}
}

func TestKidOf256BytesIsRead(t *testing.T) {
	kid := strings.Repeat("k", jose.MaxKeyID)
	header, err := jose.ParseHeader(encode(`{"alg":"RS256","kid":"` + kid + `"}`))
	require.NoError(t, err)
	assert.Equal(t, kid, header.KeyID)
}
