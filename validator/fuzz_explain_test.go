package validator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
)

// FuzzExplain signs fuzzed claims under a fuzzed header with the trusted key, or takes
// them for the token itself: Explain says what Validate says of it, on a miss and on a
// hit, with and without a policy, and shows no part of it.
func FuzzExplain(f *testing.F) {
	z := newFuzzed(f)
	header := fmt.Sprintf(`{"alg":"ES256","kid":%q}`, z.server.KID())
	one, err := z.validator.WithConfig(z.config)
	require.NoError(f, err)
	other, err := z.validator.WithConfig(z.config)
	require.NoError(f, err)
	policy := validator.Requirements{Policy: &validator.Policy{
		Scopes: strs{"a"}, ClientIDs: strs{"client"}, ACRValues: strs{"gold"}, MaxAuthAge: time.Minute, MaxTokenAge: time.Hour,
		AuthorizationDetails: []validator.DetailRule{validator.Detail("pay", func(struct{ A int }) bool { return true })},
	}}
	property := func(t testing.TB, text []byte) bool {
		head, claims, signed := strings.Cut(string(text), "\n")
		raw := head
		if signed {
			raw = z.server.Sign("", []byte(head), []byte(claims))
		}
		accepted := false
		for _, call := range []validator.Requirements{{}, policy, {}} { // the last one is a hit, if the first was good
			_, err := one.ValidateWith(t.Context(), raw, call)
			x := other.ExplainWith(t.Context(), raw, call)
			agrees(t, x, raw, err)
			accepted = accepted || x.Accepted
		}
		return accepted
	}
	base := fmt.Sprintf(`{"iss":%q,"aud":"api://default","client_id":"client","exp":%d`, z.server.Issuer(), z.now+600)
	seed(f, property,
		header+"\n"+base+"}", header+"\n"+base+`,"scope":"a b","acr":"gold","auth_time":1,"iat":1,"authorization_details":[{"type":"pay","A":1}]}`,
		header+"\n"+base+`,"exp":1}`, header+"\n"+strings.Replace(base, "api://default", "eyJhbGciOiJub25lIn0.e30.", 1)+"}", header+"\n{}", "{}\n{}", "",
		header+"\n"+base+`,"cnf":{"jkt":"`+thumbprint+`"}}`, header+"\n"+base+`,"acr":1,"auth_time":"x","authorization_details":{}}`,
		header+"\n"+base+`,"status":{"status_list":{"idx":1,"uri":"https://x"}}}`, header+"\n"+base+`,"typ":"DPoP","azp":"x","nbf":4e9,"iat":4e9}`,
		header+"\n"+`{"iss":"x","exp":1,"aud":[],"scope":"\u001b[0m"}`, `{"alg":"none"}`+"\n"+base+"}", `{"alg":"ES256","crit":["x"]}`+"\n"+base+"}",
		"eyJhbGciOiJub25lIn0.e30.", "an-opaque-token-of-some-length", "a b", "eyJhbGciOiJub25lIn0.e30.x.y", strings.Repeat("a", 17000), "....",
	)
	f.Fuzz(func(t *testing.T, text []byte) { property(t, text) })
}

// BenchmarkExplain: it is for people, and may take its time.
func BenchmarkExplain(b *testing.B) {
	for _, algorithm := range algorithms {
		b.Run(algorithm, func(b *testing.B) {
			f := newFixture(b, algorithm, 100)
			raw := f.token()
			b.ReportAllocs()
			for b.Loop() {
				if x := f.validator.Explain(b.Context(), raw); !x.Accepted {
					b.Fatal(x)
				}
			}
		})
	}
}
