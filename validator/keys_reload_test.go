package validator_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestReloadKeepsReadiness: a new issuer that cannot be reached concerns its own
// tokens, and does not take the service out of use.
func TestReloadKeepsReadiness(t *testing.T) {
	old, added := start(t, validatortest.Options{}), start(t, validatortest.Options{})
	added.SetMode(validatortest.ModeDown)
	v := build(t, configure(trust(old)))
	c := configure(trust(old), trust(added))

	unready, err := v.WithConfig(c)
	require.NoError(t, err)
	refused(t, unready.Ready(t.Context()), validator.ErrUnavailable, validator.ReasonKeysUnavailable)

	require.NoError(t, v.Ready(t.Context()))
	next, err := v.WithConfig(c)
	require.NoError(t, err)
	requests := added.MetadataRequests()
	require.NoError(t, next.Ready(t.Context()))
	assert.Equal(t, requests, added.MetadataRequests(), "nobody is asked for what is decided")
	accept(t, next, old.AccessToken())
	reject(t, next, added.AccessToken(), validator.ErrUnavailable, validator.ReasonKeysUnavailable)
	require.NoError(t, next.Ready(t.Context()))

	// A Validator of its own has a readiness of its own.
	refused(t, build(t, c).Ready(t.Context()), validator.ErrUnavailable, validator.ReasonKeysUnavailable)
}

// TestReadinessOfAReloadIsShared: whoever of them becomes ready.
func TestReadinessOfAReloadIsShared(t *testing.T) {
	one, two := start(t, validatortest.Options{}), start(t, validatortest.Options{})
	two.SetMode(validatortest.ModeDown)
	v := build(t, configure(trust(one), trust(two)))
	refused(t, v.Ready(t.Context()), validator.ErrUnavailable, validator.ReasonKeysUnavailable)
	without, err := v.WithConfig(configure(trust(one)))
	require.NoError(t, err)
	require.NoError(t, without.Ready(t.Context()))
	with, err := without.WithConfig(configure(trust(one), trust(two)))
	require.NoError(t, err)
	require.NoError(t, with.Ready(t.Context()))
}

// TestReloadKeepsKeys: of an issuer whose keys come from the same place, whatever else
// changes. Others begin anew, and can be given what was known.
func TestReloadKeepsKeys(t *testing.T) {
	s := start(t, validatortest.Options{})
	set := func(is *validator.Issuer) {
		is.KeyMaxAge, is.KeyMaxStale, is.KeyEmptyGrace = time.Hour, 2*time.Hour, time.Minute
		is.KeyRefreshBurst, is.KeyRefreshInterval = 3, time.Minute
	}
	c := configure(trust(s))
	set(&c.Issuers[0])
	v := build(t, c)
	raw := s.AccessToken()
	accept(t, v, raw)
	s.SetMode(validatortest.ModeDown)
	for name, tc := range map[string]struct {
		edit func(*validator.Issuer)
		kept bool
	}{
		"nothing":            {func(*validator.Issuer) {}, true},
		"Audiences":          {func(is *validator.Issuer) { is.Audiences = strs{audience, "api://more"} }, true},
		"AnyClient":          {func(is *validator.Issuer) { is.ClientIDs, is.AnyClient = nil, true }, true},
		"Algorithms":         {func(is *validator.Issuer) { is.Algorithms = strs{"ES256"} }, true},
		"MaxTokenLifetime":   {func(is *validator.Issuer) { is.MaxTokenLifetime = 24 * time.Hour }, true},
		"KeyMaxAge":          {func(is *validator.Issuer) { is.KeyMaxAge = 30 * time.Minute }, true},
		"KeyMaxStale":        {func(is *validator.Issuer) { is.KeyMaxStale = 3 * time.Hour }, true},
		"no KeyMaxStale":     {func(is *validator.Issuer) { is.KeyMaxStale = 0 }, true},
		"KeyEmptyGrace":      {func(is *validator.Issuer) { is.KeyEmptyGrace = 2 * time.Minute }, true},
		"KeyRefreshBurst":    {func(is *validator.Issuer) { is.KeyRefreshBurst = 4 }, true},
		"KeyRefreshInterval": {func(is *validator.Issuer) { is.KeyRefreshInterval = time.Second }, true},
		"Name":               {func(is *validator.Issuer) { is.Name = "renamed" }, true},
		"JWKSURL":            {func(is *validator.Issuer) { is.JWKSURL = s.JWKSURL() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := configure(trust(s))
			set(&c.Issuers[0])
			tc.edit(&c.Issuers[0])
			next, err := v.WithConfig(c)
			require.NoError(t, err)
			assert.Equal(t, tc.kept, len(next.Status()[0].Keys.Keys) == 1)
			if !tc.kept {
				reject(t, next, raw, validator.ErrUnavailable, validator.ReasonKeysUnavailable)
				require.NoError(t, next.ImportKeys(export(t, v)))
			}
			accept(t, next, raw)
			accept(t, v, raw)
		})
	}
}

// TestReloadWithAnotherClient: what another client was told, perhaps by an authority
// that is trusted no more, is not believed.
func TestReloadWithAnotherClient(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	raw := s.AccessToken()
	accept(t, v, raw)
	s.SetMode(validatortest.ModeDown)
	c := configure(trust(s))
	c.HTTPClient = &http.Client{}
	next, err := v.WithConfig(c)
	require.NoError(t, err)
	reject(t, next, raw, validator.ErrUnavailable, validator.ReasonKeysUnavailable)
	accept(t, v, raw)
}
