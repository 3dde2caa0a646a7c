package jose_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// What is no segment leaves the buffer as it was: callers use it again.
func TestRefusedSegmentKeepsTheBuffer(t *testing.T) {
	for _, segment := range []string{"", "Zh"} {
		got, err := jose.AppendSegment([]byte("before "), segment)
		require.ErrorIs(t, err, jose.ErrSegment)
		require.GreaterOrEqual(t, len(got), len("before "))
		assert.Equal(t, "before ", string(got[:len("before ")]))
	}
}

func TestEmptyTypIsNoAbsentTyp(t *testing.T) {
	_, err := jose.ParseHeader(encode(`{"alg":"RS256","typ":""}`))
	assert.ErrorIs(t, err, jose.ErrType)
}

// Members come in any order; what one of them rules out, a later one does not allow.
func TestKeyForSomethingElseStaysOne(t *testing.T) {
	ec := public(t, "P-256")
	for _, text := range []string{
		strings.Replace(ec.with("key_ops", []string{"verify"}).text(t), "{", `{"use":"enc",`, 1),
		strings.Replace(ec.with("use", "sig").text(t), "{", `{"key_ops":["sign"],`, 1),
	} {
		_, err := jose.ParseJWK(text)
		assert.ErrorIs(t, err, jose.ErrKeyUse, text)
	}
}

// Only in the first of four octets is a set bit one too many.
func TestExponentsOfLessThanFourOctets(t *testing.T) {
	for _, e := range []string{"gQ", "gQE", "gQEB"} { // 81, 8101 and 810101, in hexadecimal
		key, err := jose.ParseJWK(public(t, "RSA").with("e", e).text(t))
		require.NoError(t, err, e)
		assert.True(t, key.Fits(jose.RS256))
	}
}

// Of what is no object it does not matter how deep it is.
func TestDeepArrayIsNoObject(t *testing.T) {
	_, err := skim(nest(jose.MaxDepth+1, "[", "]"), nil)
	assert.ErrorIs(t, err, jose.ErrSyntax)
}

// What is no member is not one too many.
func TestBadSyntaxAfterAllMembers(t *testing.T) {
	text := "{"
	for i := range 256 {
		text += `"m` + strings.Repeat("x", i) + `":1,`
	}
	_, err := skim(text+"x}", nil)
	assert.ErrorIs(t, err, jose.ErrSyntax)
}

// A string that cannot be read is found before its list is asked for.
func TestListWithABadString(t *testing.T) {
	for _, text := range []string{`{"m":["a","\x"]}`, `{"m":["a","b`, `{"m":["a","\ud800","b"]}`, `{"m":["a"`, `{"m":["a",]}`, `{"m":["a"}`} {
		o := jose.ReadObject(text, nil)
		assert.False(t, o.Next(), "it is read as a whole before any of it is seen")
		assert.ErrorIs(t, o.Err(), jose.ErrSyntax, text)
		o.Close()
	}
}

// White space in a list is none of its strings', before the comma and behind it.
func TestListWithWhiteSpace(t *testing.T) {
	for _, last := range []string{`c`, `\u0063`} { // by either reader
		o := jose.ReadObject("{\"m\":[ \"a\" ,\t\"b\"\r\n,\r\n \""+last+"\" ],\"after\":1}", nil)
		require.True(t, o.Next())
		assert.Equal(t, []string{"a", "b", "c"}, o.Strings())
		assert.True(t, o.Next())
		assert.NoError(t, o.Err())
		o.Close()
	}
}

// White space before a value is none of it, whether the value is read or skipped, and
// nobody has asked for its kind; all that is within is.
func TestValueBehindWhiteSpace(t *testing.T) {
	for _, last := range []string{`d`, `\u0064`} { // by either reader
		within := "[\t2\r,\n{\"y\" :\t3\n, \"z\":4\t}\r, true\r, null\n ]"
		text := "{\"a\": 1,\"b\":\t" + within + ",\"c\" :\r\n\"x\" , \"" + last + "\":  {\"y\":3}}"
		names, err := skim(text, nil)
		assert.NoError(t, err)
		assert.Equal(t, []string{"a", "b", "c", "d"}, names)

		o := jose.ReadObject(text, nil)
		var values []string
		for o.Next() {
			values = append(values, o.Raw())
		}
		assert.NoError(t, o.Err())
		assert.Equal(t, []string{"1", within, `"x"`, `{"y":3}`}, values)
		o.Close()
	}
}

// White space behind a value is none of it either.
func TestValueBeforeWhiteSpace(t *testing.T) {
	for _, space := range []string{" ", "\t", "\r", "\n"} {
		for _, value := range []string{"1", "-0.5e1", "true", "null", `"x"`, "[]", `{"y":1}`} {
			for _, behind := range []string{",", "}"} {
				text := "{\"\\u0061\":" + value + space + behind
				if behind == "," {
					text += `"b":2}`
				}
				o := jose.ReadObject(text, nil)
				require.True(t, o.Next())
				assert.Equal(t, value, o.Raw(), "%q", text)
				o.Close()
			}
		}
	}
}

// The fullwidth forms are those of ! to ~, first and last included.
func TestFullwidthFormsFold(t *testing.T) {
	known := jose.NewNames("a!", "a~")
	for _, name := range []string{"a\uff01", "a\uff5e"} {
		_, err := skim(`{"`+name+`":1}`, known)
		assert.ErrorIs(t, err, jose.ErrFolded, name)
	}
}

func TestNamesAreKnownAsTheyAreSpelled(t *testing.T) {
	known := jose.NewNames("iss", "clientId")
	for name, want := range map[string]bool{"iss": true, "clientId": true, "ISS": false, "clientid": false, "": false} {
		assert.Equal(t, want, known.Has(name), name)
	}
}
