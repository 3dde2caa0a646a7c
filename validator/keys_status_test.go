package validator_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestStatus: one entry for each issuer, in their order, without I/O.
func TestStatus(t *testing.T) {
	clock := newClock()
	up, down, opaque := start(t, validatortest.Options{}), start(t, validatortest.Options{}), start(t, validatortest.Options{})
	down.SetMode(validatortest.ModeError)
	c := configure(trust(up), trust(down), ask(opaque, func(is *validator.Issuer) { is.OpaqueOnly = true }))
	c.Issuers[1].Name = "down"
	c.Clock = clock.Now
	v := build(t, c)

	fresh := v.Status()
	require.Len(t, fresh, 3)
	for i, name := range []string{up.Issuer(), "down", opaque.Issuer()} {
		assert.Equal(t, name, fresh[i].Name)
		assert.Equal(t, c.Issuers[i].URL, fresh[i].URL)
	}
	assert.Empty(t, fresh[0].Keys.URL, "not discovered yet")
	assert.Empty(t, fresh[0].Keys.Thumbprint)
	assert.Nil(t, fresh[2].Keys)
	for _, s := range []*validatortest.Server{up, down, opaque} {
		assert.Zero(t, s.MetadataRequests()+s.KeyRequests())
	}

	refused(t, v.Ready(t.Context()), validator.ErrUnavailable, validator.ReasonKeysUnavailable)
	status := v.Status()
	good, bad := status[0].Keys, status[1].Keys
	assert.Equal(t, up.JWKSURL(), good.URL)
	require.Len(t, good.Keys, 1)
	assert.Equal(t, up.KID(), good.Keys[0].ID)
	assert.NotEmpty(t, good.Thumbprint)
	assert.True(t, clock.Now().Equal(good.Fetched))
	assert.Zero(t, good.Failures)
	assert.True(t, good.NextTry.IsZero())
	assert.Empty(t, bad.Keys)
	assert.Equal(t, 1, bad.Failures)
	assert.NotEmpty(t, bad.LastError)
	assert.True(t, clock.Now().Equal(bad.FailedAt))
	assert.Equal(t, time.Second, bad.NextTry.Sub(clock.Now()))
	assert.Nil(t, status[2].Keys)

	// What was returned is the caller's.
	good.Keys[0].ID = "changed"
	assert.Equal(t, up.KID(), v.Status()[0].Keys.Keys[0].ID)
}

// TestStatusOfAges: what is due, and what is too old to use, is said without asking for it.
func TestStatusOfAges(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	c := configure(trust(s))
	c.Clock, c.Issuers[0].KeyMaxAge, c.Issuers[0].KeyMaxStale = clock.Now, time.Hour, 2*time.Hour
	v := build(t, c)
	require.NoError(t, v.Ready(t.Context()))
	for _, want := range []struct {
		step       time.Duration
		due, stale bool
	}{{0, false, false}, {54 * time.Minute, false, false}, {6*time.Minute + 1, true, false}, {time.Hour - 1, true, false}, {1, true, true}} {
		clock.Advance(want.step)
		keys := v.Status()[0].Keys
		assert.Equal(t, want.due, keys.Due, clock.Now())
		assert.Equal(t, want.stale, keys.Stale, clock.Now())
	}
	assert.Equal(t, 1, s.KeyRequests())
}
