package introspect_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
)

// rsaKey is made once: it takes a while.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func ecKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	require.NoError(t, err)
	return key
}

func edKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return key
}

// byKey authenticates with one key.
func byKey(k introspect.SigningKey) edit {
	return auth(introspect.PrivateKeyJWT(odd, func(context.Context) (introspect.SigningKey, error) { return k, nil }))
}

// assertion is a client assertion, taken apart.
type assertion struct {
	signed         string
	signature      []byte
	header, claims map[string]any
}

// assertionOf reads the assertion of a request, whose form has nothing else.
func assertionOf(t *testing.T, got received) assertion {
	t.Helper()
	form := got.form(t)
	assert.Len(t, form, 4)
	assert.Equal(t, []string{"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, form["client_assertion_type"])
	assert.Equal(t, []string{token}, form["token"])
	assert.Equal(t, []string{"access_token"}, form["token_type_hint"])
	assert.NotContains(t, got.header, "Authorization")
	require.Len(t, form["client_assertion"], 1)
	parts := strings.Split(form.Get("client_assertion"), ".")
	require.Len(t, parts, 3)
	a := assertion{signed: parts[0] + "." + parts[1], signature: segment(t, parts[2])}
	require.NoError(t, json.Unmarshal(segment(t, parts[0]), &a.header))
	require.NoError(t, json.Unmarshal(segment(t, parts[1]), &a.claims))
	return a
}

func segment(t *testing.T, text string) []byte {
	t.Helper()
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	require.NoError(t, err)
	return decoded
}

// verifies checks the signature with nothing but the standard library.
func (a *assertion) verifies(algorithm string, public crypto.PublicKey) bool {
	hash, digest := crypto.SHA256, sha256.Sum256([]byte(a.signed))
	sum := digest[:]
	if strings.HasSuffix(algorithm, "384") {
		long := sha512.Sum384([]byte(a.signed))
		hash, sum = crypto.SHA384, long[:]
	}
	switch key := public.(type) {
	case *rsa.PublicKey:
		if strings.HasPrefix(algorithm, "PS") {
			return rsa.VerifyPSS(key, hash, sum, a.signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(key, hash, sum, a.signature) == nil
	case *ecdsa.PublicKey:
		half := len(a.signature) / 2
		return half == (key.Params().BitSize+7)/8 &&
			ecdsa.Verify(key, sum, new(big.Int).SetBytes(a.signature[:half]), new(big.Int).SetBytes(a.signature[half:]))
	case ed25519.PublicKey:
		return ed25519.Verify(key, []byte(a.signed), a.signature)
	}
	return false
}

func TestPrivateKeyJWT(t *testing.T) {
	for algorithm, key := range map[string]crypto.Signer{
		"RS256": rsaKey(), "PS256": rsaKey(), "ES256": ecKey(t, elliptic.P256()), "ES384": ecKey(t, elliptic.P384()),
		"EdDSA": edKey(t), "Ed25519": edKey(t),
	} {
		for _, kid := range []string{"", "mine"} {
			t.Run(algorithm+" "+kid, func(t *testing.T) {
				now := newClock()
				n := replying(with(200, yes))
				isActive(t, newClient(t, n, clocked(now.Now), byKey(introspect.SigningKey{KeyID: kid, Algorithm: algorithm, Key: key})))
				a := assertionOf(t, n.last(t))
				assert.True(t, a.verifies(algorithm, key.Public()))
				header := map[string]any{"alg": algorithm, "typ": "client-authentication+jwt"}
				if kid != "" {
					header["kid"] = kid
				}
				assert.Equal(t, header, a.header)

				require.IsType(t, "", a.claims["jti"])
				assert.GreaterOrEqual(t, len(a.claims["jti"].(string)), 22, "128 bits cannot be guessed")
				delete(a.claims, "jti")
				iat := float64(now.Now().Unix())
				assert.Equal(t, map[string]any{"iss": odd, "sub": odd, "aud": issuer, "iat": iat, "exp": iat + 60}, a.claims)
			})
		}
	}
	assert.Equal(t, "1m0s", introspect.AssertionLifetime.String())
}

func TestEachQuestionHasAnAssertionOfItsOwn(t *testing.T) {
	n := replying(with(200, yes))
	c := newClient(t, n, byKey(introspect.SigningKey{Algorithm: "ES256", Key: ecKey(t, elliptic.P256())}))
	seen := map[any]bool{}
	for range 20 {
		isActive(t, c)
		seen[assertionOf(t, n.last(t)).claims["jti"]] = true
	}
	assert.Len(t, seen, 20)
}

func TestSigningKeyIsAskedForEachTime(t *testing.T) {
	keys := []introspect.SigningKey{
		{KeyID: "old", Algorithm: "ES256", Key: ecKey(t, elliptic.P256())},
		{KeyID: "new", Algorithm: "EdDSA", Key: edKey(t)},
	}
	n := replying(with(200, yes))
	asked := 0
	c := newClient(t, n, auth(introspect.PrivateKeyJWT("client", func(context.Context) (introspect.SigningKey, error) {
		asked++
		return keys[asked-1], nil
	})))
	for _, key := range keys {
		isActive(t, c)
		a := assertionOf(t, n.last(t))
		assert.Equal(t, key.KeyID, a.header["kid"])
		assert.True(t, a.verifies(key.Algorithm, key.Key.Public()))
	}
	assert.Equal(t, 2, asked)
}

func TestSigningKeyThatCannotBeHadIsOurOwnTrouble(t *testing.T) {
	n := replying(with(200, yes))
	good := introspect.SigningKey{Algorithm: "ES256", Key: ecKey(t, elliptic.P256())}
	c := newClient(t, n, auth(introspect.PrivateKeyJWT("client", func(context.Context) (introspect.SigningKey, error) {
		return good, errors.New("sealed")
	})))
	neverSuspends(t, c, introspect.Credentials)
	assert.Zero(t, n.count())
}

// remoteSigner is a key that we cannot see, and that golang-jwt does not use.
type remoteSigner struct{ public crypto.PublicKey }

func (s remoteSigner) Public() crypto.PublicKey { return s.public }
func (s remoteSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the vault is sealed")
}

func TestSigningKeyThatIsOfNoUseMakesNoAssertion(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	ec, ed := ecKey(t, elliptic.P256()), edKey(t)
	for name, key := range map[string]introspect.SigningKey{
		"nothing":            {},
		"no key":             {Algorithm: "ES256"},
		"no algorithm":       {Key: ec},
		"none":               {Algorithm: "none", Key: ec},
		"symmetric":          {Algorithm: "HS256", Key: ec},
		"unknown":            {Algorithm: "es256", Key: ec},
		"weak":               {Algorithm: "RS256", Key: weak},
		"another curve":      {Algorithm: "ES384", Key: ec},
		"a curve of no use":  {Algorithm: "ES256", Key: ecKey(t, elliptic.P224())},
		"RSA for EC":         {Algorithm: "RS256", Key: ec},
		"EC for RSA":         {Algorithm: "ES256", Key: rsaKey()},
		"EC for Ed25519":     {Algorithm: "ES256", Key: ed},
		"Ed25519 for EC":     {Algorithm: "Ed25519", Key: ec},
		"does not sign":      {Algorithm: "EdDSA", Key: remoteSigner{ed.Public()}},
		"of an unknown type": {Algorithm: "ES256", Key: remoteSigner{ec.Public()}},
	} {
		t.Run(name, func(t *testing.T) {
			n := replying(with(200, yes))
			neverSuspends(t, newClient(t, n, byKey(key)), introspect.Credentials)
			assert.Zero(t, n.count())
		})
	}
}
