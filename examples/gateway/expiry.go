package main

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/bearerguard/bearerguard/validator"
)

// lease lets a request last as long as its token. An ordinary request may finish:
// it was permitted when it began, and says how long it is. What has no end of its
// own (an upgraded connection, a body without a length) ends at exp, or when the token
// is revoked.
type lease struct {
	token  *validator.Token // nil: it needs none
	ends   time.Time        // zero: it needs no token
	ctx    context.Context
	cancel context.CancelCauseFunc
	client *http.ResponseController
	// header is that of the answer, and said what the guard put in (a nonce).
	header, said http.Header

	mu        sync.Mutex // guards all below
	timer     *time.Timer
	stop      func() bool // nil: not armed
	unwatch   func()
	answering bool
	closed    bool
}

var errExpired = errors.New("the access token expired")

type leaseKey struct{}

// withLease returns the request with a lease in its context; the caller closes it.
func withLease(w http.ResponseWriter, r *http.Request, leeway time.Duration) (*http.Request, *lease) {
	l := &lease{client: http.NewResponseController(w), header: w.Header(), said: w.Header().Clone()}
	if token, ok := validator.FromContext(r.Context()); ok {
		l.token, l.ends = token, token.Expiry()
		if l.over() { // it was accepted in its leeway
			l.ends = l.ends.Add(leeway)
		}
	}
	l.ctx, l.cancel = context.WithCancelCause(r.Context())
	if r.ContentLength < 0 {
		l.arm()
	}
	return r.WithContext(context.WithValue(l.ctx, leaseKey{}, l)), l
}

func (l *lease) over() bool { return !l.ends.IsZero() && !time.Now().Before(l.ends) }

// arm ends the request when its token expires or is revoked, and when its context ends
// otherwise.
func (l *lease) arm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stop != nil {
		return
	}
	l.stop = context.AfterFunc(l.ctx, l.unblock)
	if !l.ends.IsZero() {
		l.timer = time.AfterFunc(time.Until(l.ends), func() { l.cancel(errExpired) })
	}
	if l.token != nil {
		l.watch()
	}
}

func (l *lease) watch() {
	watched, unwatch := l.token.Watch(l.ctx)
	l.unwatch = unwatch
	if watched.Err() != nil {
		l.cancel(context.Cause(watched))
		return
	}
	context.AfterFunc(watched, func() { l.cancel(context.Cause(watched)) })
}

// unblock ends what waits for the client, who may be silent or deaf: the proxy
// returns only when it has stopped reading from the client and writing to it.
func (l *lease) unblock() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed { // the connection may have another request by now
		return
	}
	past := time.Unix(1, 0)
	_ = l.client.SetReadDeadline(past)
	if l.answering { // else there is an answer to be given
		_ = l.client.SetWriteDeadline(past)
	}
}

func (l *lease) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
	if l.stop != nil {
		l.stop()
	}
	if l.unwatch != nil {
		l.unwatch()
	}
	l.cancel(nil)
}

// limit makes a response without an end of its own end with the token.
func (l *lease) limit(response *http.Response) error {
	endless := response.StatusCode == http.StatusSwitchingProtocols ||
		response.ContentLength < 0 && response.Body != http.NoBody
	if endless {
		if l.over() { // it took that long to begin
			return errExpired
		}
		l.arm()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if endless && l.ctx.Err() != nil {
		return context.Cause(l.ctx) // it has ended, and there is an answer to be given
	}
	l.answering = true
	return nil
}

// revoked returns the refusal that ended a request; nil if none did.
func revoked(cause error) error {
	var e *validator.Error
	if errors.As(cause, &e) {
		return e
	}
	return nil
}
