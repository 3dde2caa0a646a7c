package validatortest

import (
	"bytes"
	"slices"
)

// Rotate makes a new key, lists it and signs with it from now on. Older keys
// stay listed. The algorithm is one of RS256, RS384, RS512, PS256, PS384,
// PS512, ES256, ES384, ES512 and EdDSA; ES256 is the cheapest, an RSA key
// takes some 100 ms. Kids count up per server, so that two servers have keys
// of the same name, save Entra's, which are thumbprints.
func (s *Server) Rotate(alg string) (kid string) {
	signer := mustSigner(alg)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ring.current = s.ring.add(alg, signer, true)
	return s.ring.current
}

// Prepare makes a new key that [Server.MintWith] can sign with, but that is
// not listed until [Server.Publish].
func (s *Server) Prepare(alg string) (kid string) {
	signer := mustSigner(alg)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ring.add(alg, signer, false)
}

// Publish lists a key in the key set.
func (s *Server) Publish(kid string) { s.list(kid, true) }

// Withdraw takes a key out of the key set. It can still sign, and goes on
// doing so if it is the current one.
func (s *Server) Withdraw(kid string) { s.list(kid, false) }

func (s *Server) list(kid string, listed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ring.find(kid).listed = listed
}

// Reorder reverses the order of the keys in the set.
func (s *Server) Reorder() {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Reverse(s.ring.keys)
}

// Rekey gives a key new material under the same kid and algorithm.
func (s *Server) Rekey(kid string) {
	signer := mustSigner(s.key(kid).alg)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ring.rekey(kid, signer)
}

// KID is the kid of the key that signs now.
func (s *Server) KID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ring.current
}

// Algorithms are those of the listed keys, each once: what a validator of
// this server's tokens has to allow.
func (s *Server) Algorithms() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ring.algorithms()
}

// KeySet is the key set as it is served now.
func (s *Server) KeySet() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.served != nil {
		return bytes.Clone(s.served)
	}
	edit := s.dialect().jwk
	if edit == nil {
		return s.ring.keySet(nil)
	}
	return s.ring.keySet(func(k key, j *jwk) { edit(s, k, j) })
}

// ServeKeySet serves body instead of the key set, whatever it is. Nil serves
// the real one again.
func (s *Server) ServeKeySet(body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served = bytes.Clone(body)
}

// key returns the key called kid, the current one for "".
func (s *Server) key(kid string) key {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.ring.find(kid)
}
