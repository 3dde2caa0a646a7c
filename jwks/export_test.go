package jwks_test

import (
	"crypto/elliptic"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/jwks"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// envelope is what Export writes, as another program would read it.
type envelope struct {
	Format, Issuer, URL string
	Fetched             time.Time
	Keys                []jwk
}

func export(t *testing.T, s *jwks.Source) []byte {
	t.Helper()
	data, err := s.Export()
	require.NoError(t, err)
	return data
}

func opened(t *testing.T, data []byte) (e envelope) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&e))
	return e
}

// allKinds is a key of each kind, with and without the members that make it what
// it is, and with others.
func allKinds(t *testing.T) []fmt.Stringer {
	t.Helper()
	return []fmt.Stringer{
		es256(t, "p256"),
		ecKey(t, "p384", elliptic.P384()).with("alg", "ES384", "use", "sig"),
		ecKey(t, "p521", elliptic.P521()).with("key_ops", []string{"verify", "sign", "urn:example:other"}),
		edKey(t, "ed"),
		edKey(t, "ed-alg").with("alg", "EdDSA"),
		edKey(t, "ed-new").with("alg", "Ed25519"),
		rsaKey(t, "rsa", 2048).with("alg", "PS256", "x5t", "AAAA", "x5u", "https://elsewhere.example", "ext", strings.Repeat("x", 10_000)),
		rsaKey(t, "rsa-3", 2048).with("e", "Aw"),
		es256(t, "of").with("issuer", "https://login.example/{tenantid}/v2.0"),
		es256(t, "q\"uote<&> \u00e9 \u2028"),
		es256(t, "none").without("kid"),
	}
}

// importing is a Source that has imported what another one exported, and whose
// network a test may give.
func importing(t *testing.T, config jwks.Config, data []byte) *subject {
	t.Helper()
	s := newSubject(t, config)
	require.NoError(t, s.Import(data))
	return s
}

func TestExportedKeysAreTheSameKeysWhereTheyAreImported(t *testing.T) {
	set := setOf(allKinds(t)...)
	config := jwks.Config{Issuer: issuer, URL: setURL, HTTPClient: serving(set).client(), CheckURL: httpsOnly}
	from := newSubject(t, config)
	require.NoError(t, from.Ready(t.Context()))
	require.Len(t, from.Status().Keys, 11)
	require.Empty(t, from.Status().Skipped)

	to := importing(t, config, export(t, from.Source))
	assert.Equal(t, from.Status().Keys, to.Status().Keys)
	assert.Equal(t, from.Status().Thumbprint, to.Status().Thumbprint)
	assert.Equal(t, from.Status().Fetched, to.Status().Fetched)
	assert.True(t, to.Status().Imported)
	assert.Zero(t, to.fetches.count())
	assert.Equal(t, export(t, from.Source), export(t, to.Source), "and so on")

	before := map[string]*jwks.Key{}
	for _, key := range to.Status().Keys {
		if key.ID != "" { // a question without kid is ambiguous here
			before[key.ID] = to.known(t, key.ID, key.Algorithms[0])
		}
	}
	require.NoError(t, to.Refresh(t.Context()))
	assert.False(t, to.fetches.last(t).Changed, "the server lists the very same keys")
	for _, key := range to.Status().Keys {
		if key.ID != "" {
			assert.Same(t, before[key.ID], to.known(t, key.ID, key.Algorithms[0]))
		}
	}
	assert.False(t, to.Status().Imported)
}

func TestImportedKeyVerifies(t *testing.T) {
	for _, algorithm := range []string{"ES256", "EdDSA", "PS256"} {
		server := startServer(t, validatortest.Options{Algorithm: algorithm})
		config := jwks.Config{Issuer: server.Issuer()}
		from := newSubject(t, config)
		require.NoError(t, from.Ready(t.Context()))
		server.Close()
		to := importing(t, config, export(t, from.Source))
		require.NoError(t, to.Ready(t.Context()))
		signed, signature := cut(t, server.AccessToken())
		key := to.known(t, server.KID(), algorithm)
		assert.NoError(t, key.Verify(algorithm, signed, signature))
		assert.ErrorIs(t, key.Verify(algorithm, signed+"x", signature), jose.ErrSignature)
	}
}

func TestExportSaysNoMoreThanItMust(t *testing.T) {
	s := newSubject(t, jwks.Config{Issuer: issuer, URL: setURL, HTTPClient: serving(setOf(append(allKinds(t), unusable)...)).client()})
	require.NoError(t, s.Ready(t.Context()))
	s.clock.Advance(hour)
	data := export(t, s.Source)
	e := opened(t, data)
	assert.Equal(t, "bearerguard-jwks/1", e.Format)
	assert.Equal(t, issuer, e.Issuer)
	assert.Equal(t, setURL, e.URL)
	assert.Equal(t, s.clock.Now().Add(-hour), e.Fetched)
	require.Len(t, e.Keys, 11, "the usable ones")
	members := map[string]bool{}
	for _, key := range e.Keys {
		for name := range key {
			members[name] = true
		}
	}
	assert.Equal(t, map[string]bool{
		"kty": true, "kid": true, "alg": true, "use": true, "key_ops": true, "issuer": true,
		"n": true, "e": true, "crv": true, "x": true, "y": true,
	}, members)
	assert.NotContains(t, string(data), "elsewhere")
	assert.Less(t, len(data), 6000)
}

// What is exported after a 304 is as young as that.
func TestExportIsAsYoungAsTheLastGoodAnswer(t *testing.T) {
	inWorld(t, jwks.Config{}, func(t *testing.T, w *world) {
		first := w.now()
		pass(hour)
		w.refresh(t)
		assert.Equal(t, 1, w.server.unchanged())
		confirmed := w.now()
		pass(hour)
		w.server.fail(500)
		_, err := w.key("other", "ES256")
		remoteCause(t, err)
		assert.NotEqual(t, first, confirmed)
		assert.True(t, confirmed.Equal(opened(t, export(t, w.Source)).Fetched))
	})
}

func TestThereIsNothingToExportWithoutAUsableKey(t *testing.T) {
	s := newSubject(t, jwks.Config{URL: setURL})
	data, err := s.Export()
	assert.ErrorIs(t, err, jwks.ErrNoUsableKey)
	assert.Nil(t, data)
	inWorld(t, jwks.Config{EmptyGrace: 1}, func(t *testing.T, w *world) {
		w.server.list()
		w.empty(t)
		pass(time.Minute)
		_, err := w.key("other", "ES256")
		require.ErrorIs(t, err, jwks.ErrUnknownKey)
		_, err = w.Export()
		assert.ErrorIs(t, err, jwks.ErrNoUsableKey)
	})
}

// The address is where the set was found, not where it was looked for first.
func TestExportNamesTheDiscoveredAddress(t *testing.T) {
	network, s := moving(t)
	network.put(issuer+"/old", "!410")
	network.put(openid, pointing(issuer+"/new"))
	network.put(issuer+"/new", "!500")
	s.key("new", "ES256")
	assert.Equal(t, issuer+"/old", opened(t, export(t, s.Source)).URL, "of the set that is known")
	assert.Equal(t, issuer+"/new", s.Status().URL)
}

// What Import would refuse, Export does not write: names are the server's, and may
// be long.
func TestExportIsBounded(t *testing.T) {
	key := es256(t, "k")
	long := strings.Repeat("x", jwks.MaxEnvelope-len(setOf(key))-100)
	s := newSubject(t, jwks.Config{URL: setURL, HTTPClient: serving(setOf(key.with("issuer", long))).client()})
	require.NoError(t, s.Ready(t.Context()))
	data, err := s.Export()
	assert.ErrorIs(t, err, jwks.ErrEnvelope)
	assert.Nil(t, data)
}

func TestExportOfATimeThatCannotBeWrittenIsAnError(t *testing.T) {
	s := newSubject(t, jwks.Config{
		URL: setURL, HTTPClient: serving(setOf(es256(t, "k"))).client(),
		Clock: func() time.Time { return time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC) },
	})
	require.NoError(t, s.Ready(t.Context()))
	_, err := s.Export()
	assert.ErrorIs(t, err, jwks.ErrEnvelope)
}
