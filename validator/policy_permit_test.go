package validator_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// saying is a policy whose Permit returns err.
func saying(err error) validator.Policy {
	return validator.Policy{Permit: func(context.Context, *validator.Token) error { return err }}
}

// TestPermit: nil permits; an error is a 403 whose text is for logs.
func TestPermit(t *testing.T) {
	s, _, v := still(t, 0)
	for _, mint := range kinds(s) {
		permitted(t, v, mint(), saying(nil))
		e := denied(t, v, mint(), saying(errors.New("after hours")), validator.ErrInsufficientScope, validator.ReasonNotPermitted)
		assert.Equal(t, "after hours", e.Detail)
		assert.Equal(t, validator.Challenge{Code: "insufficient_scope", Description: "The access token does not permit this request"}, e.Challenge)
		assert.NoError(t, e.Unwrap())
	}
}

// TestPermitIsAskedEveryTime, with the context of the call and the token that the
// call returns: its verdict is not kept.
func TestPermitIsAskedEveryTime(t *testing.T) {
	s, _, v := still(t, 0)
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "mine")
	var seen []*validator.Token
	open := true
	p := validator.Policy{Permit: func(ctx context.Context, token *validator.Token) error {
		assert.Equal(t, "mine", ctx.Value(key{}))
		seen = append(seen, token)
		if !open {
			return errors.New("closed")
		}
		return nil
	}}
	raw := s.AccessToken()
	token, err := v.ValidateWith(ctx, raw, validator.Requirements{Policy: &p})
	require.NoError(t, err)
	open = false
	_, err = v.ValidateWith(ctx, raw, validator.Requirements{Policy: &p})
	refused(t, err, validator.ErrInsufficientScope, validator.ReasonNotPermitted)
	refused(t, p.Check(ctx, token), validator.ErrInsufficientScope, validator.ReasonNotPermitted)
	open = true
	assert.NoError(t, p.Check(ctx, token))
	assert.Equal(t, []*validator.Token{token, token, token, token}, seen)
}

// TestPermitIsAskedLast: only where everything else is satisfied.
func TestPermitIsAskedLast(t *testing.T) {
	s, clock, v := still(t, 0)
	asked := 0
	policy := func(edit func(*validator.Policy)) validator.Policy {
		p := validator.Policy{
			Scopes: strs{"read"}, MaxTokenAge: time.Hour, ACRValues: strs{"gold"}, MaxAuthAge: time.Hour,
			AuthorizationDetails: []validator.DetailRule{small},
			Permit:               func(context.Context, *validator.Token) error { asked++; return nil },
		}
		edit(&p)
		return p
	}
	raw := s.AccessToken(validatortest.Claim("acr", "gold"), ago(clock, "auth_time", time.Minute), ago(clock, "iat", time.Minute),
		details(`[{"type":"payment","amount":7}]`))
	permitted(t, v, raw, policy(func(*validator.Policy) {}))
	assert.Equal(t, 3, asked)
	never := validator.Detail("payment", func(payment) bool { return false })
	for name, edit := range map[string]func(*validator.Policy){
		"scope":     func(p *validator.Policy) { p.Scopes = strs{"x"} },
		"issuer":    func(p *validator.Policy) { p.Issuers = strs{"x"} },
		"audience":  func(p *validator.Policy) { p.Audiences = strs{"x"} },
		"client":    func(p *validator.Policy) { p.ClientIDs = strs{"x"} },
		"age":       func(p *validator.Policy) { p.MaxTokenAge = time.Second },
		"acr":       func(p *validator.Policy) { p.ACRValues = strs{"x"} },
		"auth_time": func(p *validator.Policy) { p.MaxAuthAge = time.Second },
		"details":   func(p *validator.Policy) { p.AuthorizationDetails[0] = never },
		"invalid":   func(p *validator.Policy) { p.AnyToken = true },
	} {
		for _, err := range everyWay(t, v, raw, policy(edit)) {
			assert.Error(t, err, name)
		}
	}
	assert.Equal(t, 3, asked)
}

// TestPermitReasons: a reason of ours is kept where it is Permit's to give, with the
// class that it belongs to, whatever the error says.
func TestPermitReasons(t *testing.T) {
	s, _, v := still(t, 0)
	for reason, class := range map[validator.Reason]error{
		validator.ReasonInsufficientScope:    validator.ErrInsufficientScope,
		validator.ReasonClientNotAllowed:     validator.ErrInsufficientScope,
		validator.ReasonNotPermitted:         validator.ErrInsufficientScope,
		validator.ReasonACRInsufficient:      validator.ErrInsufficientAuthentication,
		validator.ReasonPermitUnavailable:    validator.ErrUnavailable,
		validator.ReasonFreshnessUnavailable: validator.ErrUnavailable,
	} {
		for _, err := range []error{
			validator.NewError(reason, "why"), fmt.Errorf("wrapped: %w", validator.NewError(reason, "why")),
			&validator.Error{Reason: reason, Detail: "why", Class: validator.ErrNoToken, Cause: context.Canceled},
		} {
			e := denied(t, v, s.AccessToken(), saying(err), class, reason)
			assert.Equal(t, "why", e.Detail)
			assert.NoError(t, e.Unwrap())
		}
	}
	// That the token is bad, or its sender unproven, is not Permit's to say.
	for _, reason := range []validator.Reason{
		validator.ReasonExpired, validator.ReasonNoToken, validator.ReasonProofMissing, validator.ReasonSeveralHeaders,
	} {
		e := denied(t, v, s.AccessToken(), saying(validator.NewError(reason, "why")), validator.ErrInsufficientScope, validator.ReasonNotPermitted)
		assert.Contains(t, e.Detail, string(reason)+": why")
	}
	// No reason of ours: nothing was decided, as NewError has it. And a caller who is
	// still here did not leave.
	for _, reason := range []validator.Reason{"", "over_limit", validator.ReasonCallerLeft} {
		e := denied(t, v, s.AccessToken(), saying(validator.NewError(reason, "why")), validator.ErrUnavailable, validator.ReasonPermitUnavailable)
		assert.Equal(t, "why", e.Detail)
	}
	denied(t, v, s.AccessToken(), saying((*validator.Error)(nil)), validator.ErrInsufficientScope, validator.ReasonNotPermitted)
}

// TestPermitErrorIsCopied: what Permit returns, perhaps each time, stays its own.
func TestPermitErrorIsCopied(t *testing.T) {
	s, _, v := still(t, 0)
	own := validator.NewError(validator.ReasonPermitUnavailable, "connection refused")
	own.RetryAfter = time.Minute
	e := denied(t, v, s.AccessToken(), saying(own), validator.ErrUnavailable, validator.ReasonPermitUnavailable)
	assert.Equal(t, time.Minute, e.RetryAfter)
	assert.NotSame(t, own, e)
	assert.False(t, own.Verified)
	own.RetryAfter = -time.Minute
	assert.Zero(t, denied(t, v, s.AccessToken(), saying(own), validator.ErrUnavailable, validator.ReasonPermitUnavailable).RetryAfter)
	hasty := validator.NewError(validator.ReasonNotPermitted, "")
	hasty.RetryAfter = time.Minute
	assert.Zero(t, denied(t, v, s.AccessToken(), saying(hasty), validator.ErrInsufficientScope, validator.ReasonNotPermitted).RetryAfter)
}

// TestPermitTellsTheClient: the parameters that belong to the class, where a
// challenge can hold them; else those of the policy.
func TestPermitTellsTheClient(t *testing.T) {
	s, _, v := still(t, 0)
	tell := func(reason validator.Reason, c validator.Challenge) *validator.Error {
		e := validator.NewError(reason, "")
		c.Code, c.Description = "made up", "made up"
		e.Challenge = c
		return e
	}
	all := validator.Challenge{Scope: strs{"pay", "large"}, ACRValues: strs{"gold", "silver"}, MaxAge: time.Minute}
	e := denied(t, v, s.AccessToken(), saying(tell(validator.ReasonInsufficientScope, all)), validator.ErrInsufficientScope, validator.ReasonInsufficientScope)
	assert.Equal(t, validator.Challenge{
		Code: "insufficient_scope", Description: "The access token does not permit this request", Scope: all.Scope,
	}, e.Challenge)
	e.Challenge.Scope[0] = "x"
	assert.Equal(t, "pay", all.Scope[0])
	e = denied(t, v, s.AccessToken(), saying(tell(validator.ReasonPermitUnavailable, all)), validator.ErrUnavailable, validator.ReasonPermitUnavailable)
	assert.Zero(t, e.Challenge)

	policy := func(own validator.Challenge) validator.Policy {
		p := saying(tell(validator.ReasonACRInsufficient, own))
		p.ACRValues, p.MaxAuthAge = strs{"bronze"}, time.Hour
		return p
	}
	stepUp := func(own validator.Challenge) validator.Challenge {
		raw := s.AccessToken(validatortest.Claim("acr", "bronze"), validatortest.Claim("auth_time", newClock().Now().Unix()))
		return denied(t, v, raw, policy(own), validator.ErrInsufficientAuthentication, validator.ReasonACRInsufficient).Challenge
	}
	want := validator.Challenge{
		Code: "insufficient_user_authentication", Description: "A different authentication is required",
		ACRValues: all.ACRValues, MaxAge: time.Minute,
	}
	assert.Equal(t, want, stepUp(all))
	want.ACRValues = strs{"bronze"}
	assert.Equal(t, want, stepUp(validator.Challenge{MaxAge: time.Minute}))
	assert.Equal(t, want, stepUp(validator.Challenge{MaxAge: time.Minute, ACRValues: strs{"gold", "a b"}}))
	assert.Equal(t, want, stepUp(validator.Challenge{MaxAge: time.Minute, ACRValues: strs{"a\r\nb"}}))
	want.ACRValues, want.MaxAge = all.ACRValues, time.Hour
	for _, age := range []time.Duration{0, -time.Minute, 1500 * time.Millisecond, 30} {
		assert.Equal(t, want, stepUp(validator.Challenge{ACRValues: all.ACRValues, MaxAge: age}))
	}
	for _, scope := range []strs{{"a b"}, {"a", ""}, {`"`}} {
		e = denied(t, v, s.AccessToken(), saying(tell(validator.ReasonNotPermitted, validator.Challenge{Scope: scope})),
			validator.ErrInsufficientScope, validator.ReasonNotPermitted)
		assert.Empty(t, e.Challenge.Scope)
	}
}

// TestCallerLeavesWhilePermitIsAsked: that is said, whatever Permit made of it; and a
// deadline of Permit's own is not the caller's.
func TestCallerLeavesWhilePermitIsAsked(t *testing.T) {
	s, _, v := still(t, 0)
	raw := s.AccessToken()
	token := accept(t, v, raw)
	for _, err := range []error{context.Canceled, errors.New("no"), validator.NewError(validator.ReasonPermitUnavailable, "")} {
		ended, cancel := context.WithCancel(t.Context())
		p := validator.Policy{Permit: func(context.Context, *validator.Token) error { cancel(); return err }}
		_, validated := v.ValidateWith(ended, raw, validator.Requirements{Policy: &p})
		for _, err := range []error{validated, p.Check(ended, token)} {
			refused(t, err, validator.ErrUnavailable, validator.ReasonCallerLeft)
			assert.ErrorIs(t, err, context.Canceled)
		}
	}
	e := denied(t, v, raw, saying(context.DeadlineExceeded), validator.ErrInsufficientScope, validator.ReasonNotPermitted)
	assert.NotErrorIs(t, e, context.DeadlineExceeded)
}
