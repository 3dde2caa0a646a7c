package validator_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// aging is a server, and a validator that has its keys and a clock, and tells of
// each fetch that landed.
type aging struct {
	*validatortest.Server
	clock  *testClock
	v      *validator.Validator
	landed chan validator.KeyFetch
}

func newAging(t *testing.T, edits ...func(*validator.Issuer)) *aging {
	t.Helper()
	a := &aging{clock: newClock(), landed: make(chan validator.KeyFetch, 100)}
	a.Server = start(t, validatortest.Options{Clock: a.clock.Now, Lifetime: 24 * time.Hour})
	c := configure(ask(a.Server, edits...))
	c.Clock, c.Observer.KeyFetch = a.clock.Now, func(f validator.KeyFetch) { a.landed <- f }
	a.v = build(t, c)
	require.NoError(t, a.v.Ready(t.Context()))
	require.NoError(t, a.land(t))
	return a
}

// land waits for the end of a fetch that nobody else waits for.
func (a *aging) land(t *testing.T) error {
	t.Helper()
	select {
	case f := <-a.landed:
		return f.Err
	case <-time.After(20 * time.Second):
		require.Fail(t, "there was no fetch")
	}
	return nil
}

func keyAges(age, stale time.Duration) func(*validator.Issuer) {
	return func(is *validator.Issuer) { is.Introspection, is.KeyMaxAge, is.KeyMaxStale = nil, age, stale }
}

// TestWithdrawnKeyIsNoticedByAge: without any unknown kid, by a fetch that nobody
// waits for. A hit and a miss cause it alike.
func TestWithdrawnKeyIsNoticedByAge(t *testing.T) {
	for name, hit := range map[string]bool{"hit": true, "miss": false} {
		t.Run(name, func(t *testing.T) {
			a := newAging(t, keyAges(time.Hour, 0))
			cached, unseen := a.AccessToken(), a.AccessToken()
			accept(t, a.v, cached)
			a.Withdraw(a.KID())
			a.Rotate("ES256")
			if hit {
				unseen = cached
			}
			a.clock.Advance(54 * time.Minute)
			accept(t, a.v, unseen)
			assert.Equal(t, 1, a.KeyRequests(), "it is due a tenth before that, at the earliest")

			a.clock.Advance(6*time.Minute + 1)
			release := a.Hold()
			for range 3 {
				accept(t, a.v, unseen) // while the answer is held
			}
			release()
			require.NoError(t, a.land(t))
			assert.Equal(t, 2, a.KeyRequests(), "one for all")
			reject(t, a.v, cached, validator.ErrInvalidToken, validator.ReasonUnknownKey)
			reject(t, a.v, unseen, validator.ErrInvalidToken, validator.ReasonUnknownKey)
			accept(t, a.v, a.AccessToken())
		})
	}
}

// TestWithoutKeyMaxAge: a withdrawn key is trusted until another one is unknown.
func TestWithoutKeyMaxAge(t *testing.T) {
	a := newAging(t, keyAges(0, 0))
	cached := a.AccessToken()
	accept(t, a.v, cached)
	a.Withdraw(a.KID())
	a.Rotate("ES256")
	a.clock.Advance(23 * time.Hour)
	accept(t, a.v, cached)
	assert.Equal(t, 1, a.KeyRequests())
	accept(t, a.v, a.AccessToken())
	reject(t, a.v, cached, validator.ErrInvalidToken, validator.ReasonUnknownKey)
}

// TestKeyMaxAgeWhileTheServerIsDown: the set answers on, for ever without KeyMaxStale.
func TestKeyMaxAgeWhileTheServerIsDown(t *testing.T) {
	a := newAging(t, keyAges(time.Hour, 0))
	cached := a.AccessToken()
	accept(t, a.v, cached)
	a.SetMode(validatortest.ModeDown)
	for range 10 {
		a.clock.Advance(2 * time.Hour)
		accept(t, a.v, cached)
		require.Error(t, a.land(t))
		accept(t, a.v, a.AccessToken())
	}
}

// TestShortestKeyAges: while the server is well, no token is held up by the bucket.
func TestShortestKeyAges(t *testing.T) {
	a := newAging(t, keyAges(10*time.Second, 10*time.Second))
	for range 100 {
		a.clock.Advance(10*time.Second + 1)
		accept(t, a.v, a.AccessToken())
	}
	assert.Equal(t, 101, a.KeyRequests())
}

// TestKeyMaxStale: past it nothing is accepted by these keys until the server has
// confirmed them, on a hit as on a miss, and nothing is called bad.
func TestKeyMaxStale(t *testing.T) {
	a := newAging(t, keyAges(time.Hour, 2*time.Hour))
	cached := a.AccessToken()
	accept(t, a.v, cached)
	a.SetMode(validatortest.ModeDown)
	a.clock.Advance(2 * time.Hour)
	accept(t, a.v, cached)
	require.Error(t, a.land(t))
	accept(t, a.v, a.AccessToken())

	a.clock.Advance(time.Minute)
	for range 2 {
		for kind, raw := range map[string]string{"hit": cached, "miss": a.AccessToken()} {
			e := reject(t, a.v, raw, validator.ErrUnavailable, validator.ReasonKeysUnavailable)
			assert.Equal(t, 2*time.Second, e.RetryAfter, kind)
			assert.False(t, e.Verified, kind)
		}
	}
	assert.Equal(t, 3, a.KeyRequests(), "the backoff holds for all of them")
	require.NoError(t, a.v.Ready(t.Context()), "it never turns back")
	require.NotEmpty(t, export(t, a.v), "what is known is known")

	a.SetMode(validatortest.ModeUp)
	a.clock.Advance(2 * time.Second)
	accept(t, a.v, cached)
	assert.Equal(t, 4, a.KeyRequests())
	accept(t, a.v, a.AccessToken())
	assert.Equal(t, 4, a.KeyRequests())
}

// TestStaleKeysThatAreConfirmed: who asks waits for the answer, and it decides.
func TestStaleKeysThatAreConfirmed(t *testing.T) {
	a := newAging(t, keyAges(time.Hour, 2*time.Hour))
	confirmed, withdrawn := a.AccessToken(), a.MintWith(a.Prepare("ES256"))
	accept(t, a.v, confirmed)
	a.clock.Advance(3 * time.Hour)
	accept(t, a.v, confirmed)
	assert.Equal(t, 2, a.KeyRequests())

	a.clock.Advance(3 * time.Hour)
	a.Withdraw(a.KID())
	a.Rotate("ES256")
	reject(t, a.v, confirmed, validator.ErrInvalidToken, validator.ReasonUnknownKey)
	assert.Equal(t, 3, a.KeyRequests())
	reject(t, a.v, withdrawn, validator.ErrInvalidToken, validator.ReasonUnknownKey)
}

// TestStaleKeysAndIntrospection: while the keys are too old and cannot be had, the
// issuer is asked; when they are back, the token is verified again.
func TestStaleKeysAndIntrospection(t *testing.T) {
	a := newAging(t, func(is *validator.Issuer) { is.KeyMaxAge, is.KeyMaxStale = time.Hour, time.Hour })
	raw := a.AccessToken()
	assert.Equal(t, validator.OriginLocal, accept(t, a.v, raw).Origin())
	a.SetKeysMode(validatortest.ModeDown)
	a.clock.Advance(time.Hour + 1)
	said := accept(t, a.v, raw)
	require.Error(t, a.land(t))
	assert.Equal(t, validator.OriginIntrospection, said.Origin())
	assert.Same(t, said, accept(t, a.v, raw))
	assert.Equal(t, 1, a.IntrospectionRequests())

	a.SetKeysMode(validatortest.ModeUp)
	a.clock.Advance(time.Second)
	accept(t, a.v, raw) // has the fetch begin
	require.NoError(t, a.land(t))
	assert.Equal(t, validator.OriginLocal, accept(t, a.v, raw).Origin())
	assert.Equal(t, 1, a.IntrospectionRequests())
}

// TestKeysGrowStaleDuringTheQuestion: a token that is always asked about is held to
// the age of its key when the answer is there.
func TestKeysGrowStaleDuringTheQuestion(t *testing.T) {
	a := newAging(t, always, func(is *validator.Issuer) { is.KeyMaxAge, is.KeyMaxStale = time.Hour, time.Hour })
	raw := a.AccessToken()
	a.SetAnswer(func(string, map[string]any) { // it takes that long
		a.SetAnswer(nil)
		a.Withdraw(a.KID())
		a.Rotate("ES256")
		a.clock.Advance(time.Hour + 1)
	})
	reject(t, a.v, raw, validator.ErrInvalidToken, validator.ReasonUnknownKey)
	assert.Equal(t, 2, a.KeyRequests())
}

// TestImportedKeysAreAsOldAsTheyWere: KeyMaxAge and KeyMaxStale count from the fetch,
// in whatever process that was.
func TestImportedKeysAreAsOldAsTheyWere(t *testing.T) {
	a := newAging(t, keyAges(time.Hour, 2*time.Hour))
	data, raw := export(t, a.v), a.AccessToken()
	a.SetMode(validatortest.ModeDown)
	for _, tc := range []struct {
		step time.Duration
		ok   bool
	}{{2 * time.Hour, true}, {1, false}} {
		a.clock.Advance(tc.step)
		c := configure(trust(a.Server))
		keyAges(time.Hour, 2*time.Hour)(&c.Issuers[0])
		c.Clock, c.Observer.KeyFetch = a.clock.Now, func(f validator.KeyFetch) { a.landed <- f }
		v := build(t, c)
		require.NoError(t, v.ImportKeys(data))
		require.NoError(t, v.Ready(t.Context()))
		if tc.ok {
			accept(t, v, raw)
		} else {
			reject(t, v, raw, validator.ErrUnavailable, validator.ReasonKeysUnavailable)
		}
		require.Error(t, a.land(t), "asked for either way")
	}
}

// TestKeyEmptyGrace: a set without a usable key has to last before it counts; then
// nothing is accepted any more, cached tokens included.
func TestKeyEmptyGrace(t *testing.T) {
	for name, tc := range map[string]struct{ configured, grace time.Duration }{
		"default": {0, 5 * time.Minute}, "short": {time.Minute, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAging(t, func(is *validator.Issuer) { is.Introspection, is.KeyEmptyGrace = nil, tc.configured })
			cached, next := a.AccessToken(), a.MintWith(a.Prepare("ES256"))
			accept(t, a.v, cached)
			a.ServeKeySet([]byte(`{"keys":[]}`))
			reject(t, a.v, next, validator.ErrUnavailable, validator.ReasonKeysUnavailable)
			assert.True(t, a.clock.Now().Equal(a.v.Status()[0].Keys.EmptySince))
			a.clock.Advance(tc.grace - 1)
			reject(t, a.v, next, validator.ErrUnavailable, validator.ReasonKeysUnavailable)
			accept(t, a.v, cached)
			a.clock.Advance(10 * time.Second) // the backoff
			reject(t, a.v, next, validator.ErrInvalidToken, validator.ReasonUnknownKey)
			reject(t, a.v, cached, validator.ErrInvalidToken, validator.ReasonUnknownKey)
			reject(t, a.v, a.AccessToken(), validator.ErrInvalidToken, validator.ReasonUnknownKey)
			_, err := a.v.ExportKeys()
			require.NoError(t, err)
			assert.Empty(t, envelopes(t, export(t, a.v)), "there is nothing to export")
		})
	}
}
