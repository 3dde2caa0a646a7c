package jwks_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
)

// A cache on the way serves the old set for a while after a rotation. The new kid is
// unknown by what the server says, which costs one fetch per refill, and is found
// by the first one that gets through.
func TestRotationBehindACacheThatServesTheOldSet(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		old := w.known(t, "listed", "ES256")
		published := w.now()
		for w.now().Sub(published) < 2*time.Minute { // the server lists "next", the cache does not
			_, err := w.key("next", "ES256")
			require.ErrorIs(t, err, jwks.ErrUnknownKey)
			assert.Same(t, old, w.known(t, "listed", "ES256"))
			pass(time.Second)
		}
		assert.Equal(t, 1+12, w.settled())

		both := append(w.first, es256(t, "next"))
		w.server.list(both...)
		passed := w.now()
		var next *jwks.Key
		for next == nil {
			next, _ = w.key("next", "ES256")
			require.LessOrEqual(t, w.now().Sub(passed), jwks.DefaultRefreshInterval)
			pass(time.Second)
		}

		// Another node of it still serves the old set: what that does not list is
		// distrusted, and found again.
		w.server.list(w.first...)
		w.refresh(t)
		assert.False(t, next.Trusted())
		assert.True(t, old.Trusted())
		w.server.list(both...)
		pass(10 * time.Second)
		again := w.known(t, "next", "ES256")
		assert.NotSame(t, next, again)
		assert.Equal(t, next.Thumbprint(), again.Thumbprint())
	})
}

// A new key each second, and tokens by the newest and by all the older ones. Known
// keys never wait; a new one is found within a refill; the bucket holds.
func TestRotationStorm(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		found := map[string]*jwks.Key{"listed": w.known(t, "listed", "ES256")}
		for second := range 60 {
			newest := fmt.Sprint("storm-", second)
			w.server.set(func(k *keyServer) { k.listed = append(k.listed, edKey(t, newest)) })
			for range 10 {
				for i := range second + 1 {
					kid := fmt.Sprint("storm-", i)
					began := time.Now()
					key, err := w.key(kid, "EdDSA")
					switch {
					case err == nil && found[kid] != nil:
						require.Same(t, found[kid], key)
						require.Zero(t, time.Since(began))
					case err == nil:
						found[kid] = key
					default:
						require.Nil(t, found[kid], "it was known")
						throttled(t, err)
						require.Less(t, second-i, 10, "within a refill")
					}
				}
				require.Same(t, found["listed"], w.known(t, "listed", "ES256"))
				pass(100 * time.Millisecond)
			}
		}
		assert.LessOrEqual(t, w.settled(), 1+4+6, "the first, the burst, one in ten seconds")
		pass(10 * time.Second)
		w.known(t, "storm-59", "EdDSA")
		for _, key := range found {
			assert.True(t, key.Trusted())
		}
	})
}

// Under a kid that it knows nobody asks the server: new material is found by age, or
// by the next unknown kid. Until then its signatures are bad.
func TestNewMaterialUnderAKnownKidIsFoundByAge(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour}, func(t *testing.T, w *world) {
		old := w.known(t, "listed", "ES256")
		w.server.list(es256(t, "listed"))
		assert.Same(t, old, w.known(t, "listed", "ES256"))
		pass(hour + 1)
		assert.True(t, w.Fresh(w.now()))
		w.settled()
		next := w.known(t, "listed", "ES256")
		assert.NotEqual(t, old.Thumbprint(), next.Thumbprint())
		assert.False(t, old.TrustedFor("listed", "ES256"))
		assert.True(t, next.TrustedFor("listed", "ES256"))
	})
}

// The clock was hours off, either way, while the server was down. Nothing stays
// locked longer than it would have been.
func TestClockThatJumpsDuringAnOutage(t *testing.T) {
	for _, jump := range []time.Duration{5 * hour, -5 * hour} {
		t.Run(jump.String(), func(t *testing.T) {
			inWorld(t, jwks.Config{MaxAge: hour}, func(t *testing.T, w *world) {
				w.server.fail(500)
				for range 6 { // empties the bucket
					_, err := w.key("next", "ES256")
					unavailable(t, err)
					pass(10 * time.Second)
				}
				w.jump(jump)
				assert.True(t, w.Fresh(w.now()))
				w.server.list(w.first[0], es256(t, "next"))
				w.settled()
				for waited := time.Duration(0); ; waited += time.Second {
					if _, err := w.key("next", "ES256"); err == nil {
						break
					}
					require.Less(t, waited, 10*time.Second)
					pass(time.Second)
				}
			})
		})
	}
}

// A kid that no set may list is unknown without a fetch, and is not remembered: it
// can be as long as a token.
func TestKidThatNoKeyCanHaveIsUnknownAtOnce(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	_, err := s.key(strings.Repeat("k", 257), "ES256")
	assert.ErrorIs(t, err, jwks.ErrUnknownKey)
	assert.Equal(t, 1, server.KeyRequests())
	_, err = s.key(strings.Repeat("k", 256), "ES256")
	assert.ErrorIs(t, err, jwks.ErrUnknownKey)
	assert.Equal(t, 2, server.KeyRequests())
}

func TestIssuerOfAKey(t *testing.T) {
	s := newSubject(t, jwks.Config{URL: setURL, HTTPClient: serving(setOf(
		es256(t, "without"), es256(t, "with").with("issuer", "https://login.example/{tenantid}/v2.0"),
	)).client()})
	assert.Empty(t, s.known(t, "without", "ES256").Issuer())
	assert.Equal(t, "https://login.example/{tenantid}/v2.0", s.known(t, "with", "ES256").Issuer())
	_, err := s.key("", "ES256")
	assert.True(t, errors.Is(err, jwks.ErrUnknownKey))
}
