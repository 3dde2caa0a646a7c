package mtls_test

import (
	"testing"

	"github.com/bearerguard/bearerguard/validator"
)

// BenchmarkProof is a whole decision with a cached token: on its own, with a proof
// that it does not need, and bound.
func BenchmarkProof(b *testing.B) {
	tr, own := newTrust(b), certificate(b)
	bound := tr.boundTo(own.Certificate[0])
	byConnection := over(request("192.0.2.2:1"), own)
	byHeader := request("192.0.2.1:1", field(own.Certificate[0]))
	v := verifier(b, "192.0.2.1/32", "2001:db8::/64")
	for _, bc := range []struct {
		name, raw string
		prove     func() []validator.Proof
	}{
		{"none", tr.AccessToken(), func() []validator.Proof { return nil }},
		{"connection/unbound", tr.AccessToken(), func() []validator.Proof { return []validator.Proof{v.Request(byConnection)} }},
		{"connection/bound", bound, func() []validator.Proof { return []validator.Proof{v.Request(byConnection)} }},
		{"header/unbound", tr.AccessToken(), func() []validator.Proof { return []validator.Proof{v.Request(byHeader)} }},
		{"header/bound", bound, func() []validator.Proof { return []validator.Proof{v.Request(byHeader)} }},
	} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tr.ValidateWith(b.Context(), bc.raw, validator.Requirements{Proofs: bc.prove()}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
