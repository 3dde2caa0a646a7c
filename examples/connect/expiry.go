package main

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"

	"github.com/bearerguard/bearerguard/validator"
)

// until ends the context when the token expires; for a token which was accepted in
// the Validator's leeway, when that is over.
func until(ctx context.Context, token *validator.Token, leeway time.Duration) (context.Context, context.CancelFunc) {
	ends := token.Expiry()
	if !time.Now().Before(ends) {
		ends = ends.Add(leeway)
	}
	return context.WithDeadlineCause(ctx, ends, validator.NewError(validator.ReasonExpired, "while the stream was open"))
}

// over returns the refusal if the token is what ended the context.
func over(ctx context.Context) error {
	var expired *validator.Error
	if errors.As(context.Cause(ctx), &expired) {
		return expired
	}
	return nil
}

// leased lets no message pass after its token expired, whatever the handler does.
type leased struct {
	connect.StreamingHandlerConn
	ctx context.Context
}

func (l *leased) Receive(message any) error {
	err := l.StreamingHandlerConn.Receive(message)
	if expired := over(l.ctx); expired != nil { // it may have waited for the client for long
		return expired
	}
	return err
}

func (l *leased) Send(message any) error {
	if expired := over(l.ctx); expired != nil {
		return expired
	}
	return l.StreamingHandlerConn.Send(message)
}
