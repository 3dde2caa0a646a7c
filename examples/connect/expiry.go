package main

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"

	"github.com/bearerguard/bearerguard/validator"
)

// until ends the context when the token is revoked, or expires; for a token which was
// accepted in the Validator's leeway, when that is over.
func until(ctx context.Context, token *validator.Token, leeway time.Duration) (context.Context, context.CancelFunc) {
	ends := token.Expiry()
	if !time.Now().Before(ends) {
		ends = ends.Add(leeway)
	}
	ctx, unwatch := token.Watch(ctx)
	ctx, cancel := context.WithDeadlineCause(ctx, ends, validator.NewError(validator.ReasonExpired, "while the stream was open"))
	return ctx, func() { cancel(); unwatch() }
}

// over returns the refusal if the token is what ended the context.
func over(ctx context.Context) error {
	var ended *validator.Error
	if errors.As(context.Cause(ctx), &ended) {
		return ended
	}
	return nil
}

// leased lets no message pass after its token's end, whatever the handler does.
type leased struct {
	connect.StreamingHandlerConn
	ctx context.Context
}

func (l *leased) Receive(message any) error {
	err := l.StreamingHandlerConn.Receive(message)
	if ended := over(l.ctx); ended != nil { // it may have waited for the client for long
		return ended
	}
	return err
}

func (l *leased) Send(message any) error {
	if ended := over(l.ctx); ended != nil {
		return ended
	}
	return l.StreamingHandlerConn.Send(message)
}
