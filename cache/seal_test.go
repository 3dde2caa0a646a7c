package cache_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache"
)

// secret is a fleet secret of one repeated byte.
func secret(b byte) []byte { return bytes.Repeat([]byte{b}, cache.MinSecretSize) }

func newSealer(t testing.TB, current []byte, previous ...[]byte) *cache.Sealer {
	t.Helper()
	s, err := cache.NewSealer(current, previous...)
	require.NoError(t, err)
	return s
}

// opens asserts that it opens, or that it does not, with the one error.
func opens(t *testing.T, want bool, s *cache.Sealer, sealed, token []byte, about ...string) {
	t.Helper()
	plain, err := s.Open(sealed, token, about...)
	if want {
		require.NoError(t, err)
		assert.Equal(t, "the answer", string(plain))
		return
	}
	assert.Nil(t, plain)
	assert.Equal(t, cache.ErrSealed, err, "one error, whatever is wrong")
}

// TestSealOpensOnlyAsItWasSealed: with the secret, the token and every part, in their
// order and with their borders.
func TestSealOpensOnlyAsItWasSealed(t *testing.T) {
	s := newSealer(t, secret(1))
	token, about := []byte("a token"), []string{"answer 1", "https://issuer.example", "api"}
	sealed := s.Seal([]byte("the answer"), token, about...)
	opens(t, true, s, sealed, token, about...)
	opens(t, true, newSealer(t, secret(1)), sealed, token, about...)
	opens(t, false, newSealer(t, secret(2)), sealed, token, about...)
	for name, other := range map[string][]byte{"another": []byte("a tokem"), "none": nil, "longer": []byte("a token "), "shorter": []byte("a toke")} {
		t.Run("token "+name, func(t *testing.T) { opens(t, false, s, sealed, other, about...) })
	}
	for name, other := range map[string][]string{
		"none": nil, "one less": about[:2], "one more": append(slices.Clone(about), ""), "another": {"answer 1", "https://issuer.example", "apj"},
		"order":  {about[1], about[0], about[2]},
		"border": {"answer 1h", "ttps://issuer.example", "api"}, "joined": {"answer 1https://issuer.example", "api"},
	} {
		t.Run("about "+name, func(t *testing.T) { opens(t, false, s, sealed, token, other...) })
	}
	without := s.Seal([]byte("the answer"), nil)
	opens(t, true, s, without, nil)
	opens(t, true, s, without, []byte{}, []string{}...)
	opens(t, false, s, without, token)
	opens(t, false, s, without, nil, "")
}

// TestSealTampered: no byte of it can be another, be missing or be more.
func TestSealTampered(t *testing.T) {
	s := newSealer(t, secret(1), secret(2))
	sealed := s.Seal([]byte("the answer"), []byte("a token"), "about")
	for i := range sealed {
		other := bytes.Clone(sealed)
		other[i] ^= 1 << (i % 8)
		opens(t, false, s, other, []byte("a token"), "about")
		opens(t, false, s, sealed[:i], []byte("a token"), "about")
		opens(t, false, s, sealed[i+1:], []byte("a token"), "about")
	}
	opens(t, false, s, append(bytes.Clone(sealed), 0), []byte("a token"), "about")
	opens(t, true, s, sealed, []byte("a token"), "about")
}

// TestSealSecretsChange: in three steps, in each of which replicas of the steps beside
// it open what is sealed, and find it.
func TestSealSecretsChange(t *testing.T) {
	steps := [][][]byte{{secret(1)}, {secret(1), secret(2)}, {secret(2), secret(1)}, {secret(2)}}
	for i, here := range steps {
		sealer := newSealer(t, here[0], here[1:]...)
		sealed, name := sealer.Seal([]byte("the answer"), nil, "about"), sealer.Names(nil, "about")[0]
		for j, there := range steps {
			known := slices.ContainsFunc(there, func(s []byte) bool { return bytes.Equal(s, here[0]) })
			assert.True(t, known || i-j > 1 || j-i > 1)
			other := newSealer(t, there[0], there[1:]...)
			opens(t, known, other, sealed, nil, "about")
			assert.Equal(t, known, slices.Contains(other.Names(nil, "about"), name), "step %d by step %d", i, j)
		}
	}
}

// TestSealHides: two seals of the same have nothing in common, nothing of what is
// inside shows, and names tell as little.
func TestSealHides(t *testing.T) {
	s := newSealer(t, secret(1))
	plain, token := []byte(strings.Repeat("a", 64)), []byte("a-token-that-is-rather-long")
	one, two := s.Seal(plain, token, "about"), s.Seal(plain, token, "about")
	assert.NotEqual(t, one[1:17], two[1:17], "the salt is random")
	assert.NotEqual(t, one[29:], two[29:], "and so the text is another")
	for _, shown := range [][]byte{one, []byte(s.Names(token, "about")[0])} {
		assert.NotContains(t, string(shown), "aaaa")
		assert.NotContains(t, string(shown), string(token))
	}
	names := map[string]bool{}
	for _, sealer := range []*cache.Sealer{s, newSealer(t, secret(2))} {
		for _, about := range [][]string{nil, {""}, {"ab", "c"}, {"a", "bc"}, {"abc"}} {
			for _, token := range [][]byte{nil, token} {
				name := sealer.Names(token, about...)[0]
				assert.Regexp(t, "^[A-Za-z0-9_-]{43}$", name)
				assert.Equal(t, []string{name}, sealer.Names(token, about...), "always the same")
				names[name] = true
			}
		}
	}
	assert.Len(t, names, 20, "each is another")
}

// TestSealFormat: replicas of another version of this library read the same store. If
// this test fails, sealVersion must change.
func TestSealFormat(t *testing.T) {
	const sealed = "AegH7TwBIXKCS3VpxXkTJVKlKBih51g5F64J9OPkP-dm9Lcvp_j_kPL9fns8GUGlJl1f-fkTxQ"
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	require.NoError(t, err)
	s := newSealer(t, secret(1))
	opens(t, true, s, raw, []byte("a token"), "answer 1", "https://issuer.example")
	assert.Equal(t, []string{"7PprmDaKgFoaFE5U30dOJsOcozAx759o4Jvk8dWWR2k"}, s.Names([]byte("a token"), "answer 1", "https://issuer.example"))
	assert.Len(t, raw, len("the answer")+45)
	assert.EqualValues(t, 1, raw[0], "the version")
	assert.Equal(t, raw[0], s.Seal(nil, nil)[0], "and what is sealed now says the same")
}

func TestSealerMistakes(t *testing.T) {
	for name, secrets := range map[string][][]byte{
		"none": {nil}, "short": {secret(1)[1:]}, "short previous": {secret(1), secret(2)[1:]},
		"twice": {secret(1), secret(1)}, "previous twice": {secret(1), secret(2), secret(2)},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := cache.NewSealer(secrets[0], secrets[1:]...)
			assert.Nil(t, s)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), string(secret(1)[:4]))
		})
	}
}

// TestSealerPrintsNothing: not even from within a struct that knows nothing of it.
func TestSealerPrintsNothing(t *testing.T) {
	s := newSealer(t, secret('S'), secret('P'))
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("", "pointer", s, "value", *s)
	marshalled, err := json.Marshal(map[string]any{"pointer": s, "value": *s})
	require.NoError(t, err)
	reference := newSealer(t, secret('S'))
	hidden := struct {
		pointer *cache.Sealer
		value   cache.Sealer
	}{s, *s}
	texts := []string{logged.String(), string(marshalled)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, s), fmt.Sprintf(verb, *s))
		assert.NotRegexp(t, `\d+ \d+ \d+|0x[0-9a-f]{2}, |[0-9a-f]{20}`, fmt.Sprintf(verb, hidden), "an address at most")
	}
	for _, text := range texts {
		assert.Contains(t, text, "[fleet secrets]")
		assert.NotRegexp(t, `SSSS|PPPP|0x|\[\d`, text)
	}
	opens(t, true, reference, s.Seal([]byte("the answer"), nil), nil)
}

// FuzzOpen: what opens was sealed, by this very secret, token and parts; and what was
// sealed opens.
func FuzzOpen(f *testing.F) {
	s, err := cache.NewSealer(secret(1), secret(2))
	require.NoError(f, err)
	f.Add([]byte("plain"), []byte("token"), "a", "b", s.Seal([]byte("x"), []byte("token"), "a", "b"), uint16(3))
	f.Add([]byte(nil), []byte(nil), "", "", []byte{1}, uint16(0))
	f.Fuzz(func(t *testing.T, plain, token []byte, one, two string, foreign []byte, at uint16) {
		sealed := s.Seal(plain, token, one, two)
		opened, err := s.Open(sealed, token, one, two)
		if err != nil || !bytes.Equal(opened, plain) {
			t.Fatalf("sealed %q, opened %q, %v", plain, opened, err)
		}
		if one != two {
			if _, err := s.Open(sealed, token, two, one); err != cache.ErrSealed {
				t.Fatal("opens with other parts")
			}
		}
		if _, err := s.Open(sealed, token, one+two); err != cache.ErrSealed {
			t.Fatal("opens with parts in one")
		}
		sealed[int(at)%len(sealed)] ^= byte(at>>8) | 1
		if _, err := s.Open(sealed, token, one, two); err != cache.ErrSealed {
			t.Fatal("opens although it was changed")
		}
		// What nobody sealed: the seed alone was, with x inside.
		if opened, err := s.Open(foreign, token, one, two); err == nil && string(opened) != "x" {
			t.Fatalf("a forgery opens: %q", opened)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	s, plain, token := newSealer(b, secret(1)), make([]byte, 600), make([]byte, 40)
	sealed := s.Seal(plain, token, "answer 1", "https://issuer.example", "api")
	b.Run("Seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Seal(plain, token, "answer 1", "https://issuer.example", "api")
		}
	})
	b.Run("Open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Open(sealed, token, "answer 1", "https://issuer.example", "api"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Names", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Names(token, "answer 1", "https://issuer.example", "api")
		}
	})
}
