package jose_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// A text that is no JSON at all is ErrSyntax, whichever value was asked for: the
// answer to "is this a JWS" hangs on it.
func TestTextThatIsNotJSONIsNeverAWrongType(t *testing.T) {
	for _, text := range []string{`{"m":}`, `{"m":]}`, `{"m":["a",}`, `{"m":["a",]}`, `{"m":["a"`, `{"m":["a",`, `{"m":["a",x]}`, `{"m":[}`} {
		t.Run(text, func(t *testing.T) {
			for name, read := range map[string]func(*jose.Object){
				"String": func(o *jose.Object) { _ = o.String() }, "Strings": func(o *jose.Object) { o.Strings() },
			} {
				o := jose.ReadObject(text, nil)
				require.True(t, o.Next())
				if name == "String" && o.Kind() == '[' {
					o.Close()
					continue // that it is no string is settled before its end
				}
				read(o)
				assert.ErrorIs(t, o.Err(), jose.ErrSyntax, name)
				o.Close()
			}
		})
	}
	_, err := jose.ParseHeader(encode(`{"alg":}`))
	assert.ErrorIs(t, err, jose.ErrNotJWS)
}
