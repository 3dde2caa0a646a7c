package validator_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestFleetAsksOnce: a thousand callers at three replicas with one opaque token, and an
// endpoint that takes 200 ms.
func TestFleetAsksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls, accepted atomic.Int64
		var events outcomes
		store := &memoryStore{clock: time.Now, kept: map[string]keptAnswer{}, claims: map[string]string{}}
		endpoint := asleep(200*time.Millisecond, &calls, answer(map[string]any{"exp": time.Now().Add(time.Hour).Unix()}))
		var all []*validator.Validator
		for range 3 {
			all = append(all, wired(t, endpoint, func(c *validator.Config) {
				c.Fleet, c.Observer.Fleet = &validator.Fleet{Sealer: sealer(t, 1), Answers: store}, events.add
			}))
		}
		began := time.Now()
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				_, err := all[i%3].Validate(t.Context(), "opaque-token")
				if assert.NoError(t, err) {
					accepted.Add(1)
				}
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1000, accepted.Load())
		assert.EqualValues(t, 1, calls.Load())
		assert.Equal(t, 1, events.count(validator.FleetAsked))
		assert.Equal(t, 1, events.count(validator.FleetKept))
		assert.Equal(t, 2, events.count(validator.FleetWaited))
		assert.Less(t, time.Since(began), 300*time.Millisecond)
	})
}

// TestSharedAnswer: what one replica was told, the others know, with its time as far
// back as clocks may differ; and no hit looks into the store.
func TestSharedAnswer(t *testing.T) {
	for _, kind := range []string{"opaque", "JWT"} {
		t.Run(kind, func(t *testing.T) {
			r := newReplicas(t, 2, issuer(always))
			before := 0
			raw := tokens(r.Server)[kind]
			own := accept(t, r.all[0].Validator, raw)
			r.asked(t, 1, &before)
			assert.Equal(t, []validator.FleetOutcome{validator.FleetAsked, validator.FleetKept}, r.all[0].events.all())
			r.advance(time.Minute)
			shared := accept(t, r.all[1].Validator, raw)
			r.asked(t, 0, &before)
			assert.Equal(t, []validator.FleetOutcome{validator.FleetFound}, r.all[1].events.all())
			assert.Equal(t, validator.DefaultMaxSkew, own.IntrospectedAt().Sub(shared.IntrospectedAt()))
			assert.Equal(t, own.Identity(), shared.Identity())
			assert.Equal(t, own.Origin(), shared.Origin())

			takes, _ := r.store.counts()
			assert.Same(t, shared, accept(t, r.all[1].Validator, raw))
			assert.Same(t, own, accept(t, r.all[0].Validator, raw))
			now, puts := r.store.counts()
			assert.Equal(t, takes, now)
			assert.Equal(t, 1, puts)

			name, kept := r.store.only(t)
			assert.NotContains(t, string(kept.value), "user", "nothing of it shows")
			assert.NotContains(t, name+string(kept.value), raw[:16])
		})
	}
}

// TestSharedAnswerFallback: what is known of a JWT whose keys cannot be had is shared
// as well.
func TestSharedAnswerFallback(t *testing.T) {
	r := newReplicas(t, 2)
	raw, before := r.AccessToken(), 0
	r.SetKeysMode(validatortest.ModeDown)
	for range 2 {
		for _, one := range r.all {
			assert.Equal(t, validator.OriginIntrospection, accept(t, one.Validator, raw).Origin())
		}
	}
	r.asked(t, 1, &before)
	r.SetKeysMode(validatortest.ModeUp)
}

// TestSharedAnswerAge: it counts from when the question was sent, and as much older as
// clocks may differ, whatever the store thinks of its age.
func TestSharedAnswerAge(t *testing.T) {
	const skew = 5 * time.Second
	for name, tc := range map[string]struct {
		maxAge, ahead, age time.Duration // ahead: the other clock
		require            validator.Requirements
		shared             bool
	}{
		"young":                          {time.Minute, 0, time.Second, validator.Requirements{}, true},
		"as old as may be":               {time.Minute, 0, 55 * time.Second, validator.Requirements{}, true},
		"too old":                        {time.Minute, 0, 55*time.Second + 1, validator.Requirements{}, false},
		"any age":                        {0, 0, 8 * time.Minute, validator.Requirements{}, true},
		"other clock behind":             {time.Minute, -20 * time.Second, 35 * time.Second, validator.Requirements{}, true},
		"other clock behind, too old":    {time.Minute, -20 * time.Second, 35*time.Second + 1, validator.Requirements{}, false},
		"other clock ahead, by the skew": {0, skew, 0, validator.Requirements{}, true},
		"other clock ahead, by more":     {0, skew + time.Microsecond, 0, validator.Requirements{}, false},
		"other clock ahead, by more, an age allowed": {time.Hour, skew + time.Microsecond, 0, validator.Requirements{}, false},
		"within":                         {0, 0, 5 * time.Second, within(10 * time.Second), true},
		"within, too old":                {0, 0, 5*time.Second + 1, within(10 * time.Second), false},
		"within the skew":                {0, 0, 0, within(skew), false},
		"now":                            {0, 0, 0, now(), false},
		"now, and the other clock ahead": {0, skew, 0, now(), false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplicas(t, 2, issuer(maxAge(tc.maxAge)), func(_ int, c *validator.Config) { c.Fleet.MaxSkew = skew })
			r.store.forever = true
			raw, before := r.OpaqueToken(), 0
			r.all[0].clock.Advance(tc.ahead)
			accept(t, r.all[0].Validator, raw)
			r.asked(t, 1, &before)
			r.advance(tc.age)
			arrived := r.all[1].clock.Now()
			token, err := r.all[1].ValidateWith(t.Context(), raw, tc.require)
			require.NoError(t, err)
			if tc.shared {
				r.asked(t, 0, &before)
				assert.True(t, token.IntrospectedAt().Equal(arrived.Add(tc.ahead-tc.age-skew)))
				return
			}
			r.asked(t, 1, &before)
			assert.True(t, token.IntrospectedAt().Equal(arrived))
			assert.NotContains(t, r.all[1].events.all(), validator.FleetFound)
		})
	}
}

// TestSharedAnswerEnds: with exp, and with the bound of the replica that asked, even in
// a store that forgets nothing.
func TestSharedAnswerEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(int, *validator.Config)
		ends time.Duration // after it was asked for, less MaxSkew
	}{
		"exp":         {func(int, *validator.Config) {}, 10 * time.Minute},
		"maximal age": {alone(0, func(c *validator.Config) { c.Issuers[0].IntrospectionMaxAge = time.Minute }), time.Minute},
		"JWT, maximal age": {func(i int, c *validator.Config) {
			always(&c.Issuers[0])
			if i == 0 {
				c.Issuers[0].IntrospectionMaxAge = time.Minute
			}
		}, time.Minute},
		"cache cap": {alone(0, func(c *validator.Config) { c.CacheCap = time.Minute }), time.Minute},
		"stale if down": {alone(0, func(c *validator.Config) {
			maxAge(time.Minute)(&c.Issuers[0])
			staleIfError(2 * time.Minute)(&c.Issuers[0])
		}), 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			for _, late := range []bool{false, true} {
				r := newReplicas(t, 2, tc.edit)
				r.store.forever = true
				before := 0
				raw := r.OpaqueToken(validatortest.Expiry(r.clock.Now().Add(10 * time.Minute)))
				if strings.HasPrefix(name, "JWT") {
					raw = r.AccessToken(validatortest.Expiry(r.clock.Now().Add(10 * time.Minute)))
				}
				accept(t, r.all[0].Validator, raw)
				r.asked(t, 1, &before)
				ends := tc.ends - validator.DefaultMaxSkew
				if !late {
					r.advance(ends - time.Microsecond)
					accept(t, r.all[1].Validator, raw)
					r.asked(t, 0, &before)
					if name != "exp" {
						r.advance(3 * time.Microsecond) // nor is it kept here for longer
						accept(t, r.all[1].Validator, raw)
						r.asked(t, 1, &before)
					}
					continue
				}
				r.advance(ends + 2*time.Microsecond)
				accept(t, r.all[1].Validator, raw)
				r.asked(t, 1, &before)
			}
		})
	}
}

// TestSharedAnswerIsKeptAsLongAsAnOwn: within this replica's own cap.
func TestSharedAnswerIsKeptAsLongAsAnOwn(t *testing.T) {
	r := newReplicas(t, 2, alone(1, func(c *validator.Config) { c.CacheCap = time.Minute }))
	raw, before := r.OpaqueToken(), 0
	accept(t, r.all[0].Validator, raw)
	r.asked(t, 1, &before)
	for _, looks := range []int{1, 0, 1} {
		accept(t, r.all[1].Validator, raw)
		assert.Len(t, r.all[1].events.all(), looks)
		r.advance(30 * time.Second)
	}
	r.asked(t, 0, &before)
}

// TestSharedAnswerOfNoUse: what would be too old at once is not shared.
func TestSharedAnswerOfNoUse(t *testing.T) {
	for name, edit := range map[string]func(*validator.Issuer){
		"too old at once":               maxAge(validator.DefaultMaxSkew - 1),
		"even while the issuer is down": func(is *validator.Issuer) { maxAge(time.Second)(is); staleIfError(time.Second)(is) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplicas(t, 1, issuer(edit))
			accept(t, r.all[0].Validator, r.OpaqueToken())
			takes, puts := r.store.counts()
			assert.Zero(t, takes+puts)
			r.SetIntrospectionMode(validatortest.ModeDown)
			reject(t, r.all[0].Validator, r.OpaqueToken(), validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
		})
	}
}

// TestSharedInactive: for ten seconds an opaque token is inactive for all; a JWT is
// asked about, and what was known of it before is not used any more.
func TestSharedInactive(t *testing.T) {
	r := newReplicas(t, 3)
	raw, before := r.OpaqueToken(), 0
	r.Revoke(raw)
	reject(t, r.all[0].Validator, raw, validator.ErrInvalidToken, validator.ReasonInactive)
	r.asked(t, 1, &before)
	r.advance(10*time.Second - validator.DefaultMaxSkew - 1)
	looked, _ := r.store.counts()
	for range 2 {
		reject(t, r.all[1].Validator, raw, validator.ErrInvalidToken, validator.ReasonInactive)
	}
	r.asked(t, 0, &before)
	takes, _ := r.store.counts()
	assert.Equal(t, 1, takes-looked, "and then this replica knows it")
	r.advance(1) // it is no longer known, here or there
	for i := range 2 {
		reject(t, r.all[2-i].Validator, raw, validator.ErrInvalidToken, validator.ReasonInactive)
		r.asked(t, 1-i, &before) // and then anew, there
	}

	r = newReplicas(t, 2, issuer(always))
	raw, before = r.AccessToken(), 0
	accept(t, r.all[0].Validator, raw)
	r.Revoke(raw)
	r.advance(time.Second)
	_, err := r.all[0].ValidateWith(t.Context(), raw, now())
	refused(t, err, validator.ErrInvalidToken, validator.ReasonInactive)
	r.asked(t, 2, &before)
	for _, one := range r.all {
		reject(t, one.Validator, raw, validator.ErrInvalidToken, validator.ReasonInactive)
		r.asked(t, 1, &before)
	}
}

// TestSharedAnswerIsJudgedHere: by this replica's configuration, and a token that it
// does not like is asked about here, and not refused on another's word.
func TestSharedAnswerIsJudgedHere(t *testing.T) {
	r := newReplicas(t, 2, alone(1, func(c *validator.Config) { c.Issuers[0].ClientIDs = []string{"another"} }))
	raw, before := r.OpaqueToken(), 0
	accept(t, r.all[0].Validator, raw)
	reject(t, r.all[1].Validator, raw, validator.ErrInvalidToken, validator.ReasonClientMismatch)
	r.asked(t, 2, &before)
	raw = r.OpaqueToken()
	reject(t, r.all[1].Validator, raw, validator.ErrInvalidToken, validator.ReasonClientMismatch)
	accept(t, r.all[0].Validator, raw) // nor is it refused there on ours
	r.asked(t, 2, &before)
}

// TestSharedAnswerThatQuotesTheToken is not shared: a dump of the store must yield none.
func TestSharedAnswerThatQuotesTheToken(t *testing.T) {
	r := newReplicas(t, 2)
	raw, before := r.OpaqueToken(), 0
	r.SetAnswer(func(token string, answer map[string]any) { answer["token"] = token })
	for _, one := range r.all {
		accept(t, one.Validator, raw)
		r.asked(t, 1, &before)
		assert.NotContains(t, one.events.all(), validator.FleetKept)
	}
	assert.Empty(t, r.store.snapshot())
	assert.Empty(t, r.store.claims, "and nobody waits for it")
}

// TestSharedSignedAnswer: its signature was verified where it was asked for; who asks
// for signed answers takes no other, from a store neither.
func TestSharedSignedAnswer(t *testing.T) {
	r := newReplicas(t, 3, alone(0, func(c *validator.Config) { signed(&c.Issuers[0]) }), alone(1, func(c *validator.Config) { signed(&c.Issuers[0]) }))
	raw, before := r.OpaqueToken(), 0
	accept(t, r.all[2].Validator, raw)
	r.asked(t, 1, &before)
	accept(t, r.all[0].Validator, raw)
	r.asked(t, 1, &before)
	accept(t, r.all[1].Validator, raw)
	r.asked(t, 0, &before)
}

// TestSharedAnswerAndMarks: whoever asked may not have known of a mark that is known
// here. Then the issuer is asked, however young the answer is.
func TestSharedAnswerAndMarks(t *testing.T) {
	marked := func(_ int, c *validator.Config) {
		c.Issuers[0].MaxTokenLifetime = 24 * time.Hour
		c.Revocations, _ = validator.NewRevocations(validator.RevocationsConfig{})
	}
	for _, kind := range []string{"opaque", "JWT"} {
		for _, first := range []bool{true, false} {
			t.Run(kind, func(t *testing.T) {
				r := newReplicas(t, 2, issuer(always), marked)
				raw, before := tokens(r.Server)[kind], 0
				revoke := func(subject string) {
					require.NoError(t, r.all[1].config.Revocations.Revoke(validator.Revocation{Issuer: r.Issuer(), Subject: subject}))
				}
				revoke("somebody else")
				if first {
					revoke("user")
				}
				r.advance(10 * time.Second)
				accept(t, r.all[0].Validator, raw)
				r.asked(t, 1, &before)
				shared := accept(t, r.all[1].Validator, raw)
				if !first {
					r.asked(t, 0, &before)
					_, err := r.all[1].Recheck(shared)
					require.NoError(t, err)
					revoke("user")
					_, err = r.all[1].Recheck(shared)
					refused(t, err, validator.ErrInvalidToken, validator.ReasonRevoked)
					accept(t, r.all[1].Validator, raw)
				}
				r.asked(t, 1, &before)
				accept(t, r.all[1].Validator, raw)
				r.asked(t, 0, &before)
				revoke("user")
				r.Revoke(raw)
				reject(t, r.all[1].Validator, raw, validator.ErrInvalidToken, validator.ReasonInactive)
			})
		}
	}
}

// TestSharedAnswerWhileTheIssuerIsDown: it stands in as one of this replica's own
// would, within StaleIfError and what the call allows.
func TestSharedAnswerWhileTheIssuerIsDown(t *testing.T) {
	ifDown := func(f validator.Freshness, d time.Duration) validator.Requirements {
		return validator.Requirements{Fresh: f.OrIfDown(d)}
	}
	for name, tc := range map[string]struct {
		stale   time.Duration
		age     time.Duration
		require validator.Requirements
		accept  bool
	}{
		"the issuer's setting":  {5 * time.Minute, 4 * time.Minute, validator.Requirements{}, true},
		"older than that":       {5 * time.Minute, 5*time.Minute - validator.DefaultMaxSkew + 1, validator.Requirements{}, false},
		"none":                  {0, 2 * time.Minute, validator.Requirements{}, false},
		"now":                   {5 * time.Minute, time.Second, now(), false},
		"now, or if down":       {5 * time.Minute, time.Second, ifDown(validator.IntrospectedNow(), time.Minute), true},
		"now, or if down, old":  {5 * time.Minute, time.Minute, ifDown(validator.IntrospectedNow(), time.Minute), false},
		"within the skew":       {5 * time.Minute, time.Second, ifDown(validator.IntrospectedWithin(time.Second), time.Minute), true},
		"within, or if down":    {5 * time.Minute, 40 * time.Second, ifDown(validator.IntrospectedWithin(10*time.Second), time.Minute), true},
		"now, but not for this": {0, time.Second, ifDown(validator.IntrospectedNow(), time.Minute), false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplicas(t, 2, issuer(maxAge(time.Minute), staleIfError(tc.stale)))
			raw := r.OpaqueToken()
			accept(t, r.all[0].Validator, raw)
			r.SetIntrospectionMode(validatortest.ModeDown)
			r.advance(tc.age)
			token, err := r.all[1].ValidateWith(t.Context(), raw, tc.require)
			if tc.accept {
				require.NoError(t, err)
				assert.Equal(t, tc.age+validator.DefaultMaxSkew, r.all[1].clock.Now().Sub(token.IntrospectedAt()))
				return
			}
			refused(t, err, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
			assert.Empty(t, r.store.claims, "nobody waits for an answer that does not come")
		})
	}
}

// TestSharedAnswerAfterAnOwn: what this replica was told last is not undone by what the
// store gives back.
func TestSharedAnswerAfterAnOwn(t *testing.T) {
	for _, kind := range []string{"opaque", "JWT"} {
		t.Run(kind, func(t *testing.T) {
			r := newReplicas(t, 1, issuer(always))
			v, raw, before := r.all[0].Validator, tokens(r.Server)[kind], 0
			accept(t, v, raw)
			older := r.store.snapshot()
			r.advance(time.Minute)
			r.Revoke(raw)
			_, err := v.ValidateWith(t.Context(), raw, now())
			refused(t, err, validator.ErrInvalidToken, validator.ReasonInactive)
			r.asked(t, 2, &before)
			r.advance(time.Minute)
			r.store.does(func(s *memoryStore) { s.kept = older })
			reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonInactive)
			r.asked(t, 1, &before)
		})
	}
	// Nor does an older one stand in for it while the issuer is down.
	r := newReplicas(t, 1, issuer(maxAge(time.Minute), staleIfError(time.Hour)))
	v, raw := r.all[0].Validator, r.OpaqueToken()
	accept(t, v, raw)
	older := r.store.snapshot()
	r.advance(50 * time.Second)
	_, err := v.ValidateWith(t.Context(), raw, now())
	require.NoError(t, err)
	r.store.does(func(s *memoryStore) { s.kept = older })
	r.store.forever = true
	r.advance(2 * time.Minute)
	r.SetIntrospectionMode(validatortest.ModeDown)
	token := accept(t, v, raw)
	assert.Equal(t, 2*time.Minute, r.all[0].clock.Now().Sub(token.IntrospectedAt()))
}
