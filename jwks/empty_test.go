package jwks_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
)

// unusable is a key of a set that is well-formed and has no usable one.
var unusable = text(`{"kty":"oct","kid":"secret","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ"}`)

// empty asks for an unknown kid, while the server lists no usable key, and expects
// that the old set stays.
func (w *world) empty(t *testing.T) {
	t.Helper()
	w.asks++
	_, err := w.key(fmt.Sprintf("empty-%d", w.asks), "ES256")
	failed := unavailable(t, err)
	require.False(t, failed.Throttled)
	require.ErrorIs(t, failed.Cause, jwks.ErrNoUsableKey)
}

const grace = 5 * time.Minute // the default

func TestEmptySetReplacesAGoodOneOnlyAfterItsGrace(t *testing.T) {
	for name, listed := range map[string][]fmt.Stringer{
		"no keys":            nil,
		"only unusable keys": {unusable},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
				key := w.known(t, "listed", "ES256")
				w.server.list(listed...)
				began := w.now()
				w.empty(t)
				assert.Equal(t, began, w.Status().EmptySince)
				assert.Equal(t, 1, w.Status().Failures)
				assert.Equal(t, time.Second, w.Status().NextTry.Sub(w.now()), "the backoff of a failure")
				report := w.fetches.last(t)
				assert.ErrorIs(t, report.Err, jwks.ErrNoUsableKey)
				assert.Equal(t, 1, report.Keys)
				assert.False(t, report.Changed)
				assert.Len(t, report.Skipped, len(listed), "of the set that was read")

				pass(grace - 1)
				w.empty(t)
				assert.True(t, key.TrustedFor("listed", "ES256"))
				assert.Same(t, key, w.known(t, "listed", "ES256"))
				assert.Equal(t, began, w.Status().EmptySince)

				pass(10 * time.Second)
				_, err := w.key("other", "ES256")
				assert.ErrorIs(t, err, jwks.ErrUnknownKey)
				assert.False(t, key.Trusted())
				assert.False(t, key.TrustedFor("listed", "ES256"))
				report = w.fetches.last(t)
				assert.NoError(t, report.Err)
				assert.True(t, report.Changed)
				assert.Zero(t, report.Keys)
				assert.Equal(t, 4, w.server.asked())

				_, err = w.key("listed", "ES256")
				assert.ErrorIs(t, err, jwks.ErrUnknownKey)
				assert.Equal(t, 5, w.server.asked(), "by a fetch that began after the question")
				assert.NoError(t, w.Ready(t.Context()))
				assert.Equal(t, began, w.Status().EmptySince)
				assert.Zero(t, w.Status().Failures)
			})
		})
	}
}

func TestGraceOfAnEmptySetEndsToTheNanosecond(t *testing.T) {
	inWorld(t, jwks.Config{EmptyGrace: time.Minute}, func(t *testing.T, w *world) {
		w.server.list()
		w.empty(t)
		pass(time.Minute)
		_, err := w.key("other", "ES256")
		assert.ErrorIs(t, err, jwks.ErrUnknownKey)
	})
	inWorld(t, jwks.Config{EmptyGrace: -1}, func(t *testing.T, w *world) {
		w.server.list()
		w.empty(t)
		pass(grace - 1)
		w.empty(t)
		pass(10 * time.Second)
		_, err := w.key("other", "ES256")
		assert.ErrorIs(t, err, jwks.ErrUnknownKey)
	})
}

// Whoever knows a key by then is told by the very fetch.
func TestWaiterOfTheFetchThatEndsAllTrustIsTold(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour, MaxStale: hour}, func(t *testing.T, w *world) {
		w.server.list()
		w.empty(t)
		pass(hour + 1)
		_, err := w.key("listed", "ES256")
		assert.ErrorIs(t, err, jwks.ErrUnknownKey)
		assert.Equal(t, 3, w.server.asked())
		assert.NoError(t, w.Refresh(t.Context()), "no news")
	})
}

func TestGoodAnswerBetweenEmptySetsBeginsTheGraceAnew(t *testing.T) {
	for name, test := range map[string]struct {
		between  func(*testing.T, *world)
		replaced bool
	}{
		"nothing":      {func(*testing.T, *world) {}, true},
		"the same set": {func(t *testing.T, w *world) { w.server.set(func(k *keyServer) { k.listed = w.first }) }, false},
		"another set":  {func(t *testing.T, w *world) { w.server.list(w.first[0], es256(t, "more")) }, false},
		"a failure":    {func(t *testing.T, w *world) { w.server.fail(500) }, true},
		"another failure": {func(t *testing.T, w *world) {
			w.server.set(func(k *keyServer) { k.listed = []fmt.Stringer{text("}")} })
		}, true},
	} {
		for _, untagged := range []bool{false, true} {
			t.Run(fmt.Sprint(name, untagged), func(t *testing.T) {
				inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
					w.server.set(func(k *keyServer) { k.untagged = untagged })
					w.server.list()
					w.empty(t)
					pass(grace / 2)
					test.between(t, w)
					w.key("between", "ES256")
					pass(grace / 2)
					w.server.list()
					_, err := w.key("other", "ES256")
					if test.replaced {
						assert.ErrorIs(t, err, jwks.ErrUnknownKey)
						return
					}
					assert.ErrorIs(t, unavailable(t, err).Cause, jwks.ErrNoUsableKey)
					w.known(t, "listed", "ES256")
					assert.Equal(t, w.now(), w.Status().EmptySince)
				})
			})
		}
	}
}

func TestEmptySetIsNeverTheFirst(t *testing.T) {
	server := &keyServer{}
	server.list(unusable)
	s := newSubject(t, jwks.Config{URL: setURL, RefreshBurst: many, HTTPClient: (web)(server.RoundTrip).client()})
	for range 100 {
		failed := unavailable(t, s.Ready(t.Context()))
		assert.ErrorIs(t, failed.Cause, jwks.ErrNoUsableKey)
		_, err := s.key("k", "ES256")
		unavailable(t, err)
		s.clock.Advance(grace)
	}
	assert.Equal(t, []jwks.Skipped{{KeyID: "secret", Why: "symmetric"}}, s.fetches.last(t).Skipped)
	assert.Empty(t, s.Status().Thumbprint)

	server.list(es256(t, "k"))
	s.known(t, "k", "ES256")
	assert.Zero(t, s.Status().EmptySince)
}

// After the end of all trust the next key is as good as the first.
func TestKeysComeBackAfterAnEmptySet(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		before := w.known(t, "listed", "ES256")
		w.server.list()
		w.empty(t)
		pass(grace)
		_, err := w.key("other", "ES256")
		require.ErrorIs(t, err, jwks.ErrUnknownKey)
		assert.Zero(t, w.server.unchanged())

		w.server.list(w.first...)
		pass(10 * time.Second)
		after := w.known(t, "listed", "ES256")
		assert.NotSame(t, before, after)
		assert.False(t, before.Trusted())
		assert.True(t, after.Trusted())
		assert.Zero(t, w.Status().EmptySince)

		w.server.list() // and it is a good set that the next empty one would replace
		pass(10 * time.Second)
		w.empty(t)
		assert.Same(t, after, w.known(t, "listed", "ES256"))
	})
}

func TestClockSetBackBeginsTheGraceAnew(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		w.server.list()
		w.empty(t)
		pass(grace / 2)
		w.jump(-hour)
		w.empty(t)
		assert.Equal(t, w.now(), w.Status().EmptySince)
		pass(grace - 1)
		w.empty(t)
		pass(10 * time.Second)
		_, err := w.key("other", "ES256")
		assert.ErrorIs(t, err, jwks.ErrUnknownKey)
	})
}

// One that has replaced the good set stays, by whatever clock.
func TestClockSetBackDoesNotMakeAnEmptySetAFailureAgain(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		w.server.list()
		w.empty(t)
		pass(grace)
		_, err := w.key("other", "ES256")
		require.ErrorIs(t, err, jwks.ErrUnknownKey)
		w.jump(-hour)
		_, err = w.key("another", "ES256")
		assert.ErrorIs(t, err, jwks.ErrUnknownKey)
		assert.Equal(t, 4, w.settled())
	})
}

// An empty set that was asked for before the clock went back is not an hour old.
func TestClockSetBackDuringAFetchDoesNotEndTheGrace(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		w.server.list()
		release := w.server.hold()
		answers := ask(w.subject, t.Context(), "other")
		w.settled()
		w.jump(-hour)
		release()
		assert.ErrorIs(t, unavailable(t, (<-answers).err).Cause, jwks.ErrNoUsableKey)
		w.known(t, "listed", "ES256")
	})
}

// What counts is when the server was asked: the answer may be late by all the grace.
func TestEmptySetThatWasLongOnItsWayDoesNotEndTheGrace(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		w.server.list()
		w.empty(t)
		pass(10 * time.Second)
		release := w.server.hold()
		answers := ask(w.subject, t.Context(), "other")
		w.settled()
		w.jump(hour)
		release()
		assert.ErrorIs(t, unavailable(t, (<-answers).err).Cause, jwks.ErrNoUsableKey)
		w.known(t, "listed", "ES256")
	})
}

// An empty set is what a server leaves behind that moved: the metadata are asked
// again, at every one.
func TestEmptySetMakesTheMetadataReadAgain(t *testing.T) {
	network, s := moving(t)
	network.put(issuer+"/old", `{"keys":[]}`)
	network.put(openid, pointing(issuer+"/new"))
	network.put(issuer+"/new", string(setOf(es256(t, "new"))))
	s.known(t, "new", "ES256")
	assert.Equal(t, []string{issuer + "/old", openid, issuer + "/new"}, network.requests())
	assert.Zero(t, s.Status().EmptySince)
}

func TestEmptySetCountsWhereTheMetadataNameNothingElse(t *testing.T) {
	for name, document := range map[string]string{"the same": pointing(issuer + "/old"), "none": "!500"} {
		t.Run(name, func(t *testing.T) {
			network, s := moving(t)
			network.put(issuer+"/old", `{"keys":[]}`)
			network.put(openid, document)
			_, err := s.key("new", "ES256")
			assert.ErrorIs(t, unavailable(t, err).Cause, jwks.ErrNoUsableKey)
			s.clock.Advance(grace)
			_, err = s.key("old", "ES256")
			require.NoError(t, err)
			_, err = s.key("new", "ES256")
			assert.ErrorIs(t, err, jwks.ErrUnknownKey)

			// And still, when it has replaced the good set, at every fetch.
			network.put(openid, pointing(issuer+"/new"))
			network.put(issuer+"/new", string(setOf(es256(t, "new"))))
			s.clock.Advance(10 * time.Second)
			s.known(t, "new", "ES256")
		})
	}
}

// An empty set has a tag, too. By it the server could say for ever that nothing
// changed, and nobody would look at the metadata.
func TestEmptySetIsAskedForWithoutItsTag(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		w.server.list()
		w.empty(t)
		pass(grace)
		for i := range 3 {
			_, err := w.key(fmt.Sprint("other", i), "ES256")
			assert.ErrorIs(t, err, jwks.ErrUnknownKey)
			pass(10 * time.Second)
		}
		assert.Zero(t, w.server.unchanged())
		assert.Empty(t, w.Status().Keys)
		assert.NotEmpty(t, w.Status().Thumbprint, "of a set")
	})
}
