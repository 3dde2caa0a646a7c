package dpop_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestOneOfAHundred: of a hundred requests with one proof, exactly one is accepted.
func TestOneOfAHundred(t *testing.T) {
	a := newAPI(t, "ES256")
	v := a.verifier(t)
	for range 10 {
		proof := a.proof()
		var accepted atomic.Int32
		var group sync.WaitGroup
		begin := make(chan struct{})
		for range 100 {
			group.Go(func() {
				<-begin
				if err := a.present(t, v, proof); err == nil {
					accepted.Add(1)
				} else {
					invalid(t, err, validator.ReasonProofReplayed)
				}
			})
		}
		close(begin)
		group.Wait()
		assert.EqualValues(t, 1, accepted.Load())
	}
}

// TestReplayIsOfKeyAndID: another key may use the same jti, and another proof of the
// same key may not.
func TestReplayIsOfKeyAndID(t *testing.T) {
	a := newAPI(t, "ES256")
	v := a.verifier(t)
	jti := validatortest.Claim("jti", "the same")
	require.NoError(t, a.present(t, v, a.proof(jti)))
	invalid(t, a.present(t, v, a.proof(jti)), validator.ReasonProofReplayed)
	b := *a
	b.key = dpoptest.NewKey("ES256")
	b.key.Clock = a.clock.Now
	b.token = a.server.AccessToken(b.key.Bind())
	assert.NoError(t, b.present(t, v, b.proof(jti)))
}

// TestReplayUntilTheWindowEnds: a proof is refused for as long as its iat is recent, by
// any clock that is less than a window slow.
func TestReplayUntilTheWindowEnds(t *testing.T) {
	a := newAPI(t, "ES256")
	v := a.verifier(t)
	for _, offset := range []time.Duration{-dpop.DefaultWindow, 0, dpop.DefaultWindow} {
		proof := a.proof(validatortest.Claim("iat", a.clock.Now().Add(offset).Unix()))
		require.NoError(t, a.present(t, v, proof))
		for at := time.Duration(0); at <= dpop.DefaultWindow+offset; at += 5 * time.Second {
			invalid(t, a.present(t, v, proof), validator.ReasonProofReplayed)
			a.clock.Advance(5 * time.Second)
		}
		invalid(t, a.present(t, v, proof), validator.ReasonProofTime)
		a.clock.Advance(dpop.DefaultWindow)
	}
}

// TestReplayAfterTheClockWasSetBack: what was forgotten while the clock was ahead is
// not fresh again.
func TestReplayAfterTheClockWasSetBack(t *testing.T) {
	a := newAPI(t, "ES256")
	v := a.verifier(t)
	proof := a.proof()
	require.NoError(t, a.present(t, v, proof))
	a.clock.Advance(time.Hour)
	for range 200 { // so that every shard looks
		a.key = dpoptest.NewKey("ES256")
		a.key.Clock = a.clock.Now
		require.NoError(t, a.other(t, v))
	}
	a.clock.Advance(-time.Hour)
	invalid(t, a.present(t, v, proof), validator.ReasonProofReplayed)
}

// other presents a new token and proof of the API's present key.
func (a *api) other(t *testing.T, v *dpop.Verifier) error {
	b := *a
	b.token = a.server.AccessToken(a.key.Bind())
	return b.present(t, v, b.proof())
}

// store is a ReplayStore that does as it is told.
type store struct {
	fresh bool
	err   error
	asked func(ctx context.Context, jkt string, jti [sha256.Size]byte, until time.Time)
}

func (s store) Add(ctx context.Context, jkt string, jti [sha256.Size]byte, until time.Time) (bool, error) {
	if s.asked != nil {
		s.asked(ctx, jkt, jti, until)
	}
	return s.fresh, s.err
}

func remembering(s dpop.ReplayStore) func(*dpop.Config) {
	return func(c *dpop.Config) { c.Replays = s }
}

// TestStoreFails: what is not known to be fresh is refused, and as undecided.
func TestStoreFails(t *testing.T) {
	a := newAPI(t, "ES256")
	slow := validator.NewError(validator.ReasonProofUnavailable, "connection refused")
	slow.RetryAfter = time.Minute
	full := validator.NewError(validator.ReasonProofStoreFull, "")
	full.RetryAfter = time.Second
	lying := validator.NewError(validator.ReasonNoToken, "")
	lying.RetryAfter = time.Hour
	for name, tc := range map[string]struct {
		err    error
		reason validator.Reason
		wait   time.Duration
	}{
		"any error":      {errors.New("connection refused"), validator.ReasonProofUnavailable, 0},
		"deadline":       {context.DeadlineExceeded, validator.ReasonProofUnavailable, 0},
		"with a wait":    {fmt.Errorf("redis: %w", slow), validator.ReasonProofUnavailable, time.Minute},
		"full":           {full, validator.ReasonProofStoreFull, time.Second},
		"key full":       {validator.NewError(validator.ReasonProofKeyFull, ""), validator.ReasonProofKeyFull, 0},
		"other reason":   {lying, validator.ReasonProofUnavailable, 0},
		"typed nil":      {(*validator.Error)(nil), validator.ReasonProofUnavailable, 0},
		"says fresh too": {errors.New("x"), validator.ReasonProofUnavailable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := a.verifier(t, remembering(store{fresh: name == "says fresh too", err: tc.err}))
			e := refused(t, a.present(t, v, a.proof()), validator.ErrUnavailable, tc.reason)
			assert.Equal(t, tc.wait, e.RetryAfter)
			assert.Empty(t, e.Challenge.Code)
			assert.NotErrorIs(t, e, context.DeadlineExceeded)
		})
	}
	assert.NoError(t, a.present(t, a.verifier(t, remembering(store{fresh: true})), a.proof()))
	invalid(t, a.present(t, a.verifier(t, remembering(store{})), a.proof()), validator.ReasonProofReplayed)
}

// TestStoreIsAskedLast: with the thumbprint of the key, the hash of the jti and the
// request's context, and only about proofs that are good in everything else.
func TestStoreIsAskedLast(t *testing.T) {
	a := newAPI(t, "ES256")
	type key struct{}
	var asked int
	v := a.verifier(t, func(c *dpop.Config) { c.Window, c.Nonces = 10*time.Second, &dpop.Nonces{Secret: secret(1)} },
		remembering(store{fresh: true, asked: func(ctx context.Context, jkt string, jti [sha256.Size]byte, until time.Time) {
			asked++
			assert.Equal(t, "x", ctx.Value(key{}))
			assert.Equal(t, a.key.Thumbprint(), jkt)
			assert.Equal(t, sha256.Sum256([]byte("id")), jti)
			assert.True(t, a.clock.Now().Add(25*time.Second).Equal(until), "iat + 2 windows: %v", until)
		}}))
	ctx := context.WithValue(t.Context(), key{}, "x")
	confirm := func(proofs ...string) error {
		_, err := a.validator.ValidateWith(ctx, a.token, validator.Requirements{Proofs: []validator.Proof{
			v.Proof(dpop.Request{Method: "GET", URL: address, Proofs: proofs, Scheme: validator.SchemeDPoP}),
		}})
		return err
	}
	for _, c := range dpoptest.Corpus(a.key, "GET", address, a.token) {
		assert.Error(t, confirm(c.Proofs...), c.Name) // the good ones have no nonce
	}
	assert.Zero(t, asked)
	nonce := invalid(t, confirm(a.proof()), validator.ReasonProofNonce).Challenge.Nonce
	assert.NoError(t, confirm(a.proof(validatortest.Claim("nonce", nonce), validatortest.Claim("jti", "id"),
		validatortest.Claim("iat", a.clock.Now().Unix()+5))))
	assert.Equal(t, 1, asked)
}

// TestCallerLeaves: a store is asked with the caller's context, and what it says when
// that has ended is the caller's own error.
func TestCallerLeaves(t *testing.T) {
	a := newAPI(t, "ES256")
	ctx, cancel := context.WithCancel(t.Context())
	v := a.verifier(t, remembering(store{err: context.Canceled, asked: func(context.Context, string, [sha256.Size]byte, time.Time) { cancel() }}))
	_, err := a.validator.ValidateWith(ctx, a.token, validator.Requirements{Proofs: []validator.Proof{
		v.Proof(dpop.Request{Method: "GET", URL: address, Proofs: []string{a.proof()}, Scheme: validator.SchemeDPoP}),
	}})
	assert.ErrorIs(t, err, context.Canceled)
	refused(t, err, validator.ErrUnavailable, validator.ReasonCallerLeft)
}
