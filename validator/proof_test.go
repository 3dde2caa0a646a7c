package validator_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

var (
	jkt  = strings.Repeat("A", 43)
	x5t  = "E" + strings.Repeat("A", 42)
	less = "I" + strings.Repeat("A", 42)
)

type confirmation = validator.Confirmation

// TestBoundToken (design rule 8): a bound token is worth nothing without its
// key, on a miss and on a hit; both keys where it names both.
func TestBoundToken(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	byJKT := s.AccessToken(validatortest.Claim("cnf", map[string]any{"jkt": jkt}))
	byX5T := s.AccessToken(validatortest.Claim("cnf", map[string]any{"x5t#S256": x5t}))
	byBoth := s.AccessToken(validatortest.Claim("cnf", map[string]any{"jkt": jkt, "x5t#S256": x5t}))
	unbound := s.AccessToken()
	tests := map[string]struct {
		raw    string
		proven []confirmation
		reason validator.Reason
	}{
		"proven":                  {raw: byJKT, proven: []confirmation{{JKT: jkt}}},
		"certificate proven":      {raw: byX5T, proven: []confirmation{{X5TS256: x5t}}},
		"both proven":             {raw: byBoth, proven: []confirmation{{JKT: jkt}, {X5TS256: x5t}}},
		"both by one proof":       {raw: byBoth, proven: []confirmation{{JKT: jkt, X5TS256: x5t}}},
		"one of two proofs":       {raw: byJKT, proven: []confirmation{{}, {JKT: jkt}}},
		"unbound, nothing proven": {raw: unbound},
		"unbound, key proven":     {raw: unbound, proven: []confirmation{{JKT: jkt}}},
		"no proof":                {raw: byJKT, reason: validator.ReasonProofMissing},
		"no certificate":          {raw: byX5T, reason: validator.ReasonProofMissing},
		"nothing in the request":  {raw: byJKT, proven: []confirmation{{}}, reason: validator.ReasonProofMissing},
		"proof of the other kind": {raw: byJKT, proven: []confirmation{{X5TS256: x5t}}, reason: validator.ReasonProofMissing},
		"value of the other kind": {raw: byJKT, proven: []confirmation{{X5TS256: jkt}}, reason: validator.ReasonProofMissing},
		"other key":               {raw: byJKT, proven: []confirmation{{JKT: less}}, reason: validator.ReasonProofMismatch},
		"other certificate":       {raw: byX5T, proven: []confirmation{{X5TS256: less}}, reason: validator.ReasonProofMismatch},
		"only one of both":        {raw: byBoth, proven: []confirmation{{JKT: jkt}}, reason: validator.ReasonProofMissing},
		"only the other of both":  {raw: byBoth, proven: []confirmation{{X5TS256: x5t}}, reason: validator.ReasonProofMissing},
		"one right, one wrong":    {raw: byBoth, proven: []confirmation{{JKT: jkt, X5TS256: less}}, reason: validator.ReasonProofMismatch},
	}
	for name, tc := range tests {
		for _, round := range []string{"miss", "hit"} {
			t.Run(name+"/"+round, func(t *testing.T) {
				var proofs []validator.Proof
				for _, p := range tc.proven {
					proofs = append(proofs, fixedProof{proven: p})
				}
				token, err := v.ValidateWith(t.Context(), tc.raw, validator.Requirements{Proofs: proofs})
				if tc.reason == "" {
					require.NoError(t, err)
					assert.NotNil(t, token)
					return
				}
				assert.Nil(t, token)
				e := refused(t, err, validator.ErrInvalidProof, tc.reason)
				assert.True(t, e.Verified)
			})
		}
	}
	token, err := v.ValidateWith(t.Context(), byBoth, validator.Requirements{Proofs: []validator.Proof{fixedProof{proven: confirmation{JKT: jkt, X5TS256: x5t}}}})
	require.NoError(t, err)
	assert.Equal(t, confirmation{JKT: jkt, X5TS256: x5t}, token.Confirmation())
}

// TestNamelessConfirmation: a method without a name is one that we do not know.
func TestNamelessConfirmation(t *testing.T) {
	s := start(t, validatortest.Options{})
	reject(t, build(t, configure(trust(s))), s.AccessToken(validatortest.Claim("cnf", map[string]any{"jkt": jkt, "": "x"})),
		validator.ErrInvalidToken, validator.ReasonConfirmationUnknown)
}

// TestThumbprintAlphabet: Go's base64 would skip a line break.
func TestThumbprintAlphabet(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	for _, text := range []string{jkt[:42] + "\n", jkt[:42] + "\r", "\n" + jkt[:42], jkt[:42] + "B", jkt[:42]} {
		for _, name := range []string{"jkt", "x5t#S256"} {
			reject(t, v, s.AccessToken(validatortest.Claim("cnf", map[string]any{name: text})),
				validator.ErrInvalidToken, validator.ReasonConfirmationMalformed)
		}
	}
}

// TestProofFailures: a failing proof refuses, whatever the token is bound to,
// and its error comes out in the right class.
func TestProofFailures(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	raw := s.AccessToken()
	with := func(ctx context.Context, err error) error {
		token, got := v.ValidateWith(ctx, raw, validator.Requirements{Proofs: []validator.Proof{fixedProof{err: err}}})
		assert.Nil(t, token)
		return got
	}
	refused(t, with(t.Context(), errors.New("bad proof")), validator.ErrInvalidProof, validator.ReasonProofInvalid)
	own := validator.NewError(validator.ReasonProofMismatch, "")
	refused(t, with(t.Context(), own), validator.ErrInvalidProof, validator.ReasonProofMismatch)
	store := validator.NewError(validator.ReasonProofUnavailable, "connection refused")
	store.RetryAfter = time.Minute
	e := refused(t, with(t.Context(), store), validator.ErrUnavailable, validator.ReasonProofUnavailable)
	assert.Equal(t, time.Minute, e.RetryAfter)
	assert.False(t, store.Verified, "the proof's own value is left alone")

	// What a Proof makes up does not come out: no error without a class, with two
	// of them, or with a reason of its own; and a typed nil is an error.
	for _, made := range []*validator.Error{
		nil,
		{Class: validator.ErrInvalidProof, Reason: validator.ReasonProofInvalid, Cause: validator.ErrInvalidToken},
		{Class: validator.ErrInvalidProof, Reason: validator.ReasonProofInvalid, Cause: context.DeadlineExceeded},
	} {
		err := with(t.Context(), made)
		refused(t, err, validator.ErrInvalidProof, validator.ReasonProofInvalid)
		assert.NotErrorIs(t, err, context.DeadlineExceeded)
	}

	for _, made := range []*validator.Error{{Reason: "x"}, {Class: validator.ErrNoToken, Reason: "x"}, validator.NewError("x", "")} {
		refused(t, with(t.Context(), made), validator.ErrUnavailable, validator.ReasonProofUnavailable)
	}
	hasty := validator.NewError(validator.ReasonProofInvalid, "")
	hasty.RetryAfter = time.Hour
	assert.Zero(t, refused(t, with(t.Context(), hasty), validator.ErrInvalidProof, validator.ReasonProofInvalid).RetryAfter)

	// A nonce for the client comes out, but with no other reason.
	asking := validator.NewError(validator.ReasonProofNonce, "")
	asking.Challenge.Nonce, asking.Challenge.Scheme, asking.Challenge.Code = "n0nce", "x", "x"
	assert.Equal(t, validator.Challenge{Code: "use_dpop_nonce", Description: "The DPoP proof needs the nonce of this answer", Nonce: "n0nce"},
		refused(t, with(t.Context(), asking), validator.ErrInvalidProof, validator.ReasonProofNonce).Challenge)
	asking = validator.NewError(validator.ReasonProofKey, "")
	asking.Challenge.Nonce = "n0nce"
	assert.Empty(t, refused(t, with(t.Context(), asking), validator.ErrInvalidProof, validator.ReasonProofKey).Challenge.Nonce)
	for _, full := range []validator.Reason{validator.ReasonProofStoreFull, validator.ReasonProofKeyFull} {
		busy := validator.NewError(full, "")
		busy.RetryAfter = time.Second
		assert.Equal(t, time.Second, refused(t, with(t.Context(), busy), validator.ErrUnavailable, full).RetryAfter)
	}

	// A deadline inside of a proof is not the caller's.
	err := with(t.Context(), context.DeadlineExceeded)
	refused(t, err, validator.ErrInvalidProof, validator.ReasonProofInvalid)
	assert.NotErrorIs(t, err, context.DeadlineExceeded)

	_, err = v.ValidateWith(t.Context(), raw, validator.Requirements{Proofs: []validator.Proof{nil}})
	refused(t, err, validator.ErrInvalidProof, validator.ReasonProofInvalid)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err = with(ended, context.Canceled)
	refused(t, err, validator.ErrUnavailable, validator.ReasonCallerLeft)
	assert.ErrorIs(t, err, context.Canceled)
}

// TestProofComesAfterTheTokenAndBeforeThePolicy: a proof sees only good tokens,
// and the very string that was presented.
func TestProofComesAfterTheTokenAndBeforeThePolicy(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	var seen strs
	proof := fixedProof{err: errors.New("no"), seen: func(raw string, token *validator.Token) {
		require.NotNil(t, token)
		seen = append(seen, raw)
	}}
	bad, good := s.AccessToken(validatortest.Audience("api://other")), s.AccessToken()
	require1 := validator.Requirements{Proofs: []validator.Proof{proof}, Policy: &validator.Policy{Scopes: strs{"admin"}}}
	_, err := v.ValidateWith(t.Context(), bad, require1)
	refused(t, err, validator.ErrInvalidToken, validator.ReasonAudienceMismatch)
	_, err = v.ValidateWith(t.Context(), good, require1)
	refused(t, err, validator.ErrInvalidProof, validator.ReasonProofInvalid)
	assert.Equal(t, strs{good}, seen)
}

// TestFreshness: who asks for the issuer's own word does not get a locally
// verified token instead.
func TestFreshness(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	for _, fresh := range []validator.Freshness{
		validator.IntrospectedNow(), validator.IntrospectedWithin(1 << 40), validator.IntrospectedWithin(0), validator.IntrospectedWithin(-1),
	} {
		token, err := v.ValidateWith(t.Context(), s.AccessToken(), validator.Requirements{Fresh: fresh})
		assert.Nil(t, token)
		refused(t, err, validator.ErrUnavailable, validator.ReasonFreshnessUnavailable)
	}
}
