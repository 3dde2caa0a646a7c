package validator_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestImportRefuses: each for its reason, and nothing changes by it.
func TestImportRefuses(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	c := configure(trust(s))
	c.Clock, c.Issuers[0].JWKSURL = clock.Now, s.JWKSURL()
	v := build(t, c)
	require.NoError(t, v.Ready(t.Context()))
	older := string(export(t, v))
	clock.Advance(time.Minute)
	require.NoError(t, v.RefreshKeys(t.Context()))
	good := string(export(t, v))
	known := s.AccessToken()
	s.SetMode(validatortest.ModeDown)

	fetched := clock.Now().UTC().Format(time.RFC3339)
	require.Contains(t, good, `"fetched":"`+fetched+`"`)
	edited := func(old, new string) string {
		require.Contains(t, good, old)
		return strings.ReplaceAll(good, old, new)
	}
	for name, tc := range map[string]struct {
		data string
		err  error
	}{
		"nothing":           {"", validator.ErrKeyExport},
		"not JSON":          {"keys", validator.ErrKeyExport},
		"cut":               {good[:len(good)/2], validator.ErrKeyExport},
		"more after it":     {good + good, validator.ErrKeyExport},
		"a key set":         {string(s.KeySet()), validator.ErrKeyExport},
		"one envelope":      {string(envelopes(t, []byte(good))[s.Issuer()]), validator.ErrKeyExport},
		"another format":    {edited("bearerguard-keys/1", "bearerguard-keys/2"), validator.ErrKeyExport},
		"no format":         {edited(`"format":"bearerguard-keys/1",`, ""), validator.ErrKeyExport},
		"no sets":           {`{"format":"bearerguard-keys/1"}`, validator.ErrKeyExport},
		"null":              {`{"format":"bearerguard-keys/1","sets":null}`, validator.ErrKeyExport},
		"a set twice named": {edited(`"sets":`, `"sets":[],"sets":`), validator.ErrKeyExport},
		"an unknown member": {edited(`"sets":`, `"more":1,"sets":`), validator.ErrKeyExport},
		"a set is a number": {`{"format":"bearerguard-keys/1","sets":[1]}`, validator.ErrKeyExport},
		"a set of nobody":   {`{"format":"bearerguard-keys/1","sets":[{}]}`, validator.ErrKeyExport},

		"an envelope of another format": {edited("bearerguard-jwks/1", "bearerguard-jwks/2"), jwks.ErrEnvelope},
		"an envelope without keys":      {edited(`"keys":[`, `"keys":[],"more":[`), jwks.ErrEnvelope},
		"a key that is no key":          {edited(`"kty":"EC"`, `"kty":"XX"`), jwks.ErrNoUsableKey},
		"from another address":          {edited(s.JWKSURL(), s.JWKSURL()+"/2"), jwks.ErrEnvelopeURL},
		"from the future":               {edited(fetched, clock.Now().Add(time.Hour).UTC().Format(time.RFC3339)), jwks.ErrEnvelopeFuture},
		"older":                         {older, jwks.ErrEnvelopeOlder},
	} {
		t.Run(name, func(t *testing.T) {
			before := v.Status()
			err := v.ImportKeys([]byte(tc.data))
			require.ErrorIs(t, err, tc.err)
			for _, other := range []error{
				validator.ErrKeyExport, jwks.ErrEnvelope, jwks.ErrEnvelopeIssuer, jwks.ErrEnvelopeURL,
				jwks.ErrEnvelopeFuture, jwks.ErrEnvelopeOlder, jwks.ErrNoUsableKey,
			} {
				if other != tc.err {
					assert.NotErrorIs(t, err, other)
				}
			}
			assert.Equal(t, before, v.Status())
			accept(t, v, known)
		})
	}
}

// TestImportFromAForbiddenAddress: a discovered address must be one that could be
// discovered now. Keys that came over plain http are anybody's.
func TestImportFromAForbiddenAddress(t *testing.T) {
	s := start(t, validatortest.Options{})
	c := configure(trust(s))
	v := build(t, c)
	require.NoError(t, v.Ready(t.Context()))
	data := strings.ReplaceAll(string(export(t, v)), s.JWKSURL(), "http://keys.example/set")
	next := build(t, c)
	require.ErrorIs(t, next.ImportKeys([]byte(data)), jwks.ErrEnvelopeURL)
	assert.Empty(t, next.Status()[0].Keys.Keys)
}

// TestImportOfSomeThatAreGood: one that is not keeps none of them out, wherever it is.
func TestImportOfSomeThatAreGood(t *testing.T) {
	first, bad, last := start(t, validatortest.Options{}), start(t, validatortest.Options{}), start(t, validatortest.Options{})
	c := configure(trust(first), trust(bad), trust(last))
	v := build(t, c)
	require.NoError(t, v.Ready(t.Context()))
	var sets []string
	for _, s := range []*validatortest.Server{first, bad, last} {
		set := string(envelopes(t, export(t, v))[s.Issuer()])
		if s == bad {
			set = strings.Replace(set, "bearerguard-jwks/1", "bearerguard-jwks/9", 1)
		}
		sets = append(sets, set, "7")
		s.SetMode(validatortest.ModeDown)
	}
	next := build(t, c)
	err := next.ImportKeys([]byte(`{"format":"bearerguard-keys/1","sets":[` + strings.Join(sets, ",") + `]}`))
	assert.ErrorIs(t, err, jwks.ErrEnvelope)
	assert.ErrorIs(t, err, validator.ErrKeyExport)
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	assert.Len(t, joined.Unwrap(), 4, "each is told")
	accept(t, next, first.AccessToken())
	accept(t, next, last.AccessToken())
	reject(t, next, bad.AccessToken(), validator.ErrUnavailable, validator.ReasonKeysUnavailable)
	refused(t, next.Ready(t.Context()), validator.ErrUnavailable, validator.ReasonKeysUnavailable)
}

// TestImportWithdraws: what a newer set does not list is distrusted, cached tokens
// included, as by a fetch.
func TestImportWithdraws(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	c := configure(trust(s))
	c.Clock = clock.Now
	behind, ahead := build(t, c), build(t, c)
	old := s.AccessToken()
	accept(t, behind, old)
	s.Withdraw(s.KID())
	s.Rotate("ES256")
	clock.Advance(time.Second)
	require.NoError(t, ahead.Ready(t.Context()))
	require.NoError(t, behind.ImportKeys(export(t, ahead)))
	s.SetMode(validatortest.ModeDown)
	accept(t, behind, s.AccessToken())
	// Nothing becomes unknown by an import: it is looked for.
	reject(t, behind, old, validator.ErrUnavailable, validator.ReasonKeysUnavailable)
}
