package jwks_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
)

// exported is what a Source exports that has read these keys, at that time.
func exported(t *testing.T, at time.Time, keys ...fmt.Stringer) []byte {
	t.Helper()
	s := newSubject(t, jwks.Config{URL: setURL, HTTPClient: serving(setOf(keys...)).client(), Clock: func() time.Time { return at }})
	require.NoError(t, s.Ready(t.Context()))
	return export(t, s.Source)
}

func TestFirstSuccessfulFetchReplacesAnImportedSet(t *testing.T) {
	kept, lost, next := es256(t, "kept"), es256(t, "lost"), es256(t, "next")
	server := &keyServer{}
	server.list(kept, next)
	server.fail(500)
	s := importing(t, jwks.Config{URL: setURL, HTTPClient: &http.Client{Transport: server}}, exported(t, newClock().Now(), kept, lost))
	keptKey, lostKey := s.known(t, "kept", "ES256"), s.known(t, "lost", "ES256")
	_, err := s.key("next", "ES256")
	assert.Equal(t, 500, remoteCause(t, err).Status, "a kid that it does not list is undecided")
	assert.True(t, s.Lost("next", "ES256"))
	assert.True(t, s.Status().Imported)
	assert.True(t, lostKey.Trusted())

	server.fail(0)
	s.clock.Advance(time.Second)
	s.known(t, "next", "ES256")
	assert.Zero(t, server.unchanged(), "there is no tag to ask with")
	assert.False(t, lostKey.Trusted())
	assert.True(t, keptKey.Trusted())
	assert.Same(t, keptKey, s.known(t, "kept", "ES256"))
	_, err = s.key("lost", "ES256")
	assert.ErrorIs(t, err, jwks.ErrUnknownKey)
	assert.False(t, s.Status().Imported)
}

func TestImportIntoASourceWithASet(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		listed := w.known(t, "listed", "ES256")
		_, err := w.key("soon", "ES256") // remembered as unknown
		require.ErrorIs(t, err, jwks.ErrUnknownKey)
		assert.Equal(t, 2, w.settled())
		now := w.now()

		require.NoError(t, w.Import(exported(t, now, w.first[0], es256(t, "more"))))
		assert.Same(t, listed, w.known(t, "listed", "ES256"))
		assert.True(t, listed.Trusted())
		w.known(t, "more", "ES256")
		assert.Equal(t, 2, w.settled())
		_, err = w.key("soon", "ES256")
		assert.ErrorIs(t, err, jwks.ErrUnknownKey)
		assert.Equal(t, 3, w.settled(), "not from memory: it is another set")

		pass(time.Minute)
		require.NoError(t, w.Import(exported(t, w.now(), es256(t, "more"))))
		assert.False(t, listed.Trusted(), "it does not list it")
		w.server.fail(500)
		_, err = w.key("listed", "ES256")
		assert.Equal(t, 500, remoteCause(t, err).Status, "distrusted, and not decided unknown")
	})
}

func TestImportIsNeverOlderThanWhatIsKnown(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		pass(hour)
		w.refresh(t) // a 304 counts
		assert.Equal(t, 1, w.server.unchanged())
		fetched := w.now()
		pass(hour)
		was := w.Status()
		assert.ErrorIs(t, w.Import(exported(t, fetched.Add(-1), es256(t, "other"))), jwks.ErrEnvelopeOlder)
		assert.Equal(t, was, w.Status())
		w.known(t, "listed", "ES256")

		require.NoError(t, w.Import(exported(t, fetched, es256(t, "other"))), "of the same instant")
		w.known(t, "other", "ES256")
		assert.ErrorIs(t, w.Import(exported(t, fetched.Add(-1), es256(t, "third"))), jwks.ErrEnvelopeOlder, "nor older than an import")
	})
}

func TestImportAfterTheClockWasSetBack(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		w.jump(-hour)
		assert.ErrorIs(t, w.Import(exported(t, w.now().Add(-1), es256(t, "other"))), jwks.ErrEnvelopeOlder)
		require.NoError(t, w.Import(exported(t, w.now(), es256(t, "other"))), "though the known one is from the future")
		w.known(t, "other", "ES256")
	})
}

// An envelope knows the wall clock only, and is compared by it.
func TestImportGoesByTheWallClock(t *testing.T) {
	begin := time.Now()
	now := begin
	s := newSubject(t, jwks.Config{URL: setURL, Clock: func() time.Time { return now }, HTTPClient: serving(setOf(es256(t, "k"))).client()})
	require.NoError(t, s.Ready(t.Context()))
	now = apart(begin, -hour, -hour-time.Minute) // it was set back, a minute later
	require.NoError(t, s.Import(exported(t, now, es256(t, "other"))))
	s.known(t, "other", "ES256")
}

func TestImportedSetIsAsOldAsItsFetch(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour, MaxStale: 2 * hour}, func(t *testing.T, w *world) {
		s := newSubject(t, jwks.Config{URL: setURL, MaxAge: hour, MaxStale: 2 * hour, Clock: w.now, HTTPClient: &http.Client{Transport: w.server}})
		require.NoError(t, s.Import(exported(t, w.now().Add(-2*hour), w.first...)))
		assert.True(t, s.Status().Due)
		assert.False(t, s.Status().Stale)
		w.server.fail(500)
		pass(1)
		_, err := s.key("listed", "ES256")
		assert.Equal(t, 500, remoteCause(t, err).Status)
		assert.NoError(t, s.Ready(t.Context()))
		w.server.fail(0)
		pass(time.Second)
		s.known(t, "listed", "ES256")
	})
}

// A set that somebody ahead of us fetched is as old as now, and no younger: it
// would be fresh for longer than any other.
func TestImportFromAheadIsFromNow(t *testing.T) {
	s := newSubject(t, jwks.Config{URL: setURL})
	require.NoError(t, s.Import(exported(t, s.clock.Now().Add(30*time.Second), es256(t, "k"))))
	assert.Equal(t, s.clock.Now(), s.Status().Fetched)
}

// "Not modified" is about the set that was known at departure.
func TestNotModifiedDoesNotConfirmAnImportedSet(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		release := w.server.hold()
		answers := ask(w.subject, t.Context(), "bogus")
		w.settled()
		require.NoError(t, w.Import(exported(t, w.now(), es256(t, "imported"))))
		imported := w.known(t, "imported", "ES256")
		release()
		assert.Error(t, unavailable(t, (<-answers).err).Cause)
		assert.Equal(t, 1, w.server.unchanged())
		assert.True(t, w.Status().Imported)
		assert.True(t, imported.Trusted())

		pass(time.Second)
		w.known(t, "listed", "ES256")
		assert.False(t, imported.Trusted())
		assert.False(t, w.Status().Imported)
	})
}

// A fetch that is in the air is the first one after the import.
func TestFetchInTheAirReplacesAnImportedSet(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour}, func(t *testing.T, w *world) {
		w.server.list(w.first[0], es256(t, "more"))
		release := w.server.hold()
		answers := ask(w.subject, t.Context(), "more")
		w.settled()
		departed := w.now()
		pass(time.Second)
		require.NoError(t, w.Import(exported(t, w.now(), es256(t, "imported"))))
		release()
		assert.NoError(t, (<-answers).err)
		assert.False(t, w.Status().Imported)
		assert.Equal(t, departed, w.Status().Fetched, "and is as old as it is")
	})
}

// The server served no key when the import was made, or has since.
func TestImportAndTheGraceOfAnEmptySet(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		w.server.list()
		w.empty(t)
		since := w.now()
		pass(grace)
		require.NoError(t, w.Import(exported(t, since.Add(-1).Add(1), es256(t, "a"))))
		assert.Zero(t, w.Status().EmptySince, "somebody has seen keys since")
		w.empty(t)
		w.known(t, "a", "ES256")
	})
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		pass(time.Second)
		w.server.list()
		w.empty(t)
		since := w.now()
		pass(grace)
		require.NoError(t, w.Import(exported(t, since.Add(-1), es256(t, "a"))))
		assert.Equal(t, since, w.Status().EmptySince)
		_, err := w.key("other", "ES256")
		assert.ErrorIs(t, err, jwks.ErrUnknownKey)
	})
}

func TestImportAndExportAreSafeBesideEverythingElse(t *testing.T) {
	server, s := ready(t, jwks.Config{MaxAge: hour, RefreshBurst: many})
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for range 50 {
				data, err := s.Export()
				assert.NoError(t, err)
				if err := s.Import(data); err != nil {
					assert.ErrorIs(t, err, jwks.ErrEnvelopeOlder)
				}
				s.clock.Advance(time.Minute)
				s.Fresh(s.clock.Now())
				_ = s.Status()
				_, err = s.Key(context.Background(), fmt.Sprint(i), "ES256")
				assert.Error(t, err)
				s.known(t, server.KID(), "ES256")
			}
		})
	}
	group.Wait()
}
