package validator

import (
	"hash/maphash"
	"slices"
	"sync/atomic"
)

// lists are scopes and audiences of tokens that were good. The tokens of a client have
// the very same ones, and keep them together: that is less to keep, and what every
// request looks at lies where the last one looked.
//
// Only what was signed by an issuer gets in, and what it displaces is kept apart.
type lists struct {
	seed  maphash.Seed
	slots [2][32]atomic.Pointer[[]string] // so that a token's own two do not displace each other
}

// The lists of a token.
const (
	audiences = iota
	scopes
)

func newLists() *lists { return &lists{seed: maphash.MakeSeed()} }

// shared returns a list of the same texts, which keeps no part of the token and must not
// be written to. Of no lists, it is a copy.
func (l *lists) shared(which int, list []string) []string {
	switch {
	case len(list) == 0:
		return list
	case l == nil:
		return packed(list)
	}
	var hash uint64
	for _, text := range list {
		hash = hash*31 + maphash.String(l.seed, text)
	}
	slot := &l.slots[which][hash%uint64(len(l.slots[which]))]
	if known := slot.Load(); known != nil && slices.Equal(*known, list) {
		return *known
	}
	own := packed(list)
	slot.Store(&own)
	return own
}

func packed(list []string) []string {
	own := slices.Clone(list)
	pack(elements(nil, own)...)
	return own
}
