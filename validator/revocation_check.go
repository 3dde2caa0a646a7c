package validator

import "sync/atomic"

// revoked reports whether a mark concerns a token on whose own word the decision
// rests: it was issued no later.
func (t *facts) revoked() bool {
	marked, _ := t.marked(&t.clean, 0)
	return marked
}

// outdated reports whether a mark concerns a token on its issuer's word about which the
// decision rests, and the issuer was asked before. Then that word is no longer known:
// it must be asked again. What is newer is told by the marks' version when the question
// was sent, and by no clock: not by ours, which may be set back, nor by the issuer's.
func (t *facts) outdated() bool {
	marked, _ := t.marked(&t.inquiry.clean, t.inquiry.asked)
	return marked
}

// refusedByMarks is why the token is not accepted by what is known of the marks, and by
// what is not. byAnswer: the decision rests on the issuer's answer; then a mark of which
// that does not know is left to whoever can ask it again.
func (t *facts) refusedByMarks(byAnswer bool) *Error {
	clean, known := &t.clean, uint64(0)
	if byAnswer && t.inquiry != nil {
		clean, known = &t.inquiry.clean, t.inquiry.asked
	}
	switch marked, missing := t.marked(clean, known); {
	case marked && !byAnswer:
		return refuse(ReasonRevoked, "")
	case marked:
		return nil
	case missing:
		return t.issuer.marks.of.behind()
	}
	return nil
}

// marked reports whether a mark concerns the token that is newer than the known version
// of its issuer's marks; and if not, whether one may be missing that makes a difference
// (RefuseWhileBehind). As long as the marks are those of the version clean, that costs
// no look-up.
func (t *facts) marked(clean *atomic.Uint64, known uint64) (marked, missing bool) {
	m := t.issuer.marks
	if m == nil || clean.Load() == m.version.Load() {
		return false, false
	}
	newest, version, missing := m.look(t)
	if newest > known {
		return true, false
	}
	if !missing { // or what is found now would stand for what nobody knows
		clean.Store(version)
	}
	return false, missing
}

// look is newest, the version by which it is so, and whether there may be marks of which
// nobody here knows.
func (m *marks) look(t *facts) (newest, version uint64, missing bool) {
	m.of.mu.RLock()
	defer m.of.mu.RUnlock()
	return m.newest(t), m.version.Load(), m.refusing()
}

// markVersion is the version of the issuer's marks now: of which a question that is yet
// to be sent will know.
func (is *issuer) markVersion() uint64 {
	if is.marks == nil {
		return 0
	}
	return is.marks.version.Load()
}

// own is what the token says of itself beside the answer on which the decision rests;
// nil if that is nothing. It is not verified, and can only lead to asking again.
func (t *facts) own() *facts {
	if t.inquiry == nil {
		return nil
	}
	return t.inquiry.own
}
