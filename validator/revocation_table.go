package validator

import (
	"container/heap"
	"crypto/sha256"
	"iter"
	"slices"
	"sync/atomic"
	"time"
)

// markKind is what the tokens that a mark concerns have in common.
type markKind uint8

const (
	markIssuer      markKind = iota // nothing but the issuer
	markSubject                     // sub
	markSession                     // sid
	markSessionless                 // sub, and no sid
	markClient                      // the client
	markTokenID                     // jti
	markKinds
)

// markKey stands for (kind, iss, value): half of its SHA-256. A table holds no claims,
// and each mark takes the same room.
type markKey [16]byte

func keyOf(kind markKind, iss, value string) (key markKey) {
	var space [512]byte
	text := append(space[:0], byte(kind))
	text = append(text, iss...)
	text = append(text, 0) // in no URL
	digest := sha256.Sum256(append(text, value...))
	copy(key[:], digest[:])
	return key
}

// parts are the marks that a revocation is made of.
func (x *Revocation) parts() iter.Seq2[markKind, string] {
	return func(yield func(markKind, string) bool) {
		switch {
		case x.WholeIssuer:
			yield(markIssuer, "")
		case x.TokenID != "":
			yield(markTokenID, x.TokenID)
		case x.ClientID != "":
			yield(markClient, x.ClientID)
		case x.Session == "":
			yield(markSubject, x.Subject)
		case x.Subject == "" || yield(markSessionless, x.Subject):
			yield(markSession, x.Session)
		}
	}
}

// part is what a token has of a kind; false if nothing.
func (e *evidence) part(kind markKind) (value string, ok bool) {
	switch kind {
	case markSubject:
		value = e.subject
	case markSession:
		value = e.session
	case markSessionless:
		if e.session == "" {
			value = e.subject
		}
	case markClient:
		value = e.clientID
	case markTokenID:
		value = e.id
	}
	return value, value != "" || kind == markIssuer
}

// mark says of a key: until when, and by which version of its issuer's marks.
type mark struct {
	key     markKey
	at      numericDate
	version uint64
	place   int32 // in markTable.order
	kind    markKind
}

// before reports whether the token was issued no later than the mark. One without iat
// may have been (an absent date is before all others); and one that is named by its jti is
// meant whenever it was issued.
func (m *mark) before(e *facts) bool { return e.issuedAt <= m.at || m.kind == markTokenID }

// markTable is a set of marks, the oldest of which can be taken. It holds no pointers,
// so that a million of them cost the garbage collector nothing.
type markTable struct {
	marks []mark            // at fixed places
	free  []int32           // places that are free
	byKey map[markKey]int32 // places
	order []int32           // places, as a heap: the oldest first
	kinds [markKinds]int    // how many there are of each
}

// raise sets a mark, or raises it, and reports whether there was none.
func (t *markTable) raise(kind markKind, key markKey, at numericDate, version uint64) bool {
	if place, ok := t.byKey[key]; ok {
		m := &t.marks[place]
		m.at, m.version = max(m.at, at), version
		heap.Fix(t, int(m.place))
		return false
	}
	m := mark{key: key, at: at, version: version, kind: kind}
	place := int32(len(t.marks)) // #nosec G115 -- the table is bounded, far below 2^31
	if last := len(t.free) - 1; last >= 0 {
		place, t.free = t.free[last], t.free[:last]
		t.marks[place] = m
	} else {
		t.marks = append(t.marks, m)
	}
	t.byKey[key] = place
	t.kinds[kind]++
	heap.Push(t, place)
	return true
}

// find returns the mark of a key; nil if there is none.
func (t *markTable) find(key markKey) *mark {
	if place, ok := t.byKey[key]; ok {
		return &t.marks[place]
	}
	return nil
}

func (t *markTable) oldest() *mark { return &t.marks[t.order[0]] }

// take removes the oldest mark and returns it.
func (t *markTable) take() mark {
	place := heap.Pop(t).(int32)
	m := t.marks[place]
	delete(t.byKey, m.key)
	t.kinds[m.kind]--
	t.free = append(t.free, place)
	return m
}

// Len, Less, Swap, Push and Pop are those of heap.Interface.
func (t *markTable) Len() int { return len(t.order) }

func (t *markTable) Less(i, j int) bool { return t.marks[t.order[i]].at < t.marks[t.order[j]].at }

func (t *markTable) Swap(i, j int) {
	t.order[i], t.order[j] = t.order[j], t.order[i]
	t.marks[t.order[i]].place, t.marks[t.order[j]].place = int32(i), int32(j) // #nosec G115 -- the table is bounded, far below 2^31
}

func (t *markTable) Push(place any) {
	t.marks[place.(int32)].place = int32(len(t.order)) // #nosec G115 -- the table is bounded, far below 2^31
	t.order = append(t.order, place.(int32))
}

func (t *markTable) Pop() any {
	last := len(t.order) - 1
	place := t.order[last]
	t.order = t.order[:last]
	return place
}

// marks are those of one configured issuer, or of a family of them.
type marks struct {
	of     *Revocations // whose mu guards all below but version
	place  int          // among its issuers, in the order in which they came
	family string       // see familyOf
	urls   []string     // of it, that were configured
	shape  template     // with many: of iss
	many   bool         // a URL that was configured stands for many

	// version rises with every change that can refuse a token which was accepted. It
	// is written under mu, and read without.
	version atomic.Uint64

	life     time.Duration // how long after a mark a token from before it can live
	table    markTable
	floor    mark // of all tokens of the issuer: what marks said that are gone
	watchers map[*watcher]struct{}
}

func newMarks(r *Revocations, family string) *marks {
	m := &marks{
		of: r, family: family, table: markTable{byKey: map[markKey]int32{}}, floor: mark{at: absent}, watchers: map[*watcher]struct{}{},
	}
	m.shape, _ = newTemplate(family)
	return m
}

// familyOf is what the URL of a tenant has in common with those of all others: a
// reload may go from one tenant to many, or back, and what was revoked stays so. A
// mark has the exact iss in its key, so they share no more than the room.
func familyOf(url string) string {
	if t, ok := newTemplate(url); ok {
		return t.before + tenantID + t.after
	}
	return url
}

// admit makes it marks of a configured issuer too.
func (m *marks) admit(c *Issuer) {
	switch {
	case c.Profile.rules().tenants != nil && c.URL == m.family:
		m.many = true // its URL is nobody's iss
	case !slices.Contains(m.urls, c.URL):
		m.urls = append(m.urls, c.URL)
	}
}

// issues reports whether iss is one of these issuers'.
func (m *marks) issues(iss string) bool {
	return slices.Contains(m.urls, iss) || m.many && m.shape.tenant(iss) != ""
}

// leaves is when the oldest mark does. There must be one.
func (m *marks) leaves() numericDate { return m.table.oldest().at.plus(m.life) }

// sink lets the oldest mark count for the whole issuer.
func (m *marks) sink() {
	gone := m.table.take()
	m.floor.at, m.floor.version = max(m.floor.at, gone.at), max(m.floor.version, gone.version)
}

// newest is the version of the newest mark that concerns a token; 0 if none does.
// m.of.mu is held.
func (m *marks) newest(t *facts) (version uint64) {
	if m.floor.version > 0 && m.floor.before(t) {
		version = m.floor.version
	}
	for kind := range markKinds {
		if m.table.kinds[kind] == 0 {
			continue
		}
		if value, ok := t.part(kind); ok {
			if mark := m.table.find(keyOf(kind, t.iss, value)); mark != nil && mark.before(t) {
				version = max(version, mark.version)
			}
		}
	}
	if own := t.own(); own != nil {
		version = max(version, m.newest(own))
	}
	return version
}
