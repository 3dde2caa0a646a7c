package introspect_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/introspect"
)

// FuzzAnswer answers with fuzzed bodies. Whatever is an answer here is the same
// answer to a decoder of another make, which folds case and knows of no strictness.
func FuzzAnswer(f *testing.F) {
	for _, body := range bodies {
		f.Add(body.body)
	}
	for _, seed := range []string{`{"active":true,"active ":false}`, `{"active":true,"":{"active":false}}`, `{"\u0041ctive":true}`, `{"a":"\"active\":true","active":false}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if len(body) > remote.MaxReply {
			return
		}
		answer, err := newClient(t, replying(with(200, body))).Introspect(t.Context(), token)
		if err != nil {
			failed(t, introspect.Malformed, err)
			return
		}
		if answer.Text != body {
			t.Fatal("the answer is not what was sent")
		}
		if !utf8.ValidString(body) || !json.Valid([]byte(body)) {
			t.Fatal("it is not JSON")
		}
		if values := members(t, body)["active"]; len(values) != 1 || values[0] != answer.Active {
			t.Fatalf("active is %v, and was read as %v", values, answer.Active)
		}
		var folded struct{ Active *bool }
		if err := json.Unmarshal([]byte(body), &folded); err != nil || folded.Active == nil || *folded.Active != answer.Active {
			t.Fatalf("encoding/json reads another answer: %v", err)
		}
	})
}

// members are the values of an object's members, in the order of the text: more
// than one where a name comes twice.
func members(t *testing.T, object string) map[string][]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(object))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		t.Fatalf("it is no object: %v", err)
	}
	values := map[string][]any{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		values[name.(string)] = append(values[name.(string)], value)
	}
	return values
}
