package validator_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// fullStore keeps nothing.
type fullStore struct{ *keyStore }

func (fullStore) SaveKeys(context.Context, string, []byte, time.Time) error { return errStore }

// TestKeysThatAreNotKept: what a store does not take is told, and costs no token anything.
func TestKeysThatAreNotKept(t *testing.T) {
	s := start(t, validatortest.Options{})
	told := make(chan validator.FleetEvent, 2)
	c := configure(trust(s))
	c.Fleet = &validator.Fleet{Sealer: sealer(t, 1), Keys: fullStore{newKeyStore()}}
	c.Observer.Fleet = func(e validator.FleetEvent) { e.Took = 0; told <- e }
	accept(t, build(t, c), s.AccessToken())
	of := validator.FleetEvent{Issuer: s.Issuer(), Use: validator.FleetKeys, Outcome: validator.FleetAsked}
	assert.Equal(t, of, <-told)
	of.Outcome, of.Err = validator.FleetUnavailable, errStore
	assert.Equal(t, of, <-told)
}

// TestReloadOfWhatSharesNoKeys: another secret for answers is nothing that keys depend on,
// nor what is known about unknown ones.
func TestReloadOfWhatSharesNoKeys(t *testing.T) {
	r := newReplicas(t, 1)
	v, unknown := r.all[0].Validator, r.AccessToken(validatortest.HeaderParam("kid", "nobody-has-this"))
	accept(t, v, r.AccessToken())
	reject(t, v, unknown, validator.ErrInvalidToken, validator.ReasonUnknownKey)
	fetches := r.KeyRequests()
	c := r.all[0].config
	c.Fleet = patient(t, r.store)
	c.Fleet.Sealer, c.Fleet.MaxSkew = sealer(t, 2), time.Second
	again, err := v.WithConfig(c)
	require.NoError(t, err)
	reject(t, again, unknown, validator.ErrInvalidToken, validator.ReasonUnknownKey)
	assert.Equal(t, fetches, r.KeyRequests())
}
