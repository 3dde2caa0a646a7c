package validator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// lifetime is the MaxTokenLifetime of the tests' issuers.
const lifetime = time.Hour

func newRevocations(t testing.TB, c validator.RevocationsConfig) *validator.Revocations {
	t.Helper()
	r, err := validator.NewRevocations(c)
	require.NoError(t, err)
	return r
}

// revocable is a server, a clock that stands still, and a validator with Revocations.
type revocable struct {
	*validatortest.Server
	clock       *testClock
	config      validator.Config
	validator   *validator.Validator
	revocations *validator.Revocations
}

func newRevocable(t testing.TB, edits ...func(*validator.Config)) *revocable {
	t.Helper()
	r := &revocable{clock: newClock()}
	r.Server = start(t, validatortest.Options{Clock: r.clock.Now, Lifetime: lifetime})
	is := trust(r.Server)
	is.MaxTokenLifetime = lifetime
	r.config = configure(is)
	r.config.Clock, r.config.Revocations = r.clock.Now, newRevocations(t, validator.RevocationsConfig{})
	for _, edit := range edits {
		edit(&r.config)
	}
	r.validator, r.revocations = build(t, r.config), r.config.Revocations
	return r
}

// with puts an issuer's URL into a revocation.
func (r *revocable) with(x validator.Revocation) validator.Revocation {
	if x.Issuer == "" {
		x.Issuer = r.Issuer()
	}
	return x
}

func (r *revocable) revoke(t testing.TB, x validator.Revocation) {
	t.Helper()
	require.NoError(t, r.revocations.Revoke(r.with(x)))
}

// apply makes a mark with a time of its own, as a feed does.
func (r *revocable) apply(t testing.TB, x validator.Revocation, at time.Time) {
	t.Helper()
	require.NoError(t, r.revocations.Apply(validator.Watermark{Revocation: r.with(x), At: at}))
}

// fresh is a validator with an empty cache and the same Revocations.
func (r *revocable) fresh(t testing.TB) *validator.Validator {
	t.Helper()
	v, err := r.validator.WithConfig(r.config)
	require.NoError(t, err)
	return v
}

func sid(value any) validatortest.Edit { return validatortest.Claim("sid", value) }

// TestRevokedOnTheNextRequest: a token that is cached for an hour is refused, and so is
// one that nobody has seen; what the revocation is not about is accepted still.
func TestRevokedOnTheNextRequest(t *testing.T) {
	type edits = []validatortest.Edit
	for name, tc := range map[string]struct {
		revocation validator.Revocation
		meant      edits
		others     []edits
	}{
		"subject": {validator.Revocation{Subject: "jane"}, edits{validatortest.Subject("jane")}, []edits{
			{validatortest.Subject("jan")}, {validatortest.Subject("x"), sid("jane"), validatortest.Claim("jti", "jane")}, {validatortest.NoClaim("sub")},
		}},
		"subject in a session": {validator.Revocation{Subject: "jane"}, edits{validatortest.Subject("jane"), sid("s1")}, nil},
		"session": {validator.Revocation{Session: "s1"}, edits{sid("s1")}, []edits{
			{sid("s2")}, {validatortest.Subject("s1")}, {sid([]string{"s1"})},
		}},
		"session of a subject": {validator.Revocation{Subject: "jane", Session: "s1"}, edits{validatortest.Subject("jane"), sid("s1")}, []edits{
			{validatortest.Subject("jane"), sid("s2")}, {validatortest.Subject("joe")},
		}},
		"session of a pairwise subject":        {validator.Revocation{Subject: "jane", Session: "s1"}, edits{validatortest.Subject("8f2c"), sid("s1")}, nil},
		"session of a subject, no sid":         {validator.Revocation{Subject: "jane", Session: "s1"}, edits{validatortest.Subject("jane")}, nil},
		"session of a subject, empty sid":      {validator.Revocation{Subject: "jane", Session: "s1"}, edits{validatortest.Subject("jane"), sid("")}, nil},
		"session of a subject, sid is no text": {validator.Revocation{Subject: "jane", Session: "s1"}, edits{validatortest.Subject("jane"), sid(7)}, nil},
		"client":                               {validator.Revocation{ClientID: client}, edits{}, []edits{{validatortest.ClientID("other")}}},
		"token": {validator.Revocation{TokenID: "t1"}, edits{validatortest.Claim("jti", "t1")}, []edits{
			{validatortest.Claim("jti", "t2")}, {validatortest.Subject("t1")}, {validatortest.NoClaim("jti")},
		}},
		"issuer": {validator.Revocation{WholeIssuer: true}, edits{validatortest.NoClaim("sub")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRevocable(t, func(c *validator.Config) { c.Issuers[0].ClientIDs = []string{client, "other"} })
			for _, nobody := range []validator.Revocation{{Subject: "-"}, {Subject: "-", Session: "-"}, {ClientID: "-"}, {TokenID: "-"}} {
				r.revoke(t, nobody)
			}
			meant := r.AccessToken(tc.meant...)
			accept(t, r.validator, meant)
			r.clock.Advance(lifetime / 2)
			accept(t, r.validator, meant)
			others := make([]string, len(tc.others))
			for i, other := range tc.others {
				others[i] = r.AccessToken(other...)
				accept(t, r.validator, others[i])
			}
			r.revoke(t, tc.revocation)
			for _, v := range []*validator.Validator{r.validator, r.fresh(t)} {
				for range 2 {
					e := reject(t, v, meant, validator.ErrInvalidToken, validator.ReasonRevoked)
					assert.True(t, e.Verified)
					assert.Equal(t, "The access token is invalid", e.Challenge.Description)
					for _, other := range others {
						accept(t, v, other)
					}
				}
			}
		})
	}
}

// TestSessionLookAlikes: what looks like sid to another reader is no token of ours.
func TestSessionLookAlikes(t *testing.T) {
	r := newRevocable(t)
	accept(t, r.validator, r.AccessToken(validatortest.Claim("side", "x")))
	for _, name := range []string{"SID", "Sid", "s\u0456d"} {
		reject(t, r.validator, r.AccessToken(validatortest.Claim(name, "x")), validator.ErrInvalidToken, validator.ReasonMalformedClaims)
	}
}

// TestRevocationStaysWithItsIssuer: two issuers have a user of the same name.
func TestRevocationStaysWithItsIssuer(t *testing.T) {
	other := start(t, validatortest.Options{Lifetime: lifetime})
	r := newRevocable(t, func(c *validator.Config) {
		is := trust(other)
		is.MaxTokenLifetime = lifetime
		c.Issuers, c.Clock = append(c.Issuers, is), nil
	})
	theirs := other.AccessToken()
	accept(t, r.validator, theirs)
	for _, x := range []validator.Revocation{{Subject: "user"}, {ClientID: client}, {WholeIssuer: true}} {
		r.revoke(t, x)
		accept(t, r.validator, theirs)
		accept(t, r.fresh(t), theirs)
	}
	require.NoError(t, r.revocations.Revoke(validator.Revocation{Issuer: other.Issuer(), Subject: "user"}))
	reject(t, r.validator, theirs, validator.ErrInvalidToken, validator.ReasonRevoked)
}

// TestRevokeMistakes: a revocation that says nothing, or too much, revokes nothing.
func TestRevokeMistakes(t *testing.T) {
	r := newRevocable(t)
	raw := r.AccessToken()
	accept(t, r.validator, raw)
	for field, list := range map[string][]validator.Revocation{
		"Revocation.Issuer": {
			{Subject: "user"}, {}, {Issuer: "https://other.example.com", Subject: "user"}, {Issuer: r.Issuer() + "/", WholeIssuer: true},
		},
		"Revocation": {
			{Issuer: r.Issuer()}, {Issuer: r.Issuer(), Subject: "user", ClientID: client}, {Issuer: r.Issuer(), Session: "s", TokenID: "t"},
			{Issuer: r.Issuer(), WholeIssuer: true, Subject: "user"}, {Issuer: r.Issuer(), ClientID: client, TokenID: "t"},
		},
	} {
		for _, x := range list {
			for name, err := range map[string]error{
				"Revoke": r.revocations.Revoke(x),
				"Apply":  r.revocations.Apply(validator.Watermark{Revocation: x, At: r.clock.Now()}),
			} {
				var mistake *validator.ConfigError
				require.ErrorAs(t, err, &mistake, "%s of %+v", name, x)
				assert.Equal(t, field, mistake.Field)
			}
		}
	}
	err := r.revocations.Apply(validator.Watermark{Revocation: r.with(validator.Revocation{Subject: "user"})})
	var mistake *validator.ConfigError
	require.ErrorAs(t, err, &mistake)
	assert.Equal(t, "Watermark.At", mistake.Field)
	assert.Zero(t, r.revocations.Status().Marks)
	accept(t, r.validator, raw)

	// What is wrong with one mark does not keep the others from counting.
	good := validator.Watermark{Revocation: r.with(validator.Revocation{Subject: "user"}), At: r.clock.Now()}
	assert.Error(t, r.revocations.Apply(validator.Watermark{}, good, validator.Watermark{}))
	reject(t, r.validator, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
}

// TestRevocationConfigMistakes: marks need to know how long tokens live.
func TestRevocationConfigMistakes(t *testing.T) {
	r := newRevocable(t)
	fields := func(err error) (list []string) {
		for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
			list = append(list, one.(*validator.ConfigError).Field)
		}
		return list
	}
	c := configure(trust(r.Server))
	c.Revocations = newRevocations(t, validator.RevocationsConfig{})
	_, err := validator.New(c)
	require.Error(t, err)
	assert.Equal(t, []string{"Issuers[0].MaxTokenLifetime"}, fields(err))
	c = r.config
	c.Revocations = new(validator.Revocations)
	_, err = validator.New(c)
	require.Error(t, err)
	assert.Equal(t, []string{"Revocations"}, fields(err))
	for _, most := range []int{-1, validator.MostMarks + 1} {
		_, err := validator.NewRevocations(validator.RevocationsConfig{MaxMarks: most})
		var mistake *validator.ConfigError
		require.ErrorAs(t, err, &mistake)
		assert.Equal(t, "RevocationsConfig.MaxMarks", mistake.Field)
	}
	_, err = validator.NewRevocations(validator.RevocationsConfig{MaxMarks: validator.MostMarks})
	require.NoError(t, err)
	assert.Equal(t, validator.DefaultMaxMarks, r.revocations.Status().MaxMarks)
	err = newRevocations(t, validator.RevocationsConfig{}).Revoke(r.with(validator.Revocation{Subject: "user"}))
	assert.Error(t, err, "no Validator has them")
}

// TestRevocationsSurviveAReload: a configuration that says nothing of them keeps them,
// and one cannot bring others.
func TestRevocationsSurviveAReload(t *testing.T) {
	r := newRevocable(t)
	raw := r.AccessToken()
	r.revoke(t, validator.Revocation{Subject: "user"})
	silent := r.config
	silent.Revocations = nil
	next, err := r.validator.WithConfig(silent)
	require.NoError(t, err)
	for _, v := range []*validator.Validator{r.fresh(t), next} {
		reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
	}
	later := r.AccessToken(validatortest.Subject("joe"))
	accept(t, next, later)
	r.revoke(t, validator.Revocation{Subject: "joe"})
	reject(t, next, later, validator.ErrInvalidToken, validator.ReasonRevoked)

	others := r.config
	others.Revocations = newRevocations(t, validator.RevocationsConfig{})
	_, err = r.validator.WithConfig(others)
	var mistake *validator.ConfigError
	require.ErrorAs(t, err, &mistake)
	assert.Equal(t, "Revocations", mistake.Field)

	// The first ones may come with a reload.
	without := r.config
	without.Revocations = nil
	v, err := build(t, without).WithConfig(others)
	require.NoError(t, err)
	accept(t, v, raw)
	require.NoError(t, others.Revocations.Revoke(r.with(validator.Revocation{Subject: "user"})))
	reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonRevoked)
}

// TestFeed: what one process revokes another one refuses; marks travel as JSON, and do
// not go round in circles.
func TestFeed(t *testing.T) {
	var here, there *revocable
	feed := make(chan []byte, 10)
	here = newRevocable(t, func(c *validator.Config) {
		c.Revocations = newRevocations(t, validator.RevocationsConfig{OnMark: func(m validator.Watermark) {
			text, err := json.Marshal(m)
			assert.NoError(t, err)
			assert.Positive(t, here.revocations.Status().Marks, "it counts here first")
			feed <- text
		}})
	})
	there = newRevocable(t, func(c *validator.Config) {
		c.Issuers, c.Clock = here.config.Issuers, here.clock.Now
		c.Revocations = newRevocations(t, validator.RevocationsConfig{OnMark: func(validator.Watermark) { t.Error("told of what was applied") }})
	})
	for i, x := range []validator.Revocation{{Subject: "s"}, {Subject: "s", Session: "i"}, {ClientID: "c"}, {TokenID: "t"}, {WholeIssuer: true}} {
		here.revoke(t, x)
		text := <-feed
		var m validator.Watermark
		require.NoError(t, json.Unmarshal(text, &m))
		assert.Equal(t, here.with(x), m.Revocation, "%d: %s", i, text)
		assert.True(t, m.At.Equal(here.clock.Now().Add(validator.DefaultLeeway)))
		require.NoError(t, there.revocations.Apply(m))
	}
	reject(t, there.validator, here.AccessToken(), validator.ErrInvalidToken, validator.ReasonRevoked)
}

// TestRevocationHitsAllocateNothing beside marks that do not concern them.
func TestRevocationHitsAllocateNothing(t *testing.T) {
	r := newRevocable(t)
	raw := r.AccessToken()
	for i := range 1000 {
		r.revoke(t, validator.Revocation{Subject: fmt.Sprint(i)})
	}
	accept(t, r.validator, raw)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := r.validator.Validate(t.Context(), raw); err != nil {
			t.Error(err)
		}
	}))
}

// TestRevokedForGood: once Revoke has returned, nobody anywhere is let in, whatever
// else goes on.
func TestRevokedForGood(t *testing.T) {
	r := newRevocable(t)
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 200 {
				subject := fmt.Sprintf("%d-%d", worker, i)
				raw := r.AccessToken(validatortest.Subject(subject))
				_, before := r.validator.Validate(t.Context(), raw)
				err := r.revocations.Revoke(r.with(validator.Revocation{Subject: subject}))
				_, after := r.validator.Validate(t.Context(), raw)
				assert.NoError(t, errors.Join(before, err))
				assert.Equal(t, validator.ReasonRevoked, reasonOf(after))
			}
		})
	}
	group.Wait()
}
