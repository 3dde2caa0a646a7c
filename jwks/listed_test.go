package jwks_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
)

// A key that a flight of before the question brings is an answer as good as any.
func TestKeyOfAFlightThatBeganBeforeTheQuestion(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		w.server.list(append(w.first, es256(t, "next"))...)
		release := w.server.hold()
		bogus := ask(w.subject, t.Context(), "bogus")
		w.settled()
		next := ask(w.subject, t.Context(), "next")
		release()
		got := <-next
		require.NoError(t, got.err)
		require.NotNil(t, got.key)
		assert.Equal(t, "next", got.key.ID())
		assert.Equal(t, 2, w.settled())
		assert.ErrorIs(t, (<-bogus).err, jwks.ErrUnknownKey)
	})
}

// A key is trusted for a question as long as the set answers that question with it.
func TestKeyIsTrustedForWhatTheSetAnswersWithIt(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		key := w.known(t, "listed", "ES256")
		trusted := func(byID, alone bool) {
			t.Helper()
			require.NoError(t, w.Refresh(t.Context()))
			assert.True(t, key.Trusted(), "it is listed")
			assert.Equal(t, byID, key.TrustedFor("listed", "ES256"))
			assert.Equal(t, alone, key.TrustedFor("", "ES256"))
			assert.False(t, key.TrustedFor("listed", "ES384"))
		}
		trusted(true, true)
		w.server.list(append(w.first, es256(t, "other"))...)
		trusted(true, false)
		w.server.list(append(w.first, es256(t, "listed"))...)
		trusted(false, false)
		w.server.list(w.first...)
		trusted(true, true)

		w.server.list(es256(t, "listed"))
		require.NoError(t, w.Refresh(t.Context()))
		assert.False(t, key.Trusted())
		assert.False(t, key.TrustedFor("listed", "ES256"))
		assert.False(t, key.TrustedFor("", "ES256"))
	})
}

func TestFirstSetIsAChange(t *testing.T) {
	s := newSubject(t, jwks.Config{URL: setURL, HTTPClient: serving(setOf(es256(t, "k"))).client()})
	require.NoError(t, s.Ready(t.Context()))
	assert.True(t, s.fetches.last(t).Changed)
}

// What is no key set is not a set without keys, which would be believed in the end.
func TestBadSetIsNotBelievedInTheEnd(t *testing.T) {
	for _, body := range []string{
		`[]`, `{}`, `{"keys":null}`, `{"keys":{}}`, `{"keys":[],"keys":[]}`, `{"keys":[],"x`, `{"keys":[],"x":"y`, `{"keys":[],"x":"\x"}`, `{"keys":[]`, `{"keys":[]}{}`,
		`{"keys":[` + strings.Repeat("{},", jwks.MaxKeys) + `{}]}`,
	} {
		server, s := ready(t, jwks.Config{})
		server.ServeKeySet([]byte(body))
		for range 2 {
			_, err := s.key("new", "EdDSA")
			assert.NotErrorIs(t, unavailable(t, err).Cause, jwks.ErrNoUsableKey, body)
			s.clock.Advance(jwks.DefaultEmptyGrace)
		}
		s.known(t, server.KID(), "ES256")
	}
}

// The longest envelope that is read is also written.
func TestExportOfTheLongestEnvelope(t *testing.T) {
	key := es256(t, "k")
	exported := func(issuer int) ([]byte, error) {
		set := setOf(key.with("issuer", strings.Repeat("x", issuer)))
		s := newSubject(t, jwks.Config{URL: setURL, HTTPClient: serving(set).client()})
		require.NoError(t, s.Ready(t.Context()))
		return s.Export()
	}
	short, err := exported(1)
	require.NoError(t, err)
	long, err := exported(1 + jwks.MaxEnvelope - len(short))
	require.NoError(t, err)
	assert.Len(t, long, jwks.MaxEnvelope)
	s := newSubject(t, jwks.Config{URL: setURL, HTTPClient: noNetwork(t)})
	assert.NoError(t, s.Import(long))
	_, err = exported(2 + jwks.MaxEnvelope - len(short))
	assert.ErrorIs(t, err, jwks.ErrEnvelope)
}

// An address that could not be fetched from is not imported from either, whoever named it.
func TestImportFromAnAddressThatIsRefused(t *testing.T) {
	const plain = "http://as.example/keys"
	insecure := newSubject(t, jwks.Config{URL: plain, HTTPClient: serving(setOf(es256(t, "k"))).client(), CheckURL: func(*url.URL) error { return nil }})
	require.NoError(t, insecure.Ready(t.Context()))
	data, err := insecure.Export()
	require.NoError(t, err)
	s := newSubject(t, jwks.Config{URL: plain, HTTPClient: noNetwork(t), CheckURL: httpsOnly})
	assert.ErrorIs(t, s.Import(data), jwks.ErrEnvelopeURL)
}
