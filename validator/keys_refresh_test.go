package validator_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestRefreshKeysOfWhom: of those that are named, by either name and once, or of all
// that have keys.
func TestRefreshKeysOfWhom(t *testing.T) {
	one, two, opaque := start(t, validatortest.Options{}), start(t, validatortest.Options{}), start(t, validatortest.Options{})
	c := configure(trust(one), trust(two), ask(opaque, func(is *validator.Issuer) { is.OpaqueOnly, is.Name = true, "opaque" }))
	c.Issuers[0].Name = "one"
	v := build(t, c)
	for name, tc := range map[string]struct {
		issuers  []string
		one, two int
		unknown  int
	}{
		"all":            {nil, 1, 1, 0},
		"by name":        {strs{"one"}, 1, 0, 0},
		"by URL":         {strs{two.Issuer()}, 0, 1, 0},
		"by both":        {strs{"one", one.Issuer()}, 1, 0, 0},
		"several":        {strs{two.Issuer(), "one"}, 1, 1, 0},
		"unknown":        {strs{"three"}, 0, 0, 1},
		"without keys":   {strs{"opaque"}, 0, 0, 1},
		"empty":          {strs{""}, 0, 0, 1},
		"one is unknown": {strs{"three", "one", "four"}, 1, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			ones, twos := one.KeyRequests(), two.KeyRequests()
			err := v.RefreshKeys(t.Context(), tc.issuers...)
			assert.Equal(t, tc.one, one.KeyRequests()-ones)
			assert.Equal(t, tc.two, two.KeyRequests()-twos)
			var fields []string
			for range tc.unknown {
				fields = append(fields, "Issuers")
			}
			assert.Equal(t, fields, fieldsOf(t, err))
		})
	}
	assert.Zero(t, opaque.KeyRequests()+opaque.MetadataRequests())
}

// TestRefreshKeysNoticesWithdrawal: from its return on, tokens of a key that is no
// longer listed are refused, cached ones too.
func TestRefreshKeysNoticesWithdrawal(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	cached, unseen := s.AccessToken(), s.AccessToken()
	accept(t, v, cached)
	old := s.KID()
	s.Rotate("ES256")
	s.Withdraw(old)
	accept(t, v, cached)
	require.NoError(t, v.RefreshKeys(t.Context()))
	reject(t, v, cached, validator.ErrInvalidToken, validator.ReasonUnknownKey)
	reject(t, v, unseen, validator.ErrInvalidToken, validator.ReasonUnknownKey)
	accept(t, v, s.AccessToken())
}

// TestRefreshKeysIsNotHeldBack: neither by the backoff after a failure nor by an
// empty bucket; nor does it take from that.
func TestRefreshKeysIsNotHeldBack(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	c := configure(trust(s))
	c.Clock, c.Issuers[0].KeyRefreshBurst = clock.Now, 2
	v := build(t, c)
	require.NoError(t, v.Ready(t.Context()))
	s.SetMode(validatortest.ModeError)
	for range 3 {
		e := refused(t, v.RefreshKeys(t.Context()), validator.ErrUnavailable, validator.ReasonKeysUnavailable)
		assert.Positive(t, e.RetryAfter)
	}
	assert.Equal(t, 3, v.Status()[0].Keys.Failures)
	s.SetMode(validatortest.ModeUp)
	s.Rotate("ES256")
	require.NoError(t, v.RefreshKeys(t.Context()), "although the backoff lasts")
	accept(t, v, s.AccessToken())
	s.Rotate("ES256")
	accept(t, v, s.AccessToken()) // by the second and last token of the bucket
	s.Rotate("ES256")
	reject(t, v, s.AccessToken(), validator.ErrUnavailable, validator.ReasonKeyRefreshThrottled)
	require.NoError(t, v.RefreshKeys(t.Context()))
	accept(t, v, s.AccessToken())
}

// TestRefreshKeysFailsForSome: the error tells of them, and the others have new keys.
func TestRefreshKeysFailsForSome(t *testing.T) {
	up, down := start(t, validatortest.Options{}), start(t, validatortest.Options{})
	v := build(t, configure(trust(down), trust(up)))
	require.NoError(t, v.Ready(t.Context()))
	known := down.AccessToken()
	down.SetMode(validatortest.ModeDown)
	up.Rotate("ES256")
	err := v.RefreshKeys(t.Context())
	refused(t, err, validator.ErrUnavailable, validator.ReasonKeysUnavailable)
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	assert.Len(t, joined.Unwrap(), 1)
	requests := up.KeyRequests()
	accept(t, v, up.AccessToken())
	assert.Equal(t, requests, up.KeyRequests(), "it was there already")
	accept(t, v, known) // nothing was decided about its key
	require.NoError(t, v.Ready(t.Context()))

	err = v.RefreshKeys(t.Context(), "nobody", down.Issuer())
	assert.ErrorIs(t, err, validator.ErrUnavailable)
	var mistake *validator.ConfigError
	require.ErrorAs(t, err, &mistake, "both are told")
}

// TestRefreshKeysWhenTheCallerLeaves: that is the caller's own affair, and the fetch
// goes on.
func TestRefreshKeysWhenTheCallerLeaves(t *testing.T) {
	s := start(t, validatortest.Options{})
	landed := make(chan struct{}, 1)
	c := configure(trust(s))
	c.Observer.KeyFetch = func(validator.KeyFetch) { landed <- struct{}{} }
	v := build(t, c)
	release := s.Hold()
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- v.RefreshKeys(ctx) }()
	require.NoError(t, s.WaitKeyRequests(t.Context(), 1))
	leave()
	err := <-done
	refused(t, err, validator.ErrUnavailable, validator.ReasonCallerLeft)
	assert.ErrorIs(t, err, context.Canceled)
	release()
	<-landed
	require.Len(t, v.Status()[0].Keys.Keys, 1)
}
