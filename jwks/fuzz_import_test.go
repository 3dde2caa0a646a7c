package jwks_test

import (
	"errors"
	"testing"

	"github.com/bearerguard/bearerguard/jwks"
)

// FuzzImport puts fuzzed envelopes into a Source that has a set. What is refused has
// one of the documented reasons and changes nothing; what is accepted can be exported
// and imported again, and is the same set.
func FuzzImport(f *testing.F) {
	key := es256(f, "k")
	for _, seed := range []string{
		`{"format":"bearerguard-jwks/1","issuer":"https://as.example","url":"https://as.example/keys","fetched":"2026-01-02T03:04:05Z","keys":[` + key.String() + `]}`,
		`{"format":"bearerguard-jwks/1","issuer":"https://as.example","url":"https://as.example/keys","fetched":"2026-01-02T03:04:05.6Z","keys":[` + key.with("issuer", "i", "alg", "ES256", "use", "sig", "key_ops", []string{"verify"}).String() + `,{}]}`,
		`{"format":"bearerguard-jwks/1","issuer":"","url":"","fetched":null,"keys":[]}`,
		`{"format":"bearerguard-jwks/2"}`, `{}`, `null`, ``, string(setOf(key)),
	} {
		f.Add([]byte(seed))
	}
	reasons := []error{jwks.ErrEnvelope, jwks.ErrEnvelopeIssuer, jwks.ErrEnvelopeURL, jwks.ErrEnvelopeFuture, jwks.ErrEnvelopeOlder, jwks.ErrNoUsableKey}
	f.Fuzz(func(t *testing.T, fuzzed []byte) {
		config := jwks.Config{Issuer: issuer, URL: setURL}
		config.HTTPClient = serving(setOf(key)).client()
		s := newSubject(t, config)
		if err := s.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := s.Status().Thumbprint
		if err := s.Import(fuzzed); err != nil {
			known := 0
			for _, reason := range reasons {
				if errors.Is(err, reason) {
					known++
				}
			}
			if known != 1 || s.Status().Thumbprint != before || s.Status().Imported {
				t.Fatalf("%d reasons, or something changed: %v", known, err)
			}
			return
		}
		again := newSubject(t, config)
		if err := again.Import(export(t, s.Source)); err != nil {
			t.Fatal(err)
		}
		if again.Status().Thumbprint != s.Status().Thumbprint {
			t.Fatal("another set")
		}
	})
}
