package jose_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// skim reads a whole object without asking for any value.
func skim(text string, known *jose.Names) (names []string, err error) {
	o := jose.ReadObject(text, known)
	defer o.Close()
	for o.Next() {
		names = append(names, o.Name())
	}
	return names, o.Err()
}

func TestObjectRefusesWhatIsNotOneObject(t *testing.T) {
	for name, text := range map[string]string{
		"empty":                       "",
		"space":                       "  ",
		"null":                        "null",
		"an array":                    "[]",
		"a string":                    `"a"`,
		"a number":                    "1",
		"byte order mark":             "\ufeff{}",
		"unfinished":                  "{",
		"unfinished name":             `{"a`,
		"unfinished pair":             `{"a":`,
		"unfinished value":            `{"a":"b`,
		"unfinished after value":      `{"a":1`,
		"unfinished array":            `{"a":[1`,
		"comma at the end":            `{"a":1,}`,
		"comma at the beginning":      `{,"a":1}`,
		"two commas":                  `{"a":1,,"b":2}`,
		"no comma":                    `{"a":1 "b":2}`,
		"no colon":                    `{"a" 1}`,
		"name without quotes":         `{a:1}`,
		"name in single quotes":       `{'a':1}`,
		"number as name":              `{1:2}`,
		"trailing object":             `{}{}`,
		"trailing brace":              `{}}`,
		"trailing text":               `{} x`,
		"trailing NUL":                "{}\x00",
		"trailing comma":              `{},`,
		"trailing no-break space":     "{}\u00a0",
		"trailing form feed":          "{}\f",
		"comment":                     `{/**/}`,
		"NaN":                         `{"a":NaN}`,
		"leading zero":                `{"a":01}`,
		"plus":                        `{"a":+1}`,
		"point without digits":        `{"a":1.}`,
		"True":                        `{"a":True}`,
		"bad escape":                  `{"a":"\x"}`,
		"raw control character":       "{\"a\":\"\n\"}",
		"raw control character, name": "{\"\n\":1}",
		"invalid UTF-8":               "{\"a\":\"\xff\"}",
		"invalid UTF-8, name":         "{\"\xff\":1}",
		"invalid UTF-8, nested":       "{\"a\":{\"b\":[\"\xc0\x80\"]}}",
		"UTF-8 of a surrogate":        "{\"a\":\"\xed\xa0\x80\"}",
		"overlong UTF-8":              "{\"a\":\"\xc0\xaf\"}",
		"lone high surrogate":         `{"a":"\ud800"}`,
		"lone low surrogate":          `{"a":"\udc00"}`,
		"surrogates in wrong order":   `{"a":"\udc00\ud800"}`,
		"lone surrogate, name":        `{"\ud800":1}`,
		"lone surrogate, nested":      `{"a":[{"b":"\ud800x"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := skim(text, nil)
			assert.ErrorIs(t, err, jose.ErrSyntax)

			o := jose.ReadObject(text, nil)
			defer o.Close()
			for o.Next() { // and asking for values changes nothing
				o.Raw()
			}
			assert.ErrorIs(t, o.Err(), jose.ErrSyntax)
			assert.False(t, o.Next())
		})
	}
}

func TestObjectTakesWhatIsOneObject(t *testing.T) {
	for text, want := range map[string][]string{
		`{}`:                             nil,
		" \t\r\n{ } \t\r\n":              nil,
		`{"a":1,"b":{"a":1},"c":[]}`:     {"a", "b", "c"},
		`{"":1}`:                         {""},
		`{"\u0061":1}`:                   {"a"},
		`{"a\"b":"\ud83d\ude00"}`:        {`a"b`},
		`{"a":{"x":1},"b":{"x":1}}`:      {"a", "b"},
		`{"a":1e400,"b":-0,"c":1E+2}`:    {"a", "b", "c"},
		`{"a":"\u0000","b":"\/\\"}`:      {"a", "b"},
		`{"a":"}{","b":"]["}`:            {"a", "b"},
		"{\"a\":\"\u2028\U0010ffff\"}":   {"a"},
		`{"__proto__":null,"true":true}`: {"__proto__", "true"},
	} {
		names, err := skim(text, nil)
		require.NoError(t, err, text)
		assert.Equal(t, want, names)
	}
}

func TestObjectRefusesDuplicates(t *testing.T) {
	for name, text := range map[string]string{
		"same value":           `{"a":1,"a":1}`,
		"other value":          `{"a":1,"b":2,"a":3}`,
		"nested":               `{"x":{"a":1,"a":2}}`,
		"nested in an array":   `{"x":[[{"a":1,"a":2}]]}`,
		"nested deeply":        `{"x":{"y":{"z":{"a":1,"a":2}}}}`,
		"by escape":            `{"a":1,"\u0061":2}`,
		"by escape, nested":    `{"x":{"a":1,"\u0061":2}}`,
		"of the empty name":    `{"":1,"":2}`,
		"after a known member": `{"iss":"a","iss":"b"}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := skim(text, nil)
			assert.ErrorIs(t, err, jose.ErrDuplicate)

			o := jose.ReadObject(text, nil)
			defer o.Close()
			for o.Next() {
				o.Raw()
			}
			assert.ErrorIs(t, o.Err(), jose.ErrDuplicate)
		})
	}
}

func TestObjectRefusesNamesThatLookLikeKnownOnes(t *testing.T) {
	known := jose.NewNames("iss", "sub", "kid", "exp", "aud", "client_id", "scp", "jti", "zone")
	for _, name := range []string{
		"ISS", "Iss", "isS", "ıss", "İss", "іss", "ιss", "ⅰss", "ⁱss", "Iѕѕ",
		"ſub", "SUB", "ѕub", "suЬ", "sսb", "sυb",
		"Kid", "\u212Aid", "кid", "κid", // Kelvin sign, Cyrillic, Greek
		"ехр", "eхp", "EXP",
		"аud", "ɑud", "AUD",
		"client_ID", "CLIENT_ID", "сlient_id",
		"ｉｓｓ", "ＩＳＳ", "𝐢𝐬𝐬", "𝗌𝗎𝖻", "𝚜𝚌𝚙",
		"ⓘⓢⓢ", "ⒾⓈⓈ", "is\u3164s", "\u115fsub", "is\u200bs", "\ufeffiss", "iss\u00ad", "is\u0301s", "j\u0307ti",
		"Aud", "audD"[:3] + "\u200d", "Zone", "𝐀ud", "𝐀𝐔𝐃", "𝐙one", "𝚣one", "Ⓐud", "ⓩone", "Ａud", "ｚone",
	} {
		t.Run(name, func(t *testing.T) {
			names, err := skim(`{"a":1,`+string(mustJSON(name))+`:"x"}`, known)
			assert.ErrorIs(t, err, jose.ErrFolded)
			assert.Equal(t, []string{"a"}, names)
		})
	}
	for _, name := range []string{"iss", "sub", "client_id", "issuer", "is", "is_s", "groups", "https://example.com/roles", "Groups", "ΩΩ", "kidd", "имя", "", "日本"} {
		t.Run("fine: "+name, func(t *testing.T) {
			_, err := skim(`{`+string(mustJSON(name))+`:"x"}`, known)
			assert.NoError(t, err)
		})
	}
	for _, alphabet := range [][2]rune{{0x3041, 0x30FF}, {0x4E00, 0x4E80}, {0x1F600, 0x1F640}} { // nothing like an i
		for r := alphabet[0]; r <= alphabet[1]; r++ {
			_, err := skim(`{"`+string(r)+`ss":1}`, known)
			assert.NoError(t, err, "%U", r)
		}
	}
	_, err := skim(`{"ISS":1}`, nil)
	assert.NoError(t, err, "nobody knows any name")
	_, err = skim(`{"x":{"ISS":1}}`, known)
	assert.NoError(t, err, "inside of other members they mean nothing")
}

func TestKnownNamesMayHaveCapitals(t *testing.T) {
	known := jose.NewNames("clientId", "x5t#S256", "iss")
	for _, name := range []string{"clientid", "ClientId", "CLIENTID", "сlientId", "x5t#s256", "X5T#S256", "x5t#ſ256"} {
		_, err := skim(`{"`+name+`":1}`, known)
		assert.ErrorIs(t, err, jose.ErrFolded, name)
	}
	names, err := skim(`{"clientId":1,"x5t#S256":2,"client":3}`, known)
	assert.NoError(t, err)
	assert.Len(t, names, 3)
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func nest(depth int, open, closing string) string {
	return strings.Repeat(open, depth) + strings.Repeat(closing, depth)
}

func TestObjectNestsSixteenDeep(t *testing.T) {
	for name, test := range map[string]struct {
		text string // a value, which is inside of the outermost object
		ok   bool
	}{
		"arrays, 16":           {nest(15, "[", "]"), true},
		"arrays, 17":           {nest(16, "[", "]"), false},
		"objects, 16":          {strings.Repeat(`{"a":`, 14) + "{}" + strings.Repeat("}", 14), true},
		"objects, 17":          {strings.Repeat(`{"a":`, 15) + "{}" + strings.Repeat("}", 15), false},
		"mixed, 17":            {strings.Repeat(`{"a":[`, 8) + strings.Repeat("]}", 8), false},
		"many, side by side":   {"[" + strings.Repeat("[],", 1000) + "{}]", true},
		"brackets in a string": {`["` + strings.Repeat("[{", 1000) + `\"[[\\"]`, true},
		"deep after a string":  {`["\\",` + nest(15, "[", "]") + `]`, false},
		"16, and more beside":  {"[" + nest(14, "[", "]") + ",[],{}]", true},
		"objects side by side": {"[" + strings.Repeat("{},", 1000) + "[]]", true},
		"after escaped quote":  {`["\"` + strings.Repeat("[{", 1000) + `\"\\"]`, true},
		// Of what the library reads, since something is escaped in it.
		"escaped, 16, and more beside": {`["\u0041",` + nest(14, "[", "]") + `,[],{},[]]`, true},
		"escaped, 17":                  {`["\u0041",` + nest(15, "[", "]") + `,[],{},[]]`, false},

		"very deep": {nest(5000, "[", "]"), false},
	} {
		t.Run(name, func(t *testing.T) {
			read := map[string]func(*jose.Object){"skipped by Next": func(*jose.Object) {}}
			if test.text[0] == '{' {
				read["Object"] = func(o *jose.Object) { o.Object() }
			}
			for how, read := range read {
				o := jose.ReadObject(`{"x":`+test.text+`}`, nil)
				for o.Next() {
					read(o)
				}
				if test.ok {
					assert.NoError(t, o.Err(), how)
				} else {
					assert.ErrorIs(t, o.Err(), jose.ErrDepth, how)
				}
				o.Close()
			}
		})
	}
}

func TestValuesOfTheRightType(t *testing.T) {
	o := jose.ReadObject(` {"s":"a\u0062\n","l":["x","\u0079"],"e":[],"n":-1.5e3,"o": {"a" : 1} ,"r":[1, true],"skipped":{"a":[]},"b":false}`, nil)
	defer o.Close()
	seen := 0
	for ; o.Next(); seen++ {
		switch o.Name() {
		case "s":
			assert.Equal(t, jsontext.KindString, o.Kind())
			assert.Equal(t, "ab\n", o.String())
		case "l":
			assert.Equal(t, jsontext.KindBeginArray, o.Kind())
			assert.Equal(t, []string{"x", "y"}, o.Strings())
		case "e":
			assert.Equal(t, []string{}, o.Strings())
		case "n":
			assert.Equal(t, "-1.5e3", o.Number())
		case "o":
			assert.Equal(t, `{"a" : 1}`, o.Object())
		case "r":
			assert.Equal(t, "[1, true]", o.Raw())
		case "b":
			assert.Equal(t, "false", o.Raw())
		}
	}
	require.NoError(t, o.Err())
	assert.Equal(t, 8, seen)
	assert.False(t, o.Next())
}

// String, Strings, Number and Object on every type that is not theirs.
func TestValuesOfTheWrongType(t *testing.T) {
	readers := map[string]func(*jose.Object) any{
		"string": func(o *jose.Object) any { return o.String() },
		"list":   func(o *jose.Object) any { return o.Strings() },
		"number": func(o *jose.Object) any { return o.Number() },
		"object": func(o *jose.Object) any { return o.Object() },
	}
	for name, test := range map[string]struct{ text, fits string }{
		"string":          {`"a"`, "string"},
		"number":          {`1`, "number"},
		"true":            {`true`, ""},
		"null":            {`null`, ""},
		"object":          {`{}`, "object"},
		"list":            {`["a"]`, "list"},
		"list of number":  {`[1]`, ""},
		"list with null":  {`["a",null]`, ""},
		"list of lists":   {`["a",["b"]]`, ""},
		"list of objects": {`[{}]`, ""},
	} {
		for reader, read := range readers {
			t.Run(name+" read as "+reader, func(t *testing.T) {
				o := jose.ReadObject(`{"m":`+test.text+`,"after":1}`, nil)
				defer o.Close()
				require.True(t, o.Next())
				value := read(o)
				if reader == test.fits {
					assert.NotZero(t, value)
					assert.True(t, o.Next())
					assert.NoError(t, o.Err())
					return
				}
				assert.Zero(t, value)
				assert.ErrorIs(t, o.Err(), jose.ErrType)
				assert.False(t, o.Next())
				for reader, read := range readers { // and there is no way on
					assert.Zero(t, read(o), reader)
				}
				assert.Empty(t, o.Raw())
				o.Refuse()
				assert.ErrorIs(t, o.Err(), jose.ErrType)
			})
		}
	}
}

func TestRefusedValueIsAWrongType(t *testing.T) {
	o := jose.ReadObject(`{"m":"x"}`, nil)
	defer o.Close()
	require.True(t, o.Next())
	_ = o.String()
	o.Refuse()
	assert.ErrorIs(t, o.Err(), jose.ErrType)
	assert.False(t, o.Next())
}

func TestRefusingDoesNotHideAnEarlierError(t *testing.T) {
	o := jose.ReadObject(`{"m":`, nil)
	defer o.Close()
	require.False(t, o.Next())
	o.Refuse()
	assert.ErrorIs(t, o.Err(), jose.ErrSyntax)
}

// Not even the members that an array would have if it were an object.
func TestWhatIsNoObjectHasNoMembers(t *testing.T) {
	for _, text := range []string{`["iss","x"]`, `["iss"]`, `"iss"`, `1`, ``, `{{"iss":1}}`, "\ufeff{\"iss\":1}"} {
		names, err := skim(text, nil)
		assert.ErrorIs(t, err, jose.ErrSyntax, text)
		assert.Empty(t, names)
	}
}

// Readers are reused; what they returned is not.
func TestStringsStayValidAfterClose(t *testing.T) {
	first := jose.ReadObject(`{"name":"first"}`, nil)
	require.True(t, first.Next())
	text, name, value := first.Text, first.Name(), first.String()
	first.Close()
	second := jose.ReadObject(`{"eman":"tsrif"}`, nil)
	defer second.Close()
	for second.Next() {
		_ = second.String()
	}
	assert.Equal(t, []string{`{"name":"first"}`, "name", "first"}, []string{text, name, value})
}

// An error of one reader is not the next one's.
func TestReaderBeginsAnew(t *testing.T) {
	for range 10 {
		_, err := skim(`{"ISS":`, jose.NewNames("iss"))
		require.Error(t, err)
		_, err = skim(`{"ISS":1}`, nil)
		require.NoError(t, err)
	}
}

func TestSegmentOfAnObject(t *testing.T) {
	o, err := jose.ReadSegment(encode(`{"a":1}`), nil)
	require.NoError(t, err)
	defer o.Close()
	assert.Equal(t, `{"a":1}`, o.Text)

	_, err = jose.ReadSegment(encode(`{"a":1}`)+"=", nil)
	assert.ErrorIs(t, err, jose.ErrSegment)
}

// oversized is beyond the bounds of an object's members.
func oversized(members map[string]json.RawMessage) bool {
	long := 0
	for name := range members {
		if len(name) > 256 {
			long++
		}
	}
	return long > 0 || len(members) > 256
}

// The bounds themselves: 256 members, names of 256 bytes.
func TestMembersAreBounded(t *testing.T) {
	object := func(members, name int) string {
		list := []string{fmt.Sprintf("%q:1", strings.Repeat("n", name))}
		for i := 1; i < members; i++ {
			list = append(list, fmt.Sprintf(`"m%d":1`, i))
		}
		return "{" + strings.Join(list, ",") + "}"
	}
	for text, want := range map[string]error{
		object(256, 1): nil, object(257, 1): jose.ErrMembers, object(1, 256): nil, object(1, 257): jose.ErrMembers,
	} {
		_, err := skim(text, nil)
		assert.ErrorIs(t, err, want)
	}
}

// FuzzObject compares with encoding/json. What ReadObject accepts, encoding/json
// accepts, with the same names and the same strings; what encoding/json accepts
// and has no duplicate, no replaced UTF-8, no depth and no excess of members,
// ReadObject accepts.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, `{"iss":"https://as.example","aud":["a","b"],"exp":1.5}`, `{"a":"\ud83d\ude00\n"}`, `{"a":{"b":{"b":1}}}`,
		`{"a":1,"a":2}`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", `{"a":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}`, `[]`, `{}{}`, "\ufeff{}", `{"a":01}`, ` { "\u0061" : null } `,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		mine, err := strictly(text)
		var theirs map[string]json.RawMessage
		theirErr := json.Unmarshal([]byte(text), &theirs)
		if err != nil {
			if theirErr == nil && theirs != nil && harmless(text) && !oversized(theirs) {
				t.Fatalf("refused %q: %v", text, err)
			}
			return
		}
		if theirErr != nil || theirs == nil {
			t.Fatalf("accepted %q: %v", text, theirErr)
		}
		if len(mine) != len(theirs) {
			t.Fatalf("%q: %d names, encoding/json sees %d", text, len(mine), len(theirs))
		}
		for name, value := range mine {
			raw, ok := theirs[name]
			if !ok {
				t.Fatalf("%q: encoding/json sees no %q", text, name)
			}
			var want string
			if value != nil && (json.Unmarshal(raw, &want) != nil || want != *value) {
				t.Fatalf("%q: %q is %q, encoding/json sees %q", text, name, *value, want)
			}
			if isString := raw[0] == '"'; isString != (value != nil) {
				t.Fatalf("%q: %q has another type", text, name)
			}
		}
	})
}

// strictly reads an object; a value that is no string is nil.
func strictly(text string) (map[string]*string, error) {
	o := jose.ReadObject(text, nil)
	defer o.Close()
	members := map[string]*string{}
	for o.Next() {
		members[o.Name()] = nil
		if o.Kind() == jsontext.KindString {
			value := o.String()
			members[o.Name()] = &value
		}
	}
	return members, o.Err()
}

// harmless reports whether text, which encoding/json accepts, has nothing that
// only the strict reader refuses.
func harmless(text string) bool {
	if !utf8.ValidString(text) || strings.Contains(text, `\u`) || strings.Contains(text, `\U`) {
		return false // a lone surrogate is replaced by encoding/json
	}
	d := json.NewDecoder(strings.NewReader(text))
	type level struct {
		names  map[string]bool // nil: an array
		isName bool
	}
	var stack []level
	for {
		token, err := d.Token()
		if err != nil {
			return true // the end
		}
		top := len(stack) - 1
		if delim, ok := token.(json.Delim); ok {
			switch delim {
			case '{', '[':
				if top >= 0 && stack[top].names != nil {
					stack[top].isName = true
				}
				next := level{}
				if delim == '{' {
					next = level{map[string]bool{}, true}
				}
				if stack = append(stack, next); len(stack) > jose.MaxDepth {
					return false
				}
			default:
				stack = stack[:top]
			}
			continue
		}
		if top >= 0 && stack[top].names != nil {
			if stack[top].isName {
				if stack[top].names[token.(string)] {
					return false
				}
				stack[top].names[token.(string)] = true
			}
			stack[top].isName = !stack[top].isName
		}
	}
}
