package jwks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// MaxKeys is how many keys a set may list, usable or not.
const MaxKeys = 100

// Skipped is a member of a key set that cannot verify tokens, and why. One such
// key never costs the others.
type Skipped struct {
	KeyID string // empty when it has none that can be read
	Why   string
}

// set is one key set. It is immutable but for its keys' retirement.
type set struct {
	keys     []*Key
	skipped  []Skipped
	etag     string
	url      string
	asked    time.Time     // when the last good answer about it was asked for
	imported bool          // and not confirmed by an answer since
	early    time.Duration // by how much it is due before MaxAge
	standsIn bool          // until the server can be asked: it is due whatever its age
}

// find returns the one key that is listed under kid and fits the algorithm.
// Keys of different kinds may share a kid (RFC 7517 4.5), and a token without
// kid may mean the only key there is; where two fit, guessing is not deciding.
func (s *set) find(q question) *Key {
	if s == nil {
		return nil
	}
	var found *Key
	for _, k := range s.keys {
		if (q.kid != "" && k.meta.KID != q.kid) || !k.public.Fits(q.algorithm) {
			continue
		}
		if found != nil && (found.meta.KID != k.meta.KID || found.thumbprint != k.thumbprint || found.issuer != k.issuer) {
			return nil
		}
		if found == nil {
			found = k // listed twice, with and without alg or use, it is still one key
		}
	}
	return found
}

// adopt keeps the Key values of old that are listed unchanged, so that what was
// verified with them stays trusted whatever the order of the new set, and
// retires the others. It reports whether the sets differ.
func (s *set) adopt(old *set) (changed bool) {
	if old == nil {
		return true
	}
	changed = len(s.keys) != len(old.keys)
	for i, k := range s.keys {
		same := slices.IndexFunc(old.keys, func(o *Key) bool { return o.identity == k.identity })
		if same < 0 {
			changed = true
			continue
		}
		s.keys[i] = old.keys[same]
	}
	return changed
}

// retireAllBut ends the trust in the keys that the next set no longer lists.
func (s *set) retireAllBut(next *set) {
	if s == nil {
		return
	}
	for _, k := range s.keys {
		if !slices.Contains(next.keys, k) {
			k.retired.Store(true)
			k.byID.Store(0)
			k.alone.Store(0)
		}
	}
}

// assign notes in each key which questions the set answers with it.
func (s *set) assign() {
	for _, k := range s.keys {
		k.byID.Store(uint32(s.answers(k, k.meta.KID)))
		k.alone.Store(uint32(s.answers(k, "")))
	}
}

func (s *set) answers(k *Key, kid string) (algorithms jose.Algorithms) {
	for _, name := range k.public.Algorithms().Names() {
		if a, _ := jose.ParseAlgorithm(name); s.find(question{kid, a}) == k {
			algorithms |= jose.NewAlgorithms(a)
		}
	}
	return algorithms
}

// Errors of a key set as a whole.
var (
	errNotASet     = errors.New("not a JWK Set")
	errTooManyKeys = fmt.Errorf("more than %d keys", MaxKeys)
)

// parseSet reads a JWK Set (RFC 7517 5). The set itself must be well-formed;
// each key is read by itself.
func parseSet(body []byte) (*set, error) {
	members, err := readKeys(body)
	if err != nil {
		return nil, err
	}
	s := &set{}
	for _, text := range members {
		s.add(text)
	}
	return s, nil
}

// readKeys returns the members of "keys" unread. Inside of them duplicates and
// bad UTF-8 are let pass here, so that one bad key is one bad key.
func readKeys(body []byte) ([]jsontext.Value, error) {
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if open, err := d.ReadToken(); err != nil || open.Kind() != jsontext.KindBeginObject {
		return nil, errNotASet
	}
	var keys []jsontext.Value
	found := false
	for d.PeekKind() == jsontext.KindString {
		name, err := d.ReadToken()
		if err != nil {
			return nil, errNotASet
		}
		isKeys := name.String() == "keys"
		if isKeys && found {
			return nil, errNotASet // which of the two would the next reader take?
		}
		value, err := d.ReadValue()
		if err != nil {
			return nil, errNotASet
		}
		if isKeys {
			found = true
			if json.Unmarshal(value, &keys, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
				return nil, errNotASet
			}
		}
	}
	if _, err := d.ReadToken(); err != nil || keys == nil {
		return nil, errNotASet
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, errNotASet
	}
	if len(keys) > MaxKeys {
		return nil, errTooManyKeys
	}
	return keys, nil
}

func (s *set) add(text jsontext.Value) {
	k, skipped := parseKey(text)
	switch {
	case k == nil:
		s.skipped = append(s.skipped, skipped)
	case slices.ContainsFunc(s.keys, func(o *Key) bool { return o.identity == k.identity }):
		// listed twice: the same key
	default:
		s.keys = append(s.keys, k)
	}
}
