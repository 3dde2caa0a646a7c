package jwks_test

import (
	"fmt"
	"net/url"
	"strings"
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
