package validator_test

// Not committed: the benchmarks by CPU time of the thread, with a policy.
import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func hotPer() int { if os.Getenv("PER") != "" { return 300000 }; return 20000 }

func cpu() float64 {
	var ts syscall.Timespec
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, 3, uintptr(unsafe.Pointer(&ts)), 0) // of this thread
	return float64(ts.Nano())
}

func cpuRatio(name string, per int, ours, theirs func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var q, abs, base []float64
	for range 15 {
		runtime.GC()
		t0 := cpu()
		for range per {
			theirs()
		}
		t1 := cpu()
		for range per {
			ours()
		}
		t2 := cpu()
		q, abs, base = append(q, (t2-t1)/(t1-t0)), append(abs, (t2-t1)/float64(per)), append(base, (t1-t0)/float64(per))
	}
	sort.Float64s(q)
	sort.Float64s(abs)
	sort.Float64s(base)
	fmt.Printf("HOT %s x %.4g ns %.5g base %.5g min %.5g minbase %.5g\n", name, q[len(q)/2], abs[len(q)/2], base[len(q)/2], abs[0], base[0])
}

func BenchmarkHot(b *testing.B) {
	b.ReportMetric(0, "ns/op")
	sel := os.Getenv("HOT")
	want := func(k string) bool { return sel == "" || strings.Contains(","+sel+",", ","+k+",") }
	policy := validator.Policy{Scopes: []string{"read"}}
	req := validator.Requirements{Policy: &policy}
	ctx := context.Background()
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		for _, n := range []int{1, 10000} {
			if !want(fmt.Sprintf("hit%d-%s", n, alg)) {
				continue
			}
			f := newFixture(b, alg, 2*n+64)
			c := make([]string, n)
			for i := range c {
				c[i] = f.token(validatortest.Claim("scp", []string{"openid", "profile", "read", "orders:read"}))
				must(b, f.validator, c[i])
				c[i] = strings.Clone(c[i])
			}
			rand.Shuffle(n, func(i, k int) { c[i], c[k] = c[k], c[i] })
			i, j := 0, 0
			var sum [32]byte
			cpuRatio(fmt.Sprintf("hit%d-%s", n, alg), hotPer(), func() {
				if _, err := f.validator.ValidateWith(ctx, c[i%n], req); err != nil {
					b.Fatal(err)
				}
				i++
			}, func() {
				raw := c[j%n]
				sum = sha256.Sum256(unsafe.Slice(unsafe.StringData(raw), len(raw)))
				j++
			})
			_ = sum
		}
		if want("new-" + alg) {
			f := newFixture(b, alg, 100)
			raws := make([]string, 1000)
			for i := range raws {
				raws[i] = f.token()
				must(b, f.validator, raws[i])
			}
			i := 0
			cpuRatio("new-"+alg, 500, func() { must(b, f.validator, raws[i%len(raws)]); i++ }, bare(b, f.publicKey(b), raws[0]))
			bares := make([]func(), len(raws))
			for k := range bares {
				bares[k] = bare(b, f.publicKey(b), raws[k])
			}
			j := 0
			cpuRatio("rot-"+alg, 500, func() { must(b, f.validator, raws[i%len(raws)]); i++ }, func() { bares[j%len(bares)](); j++ })
			cpuRatio("barerot-"+alg, 500, func() { bares[j%len(bares)](); j++ }, bares[0])
		}
	}
	var f *fixture
	refused := map[string]func() string{
		"expired":  func() string { return f.token(validatortest.Expiry(time.Now().Add(-time.Hour))) },
		"issuer":   func() string { return f.token(validatortest.Claim("iss", "https://other.example.com")) },
		"audience": func() string { return f.token(validatortest.Audience("api://other")) },
		"client":   func() string { return f.token(validatortest.ClientID("other")) },
		"alg-none": func() string { return f.token(validatortest.HeaderParam("alg", "none")) },
		"kid":      func() string { return f.token(validatortest.HeaderParam("kid", "nobody-has-this")) },
		"32-random": func() string { return "12345678901234567890\x01234567890" + "\xff" },
		"garbage":  func() string { return strings.Repeat("QmFzZTY0", 40) + "." + strings.Repeat("QmFzZTY0", 50) + "." + strings.Repeat("QmFzZTY0", 40) },
		"garbage-eyJ": func() string {
			return "eyJ" + base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("\x9eq\x01z", 74))) + "." + strings.Repeat("QmFzZTY0", 50) + "." + strings.Repeat("QmFzZTY0", 40)
		},
		"dots": func() string { return strings.Repeat(".", 100000) },
	}
	for _, name := range []string{"expired", "issuer", "audience", "client", "alg-none", "kid", "32-random", "garbage", "garbage-eyJ", "dots"} {
		if !want(name) && !want("refused") {
			continue
		}
		if f == nil {
			f = newFixture(b, "RS256", 0)
		}
		raw := refused[name]()
		good := f.token()
		ours := func() {
			if _, err := f.validator.Validate(ctx, raw); err == nil {
				b.Fatal("accepted")
			}
		}
		for range 100 {
			ours()
		}
		cpuRatio(name, 1000, ours, bare(b, f.publicKey(b), good))
	}
}
