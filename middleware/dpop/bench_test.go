package dpop_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/validator"
)

// BenchmarkRequest is a DPoP request with a cached token, everything included: the
// decision on the token, the proof, the replay store, and a fresh nonce. Ratios are to
// a bare ES256 verification: the hash of the signing input and the signature.
func BenchmarkRequest(b *testing.B) {
	for name, edits := range map[string][]func(*dpop.Config){"plain": nil, "nonces": {nonces(dpop.Nonces{Secret: secret(1)})}} {
		b.Run(name, func(b *testing.B) {
			a := newAPI(b, "ES256")
			v := a.verifier(b, edits...)
			var requests []*http.Request
			refill := func(n int) {
				for range n {
					r := httptest.NewRequest("GET", path+"?page=2", nil)
					r.Header.Set("DPoP", a.proof(with(v.Nonce(a.known(b)))))
					requests = append(requests, r)
				}
			}
			ours := func() {
				r := requests[len(requests)-1]
				requests = requests[:len(requests)-1]
				token, err := a.validator.ValidateWith(context.Background(), a.token, validator.Requirements{
					Proofs: []validator.Proof{v.Request(r, validator.SchemeDPoP)},
				})
				if err != nil {
					b.Fatal(err)
				}
				v.Nonce(token)
			}
			b.ReportAllocs()
			for b.Loop() {
				if len(requests) == 0 {
					b.StopTimer()
					a.clock.Advance(time.Minute) // what was remembered is forgotten
					refill(2000)
					b.StartTimer()
				}
				ours()
			}
			b.StopTimer()
			const rounds, each = 40, 50
			requests = nil
			refill(rounds * each)
			bare := bareES256(b)
			var quotients []float64
			for range rounds {
				quotients = append(quotients, float64(timed(each, ours))/float64(timed(each, bare)))
			}
			slices.Sort(quotients)
			b.ReportMetric(quotients[rounds/2], "x-bare")
		})
	}
}

// known is the API's token, once accepted.
func (a *api) known(b *testing.B) *validator.Token {
	v := a.verifier(b)
	token, err := a.validator.ValidateWith(b.Context(), a.token, validator.Requirements{Proofs: []validator.Proof{
		v.Proof(dpop.Request{Method: "GET", URL: path, Proofs: []string{a.proof()}, Scheme: validator.SchemeDPoP}),
	}})
	require.NoError(b, err)
	return token
}

func timed(n int, f func()) time.Duration {
	began := time.Now()
	for range n {
		f()
	}
	return time.Since(began)
}

// bareES256 is what nobody can do without, over as many bytes as a proof signs.
func bareES256(b *testing.B) func() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(b, err)
	signed := []byte(strings.Repeat("x", 500))
	digest := sha256.Sum256(signed)
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	require.NoError(b, err)
	text := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return func() {
		digest := sha256.Sum256(signed)
		if !ecdsa.Verify(&key.PublicKey, digest[:], new(big.Int).SetBytes(text[:32]), new(big.Int).SetBytes(text[32:])) {
			b.Fatal("signature")
		}
	}
}

// BenchmarkMemory is one proof remembered among as many as there is room for.
func BenchmarkMemory(b *testing.B) {
	c := newClock()
	for _, keys := range []int{1, 1000} {
		b.Run(fmt.Sprint(keys, "-keys"), func(b *testing.B) {
			m := memory(b, dpop.MemoryConfig{Capacity: 100_000, PerKey: 100_000, Clock: c.Now})
			names := make([]string, keys)
			for i := range names {
				names[i] = fmt.Sprintf("%043d", i)
			}
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				i++
				if i%1000 == 0 {
					c.Advance(time.Second)
				}
				fresh, err := m.Add(b.Context(), names[i%keys], sha256.Sum256([]byte(fmt.Sprint(i))), c.Now().Add(90*time.Second))
				if err != nil || !fresh {
					b.Fatal(fresh, err)
				}
			}
		})
	}
}

// BenchmarkRefused: proofs that are refused before a signature is looked at.
func BenchmarkRefused(b *testing.B) {
	a := newAPI(b, "ES256")
	v := a.verifier(b)
	for name, proof := range map[string]string{
		"garbage": strings.Repeat("x", 4096), "dots": strings.Repeat(".", 4096), "too-large": strings.Repeat("x", 1<<16), "htm": a.key.Proof("PUT", address, a.token),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if a.present(b, v, proof) == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
