// Package dpoptest makes DPoP proofs (RFC 9449), good and bad, for tests of APIs that
// demand them. It protects nothing: a mistake of the caller, such as an algorithm that
// does not exist, is a panic.
package dpoptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

var b64 = base64.RawURLEncoding

// Key is the key of a client. It is safe for concurrent use.
type Key struct {
	// Clock is that of the client: iat is its time. NewKey sets it to time.Now.
	Clock func() time.Time

	alg    string
	signer crypto.Signer
}

// NewKey makes a key for one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384,
// ES512, EdDSA and Ed25519. RSA keys have 2048 bits, and take a moment.
func NewKey(alg string) *Key {
	var signer crypto.Signer
	var err error
	switch alg {
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
		signer, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		signer, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		signer, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "EdDSA", "Ed25519":
		_, signer, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("no algorithm %q", alg)
	}
	must(err)
	return &Key{time.Now, alg, signer}
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("dpoptest: %v", err))
	}
}

func encode(v any) string {
	text, err := json.Marshal(v)
	must(err)
	return b64.EncodeToString(text)
}

// JWK is the public key (RFC 7517).
func (k *Key) JWK() map[string]any {
	switch key := k.signer.Public().(type) {
	case *rsa.PublicKey:
		return map[string]any{"kty": "RSA", "n": b64.EncodeToString(key.N.Bytes()), "e": b64.EncodeToString(big.NewInt(int64(key.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := key.Bytes() // 4, x and y, both of the curve's full size
		must(err)
		half := (len(point) + 1) / 2
		return map[string]any{"kty": "EC", "crv": key.Params().Name, "x": b64.EncodeToString(point[1:half]), "y": b64.EncodeToString(point[half:])}
	default:
		return map[string]any{"kty": "OKP", "crv": "Ed25519", "x": b64.EncodeToString(key.(ed25519.PublicKey))}
	}
}

// Thumbprint is the key's jkt: its SHA-256 JWK thumbprint (RFC 7638).
func (k *Key) Thumbprint() string {
	text, err := json.Marshal(k.JWK()) // members in alphabetical order, and only the required ones
	must(err)
	digest := sha256.Sum256(text)
	return b64.EncodeToString(digest[:])
}

// Bind binds an access token to the key (RFC 9449 6.1).
func (k *Key) Bind() validatortest.Edit {
	return validatortest.Claim("cnf", map[string]any{"jkt": k.Thumbprint()})
}

// Proof makes a new proof for one request with an access token (RFC 9449 4.2 and 7).
// address is absolute. Edits are made in their order, after everything else; who signs
// is not theirs to say.
func (k *Key) Proof(method, address, accessToken string, edits ...validatortest.Edit) string {
	digest := sha256.Sum256([]byte(accessToken))
	header := map[string]any{"typ": "dpop+jwt", "alg": k.alg, "jwk": k.JWK()}
	claims := map[string]any{
		"jti": rand.Text(), "htm": method, "htu": address, "iat": k.Clock().Unix(),
		"ath": b64.EncodeToString(digest[:]),
	}
	for _, edit := range edits {
		edit(header, claims)
	}
	return k.sign(encode(header), encode(claims))
}

// Authorize puts an access token and a new proof for the request into its headers. The
// address is that of the request, at an origin such as "https://api.example.com".
func (k *Key) Authorize(r *http.Request, origin, accessToken string, edits ...validatortest.Edit) {
	r.Header.Set("Authorization", "DPoP "+accessToken)
	r.Header.Set("DPoP", k.Proof(r.Method, origin+r.URL.EscapedPath(), accessToken, edits...))
}

// Sign returns a compact JWS (RFC 7515 7.1) over exactly these bytes.
func (k *Key) Sign(header, payload []byte) string {
	return k.sign(b64.EncodeToString(header), b64.EncodeToString(payload))
}

func (k *Key) sign(header, payload string) string {
	input := header + "." + payload
	name := k.alg
	if name == "Ed25519" {
		name = "EdDSA" // golang-jwt's name for the same thing
	}
	signature, err := jwt.GetSigningMethod(name).Sign(input, k.signer)
	must(err)
	return input + "." + b64.EncodeToString(signature)
}
