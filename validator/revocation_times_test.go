package validator_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestRevocationByTime: what was issued up to the mark is refused, and nothing later.
func TestRevocationByTime(t *testing.T) {
	r := newRevocable(t)
	at := r.clock.Now()
	issued := func(d time.Duration) string {
		return r.AccessToken(validatortest.Claim("iat", float64(at.Add(d).UnixMilli())/1000), validatortest.Expiry(at.Add(lifetime/2)))
	}
	tokens := map[time.Duration]string{}
	for _, d := range []time.Duration{-time.Minute, -time.Millisecond, 0, time.Millisecond, time.Second} {
		tokens[d] = issued(d)
		accept(t, r.validator, tokens[d])
	}
	r.apply(t, validator.Revocation{Subject: "user"}, at)
	for d, raw := range tokens {
		for _, v := range []*validator.Validator{r.validator, r.fresh(t)} {
			if d > 0 {
				accept(t, v, raw)
				continue
			}
			reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
		}
	}
}

// TestSameSecond: iat has whole seconds. What was issued in the second of the event,
// before or after it, is refused.
func TestSameSecond(t *testing.T) {
	r := newRevocable(t)
	r.apply(t, validator.Revocation{Subject: "user"}, r.clock.Now().Add(999*time.Millisecond))
	reject(t, r.validator, r.AccessToken(), validator.ErrInvalidToken, validator.ReasonRevoked)
	r.clock.Advance(time.Second)
	accept(t, r.validator, r.AccessToken())
}

// TestSkewedClock: the issuer's clock may be ahead of ours by Leeway. A local call
// reaches what it has issued by then; a mark of another process cannot reach further.
func TestSkewedClock(t *testing.T) {
	for name, revoke := range map[string]func(*testing.T, *revocable){
		"local": func(t *testing.T, r *revocable) { r.revoke(t, validator.Revocation{Subject: "user"}) },
		"a feed from the future": func(t *testing.T, r *revocable) {
			r.apply(t, validator.Revocation{Subject: "user"}, r.clock.Now().Add(lifetime))
		},
		"a feed from the end of time": func(t *testing.T, r *revocable) {
			r.apply(t, validator.Revocation{Subject: "user"}, time.Unix(1<<61, 0)) // no int64 of microseconds
		},
		"a feed from before it": func(t *testing.T, r *revocable) {
			r.apply(t, validator.Revocation{Subject: "user"}, time.Unix(-9223372036855, 0)) // nor is this: it is one to come
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRevocable(t)
			revoke(t, r)
			r.clock.Advance(validator.DefaultLeeway)
			reject(t, r.validator, r.AccessToken(), validator.ErrInvalidToken, validator.ReasonRevoked)
			r.clock.Advance(time.Second)
			accept(t, r.validator, r.AccessToken())
		})
	}
}

// TestSkewedClockOfAnotherValidator: a call reaches what any Validator accepts, or
// accepted before a reload, and not only what the newest one would.
func TestSkewedClockOfAnotherValidator(t *testing.T) {
	for name, add := range map[string]func(*testing.T, *revocable, validator.Config) *validator.Validator{
		"beside it": func(t *testing.T, r *revocable, c validator.Config) *validator.Validator {
			build(t, c)
			return r.validator
		},
		"after a reload": func(t *testing.T, r *revocable, c validator.Config) *validator.Validator {
			v, err := r.validator.WithConfig(c)
			require.NoError(t, err)
			return v
		},
	} {
		t.Run(name, func(t *testing.T) {
			const ahead = 4 * time.Minute
			r := newRevocable(t, func(c *validator.Config) { c.Leeway = 5 * time.Minute })
			at := r.clock.Now()
			raw := r.AccessToken(validatortest.Claim("iat", at.Add(ahead).Unix()), validatortest.Expiry(at.Add(lifetime)))
			accept(t, r.validator, raw)
			strict := r.config
			strict.Leeway = time.Second
			v := add(t, r, strict)
			r.revoke(t, validator.Revocation{Subject: "user"})
			r.clock.Advance(ahead)
			reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
		})
	}
}

// TestTokenIDsHaveNoTime: whatever its iat, the token that is named is refused.
func TestTokenIDsHaveNoTime(t *testing.T) {
	r := newRevocable(t)
	raw := r.AccessToken(validatortest.Claim("jti", "t1"))
	accept(t, r.validator, raw)
	r.apply(t, validator.Revocation{TokenID: "t1"}, r.clock.Now().Add(-time.Minute))
	reject(t, r.validator, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
}

// TestMarksOnlyRise: in whatever order marks come, the latest counts.
func TestMarksOnlyRise(t *testing.T) {
	r := newRevocable(t)
	raw := r.AccessToken()
	accept(t, r.validator, raw)
	x, at := validator.Revocation{Subject: "user"}, r.clock.Now()
	for _, step := range []struct {
		at       time.Time
		accepted bool
	}{{at.Add(-time.Minute), true}, {at, false}, {at.Add(-time.Hour), false}, {at.Add(-time.Minute), false}} {
		r.apply(t, x, step.at)
		for _, v := range []*validator.Validator{r.validator, r.fresh(t)} {
			if step.accepted {
				accept(t, v, raw)
				continue
			}
			reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
		}
	}
	assert.Equal(t, 1, r.revocations.Status().Marks)
}

// TestMarksLeave when no token from before them can be alive, and not before.
func TestMarksLeave(t *testing.T) {
	r := newRevocable(t)
	issued := r.clock.Now()
	raw, other := r.AccessToken(), r.AccessToken(validatortest.Subject("joe"))
	r.revoke(t, validator.Revocation{Subject: "user"})
	r.revoke(t, validator.Revocation{TokenID: "t1"})
	accept(t, r.validator, other)
	life := lifetime + 2*validator.DefaultLeeway // the mark itself is Leeway ahead
	r.clock.Advance(life - time.Millisecond)
	assert.Equal(t, 2, r.revocations.Status().Marks)
	r.clock.Advance(time.Millisecond)
	assert.Zero(t, r.revocations.Status().Marks)
	assert.Zero(t, r.revocations.Status().Folded, "nothing was lost")
	reject(t, r.validator, raw, validator.ErrInvalidToken, validator.ReasonExpired)
	accept(t, r.validator, r.AccessToken())

	// A clock that is set back does not bring back what was revoked.
	r.clock.Advance(issued.Sub(r.clock.Now()))
	// Nor does it let pass what is kept, and not what is not.
	for _, v := range []*validator.Validator{r.validator, r.fresh(t)} {
		reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
		reject(t, v, other, validator.ErrInvalidToken, validator.ReasonRevoked)
	}
}

// TestRaisedLifetime: what a mark said stays true when tokens may live longer than was
// configured when it was made, and when it left. As long as it is held, it concerns
// nobody else.
func TestRaisedLifetime(t *testing.T) {
	for name, tc := range map[string]struct {
		age  time.Duration
		held bool
	}{"held": {lifetime / 2, true}, "left": {2 * lifetime, false}} {
		t.Run(name, func(t *testing.T) {
			r := newRevocable(t)
			expiry := validatortest.Expiry(r.clock.Now().Add(24 * time.Hour))
			raw, other := r.AccessToken(expiry), r.AccessToken(expiry, validatortest.Subject("joe"))
			reject(t, r.validator, raw, validator.ErrInvalidToken, validator.ReasonLifetimeTooLong)
			r.revoke(t, validator.Revocation{Subject: "user"})
			r.clock.Advance(tc.age)
			r.revocations.Status()
			v := r.living(t, 24*time.Hour)
			r.clock.Advance(2 * lifetime)
			r.revocations.Status()
			reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
			accept(t, v, r.AccessToken())
			if tc.held {
				accept(t, v, other)
			} else {
				reject(t, v, other, validator.ErrInvalidToken, validator.ReasonRevoked)
			}
		})
	}
}

// TestLoweredLifetime: the Validator from before a reload is used still.
func TestLoweredLifetime(t *testing.T) {
	r := newRevocable(t)
	raw, other := r.AccessToken(), r.AccessToken(validatortest.Subject("joe"))
	r.living(t, time.Minute)
	r.revoke(t, validator.Revocation{Subject: "user"})
	r.clock.Advance(lifetime / 2)
	r.revocations.Status()
	reject(t, r.validator, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
	accept(t, r.validator, other)
}

// living is a reload whose issuer's tokens may live that long.
func (r *revocable) living(t testing.TB, d time.Duration) *validator.Validator {
	t.Helper()
	changed := r.config
	changed.Issuers = []validator.Issuer{r.config.Issuers[0]}
	changed.Issuers[0].MaxTokenLifetime = d
	v, err := r.validator.WithConfig(changed)
	require.NoError(t, err)
	return v
}
