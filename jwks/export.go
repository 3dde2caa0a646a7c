package jwks

import (
	"fmt"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// envelopeFormat names what Export writes, with its version.
const envelopeFormat = "bearerguard-jwks/1"

// MaxEnvelope is the longest envelope, in bytes, that Export writes and Import reads.
const MaxEnvelope = 1 << 20

// envelope is a key set with where and when it came from.
type envelope struct {
	Format  string           `json:"format"`
	Issuer  string           `json:"issuer"`
	URL     string           `json:"url"`
	Fetched time.Time        `json:"fetched"`
	Keys    []jsontext.Value `json:"keys"`
}

// publicKey is what an envelope says of a key: enough for it to be the same key
// again, and no certificate.
type publicKey struct {
	jwkset.JWKMarshal
	Issuer string `json:"issuer,omitempty"`
}

// Export returns the last good set for Import, in this process or another one: the
// usable keys as minimal JWKs, the issuer, the address of the set, and when the
// last good answer was asked for. It does no I/O. There is nothing secret in it;
// see Import for what may become of it. The error is ErrNoUsableKey where there is
// no key to export, or ErrEnvelope where they are longer than MaxEnvelope.
func (s *Source) Export() ([]byte, error) {
	return s.export(s.snapshot.Load())
}

func (s *Source) export(set *set) ([]byte, error) {
	if set == nil || len(set.keys) == 0 {
		return nil, ErrNoUsableKey
	}
	e := envelope{envelopeFormat, s.config.Issuer, set.url, set.asked.UTC(), nil}
	for _, k := range set.keys {
		text, err := k.export()
		if err != nil {
			return nil, fmt.Errorf("%w: key %q: %w", ErrEnvelope, k.ID(), err)
		}
		e.Keys = append(e.Keys, text)
	}
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	if len(data) > MaxEnvelope {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrEnvelope, MaxEnvelope)
	}
	return data, nil
}

func (k *Key) export() (jsontext.Value, error) {
	jwk, err := k.jwk()
	if err != nil {
		return nil, err
	}
	public := publicKey{jwk.Marshal(), k.issuer}
	public.ALG = k.meta.ALG // as listed: it is part of what the key is
	return json.Marshal(public)
}
