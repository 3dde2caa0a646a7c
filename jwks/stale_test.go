package jwks_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/jwks"
)

func TestSetPastMaxStaleAnswersOnlyAfterTheServerConfirmedIt(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour, MaxStale: 2 * hour}, func(t *testing.T, w *world) {
		key := w.known(t, "listed", "ES256")
		pass(2 * hour)
		w.server.fail(500)
		assert.True(t, w.Fresh(w.now()))
		assert.Same(t, key, w.known(t, "listed", "ES256"), "not past it")
		assert.Equal(t, 2, w.settled())
		assert.False(t, w.Status().Stale)

		pass(time.Second) // the backoff of that
		assert.True(t, w.Status().Stale)
		assert.False(t, w.Fresh(w.now()))
		assert.Equal(t, 2, w.settled(), "who asks next will wait: there is nothing to prepare")
		for _, kid := range []string{"listed", ""} {
			_, err := w.key(kid, "ES256")
			assert.Equal(t, 500, remoteCause(t, err).Status)
			assert.Equal(t, 2*time.Second, unavailable(t, err).RetryAfter)
		}
		assert.Equal(t, 3, w.settled(), "the second one during the backoff")
		assert.True(t, key.Trusted(), "nobody said that it is not")
		assert.NoError(t, w.Ready(t.Context()), "it never turns back")

		pass(2 * time.Second)
		w.server.fail(0)
		assert.Same(t, key, w.known(t, "listed", "ES256"))
		assert.True(t, w.Fresh(w.now()))
		assert.Equal(t, 4, w.settled())
	})
}

func TestStaleQuestionsShareOneFetch(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour, MaxStale: hour}, func(t *testing.T, w *world) {
		pass(hour + 1)
		answers := make(chan answer, 50)
		release := w.server.hold()
		for range 50 {
			go func() {
				key, err := w.key("listed", "ES256")
				answers <- answer{key, err}
			}()
		}
		assert.Equal(t, 2, w.settled())
		assert.Empty(t, answers, "they wait")
		release()
		for range 50 {
			assert.NoError(t, (<-answers).err)
		}
		assert.Equal(t, 2, w.settled())
	})
}

func TestKeyThatAStaleSetListedMayBeUnknown(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour, MaxStale: hour}, func(t *testing.T, w *world) {
		w.server.list(es256(t, "next"))
		pass(hour + 1)
		_, err := w.key("listed", "ES256")
		assert.ErrorIs(t, err, jwks.ErrUnknownKey)
		assert.Equal(t, 2, w.settled())
	})
}

// A question about a listed key is not decided by a fetch that had departed before,
// if that is too old by the time it lands; nor by what was noted when the same
// question arose another time.
func TestStaleQuestionIsNotDecidedByAFetchOfBefore(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour, MaxStale: hour}, func(t *testing.T, w *world) {
		pass(hour + 1)
		w.known(t, "listed", "ES256") // asked while stale, for the first time
		assert.Equal(t, 2, w.settled())

		pass(hour + 1)
		release := w.server.hold()
		go func() { _ = w.Refresh(context.Background()) }()
		assert.Equal(t, 3, w.settled(), "in the air")
		answers := make(chan answer, 1)
		go func() {
			key, err := w.key("listed", "ES256")
			answers <- answer{key, err}
		}()
		w.settled()
		w.jump(2 * hour)
		w.server.list(es256(t, "next")) // after that one was answered
		release()
		assert.ErrorIs(t, (<-answers).err, jwks.ErrUnknownKey)
		assert.Equal(t, 4, w.settled())
	})
}

// A clock that leaps with every look makes every set old. The question is decided
// by its own fetch all the same, and ends.
func TestStaleQuestionIsDecidedByItsOwnFlightHoweverTimeFlies(t *testing.T) {
	leaping := newClock()
	server, s := ready(t, jwks.Config{MaxAge: time.Minute, MaxStale: time.Minute, Clock: func() time.Time {
		leaping.Advance(hour)
		return leaping.Now()
	}})
	s.known(t, server.KID(), "ES256")
	assert.Equal(t, 2, server.KeyRequests())
}

func TestStaleKeyIsLostWhileTheServerIsDown(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour, MaxStale: hour}, func(t *testing.T, w *world) {
		w.server.fail(500)
		pass(hour)
		_, err := w.key("other", "ES256")
		remoteCause(t, err)
		assert.False(t, w.Lost("listed", "ES256"))
		pass(1)
		assert.True(t, w.Lost("listed", "ES256"))
		w.server.fail(0)
		pass(time.Second)
		assert.True(t, w.Lost("listed", "ES256"), "and that asks for it")
		w.settled()
		assert.False(t, w.Lost("listed", "ES256"))
	})
}
