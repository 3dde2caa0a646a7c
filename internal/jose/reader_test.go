package jose_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// seen is what a reader makes of one member.
type seen struct{ name, raw string }

// byTheLibrary reads an object with the library alone, up to an error.
func byTheLibrary(text string) (members []seen, err error) {
	d := jsontext.NewDecoder(strings.NewReader(text))
	open, err := d.ReadToken()
	if err != nil || open.Kind() != jsontext.KindBeginObject {
		return nil, jose.ErrSyntax
	}
	for err == nil && d.PeekKind() == jsontext.KindString {
		var name, value jsontext.Value
		if name, err = d.ReadValue(); err != nil {
			break
		}
		unquoted, _ := jsontext.AppendUnquote(nil, name.Clone())
		if value, err = d.ReadValue(); err == nil {
			members = append(members, seen{string(unquoted), string(value)})
		}
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	if err == nil {
		if _, err = d.ReadToken(); errors.Is(err, io.EOF) {
			return members, nil
		}
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return members, jose.ErrDuplicate
	}
	return members, jose.ErrSyntax
}

// deep reports whether a well-formed text nests too deeply.
func deep(text string) bool {
	d := jsontext.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.ReadToken(); err != nil {
			return false
		}
		if d.StackDepth() > jose.MaxDepth {
			return true
		}
	}
}

// agrees reads the text with ReadObject as well, and fails if that sees anything else.
func agrees(t testing.TB, text string) {
	t.Helper()
	members, err := byTheLibrary(text)
	o := jose.ReadObject(text, nil)
	defer o.Close()
	for _, m := range members {
		if err != nil || !o.Next() {
			if err == nil && o.Err() == nil {
				t.Fatalf("%q: there is no %q, the library sees %s", text, m.name, m.raw)
			}
			break
		}
		if o.Name() != m.name || o.Kind() != jsontext.Value(m.raw).Kind() {
			t.Fatalf("%q: %q of kind %v, the library sees %q: %s", text, o.Name(), o.Kind(), m.name, m.raw)
		}
		sameValue(t, o, m)
	}
	more := o.Next()
	switch mine := o.Err(); {
	case errors.Is(mine, jose.ErrDepth) && (err != nil || deep(text)):
	case errors.Is(mine, jose.ErrMembers) && (len(members) > 256 || len(members) == 256 && err != nil || slices.ContainsFunc(members, func(m seen) bool { return len(m.name) > 256 })):
	case more || !errors.Is(mine, err) || mine == nil && deep(text):
		t.Fatalf("%q: %v, the library says %v", text, mine, err)
	}
}

// sameValue reads the current member as what it is.
func sameValue(t testing.TB, o *jose.Object, m seen) {
	t.Helper()
	var list []string
	switch o.Kind() {
	case jsontext.KindString:
		var want string
		require.NoError(t, json.Unmarshal([]byte(m.raw), &want))
		if got := o.String(); got != want {
			t.Fatalf("%q is %q, the library sees %s", m.name, got, m.raw)
		}
	case jsontext.KindNumber:
		if got := o.Number(); got != m.raw {
			t.Fatalf("%q is %q, the library sees %s", m.name, got, m.raw)
		}
	case jsontext.KindBeginArray:
		if json.Unmarshal([]byte(m.raw), &list) == nil && !bytes.Contains([]byte(m.raw), []byte("null")) {
			if got := o.Strings(); !assert.ObjectsAreEqual(list, got) {
				t.Fatalf("%q is %q, the library sees %s", m.name, got, m.raw)
			}
			return
		}
		fallthrough
	case jsontext.KindBeginObject:
		if len(m.name)%2 == 0 { // the others are skipped unread
			if got := o.Raw(); got != m.raw {
				t.Fatalf("%q is %q, the library sees %s", m.name, got, m.raw)
			}
		}
	}
}

// FuzzObjectByTheLibrary compares with package jsontext, which reads every text where
// ReadObject has a reader of its own for simple ones: the same members with the same
// values, or the same error.
func FuzzObjectByTheLibrary(f *testing.F) {
	for _, text := range texts() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { agrees(t, text) })
}

// TestObjectIsWhatTheLibraryReads is the same, of each text, of all its beginnings, and
// with each of its bytes gone, doubled, or another.
func TestObjectIsWhatTheLibraryReads(t *testing.T) {
	for _, text := range texts() {
		agrees(t, text)
		for at := range min(len(text), 200) {
			agrees(t, text[:at])
			agrees(t, text[:at]+text[at+1:])
			agrees(t, text[:at+1]+text[at:])
			for _, other := range []string{"\"", "\\", "}", "{", "]", "[", ",", ":", " ", "\n", "0", "-", ".", "e", "\x00", "\x1f", "\x7f", "\x80", "\xff", "é", "n"} {
				agrees(t, text[:at]+other+text[at+1:])
			}
		}
	}
}

func texts() []string {
	list := []string{
		`{}`, ` { } `, `{"a":1}`, `{"a":"b","b":"a"}`, "{\"a\" :\t[ 1 ,\r\n\"x\" ] , \"b\":{ \"a\":null } }\n", `{"":"","x":{"":{"":[]}}}`,
		`{"iss":"https://as.example","aud":["a","b"],"exp":1.5,"iat":-0,"nbf":10.25,"ok":true,"no":false,"none":null}`,
		`{"realm_access":{"roles":["a","b"]},"resource_access":{"account":{"roles":["a"]},"x":{"roles":[]}},"roles":[["a"],[],{}]}`,
		`{"a":1e5,"b":1E-5,"c":-1.5e+10}`, `{"a":"\u0061\n","\u0062":"\"","c":"\\"}`, `{"name":"Zoë","größe":"1"}`, `{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":-}`, `{"a":+1}`,
		`{"a":1,"a":2}`, `{"a":{"b":1,"b":2}}`, `{"a":1,"\u0061":2}`, `{"ab":1,"ba":2,"abba":3,"acca":4}`, `{"a":tru}`, `{"a":truee}`, `{"a":nul}`, `{"a":NULL}`,
		`{"a":1}{}`, `[]`, `"a"`, `1`, `null`, ``, ` `, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", "\ufeff{}", `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{"a" 1}`, `{"a":[1,]}`, `{"a":[,1]}`, `{"a":[1 2]}`, `{"a":1 "b":2}`,
	}
	for _, n := range []int{15, 16, 17} {
		list = append(list, `{"a":`+strings.Repeat("[", n-1)+strings.Repeat("]", n-1)+`}`, strings.Repeat(`{"a":`, n)+"1"+strings.Repeat("}", n))
	}
	for _, n := range []int{31, 32, 33, 47, 48, 49, 256, 257} {
		var members, nested []string
		for i := range n {
			members = append(members, fmt.Sprintf(`"m%d":%d`, i, i))
		}
		for i := range n {
			nested = append(nested, fmt.Sprintf(`"n%d":{"m":%d}`, i, i))
		}
		list = append(list, "{"+strings.Join(members, ",")+"}", `{"a":{`+strings.Join(members, ",")+`}}`, "{"+strings.Join(nested, ",")+"}",
			"{"+strings.Join(members, ",")+`,"m0":1}`, `{"`+strings.Repeat("n", n)+`":"`+strings.Repeat("v", n)+`"}`)
	}
	for n := range 20 { // a quote, and others, at every place of eight
		list = append(list, `{"`+strings.Repeat("a", n)+`":"`+strings.Repeat("b", n)+`"}`, `{"a":"`+strings.Repeat("b", n)+"\x01\"}", `{"a":"`+strings.Repeat("b", n)+`\""}`)
	}
	return list
}
