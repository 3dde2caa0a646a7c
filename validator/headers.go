package validator

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// headers are the headers of tokens that were good: nearly all tokens of a key have
// the very same one, which need not be read, and kept, for each. What is found here
// is what reading it again would find.
//
// Only what was signed by an issuer gets in, and what it displaces is read again.
type headers struct {
	seed  maphash.Seed
	slots [16]atomic.Pointer[knownHeader]
}

// knownHeader is a header segment and what it says. It keeps no part of the token.
type knownHeader struct {
	segment string
	jose.Header
	typ string // in normal form
}

func newHeaders() *headers { return &headers{seed: maphash.MakeSeed()} }

// read returns what a segment says, from memory or by reading it.
func (h *headers) read(compact jose.Compact) (*knownHeader, *Error) {
	if known := h.slot(compact.Header).Load(); known != nil && known.segment == compact.Header {
		return known, nil
	}
	header, e := readHeader(compact)
	if e != nil {
		return nil, e
	}
	return &knownHeader{strings.Clone(compact.Header), header, normalType(header.Type)}, nil
}

// keep remembers the header of a good token.
func (h *headers) keep(known *knownHeader) {
	if slot := h.slot(known.segment); slot.Load() != known {
		slot.Store(known)
	}
}

func (h *headers) slot(segment string) *atomic.Pointer[knownHeader] {
	return &h.slots[maphash.String(h.seed, segment)%uint64(len(h.slots))]
}
