package validator_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// keyStore is a KeySetStore in memory.
type keyStore struct {
	mu    sync.Mutex
	kept  map[string][]byte
	loads int
	err   error
}

func newKeyStore() *keyStore {
	return &keyStore{kept: map[string][]byte{}}
}

func (s *keyStore) LoadKeys(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	return s.kept[name], s.err
}

func (s *keyStore) SaveKeys(_ context.Context, name string, set []byte, fetched time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[name] = set
	return s.err
}

// does changes what the store keeps or does.
func (s *keyStore) does(change func(*keyStore)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *keyStore) looks() (count int) {
	s.does(func(s *keyStore) { count = s.loads })
	return count
}

func sealerOf(t testing.TB, secrets ...string) *cache.Sealer {
	t.Helper()
	var previous [][]byte
	for _, secret := range secrets[1:] {
		previous = append(previous, []byte(secret+secret))
	}
	s, err := cache.NewSealer([]byte(secrets[0]+secrets[0]), previous...)
	require.NoError(t, err)
	return s
}

const ourSecret, nextSecret = "0123456789abcdef", "fedcba9876543210"

// keyFleet is replicas that share key sets.
type keyFleet struct {
	*validatortest.Server
	clock  *testClock
	store  *keyStore
	config validator.Config
	mu     sync.Mutex
	told   []validator.FleetEvent
	heard  []validator.KeyFetch
	kept   chan struct{} // gets one for each set that was saved, after all is told
}

func newKeyFleet(t testing.TB) *keyFleet {
	t.Helper()
	f := &keyFleet{clock: newClock(), store: newKeyStore(), kept: make(chan struct{}, 100)}
	f.Server = start(t, validatortest.Options{Clock: f.clock.Now, Lifetime: 3 * time.Hour})
	f.config = configure(trust(f.Server))
	f.config.Clock = f.clock.Now
	f.config.Fleet = &validator.Fleet{Sealer: sealerOf(t, ourSecret), Keys: f.store}
	f.config.Observer.Fleet = func(e validator.FleetEvent) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.told = append(f.told, e)
		if e.Outcome == validator.FleetKept {
			f.kept <- struct{}{}
		}
	}
	f.config.Observer.KeyFetch = func(k validator.KeyFetch) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.heard = append(f.heard, k)
	}
	return f
}

// first has one replica fetch and share, and the clocks go on.
func (f *keyFleet) first(t testing.TB) *validator.Validator {
	t.Helper()
	v := build(t, f.config)
	accept(t, v, f.AccessToken())
	<-f.kept
	f.clock.Advance(time.Minute)
	return v
}

func (f *keyFleet) outcomes() (list []validator.FleetOutcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.told {
		list = append(list, e.Outcome)
	}
	f.told = nil
	return list
}

// TestReplicasShareKeys: one fetch for all that start, and for all that meet a new key.
func TestReplicasShareKeys(t *testing.T) {
	f := newKeyFleet(t)
	first := f.first(t)
	assert.Equal(t, []validator.FleetOutcome{validator.FleetAsked, validator.FleetKept}, f.outcomes())
	second := build(t, f.config)
	accept(t, second, f.AccessToken())
	assert.Equal(t, 1, f.KeyRequests())
	f.mu.Lock()
	assert.Equal(t, validator.FleetEvent{Issuer: f.Issuer(), Use: validator.FleetKeys, Outcome: validator.FleetFound}, f.told[0])
	assert.Equal(t, []bool{false, true}, []bool{f.heard[0].Shared, f.heard[1].Shared})
	f.mu.Unlock()

	f.Rotate("ES256")
	accept(t, first, f.AccessToken())
	<-f.kept
	f.clock.Advance(time.Second * 3)
	accept(t, second, f.AccessToken())
	assert.Equal(t, 2, f.KeyRequests())

	// What is known needs no store; what nobody knows, the issuer itself.
	loads := f.store.looks()
	accept(t, second, f.AccessToken())
	assert.Equal(t, loads, f.store.looks())
	reject(t, second, f.AccessToken(validatortest.HeaderParam("kid", "bogus")), validator.ErrInvalidToken, validator.ReasonUnknownKey)
	assert.Equal(t, 3, f.KeyRequests())
	require.NoError(t, second.RefreshKeys(t.Context()))
	assert.Equal(t, 4, f.KeyRequests())
	f.store.does(func(s *keyStore) {
		for _, sealed := range s.kept {
			assert.NotContains(t, string(sealed), f.KID())
			assert.NotContains(t, string(sealed), f.Issuer())
		}
	})
}

// TestSharedKeysThatDoNotOpen are as if there were none.
func TestSharedKeysThatDoNotOpen(t *testing.T) {
	for name, tc := range map[string]struct {
		change  func(*keyFleet, *validator.Config)
		outcome validator.FleetOutcome
	}{
		"cut": {func(f *keyFleet, _ *validator.Config) {
			for name, set := range f.store.kept {
				f.store.kept[name] = set[:len(set)-1]
			}
		}, validator.FleetUnreadable},
		"changed": {func(f *keyFleet, _ *validator.Config) {
			for _, set := range f.store.kept {
				set[len(set)/2] ^= 1
			}
		}, validator.FleetUnreadable},
		"of another fleet": {func(f *keyFleet, c *validator.Config) {
			c.Fleet.Sealer = sealerOf(t, nextSecret)
			next := c.Fleet.Sealer.Names(nil, "key set 1", f.Issuer(), "", "")[0]
			for _, set := range f.store.kept {
				f.store.kept[next] = set
			}
		}, validator.FleetUnreadable},
		"another issuer's": {func(f *keyFleet, c *validator.Config) {
			other := c.Fleet.Sealer.Names(nil, "key set 1", f.Issuer()+"/other", "", "")[0]
			name := c.Fleet.Sealer.Names(nil, "key set 1", f.Issuer(), "", "")[0]
			f.store.kept = map[string][]byte{name: c.Fleet.Sealer.Seal(f.store.kept[name], nil, "key set 1", f.Issuer()+"/other", "", ""), other: nil}
		}, validator.FleetUnreadable},
		"put where those from another address are": {func(f *keyFleet, c *validator.Config) {
			c.Issuers[0].JWKSURL = f.JWKSURL()
			name := c.Fleet.Sealer.Names(nil, "key set 1", f.Issuer(), f.JWKSURL(), "")[0]
			for _, set := range f.store.kept {
				f.store.kept[name] = set
			}
		}, validator.FleetUnreadable},
		"from another address": {func(f *keyFleet, c *validator.Config) { c.Issuers[0].JWKSURL = f.JWKSURL() }, validator.FleetAsked},
		"a store that fails":   {func(f *keyFleet, _ *validator.Config) { f.store.err = errors.New("down") }, validator.FleetUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			f := newKeyFleet(t)
			f.first(t)
			f.outcomes()
			f.store.does(func(*keyStore) { tc.change(f, &f.config) })
			v := build(t, f.config)
			accept(t, v, f.AccessToken())
			if tc.outcome != validator.FleetUnavailable { // which is not asked again at once
				<-f.kept
			}
			assert.Equal(t, 2, f.KeyRequests())
			assert.Equal(t, tc.outcome, f.outcomes()[0])
			assert.False(t, v.Status()[0].Keys.Imported)
		})
	}
}

// TestSharedKeysOfLongAgo: one that was put back does not bring back a key that was
// withdrawn since, nor to a replica that knows nothing.
func TestSharedKeysOfLongAgo(t *testing.T) {
	f := newKeyFleet(t)
	v := f.first(t)
	old := f.AccessToken()
	var put func(*keyStore)
	f.store.does(func(s *keyStore) {
		for name, set := range s.kept {
			put = func(s *keyStore) { s.kept[name] = set }
		}
	})
	f.Withdraw(f.KID())
	f.Rotate("ES256")
	accept(t, v, f.AccessToken())
	<-f.kept
	f.clock.Advance(time.Minute)
	f.store.does(put)
	reject(t, v, old, validator.ErrInvalidToken, validator.ReasonUnknownKey)
	<-f.kept
	f.store.does(put)
	f.clock.Advance(3 * time.Minute)
	reject(t, build(t, f.config), old, validator.ErrInvalidToken, validator.ReasonUnknownKey)
}

// TestReplicaStartsWhileTheIssuerIsDown, with what the others knew.
func TestReplicaStartsWhileTheIssuerIsDown(t *testing.T) {
	f := newKeyFleet(t)
	f.first(t)
	f.SetMode(validatortest.ModeDown)
	f.clock.Advance(2 * time.Hour)
	v := build(t, f.config)
	require.NoError(t, v.Ready(t.Context()))
	accept(t, v, f.AccessToken())
	assert.Equal(t, 1, v.Status()[0].Keys.Failures)
}

// TestNewSecretKeepsTheKeys: those that are known, and those that are shared under the
// previous one.
func TestNewSecretKeepsTheKeys(t *testing.T) {
	f := newKeyFleet(t)
	first := f.first(t)
	same, err := first.WithConfig(f.config)
	require.NoError(t, err)
	f.config.Fleet = &validator.Fleet{Sealer: sealerOf(t, nextSecret, ourSecret), Keys: f.store}
	next, err := first.WithConfig(f.config)
	require.NoError(t, err)
	f.SetMode(validatortest.ModeDown)
	accept(t, same, f.AccessToken())
	assert.False(t, same.Status()[0].Keys.Imported, "the same source")
	accept(t, next, f.AccessToken())
	assert.Equal(t, 1, f.KeyRequests())
	f.outcomes()
	accept(t, build(t, f.config), f.AccessToken())
	assert.Equal(t, validator.FleetFound, f.outcomes()[0])
}

// TestKeyStoreIsNotAskedWhileItIsDown for each key.
func TestKeyStoreIsNotAskedWhileItIsDown(t *testing.T) {
	f := newKeyFleet(t)
	f.store.err = errors.New("down")
	v := build(t, f.config)
	require.NoError(t, v.Ready(t.Context()))
	reject(t, v, f.AccessToken(validatortest.HeaderParam("kid", "bogus")), validator.ErrInvalidToken, validator.ReasonUnknownKey)
	assert.Contains(t, f.outcomes(), validator.FleetSuspended)
}

// slowStore answers nothing.
type slowStore struct {
	*keyStore
	over <-chan struct{}
}

func (s *slowStore) LoadKeys(ctx context.Context, _ string) ([]byte, error) {
	select {
	case <-ctx.Done():
	case <-s.over:
	}
	return nil, errors.New("nothing")
}

// TestSlowKeyStoreIsNotAskedAgainAtOnce, also where its time is that of those who wait for
// keys, and not StoreTimeout.
func TestSlowKeyStoreIsNotAskedAgainAtOnce(t *testing.T) {
	for name, timeout := range map[string]time.Duration{"as it is": 0, "long": validator.MaxStoreTimeout} {
		t.Run(name, func(t *testing.T) {
			f := newKeyFleet(t)
			f.config.Fleet.Keys, f.config.Fleet.StoreTimeout = &slowStore{f.store, t.Context().Done()}, timeout
			v := build(t, f.config)
			accept(t, v, f.AccessToken())
			reject(t, v, f.AccessToken(validatortest.HeaderParam("kid", "bogus")), validator.ErrInvalidToken, validator.ReasonUnknownKey)
			outcomes := f.outcomes()
			assert.Equal(t, validator.FleetUnavailable, outcomes[0])
			assert.Contains(t, outcomes, validator.FleetSuspended)
			assert.NotContains(t, outcomes[1:], validator.FleetUnavailable)
		})
	}
}

type valueStore struct{ *keyStore }

type sliceStore []*keyStore

func (s sliceStore) LoadKeys(ctx context.Context, name string) ([]byte, error) {
	return s[0].LoadKeys(ctx, name)
}

func (s sliceStore) SaveKeys(ctx context.Context, name string, set []byte, fetched time.Time) error {
	return s[0].SaveKeys(ctx, name, set, fetched)
}

// TestFleetKeysMistakes that New reports.
func TestFleetKeysMistakes(t *testing.T) {
	for name, tc := range map[string]struct {
		edit  func(*keyFleet)
		field string
	}{
		"a value":        {func(f *keyFleet) { f.config.Fleet.Keys = valueStore{f.store} }, ""},
		"not comparable": {func(f *keyFleet) { f.config.Fleet.Keys = sliceStore{f.store} }, "Fleet.Keys"},
		"no keys": {func(f *keyFleet) {
			f.config.Issuers[0] = ask(f.Server, func(is *validator.Issuer) { is.OpaqueOnly = true })
		}, "Fleet.Keys"},
		"keys of the first": {func(f *keyFleet) {
			f.config.Issuers = append(f.config.Issuers, ask(start(t, validatortest.Options{}), func(is *validator.Issuer) { is.OpaqueOnly = true }))
		}, ""},
		"nothing shared": {func(f *keyFleet) { f.config.Fleet.Keys = nil }, "Fleet"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newKeyFleet(t)
			tc.edit(f)
			v, err := validator.New(f.config)
			if tc.field == "" {
				require.NoError(t, err)
				return
			}
			var mistake *validator.ConfigError
			require.ErrorAs(t, err, &mistake)
			assert.Equal(t, tc.field, mistake.Field)
			assert.Nil(t, v)
		})
	}
}
