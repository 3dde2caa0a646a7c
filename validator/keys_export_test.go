package validator_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// export is what v exports.
func export(t testing.TB, v *validator.Validator) []byte {
	t.Helper()
	data, err := v.ExportKeys()
	require.NoError(t, err)
	return data
}

// envelopes are the sets of an export, each by the issuer it names.
func envelopes(t testing.TB, data []byte) map[string]json.RawMessage {
	t.Helper()
	var export struct {
		Sets []json.RawMessage `json:"sets"`
	}
	require.NoError(t, json.Unmarshal(data, &export))
	all := map[string]json.RawMessage{}
	for _, set := range export.Sets {
		var of struct {
			Issuer string `json:"issuer"`
		}
		require.NoError(t, json.Unmarshal(set, &of))
		all[of.Issuer] = set
	}
	require.Len(t, all, len(export.Sets), "one for an issuer")
	return all
}

// TestKeysSurviveARestart: a new Validator that starts while the server is down is
// ready, and decides on tokens with imported keys at once. Of others it decides
// nothing, as long as it cannot ask.
func TestKeysSurviveARestart(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	c := configure(trust(s))
	c.Clock = clock.Now
	before := build(t, c)
	require.NoError(t, before.Ready(t.Context()))
	data := export(t, before)
	known, next := s.AccessToken(), s.MintWith(s.Prepare("ES256"))
	s.SetMode(validatortest.ModeDown)

	reject(t, build(t, c), known, validator.ErrUnavailable, validator.ReasonKeysUnavailable) // without an import

	requests := s.KeyRequests() + s.MetadataRequests()
	v := build(t, c)
	require.NoError(t, v.ImportKeys(data))
	require.NoError(t, v.Ready(t.Context()))
	accept(t, v, known)
	reject(t, v, forged(known), validator.ErrInvalidToken, validator.ReasonBadSignature)
	status := v.Status()[0].Keys
	assert.True(t, status.Imported)
	assert.True(t, before.Status()[0].Keys.Fetched.Equal(status.Fetched), "as old as it was")
	assert.Equal(t, before.Status()[0].Keys.Thumbprint, status.Thumbprint)
	assert.Equal(t, data, export(t, v), "for the next one")
	assert.Equal(t, requests, s.KeyRequests()+s.MetadataRequests(), "nobody asked the server")

	e := reject(t, v, next, validator.ErrUnavailable, validator.ReasonKeysUnavailable)
	assert.Positive(t, e.RetryAfter)
	s.SetMode(validatortest.ModeUp)
	clock.Advance(e.RetryAfter)
	reject(t, v, next, validator.ErrInvalidToken, validator.ReasonUnknownKey) // by a fetch
	assert.False(t, v.Status()[0].Keys.Imported)
}

// TestExportsOfSomeIssuers: those that have keys.
func TestExportsOfSomeIssuers(t *testing.T) {
	up, down, opaque := start(t, validatortest.Options{}), start(t, validatortest.Options{}), start(t, validatortest.Options{})
	down.SetMode(validatortest.ModeDown)
	v := build(t, configure(trust(down), ask(opaque, func(is *validator.Issuer) { is.OpaqueOnly = true }), trust(up)))
	assert.Empty(t, envelopes(t, export(t, v)))
	assert.Zero(t, up.KeyRequests(), "it does no I/O")
	require.NoError(t, build(t, configure(trust(up))).ImportKeys(export(t, v)), "nothing is no mistake")

	_ = v.Ready(t.Context())
	sets := envelopes(t, export(t, v))
	require.Len(t, sets, 1)
	assert.Contains(t, sets, up.Issuer())
}

// TestExportOfWhatIsTooLong: what one server lists does not cost the others theirs.
func TestExportOfWhatIsTooLong(t *testing.T) {
	good, swollen := start(t, validatortest.Options{}), start(t, validatortest.Options{})
	set := strings.Replace(string(swollen.KeySet()), `[{`, `[{"key_ops":["verify"%],`, 1)
	fill := (jwks.MaxEnvelope - len(set)) / len(`,"sign"`)
	swollen.ServeKeySet([]byte(strings.Replace(set, "%", strings.Repeat(`,"sign"`, fill), 1)))
	v := build(t, configure(trust(swollen), trust(good)))
	require.NoError(t, v.Ready(t.Context()))
	data, err := v.ExportKeys()
	require.ErrorIs(t, err, jwks.ErrEnvelope)
	sets := envelopes(t, data)
	require.Len(t, sets, 1)
	assert.Contains(t, sets, good.Issuer())
}

// TestImportIsForItsIssuers: sets of others are left out, those of OpaqueOnly ones too.
func TestImportIsForItsIssuers(t *testing.T) {
	one, two, three := start(t, validatortest.Options{}), start(t, validatortest.Options{}), start(t, validatortest.Options{})
	all := build(t, configure(trust(one), trust(two), trust(three)))
	require.NoError(t, all.Ready(t.Context()))
	data := export(t, all)
	for _, s := range []*validatortest.Server{one, two, three} {
		s.SetMode(validatortest.ModeDown)
	}
	v := build(t, configure(trust(one), ask(two, func(is *validator.Issuer) { is.OpaqueOnly = true })))
	require.NoError(t, v.ImportKeys(data))
	accept(t, v, one.AccessToken())
	reject(t, v, two.AccessToken(), validator.ErrInvalidToken, validator.ReasonUnknownKey)
	reject(t, v, three.AccessToken(), validator.ErrInvalidToken, validator.ReasonUnknownIssuer)
	// one's and three's keys have the same kid, and are never each other's.
	crossed := three.AccessToken(validatortest.Claim("iss", one.Issuer()))
	reject(t, v, crossed, validator.ErrInvalidToken, validator.ReasonBadSignature)
}
