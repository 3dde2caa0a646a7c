package validator

// revoked reports whether a mark concerns a token on whose own word the decision
// rests: it was issued no later. As long as the marks of its issuer are those by which
// it was looked up, that costs no look-up.
func (t *facts) revoked() bool {
	m := t.issuer.marks
	if m == nil || t.clean.Load() == m.version.Load() {
		return false
	}
	newest, version := m.look(t)
	if newest > 0 {
		return true
	}
	t.clean.Store(version)
	return false
}

// outdated reports whether a mark concerns a token on its issuer's word about which the
// decision rests, and the issuer was asked before. Then that word is no longer known:
// it must be asked again. What is newer is told by the marks' version when the question
// was sent, and by no clock: not by ours, which may be set back, nor by the issuer's.
func (t *facts) outdated() bool {
	m := t.issuer.marks
	if m == nil || t.inquiry.clean.Load() == m.version.Load() {
		return false
	}
	newest, version := m.look(t)
	if newest > t.inquiry.asked {
		return true
	}
	t.inquiry.clean.Store(version)
	return false
}

// look is newest, and the version by which it is so.
func (m *marks) look(t *facts) (newest, version uint64) {
	m.of.mu.RLock()
	defer m.of.mu.RUnlock()
	return m.newest(t), m.version.Load()
}

// markVersion is the version of the issuer's marks now.
func (is *issuer) markVersion() uint64 {
	if is.marks == nil {
		return 0
	}
	return is.marks.version.Load()
}

// knows notes, before a question is sent, which marks its answer will know of.
func (i *inquiry) knows(version uint64) {
	i.asked = version
	i.clean.Store(version)
}

// own is what the token says of itself beside the answer on which the decision rests;
// nil if that is nothing. It is not verified, and can only lead to asking again.
func (t *facts) own() *facts {
	if t.inquiry == nil {
		return nil
	}
	return t.inquiry.own
}
