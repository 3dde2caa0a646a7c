package validator

import (
	"fmt"
	"time"
)

// adopt returns the marks of an issuer that a Validator has.
func (r *Revocations) adopt(c *Issuer, clock func() time.Time, leeway time.Duration) *marks {
	r.mu.Lock()
	defer r.mu.Unlock()
	// The longest that any Validator ever had, as below: it accepts, or accepted, what
	// was issued by a clock that is that far ahead.
	r.clock, r.leeway = clock, max(r.leeway, leeway)
	family := familyOf(c.URL)
	m := r.of(func(m *marks) bool { return m.family == family })
	if m == nil {
		m = newMarks(r, family)
		m.place = len(r.issuers)
		if m.refusing() {
			m.version.Add(1) // nothing of this version is clean: facts begin with 0
		}
		r.issuers = append(r.issuers, m)
	}
	m.admit(c)
	// The longest that any Validator ever had: what was issued under it is still about.
	m.life = max(m.life, c.MaxTokenLifetime+leeway)
	return m
}

func (r *Revocations) of(is func(*marks) bool) *marks {
	for _, m := range r.issuers {
		if is(m) {
			return m
		}
	}
	return nil
}

// apply makes a mark, and tells of one that was made here once it counts.
func (r *Revocations) apply(m Watermark, here bool) error {
	if problems := m.check(); problems != nil {
		return problems.err()
	}
	made, ended, err := r.record(m)
	if err != nil {
		return err
	}
	for _, w := range ended {
		w.end()
	}
	if here {
		made.tell(r)
	}
	return nil
}

// made is a mark that was made, by its time, and who carries it to other processes.
type made struct {
	watermark Watermark
	marks     []RevocationMark
	publish   func([]RevocationMark)
}

func (m *made) tell(r *Revocations) {
	if m.publish != nil {
		m.publish(m.marks)
	}
	if r.onMark != nil {
		r.onMark(m.watermark)
	}
}

// record puts a mark into the table. It also returns who watches one of the tokens that
// it concerns.
func (r *Revocations) record(m Watermark) (*made, []*watcher, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	is := r.of(func(is *marks) bool { return is.issues(m.Issuer) })
	if is == nil {
		return nil, nil, &ConfigError{"Revocation.Issuer", fmt.Sprintf("%.200q is not the URL of a configured issuer", m.Issuer)}
	}
	now := dateOf(r.now())
	at := r.bounded(m.At, now)
	version := is.version.Load() + 1
	for kind, value := range m.parts() {
		if is.table.raise(kind, keyOf(kind, m.Issuer, value), at, version) {
			r.count++
		}
	}
	is.version.Store(version)
	r.leave(now) // it may have come too late
	ended := is.watching(func(t *facts) bool { return m.concerns(t, at) })
	for r.count > r.max {
		ended = append(ended, r.fold()...)
	}
	m.At = at.time()
	told := &made{watermark: m, publish: r.feed.publish}
	if told.publish != nil {
		told.marks = is.marksOf(m)
	}
	return told, ended, nil
}

// bounded is a mark's time as it counts here: nothing that exists was issued later than
// the leeway from now, by a clock that is not too far ahead. A mark beyond would refuse
// what is yet to be issued. r.mu is held.
func (r *Revocations) bounded(at time.Time, now numericDate) numericDate {
	latest := now.plus(r.leeway)
	if at.Before(latest.time()) { // compared as it is: not every time.Time is a date
		return min(latest, dateOf(at))
	}
	return latest
}

// leave drops the marks whose time is over: no token from before them is alive. What
// they said goes on for the whole issuer, where it refuses none but those; but an
// answer of an issuer from before them is asked for again. r.mu is held.
func (r *Revocations) leave(now numericDate) {
	for _, m := range r.issuers {
		before := r.count
		for m.table.Len() > 0 && now >= m.leaves() {
			m.sink()
			r.count--
		}
		if r.count < before {
			m.version.Add(1) // should the clock be set back, what is kept is judged as what is not
		}
	}
}

// fold makes room by the mark that would leave first: made to count for its whole
// issuer, it refuses the fewest tokens that it should not. r.mu is held.
func (r *Revocations) fold() []*watcher {
	var first *marks
	for _, m := range r.issuers {
		if m.table.Len() > 0 && (first == nil || m.leaves() < first.leaves()) {
			first = m
		}
	}
	first.sink()
	r.count--
	r.folded++
	first.version.Add(1) // others are concerned now
	return first.watching(func(t *facts) bool { return first.floor.before(t) })
}

// obeyed reports whether a signal has come before and counts, as far as is remembered.
func (r *Revocations) obeyed(id markKey) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen.Contains(id)
}

// remember notes a signal that counts now, and not before: a copy of it that comes at
// the same time must not be answered as if its marks were set.
func (r *Revocations) remember(id markKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen.Add(id, struct{}{})
}

// signalID identifies a signal: its issuer may use a jti once for each kind.
func signalID(kind SignalKind, issuer, id string) markKey {
	return keyOf(markKinds, issuer, string(kind)+"\x00"+id) // no mark has this kind
}
