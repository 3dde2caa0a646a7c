package validator_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
)

func TestParseAuthorization(t *testing.T) {
	tests := map[string]struct {
		values []string
		scheme validator.Scheme
		token  string
		class  error
		reason validator.Reason
	}{
		"bearer":             {values: []string{"Bearer abc.DEF-_~+/=="}, scheme: validator.SchemeBearer, token: "abc.DEF-_~+/=="},
		"lower case":         {values: []string{"bearer abc"}, scheme: validator.SchemeBearer, token: "abc"},
		"upper case":         {values: []string{"BEARER abc"}, scheme: validator.SchemeBearer, token: "abc"},
		"several spaces":     {values: []string{"Bearer   abc"}, scheme: validator.SchemeBearer, token: "abc"},
		"DPoP":               {values: []string{"DPoP abc"}, scheme: validator.SchemeDPoP, token: "abc"},
		"dpop":               {values: []string{"dpop abc"}, scheme: validator.SchemeDPoP, token: "abc"},
		"none":               {class: validator.ErrNoToken, reason: validator.ReasonNoToken},
		"empty":              {values: []string{""}, class: validator.ErrNoToken, reason: validator.ReasonNoToken},
		"two":                {values: []string{"Bearer a", "Bearer b"}, class: validator.ErrInvalidRequest, reason: validator.ReasonSeveralHeaders},
		"the same twice":     {values: []string{"Bearer a", "Bearer a"}, class: validator.ErrInvalidRequest, reason: validator.ReasonSeveralHeaders},
		"two schemes":        {values: []string{"Basic a", "Bearer b"}, class: validator.ErrInvalidRequest, reason: validator.ReasonSeveralHeaders},
		"two, one empty":     {values: []string{"", "Bearer b"}, class: validator.ErrInvalidRequest, reason: validator.ReasonSeveralHeaders},
		"basic":              {values: []string{"Basic dXNlcjpwYXNz"}, class: validator.ErrNoToken, reason: validator.ReasonUnsupportedScheme},
		"no space":           {values: []string{"Bearerabc"}, class: validator.ErrNoToken, reason: validator.ReasonUnsupportedScheme},
		"leading space":      {values: []string{" Bearer abc"}, class: validator.ErrNoToken, reason: validator.ReasonUnsupportedScheme},
		"tab":                {values: []string{"Bearer\tabc"}, class: validator.ErrNoToken, reason: validator.ReasonUnsupportedScheme},
		"look-alike scheme":  {values: []string{"Вearer abc"}, class: validator.ErrNoToken, reason: validator.ReasonUnsupportedScheme},
		"scheme only":        {values: []string{"Bearer"}, class: validator.ErrInvalidRequest, reason: validator.ReasonMalformedHeader},
		"scheme and space":   {values: []string{"Bearer "}, class: validator.ErrInvalidRequest, reason: validator.ReasonMalformedHeader},
		"two parts":          {values: []string{"Bearer a b"}, class: validator.ErrInvalidRequest, reason: validator.ReasonMalformedHeader},
		"trailing space":     {values: []string{"Bearer a "}, class: validator.ErrInvalidRequest, reason: validator.ReasonMalformedHeader},
		"space and tab":      {values: []string{"Bearer \tabc"}, class: validator.ErrInvalidRequest, reason: validator.ReasonMalformedHeader},
		"list":               {values: []string{"Bearer a,Bearer b"}, class: validator.ErrInvalidRequest, reason: validator.ReasonMalformedHeader},
		"quoted":             {values: []string{`Bearer "a"`}, class: validator.ErrInvalidRequest, reason: validator.ReasonMalformedHeader},
		"parameter":          {values: []string{`Bearer token=a,b`}, class: validator.ErrInvalidRequest, reason: validator.ReasonMalformedHeader},
		"NUL":                {values: []string{"Bearer a\x00"}, class: validator.ErrInvalidRequest, reason: validator.ReasonMalformedHeader},
		"CR LF":              {values: []string{"Bearer a\r\nX: y"}, class: validator.ErrInvalidRequest, reason: validator.ReasonMalformedHeader},
		"non-ASCII":          {values: []string{"Bearer é"}, class: validator.ErrInvalidRequest, reason: validator.ReasonMalformedHeader},
		"Bearer Bearer":      {values: []string{"Bearer Bearer a"}, class: validator.ErrInvalidRequest, reason: validator.ReasonMalformedHeader},
		"DPoP without token": {values: []string{"DPoP"}, class: validator.ErrInvalidRequest, reason: validator.ReasonMalformedHeader},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			scheme, token, err := validator.ParseAuthorization(tc.values)
			if tc.class != nil {
				refused(t, err, tc.class, tc.reason)
				assert.Empty(t, scheme)
				assert.Empty(t, token)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.scheme, scheme)
			assert.Equal(t, tc.token, token)
		})
	}
}

// FuzzParseAuthorization: a header is accepted exactly when it is one of the two
// schemes, one or more spaces, and characters of a b64token; whatever is
// returned is a part of the header.
func FuzzParseAuthorization(f *testing.F) {
	property := func(t testing.TB, header []byte) bool {
		scheme, token, err := validator.ParseAuthorization([]string{string(header)})
		if want := wellFormed(string(header)); (err == nil) != want {
			t.Fatalf("%q: %v, want accepted: %t", header, err, want)
		}
		if err == nil && (!strings.EqualFold(string(header[:len(scheme)]), string(scheme)) || !strings.HasSuffix(string(header), " "+token)) {
			t.Fatalf("%q gave %q %q", header, scheme, token)
		}
		return err == nil
	}
	seed(f, property, "Bearer abc", "dPoP x.y.z", "Bearer  a", "Bearer a b", "Basic a", "", "Bearer", "Bearer\ta", "bearer é")
	f.Fuzz(func(t *testing.T, header []byte) { property(t, header) })
}

// wellFormed is the grammar again, the slow and plain way.
func wellFormed(header string) bool {
	lower := strings.ToLower(header)
	for _, prefix := range []string{"bearer ", "dpop "} {
		if len(header) != len(lower) || !strings.HasPrefix(lower, prefix) {
			continue
		}
		token := strings.TrimLeft(header[len(prefix):], " ")
		return token != "" && strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") == ""
	}
	return false
}
