package validatortest

import (
	"crypto/rand"
	"crypto/rsa"
	"sync"
)

// rsaKeys keeps the RSA keys of closed servers for later ones: making one
// takes as long as signing some hundred tokens.
var rsaKeys keyPool

type keyPool struct {
	mu   sync.Mutex
	free []*rsa.PrivateKey // guarded by mu
}

// take returns a key of 2048 bits that no living server has.
func (p *keyPool) take() (*rsa.PrivateKey, error) {
	p.mu.Lock()
	if n := len(p.free); n > 0 {
		k := p.free[n-1]
		p.free = p.free[:n-1]
		p.mu.Unlock()
		return k, nil
	}
	p.mu.Unlock()
	return rsa.GenerateKey(rand.Reader, 2048)
}

func (p *keyPool) give(keys []*rsa.PrivateKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, keys...)
}
