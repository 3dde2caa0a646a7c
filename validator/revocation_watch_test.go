package validator_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// ended asserts that a watched context has ended because its token was revoked.
func ended(t testing.TB, ctx context.Context) {
	t.Helper()
	assert.ErrorIs(t, ctx.Err(), context.Canceled)
	e := refused(t, context.Cause(ctx), validator.ErrInvalidToken, validator.ReasonRevoked)
	assert.True(t, e.Verified)
}

// TestWatch: a stream ends when its token is revoked, at once and by whatever names it;
// others go on.
func TestWatch(t *testing.T) {
	r := newRevocable(t)
	watch := func(edits ...validatortest.Edit) context.Context {
		ctx, stop := accept(t, r.validator, r.AccessToken(edits...)).Watch(t.Context())
		t.Cleanup(stop)
		return ctx
	}
	for name, tc := range map[string]struct {
		mark  validator.Revocation
		meant validatortest.Edit
	}{
		"subject":     {sub("jane"), validatortest.Subject("jane")},
		"session":     {validator.Revocation{Session: "s1"}, sid("s1")},
		"sessionless": {validator.Revocation{Session: "s2", Subject: "jim"}, validatortest.Subject("jim")},
		"token":       {validator.Revocation{TokenID: "t1"}, validatortest.Claim("jti", "t1")},
	} {
		t.Run(name, func(t *testing.T) {
			other, meant := watch(), watch(tc.meant)
			r.revoke(t, sub("nobody"))
			assert.NoError(t, meant.Err())
			r.apply(t, tc.mark, r.clock.Now())
			ended(t, meant)
			assert.NoError(t, other.Err())
		})
	}
	later := watch()
	r.apply(t, sub("user"), r.clock.Now().Add(-time.Second))
	assert.NoError(t, later.Err(), "its token was issued after")
	r.revoke(t, validator.Revocation{WholeIssuer: true})
	ended(t, later)
	assert.Zero(t, r.revocations.Status().Watched)
}

// TestWatchThatStops leaves nothing behind.
func TestWatchThatStops(t *testing.T) {
	type key struct{}
	r := newRevocable(t)
	token := accept(t, r.validator, r.AccessToken())
	parent, leave := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	ctx, stop := token.Watch(parent)
	assert.Equal(t, "value", ctx.Value(key{}))
	assert.Equal(t, 1, r.revocations.Status().Watched)
	stop()
	stop()
	assert.ErrorIs(t, context.Cause(ctx), context.Canceled)
	assert.Zero(t, r.revocations.Status().Watched)

	ctx, stop = token.Watch(parent)
	defer stop()
	leave()
	r.revoke(t, sub("user"))
	assert.ErrorIs(t, context.Cause(ctx), context.Canceled, "it had ended before")

	without := configure(trust(r.Server))
	without.Clock = r.clock.Now
	plain := build(t, without)
	ctx, stop = accept(t, plain, r.AccessToken()).Watch(t.Context())
	assert.NoError(t, ctx.Err())
	stop()
	assert.Error(t, ctx.Err())
}

// TestWatchTooLate: what was revoked between the decision and Watch has ended.
func TestWatchTooLate(t *testing.T) {
	r := newRevocable(t)
	token := accept(t, r.validator, r.AccessToken())
	r.revoke(t, sub("user"))
	ctx, stop := token.Watch(t.Context())
	defer stop()
	ended(t, ctx)
	assert.Zero(t, r.revocations.Status().Watched)
}

// TestWatchOfAnswers: a stream whose token the issuer vouched for after a mark goes on,
// and ends with the next one, for the issuer has to be asked again.
func TestWatchOfAnswers(t *testing.T) {
	r := newAskedRevocable(t, always)
	for kind, raw := range tokens(r.Server) {
		r.revoke(t, sub("user"))
		ctx, stop := accept(t, r.validator, raw).Watch(t.Context())
		defer stop()
		assert.NoError(t, ctx.Err(), kind)
		r.revoke(t, sub("user"))
		ended(t, ctx)
	}
}

// TestWatchOfAFullTable: a mark that counts for its whole issuer ends the streams that
// it refuses, of the issuer alone.
func TestWatchOfAFullTable(t *testing.T) {
	other := start(t, validatortest.Options{Lifetime: lifetime})
	r := newRevocable(t, maxMarks(t, 1), func(c *validator.Config) {
		is := trust(other)
		is.MaxTokenLifetime = lifetime
		c.Issuers, c.Clock = append(c.Issuers, is), nil
	})
	at := time.Now().Truncate(time.Second)
	watch := func(s *validatortest.Server, iat time.Time) context.Context {
		token := accept(t, r.validator, s.AccessToken(validatortest.Claim("iat", iat.Unix()), validatortest.Expiry(at.Add(time.Minute))))
		ctx, stop := token.Watch(t.Context())
		t.Cleanup(stop)
		return ctx
	}
	old, recent, theirs := watch(r.Server, at.Add(-10*time.Second)), watch(r.Server, at), watch(other, at.Add(-10*time.Second))
	r.apply(t, sub("a"), at.Add(-10*time.Second))
	assert.NoError(t, old.Err())
	r.apply(t, sub("b"), at)
	ended(t, old)
	assert.NoError(t, recent.Err())
	assert.NoError(t, theirs.Err())
}

// TestWatchRace: streams that open while their token is revoked end all the same.
func TestWatchRace(t *testing.T) {
	r := newRevocable(t)
	var group sync.WaitGroup
	for i := range 100 {
		subject := fmt.Sprint(i)
		token := accept(t, r.validator, r.AccessToken(validatortest.Subject(subject)))
		group.Go(func() {
			ctx, stop := token.Watch(t.Context())
			defer stop()
			<-ctx.Done()
			ended(t, ctx)
		})
		group.Go(func() { assert.NoError(t, r.revocations.Revoke(r.with(sub(subject)))) })
	}
	group.Wait()
	assert.Zero(t, r.revocations.Status().Watched)
}
