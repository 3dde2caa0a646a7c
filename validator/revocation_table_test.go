package validator_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func maxMarks(t testing.TB, most int) func(*validator.Config) {
	return func(c *validator.Config) {
		c.Revocations = newRevocations(t, validator.RevocationsConfig{MaxMarks: most})
	}
}

// TestFullTable: the oldest mark makes room by counting for its whole issuer. That
// refuses too much, and never too little; and it is counted.
func TestFullTable(t *testing.T) {
	r := newRevocable(t, maxMarks(t, 3))
	at := r.clock.Now()
	issued := func(subject string, d time.Duration) string {
		return r.AccessToken(validatortest.Subject(subject), validatortest.Claim("iat", at.Add(d).Unix()), validatortest.Expiry(at.Add(lifetime/2)))
	}
	early, late := issued("nobody", -10*time.Second), issued("nobody", -9*time.Second)
	first := issued("u0", -10*time.Second)
	accept(t, r.validator, early)
	// The oldest is not the one that came first.
	for i, d := range []time.Duration{-7, -10, -5} {
		r.apply(t, validator.Revocation{Subject: fmt.Sprint("u", i)}, at.Add(d*time.Second))
	}
	accept(t, r.validator, early)
	assert.Equal(t, validator.RevocationStatus{Marks: 3, MaxMarks: 3}, r.revocations.Status())

	r.apply(t, validator.Revocation{Subject: "u3"}, at.Add(-time.Second))
	assert.Equal(t, validator.RevocationStatus{Marks: 3, MaxMarks: 3, Folded: 1}, r.revocations.Status())
	for _, v := range []*validator.Validator{r.validator, r.fresh(t)} {
		reject(t, v, early, validator.ErrInvalidToken, validator.ReasonRevoked)
		accept(t, v, late)
		reject(t, v, first, validator.ErrInvalidToken, validator.ReasonRevoked)
		for subject, until := range map[string]time.Duration{"u0": -7, "u1": -10, "u2": -5, "u3": -1} {
			reject(t, v, issued(subject, until*time.Second), validator.ErrInvalidToken, validator.ReasonRevoked)
			accept(t, v, issued(subject, (until+1)*time.Second))
		}
	}

	// One that is itself the oldest counts for all at once.
	r.apply(t, validator.Revocation{Subject: "u4"}, at.Add(-9*time.Second))
	reject(t, r.validator, late, validator.ErrInvalidToken, validator.ReasonRevoked)
	assert.Equal(t, validator.RevocationStatus{Marks: 3, MaxMarks: 3, Folded: 2}, r.revocations.Status())
}

// TestRaisedMarkIsNotTheOldest: a mark that rose makes room after those that did not.
func TestRaisedMarkIsNotTheOldest(t *testing.T) {
	r := newRevocable(t, maxMarks(t, 2))
	at := r.clock.Now()
	raw := r.AccessToken(validatortest.Claim("iat", at.Add(-3*time.Second).Unix()), validatortest.Expiry(at.Add(time.Minute)))
	r.apply(t, sub("a"), at.Add(-10*time.Second))
	r.apply(t, sub("b"), at.Add(-5*time.Second))
	r.apply(t, sub("a"), at)
	r.apply(t, sub("c"), at)
	accept(t, r.validator, raw)
	assert.Equal(t, validator.RevocationStatus{Marks: 2, MaxMarks: 2, Folded: 1}, r.revocations.Status())
}

// TestOrderOfAFullTable: after one of many rose, the others still make room oldest first.
func TestOrderOfAFullTable(t *testing.T) {
	const most = 31
	r := newRevocable(t, maxMarks(t, most))
	at := r.clock.Now().Add(-most * time.Second)
	mark := func(i, seconds int) {
		r.apply(t, sub(fmt.Sprint("s", i)), at.Add(time.Duration(seconds)*time.Second))
	}
	issued := func(seconds int) string {
		return r.AccessToken(validatortest.Claim("iat", at.Unix()+int64(seconds)), validatortest.Expiry(at.Add(2*time.Minute)))
	}
	for i := range most {
		mark(i, i)
	}
	mark(1, most)
	for i := range 3 { // in the place of 0, 2 and 3
		mark(most+i, most)
	}
	reject(t, r.validator, issued(3), validator.ErrInvalidToken, validator.ReasonRevoked)
	accept(t, r.validator, issued(4))
	assert.Equal(t, validator.RevocationStatus{Marks: most, MaxMarks: most, Folded: 3}, r.revocations.Status())
}

// TestFullTableOfSessions: a revocation of two marks makes room for both.
func TestFullTableOfSessions(t *testing.T) {
	r := newRevocable(t, maxMarks(t, 1))
	r.revoke(t, validator.Revocation{Subject: "jane", Session: "s1"})
	assert.Equal(t, validator.RevocationStatus{Marks: 1, MaxMarks: 1, Folded: 1}, r.revocations.Status())
	reject(t, r.validator, r.AccessToken(), validator.ErrInvalidToken, validator.ReasonRevoked)
	r.revoke(t, validator.Revocation{Subject: "joe", Session: "s2"})
	assert.Equal(t, validator.RevocationStatus{Marks: 1, MaxMarks: 1, Folded: 3}, r.revocations.Status())
}

// TestFullTableOfTwoIssuers: the mark that would leave first makes room, though it is
// not the one with the earliest time, and whichever issuer the new one is of. The other
// issuer's tokens are not concerned.
func TestFullTableOfTwoIssuers(t *testing.T) {
	for _, longFirst := range []bool{true, false} {
		for _, third := range []string{"long", "short"} {
			t.Run(fmt.Sprint(longFirst, " ", third), func(t *testing.T) {
				var long *validatortest.Server
				r := newRevocable(t, maxMarks(t, 2), func(c *validator.Config) {
					long = start(t, validatortest.Options{Clock: c.Clock, Lifetime: lifetime})
					is := trust(long)
					is.MaxTokenLifetime = 24 * time.Hour
					c.Issuers = append(c.Issuers, is)
					if longFirst {
						slices.Reverse(c.Issuers)
					}
				})
				at := r.clock.Now()
				old := func(s *validatortest.Server) string {
					return s.AccessToken(validatortest.Claim("iat", at.Add(-time.Minute).Unix()), validatortest.Expiry(at.Add(time.Minute)))
				}
				ours, theirs := old(r.Server), old(long)
				r.apply(t, validator.Revocation{Issuer: long.Issuer(), Subject: "joe"}, at.Add(-time.Hour))
				r.apply(t, validator.Revocation{Subject: "jane"}, at.Add(-time.Minute))
				accept(t, r.validator, ours)
				accept(t, r.validator, theirs)
				another := validator.Revocation{Subject: "jim"}
				if third == "long" {
					another.Issuer = long.Issuer()
				}
				r.apply(t, another, at)
				assert.EqualValues(t, 1, r.revocations.Status().Folded)
				reject(t, r.validator, ours, validator.ErrInvalidToken, validator.ReasonRevoked)
				accept(t, r.validator, theirs)
			})
		}
	}
}

// TestTableAgainstAModel: whatever comes in whatever order, the table says what a list
// of all marks would say, or more once it is full.
func TestTableAgainstAModel(t *testing.T) {
	const subjects = 20
	for _, most := range []int{1, 5, subjects, 10 * subjects} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			r := newRevocable(t, maxMarks(t, most))
			at := r.clock.Now()
			token := func(subject, d int) string {
				return r.AccessToken(validatortest.Subject(fmt.Sprint(subject)), validatortest.Claim("iat", at.Unix()-int64(d)), validatortest.Expiry(at.Add(time.Minute)))
			}
			raws := make([][10]string, subjects)
			for subject := range raws {
				for d := range raws[subject] {
					raws[subject][d] = token(subject, d)
				}
			}
			refused := make([][10]bool, subjects)
			random := uint32(7)
			for range 100 {
				random = random*1664525 + 1013904223
				subject, d := int(random>>8)%subjects, int(random>>16)%10
				r.apply(t, validator.Revocation{Subject: fmt.Sprint(subject)}, at.Add(-time.Duration(d)*time.Second))
				for ; d < 10; d++ {
					refused[subject][d] = true
				}
				status := r.revocations.Status()
				assert.LessOrEqual(t, status.Marks, most)
				for subject := range raws {
					for d, raw := range raws[subject] {
						_, err := r.validator.Validate(t.Context(), raw)
						if status.Folded == 0 {
							require.Equal(t, refused[subject][d], err != nil)
						} else if refused[subject][d] {
							require.Equal(t, validator.ReasonRevoked, reasonOf(err))
						}
					}
				}
			}
		})
	}
}

// TestLateMark: what comes when no token can be alive that it concerns takes no room,
// and refuses nobody.
func TestLateMark(t *testing.T) {
	r := newRevocable(t)
	raw := r.AccessToken()
	accept(t, r.validator, raw)
	r.apply(t, validator.Revocation{WholeIssuer: true}, r.clock.Now().Add(-lifetime-validator.DefaultLeeway))
	assert.Equal(t, validator.RevocationStatus{MaxMarks: validator.DefaultMaxMarks}, r.revocations.Status())
	accept(t, r.validator, raw)
	accept(t, r.fresh(t), raw)

	full := newRevocable(t, maxMarks(t, 1))
	full.revoke(t, sub("jane"))
	full.apply(t, sub("joe"), full.clock.Now().Add(-2*lifetime))
	assert.Equal(t, validator.RevocationStatus{Marks: 1, MaxMarks: 1}, full.revocations.Status())
}

// revocableTenants is a server whose tokens are those of many tenants of Entra ID.
type revocableTenants struct {
	*validatortest.Server
	base   string // of the issuer of each, before its GUID
	config validator.Config
}

const oneTenant, otherTenant = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"

func newRevocableTenants(t testing.TB) *revocableTenants {
	clock := newClock()
	s := start(t, validatortest.Options{Path: "/" + oneTenant, Clock: clock.Now, Lifetime: lifetime})
	base := strings.TrimSuffix(s.Issuer(), oneTenant)
	c := configure(validator.Issuer{
		URL: base + "{tenantid}", Audiences: []string{audience}, AnyClient: true, MaxTokenLifetime: lifetime,
		Algorithms: []string{"ES256"}, Profile: validator.EntraV1(validator.Tenants{AnyTenant: true}), JWKSURL: s.JWKSURL(),
	})
	c.Clock, c.Revocations = clock.Now, newRevocations(t, validator.RevocationsConfig{})
	return &revocableTenants{s, base, c}
}

// only is the configuration of one tenant.
func (s *revocableTenants) only(tenant string) validator.Config {
	c := s.config
	c.Issuers = slices.Clone(c.Issuers)
	c.Issuers[0].URL, c.Issuers[0].Profile = s.base+tenant, validator.EntraV1(validator.Tenants{})
	return c
}

func (s *revocableTenants) token(tenant string, edits ...validatortest.Edit) string {
	return s.AccessToken(append([]validatortest.Edit{
		validatortest.Claim("iss", s.base+tenant), validatortest.Claim("tid", tenant), validatortest.Claim("ver", "1.0"),
		validatortest.Claim("appid", client), validatortest.NoClaim("client_id"), validatortest.NoHeaderParam("typ"),
		validatortest.NoClaim("scope"), validatortest.Claim("scp", "read"),
	}, edits...)...)
}

// TestRevocationOfATenant: an issuer that stands for many has marks of each of them.
func TestRevocationOfATenant(t *testing.T) {
	s := newRevocableTenants(t)
	v, revocations := build(t, s.config), s.config.Revocations
	accept(t, v, s.token(oneTenant))
	stream, stop := accept(t, v, s.token(otherTenant)).Watch(t.Context())
	defer stop()
	require.NoError(t, revocations.Revoke(validator.Revocation{Issuer: s.base + oneTenant, Subject: "user"}))
	assert.NoError(t, stream.Err())
	reject(t, v, s.token(oneTenant), validator.ErrInvalidToken, validator.ReasonRevoked)
	accept(t, v, s.token(otherTenant))
	require.NoError(t, revocations.Revoke(validator.Revocation{Issuer: s.base + otherTenant, WholeIssuer: true}))
	reject(t, v, s.token(otherTenant), validator.ErrInvalidToken, validator.ReasonRevoked)
	assert.Error(t, revocations.Revoke(validator.Revocation{Issuer: s.base + "{tenantid}", WholeIssuer: true}))
}

// TestReloadFromOneTenantToMany, and back: what was revoked stays so, and a call
// reaches the tokens of the new configuration. A stream that began before ends.
func TestReloadFromOneTenantToMany(t *testing.T) {
	for _, back := range []bool{false, true} {
		t.Run(fmt.Sprint(back), func(t *testing.T) {
			s := newRevocableTenants(t)
			first, second := s.only(oneTenant), s.config
			if back {
				first, second = second, first
			}
			revoke := func(subject string) {
				require.NoError(t, s.config.Revocations.Revoke(validator.Revocation{Issuer: s.base + oneTenant, Subject: subject}))
			}
			v := build(t, first)
			jane, joe := s.token(oneTenant, validatortest.Subject("jane")), s.token(oneTenant, validatortest.Subject("joe"))
			accept(t, v, jane)
			stream, stop := accept(t, v, joe).Watch(t.Context())
			defer stop()
			revoke("jane")

			v, err := v.WithConfig(second)
			require.NoError(t, err)
			reject(t, v, jane, validator.ErrInvalidToken, validator.ReasonRevoked)
			accept(t, v, joe)
			revoke("joe")
			reject(t, v, joe, validator.ErrInvalidToken, validator.ReasonRevoked)
			assert.Error(t, stream.Err())
		})
	}
}

// TestRevocationOfATenantNobodyConfigured is a mistake.
func TestRevocationOfATenantNobodyConfigured(t *testing.T) {
	s := newRevocableTenants(t)
	build(t, s.only(oneTenant))
	for _, tenant := range []string{otherTenant, "{tenantid}", ""} {
		assert.Error(t, s.config.Revocations.Revoke(validator.Revocation{Issuer: s.base + tenant, WholeIssuer: true}))
	}
	require.NoError(t, s.config.Revocations.Revoke(validator.Revocation{Issuer: s.base + oneTenant, WholeIssuer: true}))
}
