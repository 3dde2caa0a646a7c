package validator

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// RevocationMark is one mark in the form in which Revocations hold it, and in which a feed carries
// it: what the tokens have in common is a hash, from which only a guess can be confirmed.
// A Revocation of both Subject and Session is two of them.
type RevocationMark struct {
	// Issuer is the URL of the configured issuer; of one for many tenants, and of each of
	// these, the one with {tenantid}.
	Issuer string `json:"iss"`
	// About is what Key stands for: "sub", "sid", "sub_without_sid", "client_id", "jti" or
	// "issuer". "all" is every token of Issuer: what marks said that there was no room for.
	About string `json:"about"`
	// Key is half of the SHA-256 of About, iss and the value.
	Key [16]byte `json:"key"`
	// At: tokens issued until then are refused. In microseconds.
	At time.Time `json:"at"`
}

// markNames are the names of the kinds of marks; the last is that of the floor.
var markNames = [markKinds + 1]string{
	markIssuer: "issuer", markSubject: "sub", markSession: "sid", markSessionless: "sub_without_sid",
	markClient: "client_id", markTokenID: "jti", markKinds: "all",
}

// marksFormat names what EncodeMarks writes, with its version.
const marksFormat = "bearerguard-marks/1"

// markList is marks as they travel.
type markList struct {
	Format string           `json:"format"`
	Marks  []RevocationMark `json:"marks"`
}

// ErrMarks: not what EncodeMarks writes.
var ErrMarks = errors.New("not a list of marks")

// EncodeMarks writes marks down, at some 130 bytes each, for DecodeMarks of another
// process. Whoever can change what it writes can have tokens refused: seal it.
func EncodeMarks(marks []RevocationMark) ([]byte, error) {
	return json.Marshal(markList{marksFormat, marks})
}

// DecodeMarks reads what EncodeMarks wrote. The error is ErrMarks.
func DecodeMarks(data []byte) ([]RevocationMark, error) {
	var list markList
	if err := json.Unmarshal(data, &list, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("validator: %w: %w", ErrMarks, err)
	}
	if list.Format != marksFormat {
		return nil, fmt.Errorf("validator: %w: expected the format %q, found %.100q", ErrMarks, marksFormat, list.Format)
	}
	return list.Marks, nil
}

// marksOf are the marks that a Watermark makes among those of an issuer.
func (m *marks) marksOf(w Watermark) (list []RevocationMark) {
	for kind, value := range w.parts() {
		list = append(list, RevocationMark{m.family, markNames[kind], keyOf(kind, w.Issuer, value), w.At})
	}
	return list
}

// held are the marks that can still matter, the floor included. r.mu is held.
func (m *marks) held(now numericDate) (list []RevocationMark) {
	for _, place := range m.table.order {
		one := &m.table.marks[place]
		list = append(list, RevocationMark{m.family, markNames[one.kind], one.key, one.at.time()})
	}
	// What left in its time refuses nothing more; what was folded before its time does.
	if m.floor.version > 0 && now < m.floor.at.plus(m.life) {
		list = append(list, RevocationMark{Issuer: m.family, About: markNames[markKinds], At: m.floor.at.time()})
	}
	return list
}

// applyMarks is Apply for marks that are hashes already. It returns whose streams end.
func (r *Revocations) applyMarks(list []RevocationMark) (ended []*watcher, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := dateOf(r.now())
	var errs []error
	touched := map[*marks]struct{}{}
	for _, one := range list {
		m, err := r.raise(one, now)
		if errs = append(errs, err); err == nil {
			touched[m] = struct{}{}
		}
	}
	r.leave(now)
	// Once for all of them: there may be as many streams as marks.
	for m := range touched {
		ended = append(ended, m.watching(func(t *facts) bool { return m.newest(t) > t.asked() })...)
	}
	for r.count > r.max {
		ended = append(ended, r.fold()...)
	}
	return ended, errors.Join(errs...)
}

// raise takes one in. r.mu is held.
func (r *Revocations) raise(one RevocationMark, now numericDate) (*marks, error) {
	kind := markKind(slices.Index(markNames[:], one.About)) // #nosec G115 -- none is -1, which becomes 255 and is refused
	m := r.of(func(m *marks) bool { return m.family == one.Issuer })
	switch {
	case int(kind) >= len(markNames):
		return nil, &ConfigError{"RevocationMark.About", fmt.Sprintf("%.100q is nothing that tokens have in common", one.About)}
	case one.At.IsZero():
		return nil, &ConfigError{"RevocationMark.At", "is required"}
	case m == nil:
		return nil, &ConfigError{"RevocationMark.Issuer", fmt.Sprintf("%.200q is not the URL of a configured issuer", one.Issuer)}
	}
	at, version := r.bounded(one.At, now), m.version.Load()+1
	switch {
	case kind == markKinds:
		m.floor.at, m.floor.version = max(m.floor.at, at), version
	case m.table.raise(kind, one.Key, at, version):
		r.count++
	}
	m.version.Store(version)
	return m, nil
}

// asked is the version of the issuer's marks of which the decision on the token knew.
func (t *facts) asked() uint64 {
	if t.inquiry == nil {
		return 0
	}
	return t.inquiry.asked
}
