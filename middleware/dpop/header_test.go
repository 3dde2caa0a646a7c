package dpop_test

import (
	"encoding/base64"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestKnownHeader: a proof whose header came before is held to all that any proof is.
func TestKnownHeader(t *testing.T) {
	a := newAPI(t, "EdDSA")
	v := a.verifier(t)
	for range 3 {
		require.NoError(t, a.present(t, v, a.proof()))
	}
	proof := a.proof()
	signed, _, _ := strings.Cut(a.proof(), ".")
	require.True(t, strings.HasPrefix(proof, signed+"."), "one client, one header")

	other := a.server.AccessToken(dpoptest.NewKey("EdDSA").Bind())
	wrong := v.Proof(dpop.Request{Method: "GET", URL: address, Proofs: []string{proof}, Scheme: validator.SchemeDPoP})
	invalid(t, a.decide(t, wrong, other), validator.ReasonProofMismatch)
	dot := strings.LastIndexByte(proof, '.')
	invalid(t, a.present(t, v, proof[:dot+1]+strings.Repeat("A", 86)), validator.ReasonProofSignature)
	invalid(t, a.present(t, v, a.proof(validatortest.Claim("htm", "POST"))), validator.ReasonProofMethod)
	require.NoError(t, a.present(t, v, proof), "nothing of that used it up")
	invalid(t, a.present(t, v, proof), validator.ReasonProofReplayed)

	ecdsa := a.verifier(t, func(c *dpop.Config) { c.Algorithms = []string{"ES256"} })
	invalid(t, a.present(t, ecdsa, a.proof()), validator.ReasonProofAlgorithm)
}

// TestKnownHeaderIsTheVeryOne: wherever a header is remembered, no other one is taken for it.
func TestKnownHeaderIsTheVeryOne(t *testing.T) {
	a := newAPI(t, "EdDSA")
	v := a.verifier(t)
	require.NoError(t, a.present(t, v, a.proof()))
	_, rest, _ := strings.Cut(a.proof(), ".")
	for i := range 20_000 { // some are remembered at the same place
		header := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"typ":"JWT","kid":"%d"}`, i))
		invalid(t, a.present(t, v, header+"."+rest), validator.ReasonProofType)
	}
	require.NoError(t, a.present(t, v, a.proof()))
}

// TestKnownHeaderAllocations: what reading a header and its key would take is not taken again.
func TestKnownHeaderAllocations(t *testing.T) {
	a := newAPI(t, "EdDSA")
	v := a.verifier(t)
	fewest := func(proof func(i int) string) float64 {
		var presented []validator.Proof
		for i := range 40 {
			presented = append(presented, v.Proof(dpop.Request{
				Method: "GET", URL: address, Proofs: []string{proof(i)}, Scheme: validator.SchemeDPoP,
			}))
		}
		least := math.Inf(1)
		for len(presented) > 0 { // two of them are used each time: one warms up
			least = min(least, testing.AllocsPerRun(1, func() {
				_, err := a.validator.ValidateWith(t.Context(), a.token, validator.Requirements{Proofs: presented[:1]})
				require.NoError(t, err)
				presented = presented[1:]
			}))
		}
		return least
	}
	known := fewest(func(int) string { return a.proof() })
	each := fewest(func(i int) string { return a.proof(validatortest.HeaderParam("kid", fmt.Sprint(i))) })
	assert.Less(t, known, each-10)
}
