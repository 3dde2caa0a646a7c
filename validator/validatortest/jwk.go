package validatortest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
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

	X5c     []string `json:"x5c,omitempty"`
	X5t     string   `json:"x5t,omitempty"`
	X5tS256 string   `json:"x5t#S256,omitempty"`

	Cloud  string `json:"cloud_instance_name,omitempty"` // Entra
	Issuer string `json:"issuer,omitempty"`              // Entra
}

func (k key) jwk() jwk {
	j := publicJWK(k.signer.Public())
	j.Kid, j.Alg, j.Use = k.kid, k.alg, "sig"
	if k.encrypts {
		j.Use = "enc"
	}
	return j
}

// certified adds a certificate and its thumbprints (RFC 7517 sections 4.7 to
// 4.9).
func certified(_ *Server, k key, j *jwk) {
	der := k.certificate()
	sum := sha256.Sum256(der)
	j.X5c, j.X5t, j.X5tS256 = []string{base64.StdEncoding.EncodeToString(der)}, k.x5t(), b64.EncodeToString(sum[:])
}

func (k key) x5t() string {
	sum := sha1.Sum(k.certificate()) // RFC 7517 section 4.8
	return b64.EncodeToString(sum[:])
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

// keySet is the JWK Set of the listed keys (RFC 7517 section 5), each changed
// by edit, which may be nil.
func (r *ring) keySet(edit func(key, *jwk)) []byte {
	list := []jwk{} // an empty set is [], not null
	for _, k := range r.keys {
		if !k.listed {
			continue
		}
		j := k.jwk()
		if edit != nil {
			edit(k, &j)
		}
		list = append(list, j)
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
