package jose_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/jose"
)

var b64 = base64.RawURLEncoding

func encode(text string) string { return b64.EncodeToString([]byte(text)) }

func TestCutTakesThreeSegmentsThatBeginWithAnObject(t *testing.T) {
	compact, ok := jose.Cut("eyJ9.cGF5.c2ln")
	require.True(t, ok)
	assert.Equal(t, jose.Compact{Header: "eyJ9", Payload: "cGF5", Signature: "c2ln", Signed: "eyJ9.cGF5"}, compact)

	for name, test := range map[string]struct {
		raw string
		ok  bool
	}{
		"empty payload":             {"eyJ9..c2ln", true},
		"empty signature":           {"eyJ9.cGF5.", true},
		"both empty":                {"eyJ9..", true},
		"shortest":                  {"e30..", true},
		"empty":                     {"", false},
		"no dot":                    {"eyJ9", false},
		"one dot":                   {"eyJ9.cGF5", false},
		"three dots":                {"eyJ9.cGF5.c2ln.", false},
		"empty third of four":       {"eyJ9.cGF5..c2ln", false},
		"four dots, a JWE":          {"eyJ9.cGF5.c2ln.a.b", false},
		"dots only":                 {"..", false},
		"header of one character":   {"e..", false},
		"header of one space":       {encode(" ") + "..", true}, // for the reader to tell
		"header of one brace":       {encode("{") + "..", false},
		"second character after it": {"e.y.", false},
		"not an e":                  {"fyJh.cGF5.c2ln", false},
		"opaque, begins with e":     {"eaaa.bbbb.cccc", false},
		"an array":                  {encode("[1]") + ".a.b", false},
		"a space before":            {encode(" {}") + ".a.b", true},
		"lines before":              {encode("\r\n\t{}") + ".a.b", true},
		"text":                      {encode(`a "a"`) + ".a.b", false},
		"ends with text":            {encode(`{"a`) + ".a.b", false},
		"a space behind":            {encode(`{} `) + ".a.b", true},
		"end is no base64url":       {"eyJ+.a.b", true}, // for the decoder to tell
		"100 kB of dots":            {strings.Repeat(".", 100_000), false},
	} {
		t.Run(name, func(t *testing.T) {
			compact, ok := jose.Cut(test.raw)
			assert.Equal(t, test.ok, ok)
			if ok {
				assert.Equal(t, test.raw, compact.Signed+"."+compact.Signature)
				assert.Equal(t, compact.Signed, compact.Header+"."+compact.Payload)
			} else {
				assert.Zero(t, compact)
			}
		})
	}
}

// Whatever follows, a brace or white space is let through: an object begins with
// one of them. Of the rest, only what shares its first six bits with white space.
func TestCutLetsEveryBeginningOfAnObjectThrough(t *testing.T) {
	for first := range 256 {
		maybe := first>>2 == '\t'>>2 || first>>2 == '\r'>>2 || first>>2 == ' '>>2
		for second := range 256 {
			_, ok := jose.Cut(b64.EncodeToString([]byte{byte(first), byte(second), '}'}) + "..")
			require.Equal(t, first == '{' || maybe, ok, "%d %d", first, second)
		}
	}
	for second := range 256 {
		raw := "e" + string([]byte{byte(second)}) + "J9"
		_, ok := jose.Cut(raw + "..")
		decoded, err := b64.DecodeString(raw)
		assert.Equal(t, err == nil && len(decoded) == 3 && decoded[0] == '{', ok, "%q", raw)
	}
}

// So is every end of one: a brace, or white space behind it.
func TestCutLetsEveryEndOfAnObjectThrough(t *testing.T) {
	for length := range 5 {
		for last := range 256 {
			_, ok := jose.Cut(encode("{"+strings.Repeat("a", length)+string([]byte{byte(last)})) + "..")
			require.Equal(t, strings.IndexByte("} \t\r\n", byte(last)) >= 0, ok, "%d after %d", last, length)
		}
	}
}

// Tail is what could be the signature, for who asks before anything is cut: by length, and
// by the dot before it.
func TestTailHasTheLengthOfASignature(t *testing.T) {
	for _, length := range []int{86, 342} {
		signature := strings.Repeat("s", length)
		for name, test := range map[string]struct{ raw, want string }{
			"behind a header":     {"eyJ9.e30." + signature, signature},
			"behind a dot alone":  {"." + signature, ""},
			"behind something":    {"abcd.e30." + signature, ""},
			"behind white space":  {"ICB7fQ.e30." + signature, signature},
			"alone":               {signature, ""},
			"behind no dot":       {"x" + signature, ""},
			"one character more":  {"eyJ9.e30.s" + signature, ""},
			"one character less":  {"eyJ9.e30." + signature[1:], ""},
			"with a dot after it": {"eyJ9.e30." + signature + ".", ""},
		} {
			assert.Equal(t, test.want, jose.Tail(test.raw), "%d %s", length, name)
		}
	}
	for _, raw := range []string{"", ".", "e"} {
		assert.Empty(t, jose.Tail(raw))
	}
}

func TestAlphabetIsThatOfABearerToken(t *testing.T) {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=" // RFC 6750 2.1
	for b := range 256 {
		want := strings.IndexByte(allowed, byte(b)) >= 0
		for length := range 20 {
			for at := range length {
				text := []byte(strings.Repeat("A", length))
				text[at] = byte(b)
				require.Equal(t, want, jose.InAlphabet(string(text)), "%q", text)
			}
		}
	}
	for pair := range 1 << 16 { // neighbours do not hide each other
		text := string([]byte{'a', '0', byte(pair >> 8), byte(pair), 'Z', '_', '-', '9', 'z'})
		want := strings.Trim(text, allowed) == ""
		if jose.InAlphabet(text) != want {
			require.Fail(t, "neighbours", "%q: %v", text, !want)
		}
	}
	assert.True(t, jose.InAlphabet(""))
	assert.False(t, jose.InAlphabet("tökén"))
}

func TestSegmentIsTheOneCanonicalTextOfItsBytes(t *testing.T) {
	for segment, want := range map[string]string{
		"Zg": "f", "Zm8": "fo", "Zm9v": "foo", "Zm9vYg": "foob", "AA": "\x00", "_-8": "\xff\xef",
	} {
		got, err := jose.AppendSegment([]byte("before "), segment)
		require.NoError(t, err)
		assert.Equal(t, "before "+want, string(got))
	}
	for name, segment := range map[string]string{
		"empty":                        "",
		"padded":                       "Zg==",
		"padding alone":                "=",
		"unused bits of one character": "Zh",
		"unused bits of two":           "Zm9",
		"one character":                "Z",
		"five characters":              "Zm9vY",
		"standard alphabet":            "+/8",
		"mixed alphabets":              "_/8",
		"a dot":                        "Zm9v.",
		"a tilde":                      "Zm9~",
		"a space":                      "Zm 9v",
		"not ASCII":                    "Zm9é",
		"a NUL":                        "Zm9\x00",
		"a line break":                 "Zm9v\n",
		"a line break, eight behind":   "Zm9v\r\nYmFyYmFy",
		"wrong among many":             strings.Repeat("Zm9v", 5) + "Z.9v" + strings.Repeat("Zm9v", 5),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jose.AppendSegment(nil, segment)
			assert.ErrorIs(t, err, jose.ErrSegment)
		})
	}
}

// A wrong character is seen wherever it stands.
func TestSegmentOfWrongCharacters(t *testing.T) {
	for length := 2; length < 40; length++ {
		segment := strings.Repeat("A", length) // canonical, unless one is left over
		_, err := jose.AppendSegment(nil, segment)
		require.Equal(t, length%4 != 1, err == nil, length)
		for at := range length {
			for _, wrong := range []string{"=", "+", "/", ".", "\n", "\r", " ", "\x00", "\x80", "\xff"} {
				_, err := jose.AppendSegment(nil, segment[:at]+wrong+segment[at+1:])
				require.ErrorIs(t, err, jose.ErrSegment, "%q at %d of %d", wrong, at, length)
			}
		}
	}
}

// FuzzSegment: a segment in the alphabet decodes if and only if it is what its
// bytes encode to, so that no two segments mean the same bytes.
func FuzzSegment(f *testing.F) {
	for _, seed := range []string{"", "Zg", "Zh", "Zg==", "Zm9v", "Zm9", "+/8", "_-8", "eyJhbGciOiJSUzI1NiJ9", "A.A", strings.Repeat("A", 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, segment string) {
		decoded, err := jose.AppendSegment(nil, segment)
		if err != nil {
			require.ErrorIs(t, err, jose.ErrSegment)
			if loose, err := b64.DecodeString(segment); err == nil && segment != "" && b64.EncodeToString(loose) == segment {
				t.Fatalf("refused the canonical %q", segment)
			}
			return
		}
		if b64.EncodeToString(decoded) != segment || segment == "" {
			t.Fatalf("accepted %q, which is not the encoding of its bytes", segment)
		}
	})
}
