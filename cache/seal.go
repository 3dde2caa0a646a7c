package cache

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
)

// MinSecretSize is the least number of bytes of a fleet secret. They are a key, and
// not a password: make them with crypto/rand, or openssl rand.
const MinSecretSize = 32

// ErrSealed is the one error of Sealer.Open, whatever is wrong: who could tell by the
// error how far a forgery got could work on it.
var ErrSealed = errors.New("cache: this does not open")

// Sealer seals what the replicas of a service share in a store that none of them
// trusts: whoever reads the store learns nothing, and whatever is changed, or put in
// another's place, does not open. What a store can still do is to give back something
// older that was once sealed for the same use, or nothing: its time belongs inside.
//
// A value is sealed with AES-256-GCM, under a key of its own that is derived
// (HKDF-SHA256, RFC 5869) from the fleet secret, the token that the value is about and
// 16 random bytes: without the token, not even the secret opens it. A Sealer is
// immutable, safe for concurrent use, and never prints itself.
type Sealer struct {
	// What HKDF extracts from each secret, the current one first. A function, because
	// fmt calls no method on unexported fields of a user's struct, but cannot look into
	// a closure.
	secrets func() []extracted
}

type extracted [sha256.Size]byte

// Of what is sealed. A change of any of them is a new version.
const (
	sealVersion  = 1
	saltSize     = 16
	sealHead     = 1 + saltSize // version, salt; what cipher.NewGCMWithRandomNonce makes follows
	sealOverhead = sealHead + 12 + 16
	extractSalt  = "bearerguard fleet secret"
)

// NewSealer returns a Sealer that seals under the current secret, and opens what was
// sealed under it or a previous one. To change a secret, give every replica the new
// one as a previous one first, then as the current one with the old one as previous,
// and drop the old one when nothing that it sealed is wanted any more.
func NewSealer(current []byte, previous ...[]byte) (*Sealer, error) {
	var all []extracted
	for i, secret := range append([][]byte{current}, previous...) {
		if len(secret) < MinSecretSize {
			return nil, fmt.Errorf("cache: fleet secret %d (0 is the current one) has %d bytes: at least %d are needed", i, len(secret), MinSecretSize)
		}
		key, err := hkdf.Extract(sha256.New, secret, []byte(extractSalt))
		if err != nil {
			return nil, err
		}
		if slices.Contains(all, extracted(key)) {
			return nil, fmt.Errorf("cache: fleet secret %d (0 is the current one) is there twice", i)
		}
		all = append(all, extracted(key))
	}
	return &Sealer{func() []extracted { return all }}, nil
}

// Seal returns plain sealed. token is the token that it is about; nil if there is
// none. about says what it is, in any number of parts, such as a format and its
// version, an issuer and an address: it opens only with the same token and the same
// parts.
func (s *Sealer) Seal(plain, token []byte, about ...string) []byte {
	sealed := make([]byte, sealHead, len(plain)+sealOverhead)
	sealed[0] = sealVersion
	_, _ = rand.Read(sealed[1:])                                                         // it never fails
	return s.secrets()[0].seals(sealed, token).Seal(sealed, nil, plain, parts(about...)) // #nosec G407 -- nil: the AEAD makes a random nonce itself
}

// Open returns what was sealed, or ErrSealed. The result shares no memory with sealed.
func (s *Sealer) Open(sealed, token []byte, about ...string) ([]byte, error) {
	if len(sealed) < sealOverhead {
		return nil, ErrSealed
	}
	head, box := sealed[:sealHead], sealed[sealHead:]
	for _, secret := range s.secrets() {
		if plain, err := secret.seals(head, token).Open(nil, nil, box, parts(about...)); err == nil {
			return plain, nil
		}
	}
	return nil, ErrSealed
}

// Names returns under which names a store keeps what is about a token (nil if there is
// none) and has these parts: under the first since the current secret, under the others
// by the previous ones. A name is a pseudo-random function of secret, token and parts:
// who reads the store can neither tell what it is about nor look for a guess. It has 43
// characters of A-Z, a-z, 0-9, - and _.
func (s *Sealer) Names(token []byte, about ...string) []string {
	secrets := s.secrets()
	names := make([]string, len(secrets))
	for i, secret := range secrets {
		names[i] = base64.RawURLEncoding.EncodeToString(secret.derive("name", token, parts(about...)))
	}
	return names
}

// seals is the cipher of one sealed value, which begins with head: with another version
// or another salt there, it is another cipher.
func (x extracted) seals(head, token []byte) cipher.AEAD {
	block, err := aes.NewCipher(x.derive("seal", head, token)) // AES-256, for a key of 32 bytes
	if err != nil {
		panic(err) // the key has the right length
	}
	box, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has the right block size
	}
	return box
}

// derive is HKDF-Expand (RFC 5869 2.3): of one use and one input, 32 bytes that look
// random without the secret, and say nothing of either with it.
func (x extracted) derive(use string, first, second []byte) []byte {
	key, err := hkdf.Expand(sha256.New, x[:], string(parts(use, string(first), string(second))), sha256.Size)
	if err != nil {
		panic(err) // only for more than 255 times as many bytes
	}
	return key
}

// parts puts texts together so that no others give the same: each has its length in
// front of it.
func parts(texts ...string) []byte {
	var joined []byte
	for _, text := range texts {
		joined = binary.BigEndian.AppendUint64(joined, uint64(len(text)))
		joined = append(joined, text...)
	}
	return joined
}

const redacted = "[fleet secrets]"

// Format prints a fixed text for every verb.
func (Sealer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue keeps the secrets out of structured logs.
func (Sealer) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the secrets out of JSON, YAML and the like.
func (Sealer) MarshalText() ([]byte, error) { return []byte(redacted), nil }
