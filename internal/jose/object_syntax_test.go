package jose_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// A text that is no JSON at all is ErrSyntax before anything of it is read: the answer
// to "is this a JWS" hangs on it.
func TestTextThatIsNotJSONIsNeverAWrongType(t *testing.T) {
	for _, text := range []string{`{"m":}`, `{"m":]}`, `{"m":["a",}`, `{"m":["a",]}`, `{"m":["a"`, `{"m":["a",`, `{"m":["a",x]}`, `{"m":[}`, `{"m":x}`, `{"m":`} {
		t.Run(text, func(t *testing.T) {
			o := jose.ReadObject(text, nil)
			defer o.Close()
			assert.False(t, o.Next())
			assert.ErrorIs(t, o.Err(), jose.ErrSyntax)
			assert.Empty(t, o.Raw())
		})
	}
	_, err := jose.ParseHeader(encode(`{"alg":}`))
	assert.ErrorIs(t, err, jose.ErrNotJWS)
}
