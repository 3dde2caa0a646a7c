package validator_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// recorder remembers decisions. They are read when those who make them are done.
type recorder struct {
	mu        sync.Mutex
	decisions []validator.Decision
}

func (r *recorder) observer() validator.Observer {
	return validator.Observer{Decision: func(_ context.Context, d validator.Decision) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.decisions = append(r.decisions, d)
	}}
}

func (r *recorder) last() validator.Decision { return r.decisions[len(r.decisions)-1] }

// TestHitIsAMiss (design rule 2): at every instant, clocks set back included, a
// validator that has seen the token before says what one says that has not.
func TestHitIsAMiss(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now, Lifetime: 10 * time.Minute})
	c := configure(trust(s))
	c.Clock, c.Leeway = clock.Now, 30*time.Second
	seen := build(t, c)
	at := clock.Now().Unix()
	raws := map[string]string{
		"plain":    s.AccessToken(),
		"nbf":      s.AccessToken(validatortest.Claim("nbf", at+120)),
		"fraction": s.AccessToken(validatortest.Claim("exp", float64(at)+300.25)),
		"iat":      s.AccessToken(validatortest.Claim("iat", at+60)),
		"far":      s.AccessToken(validatortest.Claim("exp", int64(253402300799))),
	}
	accepted, refusals := 0, map[validator.Reason]int{}
	steps := []time.Duration{
		0, 29 * time.Second, time.Second, time.Second, 60 * time.Second, 90 * time.Second, 150 * time.Second, 250 * time.Millisecond, -250 * time.Millisecond,
		-10 * time.Minute, -time.Hour, 65 * time.Minute, 5 * time.Minute, 5 * time.Minute, -5 * time.Minute, 10 * time.Hour,
	}
	for _, step := range steps {
		clock.Advance(step)
		unseen, err := seen.WithConfig(c) // same keys, empty cache
		require.NoError(t, err)
		for name, raw := range raws {
			for range 2 {
				_, hit := seen.Validate(t.Context(), raw)
				_, miss := unseen.Validate(t.Context(), raw)
				assert.Equal(t, reasonOf(miss), reasonOf(hit), "%s at %v", name, clock.Now())
				if hit == nil {
					accepted++
				} else {
					refusals[reasonOf(hit)]++
				}
			}
		}
	}
	assert.Greater(t, accepted, 20)
	for _, reason := range []validator.Reason{validator.ReasonExpired, validator.ReasonNotYetValid, validator.ReasonIssuedInFuture} {
		assert.Positive(t, refusals[reason], reason)
	}
}

func reasonOf(err error) validator.Reason {
	var e *validator.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// TestExactTimes: exp is excluded, nbf and iat included (RFC 7519 4.1.4 to 4.1.6),
// with and without leeway, on a miss and on a hit.
func TestExactTimes(t *testing.T) {
	for name, tc := range map[string]struct {
		configured, granted time.Duration
	}{
		"default": {0, validator.DefaultLeeway},
		"none":    {validator.NoLeeway, 0},
		"most":    {validator.MaxLeeway, validator.MaxLeeway},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			s := start(t, validatortest.Options{Clock: clock.Now})
			c := configure(trust(s))
			c.Clock, c.Leeway = clock.Now, tc.configured
			v := build(t, c)
			at := func(d time.Duration) validatortest.Edit {
				return validatortest.Claim("exp", float64(clock.Now().Add(d-tc.granted).UnixMilli())/1000)
			}
			accept(t, v, s.AccessToken(at(time.Millisecond)))
			e := reject(t, v, s.AccessToken(at(0)), validator.ErrInvalidToken, validator.ReasonExpired)
			assert.False(t, e.Verified)
			assert.Equal(t, "The access token expired", e.Challenge.Description)

			early := clock.Now().Add(tc.granted).Unix()
			accept(t, v, s.AccessToken(validatortest.Claim("nbf", early), validatortest.Claim("iat", early)))
			reject(t, v, s.AccessToken(validatortest.Claim("nbf", early+1)), validator.ErrInvalidToken, validator.ReasonNotYetValid)
			reject(t, v, s.AccessToken(validatortest.Claim("iat", early+1)), validator.ErrInvalidToken, validator.ReasonIssuedInFuture)

			raw := s.AccessToken(validatortest.Claim("exp", clock.Now().Add(time.Minute).Unix()))
			accept(t, v, raw)
			clock.Advance(time.Minute + tc.granted - time.Millisecond)
			accept(t, v, raw)
			clock.Advance(time.Millisecond)
			reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonExpired)
		})
	}
}

// TestResultIsKeptUntilExpiry: the second time neither key set nor signature is
// looked at, for as long as the token lives or the cap allows.
func TestResultIsKeptUntilExpiry(t *testing.T) {
	for name, tc := range map[string]struct {
		cap  time.Duration
		kept time.Duration
	}{"until exp": {0, time.Hour}, "capped": {time.Minute, time.Minute}, "cap beyond exp": {2 * time.Hour, time.Hour}} {
		t.Run(name, func(t *testing.T) {
			clock, seen := newClock(), &recorder{}
			s := start(t, validatortest.Options{Clock: clock.Now, Lifetime: time.Hour})
			c := configure(trust(s))
			c.Clock, c.Leeway, c.CacheCap, c.Observer = clock.Now, validator.NoLeeway, tc.cap, seen.observer()
			v := build(t, c)
			raw := s.AccessToken()
			first := accept(t, v, raw)
			assert.False(t, seen.last().Cached)
			clock.Advance(tc.kept - time.Second)
			assert.Same(t, first, accept(t, v, strings.Clone(raw)))
			assert.True(t, seen.last().Cached)
			clock.Advance(time.Second)
			_, err := v.Validate(t.Context(), raw)
			assert.False(t, seen.last().Cached)
			if tc.kept < time.Hour {
				assert.NoError(t, err)
			} else {
				refused(t, err, validator.ErrInvalidToken, validator.ReasonExpired)
			}
		})
	}
}

// TestCacheSize: no more results are kept than configured.
func TestCacheSize(t *testing.T) {
	seen := &recorder{}
	s := start(t, validatortest.Options{})
	c := configure(trust(s))
	c.CacheSize, c.Observer = 1, seen.observer()
	v := build(t, c)
	one, two := s.AccessToken(), s.AccessToken()
	for _, step := range []struct {
		raw    string
		cached bool
	}{{one, false}, {one, true}, {two, false}, {two, true}, {one, false}} {
		accept(t, v, step.raw)
		assert.Equal(t, step.cached, seen.last().Cached)
	}
}

// TestRefusalsAreNotKept (rule 12): what was refused is examined again.
func TestRefusalsAreNotKept(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	c := configure(trust(s))
	c.Clock = clock.Now
	v := build(t, c)
	raw := s.AccessToken(validatortest.Claim("nbf", clock.Now().Unix()+60))
	reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonNotYetValid)
	clock.Advance(time.Minute)
	accept(t, v, raw)
}

// TestHitNeedsEveryByte: a known signature under other claims, and known claims
// under another signature, are other tokens.
func TestHitNeedsEveryByte(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	one, two := s.AccessToken(validatortest.Subject("one")), s.AccessToken(validatortest.Subject("two"))
	accept(t, v, one)
	accept(t, v, two)
	cut := func(raw string) (string, string) {
		dot := strings.LastIndexByte(raw, '.')
		return raw[:dot], raw[dot:]
	}
	signedOne, signatureOne := cut(one)
	signedTwo, signatureTwo := cut(two)
	reject(t, v, signedOne+signatureTwo, validator.ErrInvalidToken, validator.ReasonBadSignature)
	reject(t, v, signedTwo+signatureOne, validator.ErrInvalidToken, validator.ReasonBadSignature)
	// Another good header before the claims and the signature of a cached token.
	header, _, _ := strings.Cut(s.AccessToken(validatortest.HeaderParam("x", "y")), ".")
	_, rest, _ := strings.Cut(one, ".")
	reject(t, v, header+"."+rest, validator.ErrInvalidToken, validator.ReasonBadSignature)
	accept(t, v, one)
	// Every character of the signature counts, unused bits of the last one included.
	for i := 1; i < len(signatureOne); i++ {
		for _, c := range []byte{'A', 'Q', 'g', 'w', signatureOne[i] + 1} {
			changed := signedOne + signatureOne[:i] + string(c) + signatureOne[i+1:]
			if changed == one {
				continue
			}
			token, err := v.Validate(t.Context(), changed)
			assert.Nil(t, token)
			assert.Error(t, err, "character %d", i)
		}
	}
}

// TestHitNeedsThreeSegments: what ends like a cached token is not that token unless its
// dots are where the token has them.
func TestHitNeedsThreeSegments(t *testing.T) {
	for _, algorithm := range []string{"ES256", "EdDSA", "RS256", "ES384", "PS512"} {
		t.Run(algorithm, func(t *testing.T) {
			s := start(t, validatortest.Options{Algorithm: algorithm})
			c := configure(trust(s))
			c.Issuers[0].Algorithms = []string{algorithm}
			v := build(t, c)
			raw := s.AccessToken()
			known := accept(t, v, raw)
			assert.Same(t, known, accept(t, v, strings.Clone(raw)), "a hit, whatever the length of the signature")
			part := strings.Split(raw, ".")
			for name, raw := range map[string]string{
				"a fourth":             part[0] + "." + part[1] + ".e30." + part[2],
				"an empty fourth":      part[0] + "." + part[1] + ".." + part[2],
				"two":                  part[0] + "x" + part[1] + "." + part[2],
				"two others":           part[0] + "." + part[1] + "x" + part[2],
				"one":                  part[0] + "x" + part[1] + "x" + part[2],
				"the signature alone":  "." + part[2],
				"without claims":       part[0] + ".." + part[2],
				"without first dot":    part[0] + part[1] + "." + part[2],
				"another before":       part[0] + "." + raw,
				"signature in front":   part[2] + "." + part[0] + "." + part[1],
				"claims without a dot": part[0] + "." + part[1] + part[2],
			} {
				token, err := v.Validate(t.Context(), raw)
				assert.Nil(t, token, name)
				require.ErrorIs(t, err, validator.ErrInvalidToken, name)
				assert.Contains(t, []validator.Reason{validator.ReasonNotJWT, validator.ReasonMalformedToken, validator.ReasonMalformedClaims}, reasonOf(err), name)
			}
		})
	}
}

// TestOpaqueTokenIsNoSignature: an opaque token is kept by the hash of a text with its
// issuer. A text that ends with that is another token.
func TestOpaqueTokenIsNoSignature(t *testing.T) {
	length := len(start(t, validatortest.Options{}).Issuer())
	s := start(t, validatortest.Options{OpaquePrefix: strings.Repeat("a", 86-length-1-43)})
	v := build(t, configure(ask(s)))
	s.SetKeysMode(validatortest.ModeDown) // then an issuer's word may stand for the signature
	accept(t, v, s.AccessToken())
	opaque := s.OpaqueToken()
	accept(t, v, opaque)
	tail := s.Issuer() + "\x00" + opaque
	require.Len(t, tail, 86)
	reject(t, v, ".."+tail, validator.ErrInvalidRequest, validator.ReasonTokenAlphabet)
}

// TestTwinSignature: (r, n-s) is as good a signature as (r, s) (RFC 7518 3.4 does
// not say otherwise), so a token is never known by its string.
func TestTwinSignature(t *testing.T) {
	seen := &recorder{}
	s := start(t, validatortest.Options{Algorithm: "ES256"})
	c := configure(trust(s))
	c.Observer = seen.observer()
	v := build(t, c)
	raw := s.AccessToken(validatortest.Claim("jti", "one"))
	accept(t, v, raw)
	twin := accept(t, v, otherS(t, raw))
	assert.False(t, seen.last().Cached)
	assert.Equal(t, "one", twin.ID())
}

func otherS(t *testing.T, raw string) string {
	dot := strings.LastIndexByte(raw, '.')
	signature, err := base64.RawURLEncoding.DecodeString(raw[dot+1:])
	require.NoError(t, err)
	n := (&ecdsa.PublicKey{Curve: elliptic.P256()}).Params().N
	s := new(big.Int).Sub(n, new(big.Int).SetBytes(signature[32:]))
	return raw[:dot+1] + base64.RawURLEncoding.EncodeToString(append(signature[:32:32], s.FillBytes(make([]byte, 32))...))
}

// TestWithdrawnKey: a cached token dies with its key at the next refresh.
func TestWithdrawnKey(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	old := s.KID()
	raw := s.AccessToken()
	accept(t, v, raw)
	s.Rotate("ES256")
	s.Withdraw(old)
	accept(t, v, raw) // nobody has asked for a key since: refreshed on unknown kids only
	accept(t, v, s.AccessToken())
	reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonUnknownKey)
}

// TestKeyWithdrawnDuringVerification: a miss says what a hit says, even when the
// key goes between its verification and the decision.
func TestKeyWithdrawnDuringVerification(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	calls, withdraw := 0, func() {}
	c := configure(trust(s))
	c.Clock = func() time.Time {
		if calls++; calls == 2 { // once when the token arrives, once after its signature verified
			withdraw()
		}
		return clock.Now()
	}
	v := build(t, c)
	require.NoError(t, v.Ready(t.Context()))
	old := s.KID()
	raw := s.AccessToken()
	withdraw = func() {
		s.Rotate("ES256")
		s.Withdraw(old)
		_, err := v.Validate(t.Context(), s.AccessToken())
		assert.NoError(t, err)
	}
	calls = 0
	reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonUnknownKey)
}

// TestAmbiguousSet: a hit says what a miss says when the set changes: a second
// key makes a token without kid ambiguous, cached or not, and leaves one with kid
// alone; when it goes, all is as before.
func TestAmbiguousSet(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	c := configure(trust(s))
	c.Clock = clock.Now
	v := build(t, c)
	first := s.KID()
	nameless, named := s.AccessToken(validatortest.NoHeaderParam("kid")), s.AccessToken()
	accept(t, v, nameless)
	accept(t, v, named)
	second := s.Rotate("ES256")
	accept(t, v, s.AccessToken())
	reject(t, v, nameless, validator.ErrInvalidToken, validator.ReasonUnknownKey)
	accept(t, v, named)
	s.Withdraw(second)
	clock.Advance(time.Minute)
	reject(t, v, s.MintWith(first, validatortest.HeaderParam("kid", "bogus")), validator.ErrInvalidToken, validator.ReasonUnknownKey)
	accept(t, v, nameless)
	accept(t, v, named)
}

// TestWithdrawnOnlyKey: a token without kid dies with the only key there was,
// cached or not, when another takes its place.
func TestWithdrawnOnlyKey(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	first := s.KID()
	nameless := s.AccessToken(validatortest.NoHeaderParam("kid"))
	accept(t, v, nameless)
	s.Rotate("ES256")
	s.Withdraw(first)
	accept(t, v, s.AccessToken())
	reject(t, v, nameless, validator.ErrInvalidToken, validator.ReasonBadSignature)
}

// TestReorderedSetKeepsTheCache: the same keys in another order change nothing.
func TestReorderedSetKeepsTheCache(t *testing.T) {
	seen := &recorder{}
	s := start(t, validatortest.Options{})
	s.Rotate("RS256")
	s.Rotate("ES256")
	c := configure(trust(s))
	c.Observer = seen.observer()
	v := build(t, c)
	raw := s.AccessToken()
	accept(t, v, raw)
	s.Reorder()
	reject(t, v, s.AccessToken(validatortest.HeaderParam("kid", "bogus")), validator.ErrInvalidToken, validator.ReasonUnknownKey)
	assert.Equal(t, 2, s.KeyRequests())
	accept(t, v, raw)
	assert.True(t, seen.last().Cached)
}

// TestSameKidNewMaterial: what the old material signed is worth nothing any
// more, cached or not; what the new one signs is good.
func TestSameKidNewMaterial(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	raw := s.AccessToken()
	accept(t, v, raw)
	s.Rekey(s.KID())
	// The kid is listed: a bad signature under it never fetches.
	before := s.KeyRequests()
	fresh := s.AccessToken()
	reject(t, v, fresh, validator.ErrInvalidToken, validator.ReasonBadSignature)
	assert.Equal(t, before, s.KeyRequests())
	reject(t, v, s.AccessToken(validatortest.HeaderParam("kid", "bogus")), validator.ErrInvalidToken, validator.ReasonUnknownKey)
	reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonBadSignature)
	accept(t, v, fresh)
}

// TestDumpHoldsNoToken (rule 5): walking everything that a validator reaches
// finds no signature, so nothing in it can be sent as a token; and what it keeps
// of a token is no part of the caller's memory.
func TestDumpHoldsNoToken(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	var raws strs
	for range 10 {
		raw := s.AccessToken()
		accept(t, v, raw)
		raws = append(raws, raw)
	}
	found := map[string]bool{}
	walk(reflect.ValueOf(v), map[uintptr]bool{}, func(text string) {
		for _, raw := range raws {
			if strings.Contains(text, strings.Split(raw, ".")[1]) {
				found[raw] = true
			}
			if signature := raw[strings.LastIndexByte(raw, '.')+1:]; strings.Contains(text, signature[:20]) {
				t.Errorf("a signature is kept in %d bytes", len(text))
			}
		}
	})
	assert.Len(t, found, len(raws), "the walk must reach the cached claims, or it proves nothing")
}

// walk calls visit with every string, byte slice and byte array that value reaches.
func walk(value reflect.Value, been map[uintptr]bool, visit func(string)) {
	switch value.Kind() {
	case reflect.String:
		visit(value.String())
	case reflect.Pointer:
		if !value.IsNil() && !been[value.Pointer()] {
			been[value.Pointer()] = true
			walk(value.Elem(), been, visit)
		}
	case reflect.Interface:
		walk(value.Elem(), been, visit)
	case reflect.Struct:
		switch kind := value.Type(); {
		case kind.PkgPath() == "net/http":
			return // the client that fetches keys: its connections change under our eyes
		case kind.PkgPath() == "sync/atomic" && strings.HasPrefix(kind.Name(), "Pointer["):
			pointed := kind.Field(0).Type.Elem().Elem() // _ [0]*T
			if at := value.FieldByName("v").UnsafePointer(); at != nil {
				walk(reflect.NewAt(pointed, at), been, visit)
			}
			return
		}
		for i := range value.NumField() {
			walk(value.Field(i), been, visit)
		}
	case reflect.Slice, reflect.Array:
		if value.Type().Elem().Kind() == reflect.Uint8 {
			text := make([]byte, value.Len())
			for i := range text {
				text[i] = byte(value.Index(i).Uint())
			}
			visit(string(text))
			return
		}
		for i := range value.Len() {
			walk(value.Index(i), been, visit)
		}
	case reflect.Map:
		for entries := value.MapRange(); entries.Next(); {
			walk(entries.Key(), been, visit)
			walk(entries.Value(), been, visit)
		}
	}
}

// TestErrorsHoldNoToken (rule 5): no refusal quotes what could be sent again.
func TestErrorsHoldNoToken(t *testing.T) {
	cases, v := corpusValidator(t, "generic")
	for _, c := range cases {
		_, err := v.Validate(t.Context(), c.Token)
		if err == nil || len(c.Token) < 20 {
			continue
		}
		printed := fmt.Sprintf("%v %+v %#v", err, err, err)
		assert.NotContains(t, printed, c.Token, c.Name)
		if dot := strings.LastIndexByte(c.Token, '.'); dot > 0 && len(c.Token)-dot > 20 {
			assert.NotContains(t, printed, c.Token[dot+1:], c.Name)
		}
	}
}

// TestZeroDates: some servers send nbf 0, which is a date like any other; exp 0
// is what a careless reader takes for "never".
func TestZeroDates(t *testing.T) {
	s := start(t, validatortest.Options{Style: validatortest.StyleGeneric})
	v := build(t, configure(trust(s)))
	accept(t, v, s.AccessToken(validatortest.Claim("nbf", 0), validatortest.Claim("iat", 0)))
	for _, name := range []string{"exp", "nbf", "iat"} {
		reject(t, v, s.AccessToken(validatortest.Claim(name, -1)), validator.ErrInvalidToken, validator.ReasonMalformedClaims)
	}
	reject(t, v, s.AccessToken(validatortest.Claim("exp", 0)), validator.ErrInvalidToken, validator.ReasonMalformedClaims)
}

// TestScopeAlphabet: the ends of the ranges of RFC 6749 3.3.
func TestScopeAlphabet(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	assert.Equal(t, strs{"!", "#[", "]~"}, accept(t, v, s.AccessToken(validatortest.Claim("scope", "! #[ ]~"))).Scopes())
	for _, bad := range []string{`"`, `\`, "\x7f", "\x1f", "é"} {
		reject(t, v, s.AccessToken(validatortest.Claim("scope", "a"+bad)), validator.ErrInvalidToken, validator.ReasonMalformedScope)
	}
}

// TestBrokenConfirmation: where the JSON itself breaks inside of cnf, it is the
// claims that are malformed.
func TestBrokenConfirmation(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	header := []byte(`{"alg":"ES256","typ":"at+jwt"}`)
	for _, claims := range []string{`{"cnf":{"jkt":]}}`, `{"cnf":{"jkt":"x"`, `{"cnf":{"a":1,"a":2}}`} {
		reject(t, v, s.Sign("", header, []byte(claims)), validator.ErrInvalidToken, validator.ReasonMalformedClaims)
	}
}

// TestDetail: what a log learns names the check, what it expected and what it
// found, and no more of the sender's text than fits a line.
func TestDetail(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	long := strings.Repeat("x", 500)
	e := reject(t, v, s.AccessToken(validatortest.Audience(long)), validator.ErrInvalidToken, validator.ReasonAudienceMismatch)
	for _, want := range []string{"aud: expected", audience, long[:100]} {
		assert.Contains(t, e.Detail, want)
	}
	assert.NotContains(t, e.Detail, long[:101])
	assert.Contains(t, e.Error(), e.Detail)
	clock := newClock()
	c := configure(trust(s))
	c.Clock = clock.Now
	v = build(t, c)
	raw := s.AccessToken(validatortest.Claim("iat", clock.Now().Unix()), validatortest.Expiry(clock.Now().Add(time.Minute)))
	accept(t, v, raw)
	clock.Advance(time.Hour)
	kept, err := v.WithConfig(c)
	require.NoError(t, err)
	miss := reject(t, kept, raw, validator.ErrInvalidToken, validator.ReasonExpired)
	assert.Contains(t, miss.Detail, "exp: expected")
}
