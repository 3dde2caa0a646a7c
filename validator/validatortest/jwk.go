package validatortest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
)

var b64 = base64.RawURLEncoding

// jwk is the public part of a signing key (RFC 7517, RFC 7518 section 6,
// RFC 8037 section 2).
type jwk struct {
	Kty string `json:"kty"`
	Kid string `json:"kid,omitempty"`
	Alg string `json:"alg,omitempty"`
	Use string `json:"use,omitempty"`
	Crv string `json:"crv,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
}

func (k key) jwk() jwk {
	j := publicJWK(k.signer.Public())
	j.Kid, j.Alg, j.Use = k.kid, k.alg, "sig"
	return j
}

func publicJWK(public crypto.PublicKey) jwk {
	switch p := public.(type) {
	case *rsa.PublicKey:
		e := big.NewInt(int64(p.E)).Bytes()
		return jwk{Kty: "RSA", N: b64.EncodeToString(p.N.Bytes()), E: b64.EncodeToString(e)}
	case *ecdsa.PublicKey:
		return ecJWK(p)
	case ed25519.PublicKey:
		return jwk{Kty: "OKP", Crv: "Ed25519", X: b64.EncodeToString(p)}
	}
	panic(fmt.Sprintf("validatortest: no JWK for %T", public))
}

func ecJWK(p *ecdsa.PublicKey) jwk {
	point, err := p.Bytes() // 4, x and y, both of the curve's full size
	if err != nil {
		panic(fmt.Sprintf("validatortest: %v", err))
	}
	half := (len(point) - 1) / 2
	return jwk{
		Kty: "EC", Crv: p.Params().Name,
		X: b64.EncodeToString(point[1 : 1+half]), Y: b64.EncodeToString(point[1+half:]),
	}
}

// keySet is the JWK Set of the listed keys (RFC 7517 section 5).
func (r *ring) keySet() []byte {
	list := []jwk{} // an empty set is [], not null
	for _, k := range r.keys {
		if k.listed {
			list = append(list, k.jwk())
		}
	}
	return mustJSON(map[string]any{"keys": list})
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("validatortest: %v", err))
	}
	return b
}
