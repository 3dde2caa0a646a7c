package validator

import "context"

// watcher is a stream that ends when its token is revoked.
type watcher struct {
	token  *facts
	cancel context.CancelCauseFunc
}

func (w *watcher) end() { w.cancel(verified(refuse(ReasonRevoked, "while it was in use"))) }

// Watch returns a copy of ctx that ends when the token is revoked, for whatever goes on
// after a decision: a stream, an upgraded connection. Its cause (context.Cause) is then
// an *Error with ReasonRevoked. It ends too for a token whose issuer has to be asked
// again (see Revocations): who reconnects is decided anew. It does not end when the
// token expires.
//
// For a token that was revoked since it was accepted it has ended. Without
// Config.Revocations it is context.WithCancel. The caller must call stop when it is
// done, or the token is watched for ever. Nothing runs meanwhile.
func (t *Token) Watch(ctx context.Context) (watched context.Context, stop context.CancelFunc) {
	watched, cancel := context.WithCancelCause(ctx)
	known := t.facts.Load()
	m := known.issuer.marks
	if m == nil {
		return watched, func() { cancel(nil) }
	}
	w := &watcher{known, cancel}
	if m.watch(w) {
		w.end()
	}
	return watched, func() {
		m.forget(w)
		cancel(nil)
	}
}

func (m *marks) forget(w *watcher) {
	m.of.mu.Lock()
	defer m.of.mu.Unlock()
	delete(m.watchers, w)
}

// watch begins to watch, or reports that there is a mark already.
func (m *marks) watch(w *watcher) (ended bool) {
	m.of.mu.Lock()
	defer m.of.mu.Unlock()
	var knows uint64
	if w.token.inquiry != nil {
		knows = w.token.inquiry.asked
	}
	if m.newest(w.token) > knows {
		return true
	}
	m.watchers[w] = struct{}{}
	return false
}

// watching takes out who watches a token that is concerned. m.of.mu is held. It looks
// at each stream, at some 30 ns, because revoking is rare and opening a stream is not.
func (m *marks) watching(concerned func(*facts) bool) (ended []*watcher) {
	for w := range m.watchers {
		if concerned(w.token) {
			ended = append(ended, w)
			delete(m.watchers, w)
		}
	}
	return ended
}

// concerns reports whether a mark at that time concerns a token.
func (x *Revocation) concerns(t *facts, at numericDate) bool {
	if x.Issuer != t.iss {
		return false
	}
	for kind, value := range x.parts() {
		made := mark{at: at, kind: kind}
		if has, ok := t.part(kind); ok && has == value && made.before(t) {
			return true
		}
	}
	own := t.own()
	return own != nil && x.concerns(own, at)
}
