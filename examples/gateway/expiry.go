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
// own (an upgraded connection, a body without a length) ends at exp.
type lease struct {
	ends   time.Time
	cancel context.CancelCauseFunc
	client *http.ResponseController
	timer  *time.Timer // nil: not armed

	mu     sync.Mutex // guards closed
	closed bool
}

var errExpired = errors.New("the access token expired")

type leaseKey struct{}

// withLease returns the request with a lease in its context; the caller closes it.
func withLease(w http.ResponseWriter, r *http.Request, token *validator.Token, leeway time.Duration) (*http.Request, *lease) {
	l := &lease{ends: token.Expiry(), client: http.NewResponseController(w)}
	if !time.Now().Before(l.ends) { // it was accepted in its leeway
		l.ends = l.ends.Add(leeway)
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	l.cancel = cancel
	r = r.WithContext(context.WithValue(ctx, leaseKey{}, l))
	if r.ContentLength < 0 {
		l.arm()
	}
	return r, l
}

// leaseOf returns the lease of a request; nil: it needed no token.
func leaseOf(ctx context.Context) *lease {
	l, _ := ctx.Value(leaseKey{}).(*lease)
	return l
}

// arm ends the request when its token expires.
func (l *lease) arm() {
	if l.timer == nil {
		l.timer = time.AfterFunc(time.Until(l.ends), l.end)
	}
}

func (l *lease) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed { // the connection may have another request by now
		return
	}
	l.cancel(errExpired)
	// http.Transport returns only after it has stopped reading the client's body, and
	// the client may be silent.
	_ = l.client.SetReadDeadline(time.Unix(1, 0))
}

func (l *lease) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
	l.cancel(nil)
}

// limit arms the lease of a response that has no end of its own.
func limit(response *http.Response) error {
	l := leaseOf(response.Request.Context())
	if l == nil || response.Body == http.NoBody || response.StatusCode != http.StatusSwitchingProtocols && response.ContentLength >= 0 {
		return nil
	}
	if !time.Now().Before(l.ends) { // it took that long to begin
		return errExpired
	}
	l.arm()
	return nil
}
