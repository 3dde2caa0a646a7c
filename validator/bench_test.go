package validator_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

var algorithms = []string{"RS256", "ES256", "EdDSA"}

// fixture is a server, a validator with revocation look-up and observer on, and
// what the benchmarks compare with.
type fixture struct {
	server    *validatortest.Server
	validator *validator.Validator
}

func newFixture(b *testing.B, algorithm string, cacheSize int, edits ...func(*validator.Issuer)) *fixture {
	b.Helper()
	server, err := validatortest.Start(validatortest.Options{Path: "/oauth2/default", Style: validatortest.StyleOkta, Algorithm: algorithm, Lifetime: 24 * time.Hour})
	require.NoError(b, err)
	b.Cleanup(server.Close)
	f := &fixture{server: server}
	is := validator.Issuer{
		URL: server.Issuer(), Audiences: []string{"api://default"}, ClientIDs: []string{validatortest.DefaultClientID},
		Algorithms: algorithms, Profile: validator.Okta(), MaxTokenLifetime: 24 * time.Hour,
	}
	for _, edit := range edits {
		edit(&is)
	}
	revocations, err := validator.NewRevocations(validator.RevocationsConfig{})
	require.NoError(b, err)
	f.validator, err = validator.New(validator.Config{
		Issuers: []validator.Issuer{is}, Revocations: revocations,
		CacheSize: cacheSize, InsecureAllowHTTP: true,
		Observer: validator.Observer{Decision: func(context.Context, validator.Decision) {}},
	})
	require.NoError(b, err)
	require.NoError(b, f.validator.Ready(b.Context()))
	for i := range 1000 { // somebody always is revoked
		require.NoError(b, revocations.Revoke(validator.Revocation{Issuer: is.URL, Subject: fmt.Sprint(i)}))
	}
	return f
}

// token is about 1 kB with RS256, and has 15 claims, as Okta's tokens do.
func (f *fixture) token(edits ...validatortest.Edit) string {
	edits = append([]validatortest.Edit{
		validatortest.Claim("jti", fmt.Sprintf("AT.%043d", rand.Uint64())),
		validatortest.Subject("jane.doe@example.com"),
		validatortest.Claim("uid", "00ugrenMeqvYla4HW0g3"),
		validatortest.Claim("auth_time", time.Now().Unix()),
		validatortest.Claim("groups", []string{"Everyone", "Sales EMEA", "Purchase approvers", "Warehouse Rotterdam", "On call", "Finance EU (read only)"}),
		validatortest.Claim("tenant", "acme-industries"),
		validatortest.Claim("plan", "enterprise"),
		validatortest.Claim("region", "eu-west-1"),
	}, edits...)
	return f.server.AccessToken(edits...)
}

// publicKey is the server's current key.
func (f *fixture) publicKey(b *testing.B) crypto.PublicKey {
	var set jwkset.JWKSMarshal
	require.NoError(b, json.Unmarshal(f.server.KeySet(), &set))
	jwk, err := jwkset.NewJWKFromMarshal(set.Keys[0], jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	require.NoError(b, err)
	return jwk.Key()
}

// bare is a hash of the signing input and a signature verification: what nobody
// can do without.
func bare(b *testing.B, key crypto.PublicKey, raw string) func() {
	dot := strings.LastIndexByte(raw, '.')
	signed := []byte(raw[:dot])
	signature, err := base64.RawURLEncoding.DecodeString(raw[dot+1:])
	require.NoError(b, err)
	switch k := key.(type) {
	case *rsa.PublicKey:
		return func() {
			h := sha256.Sum256(signed)
			if rsa.VerifyPKCS1v15(k, crypto.SHA256, h[:], signature) != nil {
				b.Fatal("signature")
			}
		}
	case *ecdsa.PublicKey:
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return func() {
			h := sha256.Sum256(signed)
			if !ecdsa.Verify(k, h[:], r, s) {
				b.Fatal("signature")
			}
		}
	case ed25519.PublicKey:
		return func() {
			if !ed25519.Verify(k, signed, signature) {
				b.Fatal("signature")
			}
		}
	}
	b.Fatalf("key of type %T", key)
	return nil
}

// ratios alternates the two functions in rounds, so that what else the machine
// does hits both, and reports the median of the rounds' ratios.
func ratios(b *testing.B, per int, ours, theirs func()) {
	b.Helper()
	var quotients, absolute []float64
	for range 21 {
		a, c := clock(per, ours), clock(per, theirs)
		quotients, absolute = append(quotients, float64(a)/float64(c)), append(absolute, float64(a)/float64(per))
	}
	b.ReportMetric(median(quotients), "x")
	b.ReportMetric(median(absolute), "ns/call")
	b.ReportMetric(0, "ns/op")
}

func clock(times int, f func()) time.Duration {
	begin := time.Now()
	for range times {
		f()
	}
	return time.Since(begin)
}

func median(list []float64) float64 {
	sorted := append([]float64(nil), list...)
	for i := range sorted {
		for j := i; j > 0 && sorted[j] < sorted[j-1]; j-- {
			sorted[j], sorted[j-1] = sorted[j-1], sorted[j]
		}
	}
	return sorted[len(sorted)/2]
}

func must(b *testing.B, v *validator.Validator, raw string) {
	if _, err := v.Validate(context.Background(), raw); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkUncached: Validate with all checks and insertion into a full cache,
// as a multiple of the bare hash and verification.
func BenchmarkUncached(b *testing.B) {
	for _, algorithm := range algorithms {
		b.Run(algorithm, func(b *testing.B) {
			f := newFixture(b, algorithm, 100)
			raws := make([]string, 1000) // ten times what the cache holds: none is found again
			for i := range raws {
				raws[i] = f.token()
				must(b, f.validator, raws[i])
			}
			i := 0
			ours := func() { must(b, f.validator, raws[i%len(raws)]); i++ }
			b.ReportAllocs()
			for b.Loop() {
				ours()
			}
			b.StopTimer()
			ratios(b, 300, ours, bare(b, f.publicKey(b), raws[0]))
		})
	}
}

// BenchmarkHit: a cached token, other bytes than the cached ones, as a multiple
// of one SHA-256 over the token. Many come in another order than they were put in, and
// than they lie in memory.
func BenchmarkHit(b *testing.B) {
	for _, algorithm := range algorithms {
		for _, tokens := range []int{1, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", algorithm, tokens), func(b *testing.B) {
				f := newFixture(b, algorithm, 4*tokens+64)
				raws := make([][]byte, tokens)
				for i := range raws {
					raw := f.token()
					must(b, f.validator, raw)
					raws[i] = []byte(raw)
				}
				copies := make([]string, tokens)
				for i := range raws {
					copies[i] = string(raws[i])
				}
				rand.Shuffle(tokens, func(i, k int) {
					raws[i], raws[k] = raws[k], raws[i]
					copies[i], copies[k] = copies[k], copies[i]
				})
				i := 0
				ours := func() { must(b, f.validator, copies[i%tokens]); i++ }
				theirs := func() { sha256.Sum256(raws[i%tokens]); i++ }
				b.ReportAllocs()
				for b.Loop() {
					ours()
				}
				b.StopTimer()
				b.ReportMetric(float64(len(raws[0])), "B/token")
				ratios(b, 20_000, ours, theirs)
			})
		}
	}
}

// BenchmarkOpaqueHit: a cached opaque token of 43 characters, as a multiple of a hit
// on a JWT of 1 kB.
func BenchmarkOpaqueHit(b *testing.B) {
	for _, tokens := range []int{1, 10_000} {
		b.Run(fmt.Sprint(tokens), func(b *testing.B) {
			f := newFixture(b, "RS256", 8*tokens+64, func(is *validator.Issuer) {
				is.Introspection = &introspect.Config{Auth: introspect.ClientSecretBasic(apiID, introspect.StaticSecret(apiSecret))}
			})
			f.server.AddClient(apiID, apiSecret)
			opaque, signed := make([]string, tokens), make([]string, tokens)
			for i := range opaque {
				opaque[i], signed[i] = f.server.OpaqueToken(), f.token()
				must(b, f.validator, opaque[i])
				must(b, f.validator, signed[i])
				opaque[i], signed[i] = strings.Clone(opaque[i]), strings.Clone(signed[i])
			}
			i := 0
			ours := func() { must(b, f.validator, opaque[i%tokens]); i++ }
			theirs := func() { must(b, f.validator, signed[i%tokens]); i++ }
			b.ReportAllocs()
			for b.Loop() {
				ours()
			}
			b.StopTimer()
			ratios(b, 20_000, ours, theirs)
		})
	}
}

// BenchmarkHitParallel shows how hits scale with cores: run with -cpu 1,2.
func BenchmarkHitParallel(b *testing.B) {
	const tokens = 10_000
	f := newFixture(b, "ES256", 4*tokens)
	raws := make([]string, tokens)
	for i := range raws {
		raws[i] = f.token()
		must(b, f.validator, raws[i])
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := rand.IntN(tokens); pb.Next(); i++ {
			must(b, f.validator, raws[i%tokens])
		}
	})
}

// BenchmarkRefused: what is refused without looking at the signature, as a
// multiple of the bare RS256 verification.
func BenchmarkRefused(b *testing.B) {
	f := newFixture(b, "RS256", 0)
	good := f.token()
	verify := bare(b, f.publicKey(b), good)
	for name, raw := range map[string]string{
		"expired":  f.token(validatortest.Expiry(time.Now().Add(-time.Hour))),
		"issuer":   f.token(validatortest.Claim("iss", "https://other.example.com")),
		"audience": f.token(validatortest.Audience("api://other")),
		"client":   f.token(validatortest.ClientID("other")),
		"alg-none": f.token(validatortest.HeaderParam("alg", "none")),
		"kid":      f.token(validatortest.HeaderParam("kid", "nobody-has-this")),
	} {
		b.Run(name, func(b *testing.B) {
			ours := func() {
				if _, err := f.validator.Validate(context.Background(), raw); err == nil {
					b.Fatal("accepted")
				}
			}
			for range 100 { // a kid that is asked for often enough is throttled
				ours()
			}
			b.ReportAllocs()
			for b.Loop() {
				ours()
			}
			b.StopTimer()
			ratios(b, 300, ours, verify)
		})
	}
}

// BenchmarkGarbage: what is no token at all.
func BenchmarkGarbage(b *testing.B) {
	f := newFixture(b, "ES256", 0)
	random := make([]byte, 768)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	text := base64.RawURLEncoding.EncodeToString(random)
	for name, raw := range map[string]string{
		"32-random-bytes":     string(random[:32]),
		"1kB-two-dots":        text[:300] + "." + text[301:700] + "." + text[701:],
		"1kB-two-dots-object": "eyJ" + text[:297] + "." + text[301:700] + "." + text[701:],
		"100kB-of-dots":       strings.Repeat(".", 100_000),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.validator.Validate(context.Background(), raw); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}

// BenchmarkMemory reports what a cached token costs, Token included.
func BenchmarkMemory(b *testing.B) {
	const tokens = 100_000
	f := newFixture(b, "EdDSA", tokens)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for range tokens {
			must(b, f.validator, f.token())
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/tokens, "B/cached-token")
	}
	runtime.KeepAlive(f)
}
