package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unsafe"
)

var errBare = errors.New("the bare verification failed")

// bare hashes the signing input and verifies the decoded signature: what nobody can
// do without, and what uncached validations and refusals are multiples of.
func bare(f *fixture) (step, error) {
	key, err := f.publicKey()
	if err != nil {
		return nil, err
	}
	raw := f.token()
	dot := strings.LastIndexByte(raw, '.')
	signed := []byte(raw[:dot])
	signature, err := base64.RawURLEncoding.DecodeString(raw[dot+1:])
	if err != nil {
		return nil, err
	}
	switch k := key.(type) {
	case *rsa.PublicKey:
		return func() error {
			h := sha256.Sum256(signed)
			return rsa.VerifyPKCS1v15(k, crypto.SHA256, h[:], signature)
		}, nil
	case *ecdsa.PublicKey:
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return func() error {
			h := sha256.Sum256(signed)
			return passed(ecdsa.Verify(k, h[:], r, s))
		}, nil
	case ed25519.PublicKey:
		return func() error { return passed(ed25519.Verify(k, signed, signature)) }, nil
	}
	return nil, fmt.Errorf("a key of type %T", key)
}

func passed(ok bool) error {
	if !ok {
		return errBare
	}
	return nil
}

// bareHash is one SHA-256 over one token after the other, from the one at start: what
// cached tokens are multiples of, because a cache must at least find the token by all
// of its bytes.
func bareHash(raws []string, start int) step {
	c := &cursor{at: start}
	return func() error {
		raw := c.next(raws)
		bytes := unsafe.Slice(unsafe.StringData(raw), len(raw)) // not copied: the yardstick is the hash alone
		c.sum = sha256.Sum256(bytes)                            // kept, so that it is not optimised away
		return nil
	}
}
