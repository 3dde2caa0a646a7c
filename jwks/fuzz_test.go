package jwks_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/bearerguard/bearerguard/jwks"
)

// FuzzParseSet puts fuzzed JSON values beside a good key, and a fuzzed body
// after a good set. Nothing panics, the good key is never lost by what is beside
// it, and never by what comes after it unless that is a well-formed set.
func FuzzParseSet(f *testing.F) {
	content, err := os.ReadFile("testdata/jwks_bodies.json")
	if err != nil {
		f.Fatal(err)
	}
	var file struct{ Cases []struct{ Body string } }
	if err := json.Unmarshal(content, &file); err != nil {
		f.Fatal(err)
	}
	for _, c := range file.Cases {
		f.Add([]byte(c.Body))
		var set struct{ Keys []json.RawMessage }
		if json.Unmarshal([]byte(c.Body), &set) == nil {
			for _, key := range set.Keys {
				f.Add([]byte(key))
			}
		}
	}
	good := es256(f, "the only good key")
	f.Fuzz(func(t *testing.T, fuzzed []byte) {
		fits := func(raw []byte) bool { return json.Valid(raw) && len(raw) < 1<<19 }
		if fits(fuzzed) {
			for _, set := range [][]byte{setOf(text(fuzzed), good), setOf(good, text(fuzzed))} {
				s := newSubject(t, jwks.Config{URL: "https://as.example/keys", HTTPClient: serving(set).client()})
				if _, err := s.key("the only good key", "ES256"); err != nil {
					t.Fatalf("lost the good key: %v", err)
				}
			}
		}
		body := setOf(good)
		s := newSubject(t, jwks.Config{URL: "https://as.example/keys", HTTPClient: serving(body).client()})
		before, err := s.key("the only good key", "ES256")
		if err != nil {
			t.Fatal(err)
		}
		after := newSubject(t, jwks.Config{URL: "https://as.example/keys", HTTPClient: serving(fuzzed).client()})
		if err := after.Ready(t.Context()); err != nil {
			unavailable(t, err)
		} else if keys := after.fetches.last(t).Keys; keys == 0 || keys > jwks.MaxKeys {
			t.Fatalf("installed a set of %d keys", keys)
		} else if !json.Valid(fuzzed) {
			t.Fatalf("installed what is not JSON")
		}
		if !before.Trusted() {
			t.Fatal("another source's answer reached the key")
		}
	})
}
