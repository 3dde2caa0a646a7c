package jose_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512"
	"math/big"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// material is one private key of each kind, made once.
var material = sync.OnceValue(func() map[string]crypto.Signer {
	must := func(key crypto.Signer, err error) crypto.Signer {
		if err != nil {
			panic(err)
		}
		return key
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, err2 := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	p521, err3 := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	key, err4 := rsa.GenerateKey(rand.Reader, 2048)
	_, ed, err5 := ed25519.GenerateKey(rand.Reader)
	return map[string]crypto.Signer{"P-256": must(p256, err), "P-384": must(p384, err2), "P-521": must(p521, err3), "RSA": must(key, err4), "Ed25519": must(ed, err5)}
})

var (
	ofRSA  = []jose.Algorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512}
	ofKind = map[string][]jose.Algorithm{"P-256": {jose.ES256}, "P-384": {jose.ES384}, "P-521": {jose.ES512}, "RSA": ofRSA, "Ed25519": {jose.EdDSA, jose.Ed25519}}
)

func newKey(t *testing.T, kind, alg string) *jose.PublicKey {
	t.Helper()
	key, err := jose.NewPublicKey(material()[kind].Public(), alg)
	require.NoError(t, err)
	return key
}

// sign signs as an issuer does.
func sign(t *testing.T, algorithm jose.Algorithm, kind, text string) []byte {
	t.Helper()
	name := algorithm.String()
	if algorithm == jose.Ed25519 {
		name = "EdDSA" // the same thing under its older name
	}
	signature, err := jwt.GetSigningMethod(name).Sign(text, material()[kind])
	require.NoError(t, err)
	return signature
}

func all(t *testing.T) (list []jose.Algorithm) {
	t.Helper()
	for _, name := range jose.AllAlgorithms.Names() {
		algorithm, ok := jose.ParseAlgorithm(name)
		require.True(t, ok)
		list = append(list, algorithm)
	}
	require.Len(t, list, 11)
	return list
}

func TestKeyVerifiesTheAlgorithmsOfItsKindOnly(t *testing.T) {
	for kind, fitting := range ofKind {
		key := newKey(t, kind, "")
		assert.Equal(t, jose.NewAlgorithms(fitting...), key.Algorithms())
		for _, algorithm := range all(t) {
			fits := jose.NewAlgorithms(fitting...).Has(algorithm)
			assert.Equal(t, fits, key.Fits(algorithm))
			if !fits {
				assert.ErrorIs(t, key.Verify(algorithm, "text", make([]byte, 64)), jose.ErrKeyAlg)
				continue
			}
			signature := sign(t, algorithm, kind, "text")
			assert.NoError(t, key.Verify(algorithm, "text", signature), algorithm)
			assert.ErrorIs(t, key.Verify(algorithm, "texu", signature), jose.ErrSignature)
			assert.ErrorIs(t, key.Verify(algorithm, "text", nil), jose.ErrSignature)
			assert.ErrorIs(t, key.Verify(algorithm, "text", signature[:len(signature)-1]), jose.ErrSignature)
			assert.ErrorIs(t, key.Verify(algorithm, "text", append(signature, 0)), jose.ErrSignature)
			signature[5] ^= 1
			assert.ErrorIs(t, key.Verify(algorithm, "text", signature), jose.ErrSignature)
		}
	}
}

func TestKeyThatNamesItsAlgorithmVerifiesNoOther(t *testing.T) {
	for kind, fitting := range ofKind {
		for _, algorithm := range all(t) {
			key, err := jose.NewPublicKey(material()[kind].Public(), algorithm.String())
			if !jose.NewAlgorithms(fitting...).Has(algorithm) {
				assert.ErrorIs(t, err, jose.ErrKeyAlg, "%s %s", kind, algorithm)
				assert.Nil(t, key)
				continue
			}
			require.NoError(t, err)
			if kind == "Ed25519" {
				assert.Equal(t, jose.NewAlgorithms(jose.EdDSA, jose.Ed25519), key.Algorithms(), "two names of one thing")
				continue
			}
			assert.Equal(t, jose.NewAlgorithms(algorithm), key.Algorithms())
		}
		for _, alg := range []string{"none", "HS256", "RSA-OAEP", "ES256K", "rs256", " RS256", "es256", "Ed448"} {
			_, err := jose.NewPublicKey(material()[kind].Public(), alg)
			assert.ErrorIs(t, err, jose.ErrKeyAlg, alg)
		}
	}
	key := newKey(t, "RSA", "RS256")
	assert.ErrorIs(t, key.Verify(jose.PS256, "text", sign(t, jose.PS256, "RSA", "text")), jose.ErrKeyAlg)
	assert.NoError(t, key.Verify(jose.RS256, "text", sign(t, jose.RS256, "RSA", "text")))
}

func TestAnotherAlgorithmsSignatureDoesNotVerify(t *testing.T) {
	key := newKey(t, "RSA", "")
	for _, signed := range ofRSA {
		signature := sign(t, signed, "RSA", "text")
		for _, claimed := range ofRSA {
			if claimed != signed {
				assert.ErrorIs(t, key.Verify(claimed, "text", signature), jose.ErrSignature, "%s as %s", signed, claimed)
			}
		}
	}
}

// RFC 7518 3.5: the salt is as long as the hash.
func TestPSSSaltIsAsLongAsTheHash(t *testing.T) {
	for algorithm, hash := range map[jose.Algorithm]crypto.Hash{jose.PS256: crypto.SHA256, jose.PS384: crypto.SHA384, jose.PS512: crypto.SHA512} {
		h := hash.New()
		h.Write([]byte("text"))
		digest := h.Sum(nil)
		for _, salt := range []int{0, 1, 20, hash.Size() - 1, hash.Size(), hash.Size() + 1, 100} {
			options := &rsa.PSSOptions{SaltLength: salt, Hash: hash}
			if salt == 0 {
				options.SaltLength = 0
			}
			signature, err := signSalted(digest, salt, options)
			require.NoError(t, err)
			err = newKey(t, "RSA", "").Verify(algorithm, "text", signature)
			if salt == hash.Size() {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, jose.ErrSignature, "%s with a salt of %d", algorithm, salt)
			}
		}
	}
}

// signSalted signs with a salt of that length. SignPSS takes 0 for "as long as
// possible", so a signature without salt is made by hand (RFC 8017 9.1.1).
func signSalted(digest []byte, salt int, options *rsa.PSSOptions) ([]byte, error) {
	private := material()["RSA"].(*rsa.PrivateKey)
	if salt > 0 {
		return rsa.SignPSS(rand.Reader, private, options.Hash, digest, options)
	}
	h := options.Hash.New()
	h.Write(make([]byte, 8))
	h.Write(digest)
	sum := h.Sum(nil)
	em := make([]byte, 256)
	db := em[:256-len(sum)-1]
	db[len(db)-1] = 1
	for counter, offset := byte(0), 0; offset < len(db); counter++ { // MGF1
		m := options.Hash.New()
		m.Write(append(append([]byte{}, sum...), 0, 0, 0, counter))
		for _, b := range m.Sum(nil) {
			if offset < len(db) {
				db[offset] ^= b
				offset++
			}
		}
	}
	db[0] &= 0x7f
	copy(em[len(db):], sum)
	em[255] = 0xbc
	signature := new(big.Int).Exp(new(big.Int).SetBytes(em), private.D, private.N)
	return signature.FillBytes(make([]byte, 256)), nil
}

func TestECDSASignatureIsRawAndOfFixedLength(t *testing.T) {
	digest := sha256.Sum256([]byte("text"))
	private := material()["P-256"].(*ecdsa.PrivateKey)
	asn1, err := ecdsa.SignASN1(rand.Reader, private, digest[:])
	require.NoError(t, err)
	key := newKey(t, "P-256", "")
	assert.ErrorIs(t, key.Verify(jose.ES256, "text", asn1), jose.ErrSignature)
	assert.ErrorIs(t, key.Verify(jose.ES256, "text", make([]byte, 64)), jose.ErrSignature, "r = s = 0")
}

func number(bits int) *big.Int {
	n := new(big.Int).SetBit(new(big.Int), bits-1, 1)
	return n.SetBit(n, 0, 1)
}

func TestRSAKeysAreBounded(t *testing.T) {
	for name, test := range map[string]struct {
		n    *big.Int
		e    int
		want error
	}{
		"2048":             {number(2048), 65537, nil},
		"8192":             {number(8192), 65537, nil},
		"e is 3":           {number(2048), 3, nil},
		"e is 5":           {number(2048), 5, nil},
		"2047":             {number(2047), 65537, jose.ErrKeySize},
		"1024":             {number(1024), 65537, jose.ErrKeySize},
		"8193":             {number(8193), 65537, jose.ErrKeySize},
		"16384":            {number(16384), 65537, jose.ErrKeySize},
		"modulus 0":        {new(big.Int), 65537, jose.ErrKeySize},
		"e is 0":           {number(2048), 0, jose.ErrKeyRSA},
		"e is 1":           {number(2048), 1, jose.ErrKeyRSA},
		"e is 2":           {number(2048), 2, jose.ErrKeyRSA},
		"e is 4":           {number(2048), 4, jose.ErrKeyRSA},
		"e is 65536":       {number(2048), 65536, jose.ErrKeyRSA},
		"e is negative":    {number(2048), -3, jose.ErrKeyRSA},
		"even modulus":     {new(big.Int).Sub(number(2048), big.NewInt(1)), 65537, jose.ErrKeyRSA},
		"small, e is even": {number(512), 2, jose.ErrKeySize},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := jose.NewPublicKey(&rsa.PublicKey{N: test.n, E: test.e}, "")
			assert.ErrorIs(t, err, test.want)
			assert.Equal(t, test.want == nil, key != nil)
		})
	}
}

func TestOtherKeysAreNone(t *testing.T) {
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(t, err)
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	require.NoError(t, err)
	for name, key := range map[string]crypto.PublicKey{
		"X25519":          x25519.PublicKey(),
		"P-224":           &p224.PublicKey,
		"symmetric":       []byte("secret"),
		"text":            "secret",
		"nil":             nil,
		"private RSA":     material()["RSA"],
		"private EC":      material()["P-256"],
		"private Ed25519": material()["Ed25519"],
		"RSA by value":    *material()["RSA"].Public().(*rsa.PublicKey),
	} {
		for _, alg := range []string{"", "RS256", "ES256", "HS256", "none"} {
			_, err := jose.NewPublicKey(key, alg)
			assert.ErrorIs(t, err, jose.ErrKeyType, name)
		}
	}
}

func TestOnlyAsymmetricAlgorithmsHaveAName(t *testing.T) {
	assert.Equal(t, []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}, jose.AllAlgorithms.Names())
	for _, name := range []string{"", "none", "None", "HS256", "HS384", "HS512", "ES256K", "Ed448", "rs256", "RS1", "RSA-OAEP", " RS256", "RS256\x00", "ML-DSA-44"} {
		algorithm, ok := jose.ParseAlgorithm(name)
		assert.False(t, ok, name)
		assert.Zero(t, algorithm)
		assert.False(t, jose.AllAlgorithms.Has(algorithm))
	}
	for _, algorithm := range all(t) {
		again, ok := jose.ParseAlgorithm(algorithm.String())
		assert.True(t, ok)
		assert.Equal(t, algorithm, again)
	}
}

func TestSetOfAlgorithms(t *testing.T) {
	set := jose.NewAlgorithms(jose.ES256, jose.RS256, jose.ES256)
	assert.True(t, set.Has(jose.ES256))
	assert.False(t, set.Has(jose.PS256))
	assert.False(t, set.Has(0), "what has no name is in no set")
	assert.False(t, jose.AllAlgorithms.Has(jose.Ed25519+1))
	assert.Equal(t, []string{"RS256", "ES256"}, set.Names())
	assert.Empty(t, jose.NewAlgorithms().Names())
}

// A point that is not on its curve is no key, whoever parsed it (RFC 7518 6.2.1).
func TestPointOffItsCurveIsNoKey(t *testing.T) {
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		//lint:ignore SA1019 the functions that replace these fields refuse to make such a key
		off := &ecdsa.PublicKey{Curve: curve, X: big.NewInt(1), Y: big.NewInt(1)}
		_, err := jose.NewPublicKey(off, "")
		assert.ErrorIs(t, err, jose.ErrKeyType)
	}
}
