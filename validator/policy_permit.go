package validator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

func (p *Policy) askPermit(ctx context.Context, t *facts) *Error {
	if p.Permit == nil {
		return nil
	}
	err := p.Permit(ctx, t.token)
	if err == nil {
		return nil
	}
	e := callerLeft(ctx)
	if e == nil {
		e = p.permitError(err)
	}
	e.finding = atPermit // whatever reason it was given
	return e
}

// permitError makes a refusal of what Permit returned. As with a Proof, its error is
// copied, and only a Reason of ours is believed. That the token is bad or the sender
// unproven is not for Permit to say: both were decided, and a 401 would send the
// client for a new token that will not do either.
func (p *Policy) permitError(err error) *Error {
	var own *Error
	if !errors.As(err, &own) || own == nil {
		return refuse(ReasonNotPermitted, fmt.Sprint(err)) // in words only: a context error in it is not the caller's
	}
	reason := own.Reason
	class, known := classes[reason]
	switch {
	case !known, reason == ReasonCallerLeft: // as NewError has it: nothing was decided. And this caller is still here
		reason = ReasonPermitUnavailable
	case class != ErrInsufficientScope && class != ErrInsufficientAuthentication && class != ErrUnavailable:
		return refuse(ReasonNotPermitted, own.Error())
	}
	if class == ErrInsufficientAuthentication {
		return p.stepUp(reason, own.Detail, nil).tell(own.Challenge)
	}
	e := refuse(reason, own.Detail).tell(own.Challenge)
	if e.Class == ErrUnavailable {
		e.RetryAfter = max(own.RetryAfter, 0)
	}
	return e
}

// tell adds what a predicate of the user's tells the client: what belongs to the
// class, and can stand in a challenge.
func (e *Error) tell(own Challenge) *Error {
	switch e.Class {
	case ErrInsufficientScope:
		e.Challenge.Scope = tokensOr(e.Challenge.Scope, own.Scope)
	case ErrInsufficientAuthentication:
		e.Challenge.ACRValues = tokensOr(e.Challenge.ACRValues, own.ACRValues)
		if own.MaxAge > 0 && own.MaxAge%time.Second == 0 {
			e.Challenge.MaxAge = own.MaxAge
		}
	}
	return e
}

func tokensOr(otherwise, list []string) []string {
	if len(list) == 0 || slices.ContainsFunc(list, func(text string) bool { return !isScopeToken(text) }) {
		return otherwise
	}
	return slices.Clone(list)
}
