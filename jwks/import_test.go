package jwks_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
)

// written is an envelope, letter by letter.
func written(members ...string) []byte { return []byte("{" + strings.Join(members, ",") + "}") }

func TestImport(t *testing.T) {
	now := newClock().Now()
	at := func(d time.Duration) string { return `"fetched":"` + now.Add(d).Format(time.RFC3339Nano) + `"` }
	key := es256(t, "k")
	keys := func(keys ...fmt.Stringer) string {
		return strings.TrimSuffix(strings.TrimPrefix(string(setOf(keys...)), "{"), "}")
	}
	const (
		format = `"format":"bearerguard-jwks/1"`
		of     = `"issuer":"https://as.example"`
		from   = `"url":"https://as.example/keys"`
	)
	good := written(format, of, from, at(-time.Hour), keys(key))
	many := make([]fmt.Stringer, jwks.MaxKeys+1)
	for i := range many {
		many[i] = edKey(t, fmt.Sprint(i))
	}
	for name, test := range map[string]struct {
		data  []byte
		error error
	}{
		"good":                  {good, nil},
		"another order":         {written(keys(key), at(-time.Hour), from, of, format), nil},
		"white space":           {append([]byte(" \n"), append(good, " \n"...)...), nil},
		"now":                   {written(format, of, from, at(0), keys(key)), nil},
		"a minute ahead":        {written(format, of, from, at(time.Minute), keys(key)), nil},
		"ages ago":              {written(format, of, from, `"fetched":"0001-01-01T00:00:01Z"`, keys(key)), nil},
		"another time zone":     {written(format, of, from, `"fetched":"2026-01-02T05:04:05+02:00"`, keys(key)), nil},
		"a bad key beside it":   {written(format, of, from, at(0), keys(unusable, key, text("{}"))), nil},
		"a hundred keys":        {written(format, of, from, at(0), keys(many[1:]...)), nil},
		"of exactly one MiB":    {append(good, strings.Repeat(" ", jwks.MaxEnvelope-len(good))...), nil},
		"longer than one MiB":   {append(good, strings.Repeat(" ", jwks.MaxEnvelope-len(good)+1)...), jwks.ErrEnvelope},
		"nothing":               {nil, jwks.ErrEnvelope},
		"a key set":             {setOf(key), jwks.ErrEnvelope},
		"cut":                   {good[:len(good)-1], jwks.ErrEnvelope},
		"something after it":    {append(good, "{}"...), jwks.ErrEnvelope},
		"an array":              {[]byte("[]"), jwks.ErrEnvelope},
		"null":                  {[]byte("null"), jwks.ErrEnvelope},
		"no format":             {written(of, from, at(0), keys(key)), jwks.ErrEnvelope},
		"a later version":       {written(`"format":"bearerguard-jwks/2"`, of, from, at(0), keys(key)), jwks.ErrEnvelope},
		"another member":        {written(format, of, from, at(0), keys(key), `"etag":"x"`), jwks.ErrEnvelope},
		"another case":          {written(`"Format":"bearerguard-jwks/1"`, of, from, at(0), keys(key)), jwks.ErrEnvelope},
		"a member twice":        {written(format, of, of, from, at(0), keys(key)), jwks.ErrEnvelope},
		"keys twice":            {written(format, of, from, at(0), keys(key), keys(key)), jwks.ErrEnvelope},
		"a kid twice":           {written(format, of, from, at(0), keys(text(strings.Replace(key.String(), "{", `{"kid":"other",`, 1)), es256(t, "k2"))), jwks.ErrEnvelope},
		"bad UTF-8":             {written(format, of, from, at(0), keys(key.with("ext", 1), text("{\"kid\":\"\xff\"}"))), jwks.ErrEnvelope},
		"no keys member":        {written(format, of, from, at(0)), jwks.ErrNoUsableKey},
		"no keys":               {written(format, of, from, at(0), keys()), jwks.ErrNoUsableKey},
		"keys null":             {written(format, of, from, at(0), `"keys":null`), jwks.ErrNoUsableKey},
		"keys an object":        {written(format, of, from, at(0), `"keys":{}`), jwks.ErrEnvelope},
		"only unusable keys":    {written(format, of, from, at(0), keys(unusable, text("null"), key.with("use", "enc"))), jwks.ErrNoUsableKey},
		"a private key":         {written(format, of, from, at(0), keys(key.with("d", "AAAA"))), jwks.ErrNoUsableKey},
		"101 keys":              {written(format, of, from, at(0), keys(many...)), jwks.ErrEnvelope},
		"another issuer":        {written(format, `"issuer":"https://as.example/"`, from, at(0), keys(key)), jwks.ErrEnvelopeIssuer},
		"no issuer":             {written(format, from, at(0), keys(key)), jwks.ErrEnvelopeIssuer},
		"issuer null":           {written(format, `"issuer":null`, from, at(0), keys(key)), jwks.ErrEnvelopeIssuer},
		"another address":       {written(format, of, `"url":"https://as.example/keys?"`, at(0), keys(key)), jwks.ErrEnvelopeURL},
		"no address":            {written(format, of, at(0), keys(key)), jwks.ErrEnvelopeURL},
		"no time":               {written(format, of, from, keys(key)), jwks.ErrEnvelope},
		"time null":             {written(format, of, from, `"fetched":null`, keys(key)), jwks.ErrEnvelope},
		"time a number":         {written(format, of, from, `"fetched":1767323045`, keys(key)), jwks.ErrEnvelope},
		"time without a zone":   {written(format, of, from, `"fetched":"2026-01-02T03:04:05"`, keys(key)), jwks.ErrEnvelope},
		"more than a minute on": {written(format, of, from, at(time.Minute+1), keys(key)), jwks.ErrEnvelopeFuture},
	} {
		t.Run(name, func(t *testing.T) {
			fresh := newSubject(t, jwks.Config{Issuer: issuer, URL: setURL, HTTPClient: noNetwork(t)})
			err := fresh.Import(test.data)
			if test.error == nil {
				require.NoError(t, err)
				assert.NoError(t, fresh.Ready(t.Context()))
				status := fresh.Status()
				assert.NotEmpty(t, status.Keys)
				assert.True(t, status.Imported)
				assert.False(t, status.Fetched.After(now), "not younger than any set can be")
				assert.Empty(t, status.LastError)
				return
			}
			assert.ErrorIs(t, err, test.error)
			assert.Empty(t, fresh.Status().Thumbprint)

			has := importing(t, jwks.Config{Issuer: issuer, URL: setURL, HTTPClient: noNetwork(t)}, good)
			before, was := has.known(t, "k", "ES256"), has.Status()
			assert.ErrorIs(t, has.Import(test.data), test.error)
			assert.Equal(t, was, has.Status(), "nothing changes")
			assert.Same(t, before, has.known(t, "k", "ES256"))
			assert.True(t, before.Trusted())
		})
	}
}

// Without a configured address it is held to the rules of a discovered one.
func TestAddressOfAnImportedSetIsJudged(t *testing.T) {
	key := es256(t, "k")
	for address, good := range map[string]bool{
		"https://as.example/keys":      true,
		"https://keys.example/":        true,
		"http://as.example/keys":       false,
		"http://127.0.0.1/keys":        false,
		"https://user@as.example/keys": false,
		"https://[":                    false,
		"/keys":                        false,
		"":                             false,
	} {
		data := written(`"format":"bearerguard-jwks/1","issuer":"https://as.example","url":"` + address + `","fetched":"2026-01-02T03:04:05Z","keys":[` + key.String() + `]`)
		s := newSubject(t, jwks.Config{Issuer: issuer, CheckURL: httpsOnly, HTTPClient: noNetwork(t)})
		err := s.Import(data)
		if good {
			assert.NoError(t, err, address)
			assert.Empty(t, s.Status().URL, "nothing is asked there")
			continue
		}
		assert.ErrorIs(t, err, jwks.ErrEnvelopeURL, address)

		lenient := newSubject(t, jwks.Config{Issuer: issuer, CheckURL: func(*url.URL) error { return nil }, HTTPClient: noNetwork(t)})
		if err := lenient.Import(data); address == "" || address == "https://[" {
			assert.ErrorIs(t, err, jwks.ErrEnvelopeURL, "whatever the rules are")
		} else {
			assert.NoError(t, err, address)
		}
	}
}

// The address of an envelope is not where keys are fetched from later.
func TestFirstFetchAfterAnImportDiscoversTheAddress(t *testing.T) {
	network := newSite(map[string]string{openid: pointing(issuer + "/real"), issuer + "/real": string(setOf(es256(t, "new")))})
	s := importing(t, jwks.Config{Issuer: issuer, CheckURL: httpsOnly, HTTPClient: network.client()},
		written(`"format":"bearerguard-jwks/1","issuer":"https://as.example","url":"https://other.example/keys","fetched":"2026-01-02T03:04:05Z","keys":[`+es256(t, "k").String()+`]`))
	s.known(t, "new", "ES256")
	assert.Equal(t, []string{openid, issuer + "/real"}, network.requests())
}

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
