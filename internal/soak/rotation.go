package main

import (
	"slices"
	"sync"
	"time"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// stable are the algorithms of the keys that stay.
var stable = []string{"RS256", "ES256", "EdDSA"}

// listedKeys is how many of the keys that rotate are listed at a time.
const listedKeys = 3

// rotatedKey is a key that was not always listed, and will not be for ever.
type rotatedKey struct {
	kid       string
	published time.Time // after it was
	withdrawn time.Time // after it was
}

// rotation is the keys of a server.
type rotation struct {
	server *validatortest.Server
	stay   []string // kids, by stable

	mu        sync.Mutex
	listed    []rotatedKey // the newest last; guarded by mu
	withdrawn rotatedKey   // the last one; guarded by mu
}

func (r *rotation) begin(s *validatortest.Server) {
	r.server, r.stay = s, []string{s.KID()}
	for _, alg := range stable[1:] {
		kid := s.Prepare(alg)
		s.Publish(kid)
		r.stay = append(r.stay, kid)
	}
	for range listedKeys {
		r.next()
	}
	r.next() // so that one is withdrawn
}

// next lists a new key, and the oldest no more.
func (r *rotation) next() {
	kid := r.server.Prepare("ES256")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.server.Publish(kid)
	r.listed = append(r.listed, rotatedKey{kid: kid, published: time.Now()})
	if len(r.listed) <= listedKeys {
		return
	}
	oldest := r.listed[0]
	r.listed = append(r.listed[:0], r.listed[1:]...)
	r.server.Withdraw(oldest.kid)
	oldest.withdrawn = time.Now()
	r.withdrawn = oldest
}

// newest is the key that was listed last.
func (r *rotation) newest() rotatedKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.listed[len(r.listed)-1]
}

// lists reports whether a key that was listed is still.
func (r *rotation) lists(kid string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.listed, func(k rotatedKey) bool { return k.kid == kid })
}

// gone is the key that was withdrawn last.
func (r *rotation) gone() rotatedKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.withdrawn
}

// unknown reports whether a key may still be unknown to who began to be asked then: a
// bucket that unlisted keys emptied has a token again after one interval.
func (k rotatedKey) unknown(began time.Time) bool {
	return began.Before(k.published.Add(refillInterval + slowest))
}

// trusted reports whether a withdrawn key may still be trusted: until the set is asked
// for because of its age, which an outage puts off.
func (k rotatedKey) trusted(a answer, noKeys *outage) bool {
	return a.began.Before(k.withdrawn.Add(keysAge+refillInterval+slowest)) || noKeys.felt(a.began.Add(-keysAge-refillInterval), a.ended)
}
