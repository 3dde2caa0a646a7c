package dpop

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// MinNonceSecret is the shortest secret of Nonces, in bytes.
const MinNonceSecret = 32

// DefaultNonceLifetime is that of Nonces.Lifetime.
const DefaultNonceLifetime = 5 * time.Minute

// Nonces makes clients put a text of ours into each proof (RFC 9449 9), so that proofs
// cannot be made in advance, by whoever has a key for a short time, and used later.
//
// A nonce says when it was made and for which key, and is signed with Secret: nothing is
// stored, and replicas with the same secrets accept each other's. It is good for any
// number of proofs of that key until its Lifetime ends.
type Nonces struct {
	// Secret makes and checks nonces: at least MinNonceSecret bytes, random, and for
	// nothing else. Required.
	Secret []byte
	// Previous is the Secret before this one: what it made is accepted still. Default:
	// none.
	Previous []byte
	// Lifetime is how long a nonce is accepted. Default (0) DefaultNonceLifetime.
	Lifetime time.Duration
}

// Format prints no secret, for every verb.
func (Nonces) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[DPoP nonces]") }

// LogValue keeps the secrets out of structured logs.
func (Nonces) LogValue() slog.Value { return slog.StringValue("[DPoP nonces]") }

// nonces are Nonces in use.
type nonces struct {
	macs     []mac // by the current secret first
	lifetime time.Duration
	ahead    time.Duration // how far the clock of a replica may be ahead of ours
}

// mac is the MAC of a time and a key by one secret. A function, because fmt prints what
// is in a struct, but cannot look into a closure.
type mac func(made []byte, jkt string) []byte

// newMAC copies the secret. The label keeps its MACs apart from those it may be used for
// elsewhere.
func newMAC(secret []byte) mac {
	secret = bytes.Clone(secret)
	return func(made []byte, jkt string) []byte {
		h := hmac.New(sha256.New, secret)
		h.Write([]byte("bearerguard DPoP nonce 1\x00"))
		h.Write(made)
		h.Write([]byte(jkt))
		return h.Sum(nil)[:macSize]
	}
}

// A nonce is 8 bytes of time (Unix seconds) and a MAC, in base64url.
const macSize = 16

// mint makes a nonce for the holder of a key.
func (n *nonces) mint(jkt string, now time.Time) string {
	made := binary.BigEndian.AppendUint64(nil, uint64(now.Unix())) // #nosec G115 -- a date before 1970 is negative, and comes back as it was
	return base64.RawURLEncoding.EncodeToString(append(made, n.macs[0](made, jkt)...))
}

// good reports whether the nonce was made for that key, by somebody who has one of the
// secrets, and recently.
func (n *nonces) good(nonce, jkt string, now time.Time) bool {
	data, _ := jose.AppendSegment(nil, nonce)
	if len(data) != 8+macSize { // none: it is not base64url
		return false
	}
	made := time.Unix(int64(binary.BigEndian.Uint64(data)), 0) // #nosec G115 -- any 64 bits are a date; the MAC says whether it is ours
	if now.Sub(made) > n.lifetime || made.Sub(now) > n.ahead {
		return false
	}
	for _, mac := range n.macs {
		// In constant time: it must not be found byte by byte.
		if hmac.Equal(mac(data[:8], jkt), data[8:]) {
			return true
		}
	}
	return false
}
