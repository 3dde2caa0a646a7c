package jose_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/MicahParks/jwkset"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/jose"
)

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	content, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(content, into))
}

// publicKey reads a JWK without its private members, as package jwks does.
func publicKey(text json.RawMessage) (*jose.PublicKey, error) {
	var raw jwkset.JWKMarshal
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	raw.D, raw.P, raw.Q, raw.DP, raw.DQ, raw.QI = "", "", "", "", "", ""
	jwk, err := jwkset.NewJWKFromMarshal(raw, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return nil, err
	}
	return jose.NewPublicKey(jwk.Key(), string(raw.ALG))
}

func TestThumbprintsOfTheRFCs(t *testing.T) {
	var file struct {
		Vectors []struct {
			ID  string
			JWK json.RawMessage
			JKT string
		}
		Negative []struct {
			ID     string
			JWK    json.RawMessage
			Expect string
		}
	}
	readJSON(t, "thumbprints.json", &file)
	compared, symmetric := 0, 0
	byID := map[string]string{}
	for _, v := range file.Vectors {
		var kind struct{ Kty string }
		require.NoError(t, json.Unmarshal(v.JWK, &kind))
		if kind.Kty == "oct" {
			symmetric++ // not a public key
			continue
		}
		key, err := publicKey(v.JWK)
		require.NoError(t, err, v.ID)
		thumbprint := key.Thumbprint()
		assert.Equal(t, v.JKT, b64.EncodeToString(thumbprint[:]), v.ID)
		byID[v.ID] = v.JKT
		compared++
	}
	assert.Equal(t, 9, compared)
	assert.Equal(t, 2, symmetric)

	refused := 0
	for _, v := range file.Negative {
		key, err := publicKey(v.JWK)
		if v.Expect == "error" {
			assert.Error(t, err, v.ID) // of encoding/json, jwkset or this package
			refused++
			continue
		}
		// A modulus with a zero octet too many: the key is what counts.
		require.NoError(t, err)
		thumbprint := key.Thumbprint()
		assert.Equal(t, byID["rfc7638"], b64.EncodeToString(thumbprint[:]), v.ID)
	}
	assert.Equal(t, 3, refused)
}

// jwsCase is one case of the vector files; see testdata/README.md.
type jwsCase struct {
	ID            string
	Serialization string
	JWKS          struct{ Keys []json.RawMessage }
	Token         string
	Algs          []string
	Expect        string
}

// asymmetric reports whether any key of the case is one this package knows.
func (c jwsCase) asymmetric() bool {
	for _, text := range c.JWKS.Keys {
		var kind struct{ Kty string }
		if json.Unmarshal(text, &kind) == nil && kind.Kty != "oct" {
			return true
		}
	}
	return false
}

var errRefused = errors.New("refused")

// accept does what the validator does with a token up to its signature.
func (c jwsCase) accept() error {
	if !jose.InAlphabet(c.Token) {
		return errRefused
	}
	compact, ok := jose.Cut(c.Token)
	if !ok {
		return errRefused
	}
	header, err := jose.ParseHeader(compact.Header)
	if err != nil {
		return err
	}
	algorithm, ok := jose.ParseAlgorithm(header.Alg)
	if !ok || !slices.Contains(c.Algs, header.Alg) {
		return errRefused
	}
	if _, err := jose.AppendSegment(nil, compact.Payload); err != nil {
		return err
	}
	signature, err := jose.AppendSegment(nil, compact.Signature)
	if err != nil {
		return err
	}
	for _, text := range c.JWKS.Keys {
		var purpose struct {
			Kid, Use string
			KeyOps   []string `json:"key_ops"`
		}
		if err := json.Unmarshal(text, &purpose); err != nil {
			return err
		}
		if header.KeyID != "" && purpose.Kid != header.KeyID {
			continue
		}
		key, err := publicKey(text)
		if err != nil {
			return err
		}
		return key.Verify(algorithm, compact.Signed, signature)
	}
	return errRefused
}

// differing are the cases that we decide otherwise than the file, and why.
var differing = map[string]string{
	"wycheproof-jws-259": emptyPayload, "wycheproof-jws-264": emptyPayload, "wycheproof-jws-268": emptyPayload,
	"wycheproof-jws-272": emptyPayload, "wycheproof-jws-320": emptyPayload, "wycheproof-jws-325": emptyPayload,
}

const emptyPayload = "fine as a JWS, but no JWT: an empty segment is no claims set (RFC 7519 7.2)"

// Package jwks runs these files too, and others, with key sets as a Source reads them.
func TestPublishedSignatures(t *testing.T) {
	for name, want := range map[string]struct{ total, symmetric, valid, invalid, open int }{
		"wycheproof_jws.json":      {401, 40, 32, 325, 4},
		"wycheproof_jwcrypto.json": {49, 19, 2, 27, 1},
		"rfc_jose.json":            {37, 18, 8, 11, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var file struct{ Cases []jwsCase }
			readJSON(t, name, &file)
			assert.Len(t, file.Cases, want.total)
			symmetric := 0
			decided := map[string]int{}
			for _, c := range file.Cases {
				if !c.asymmetric() {
					symmetric++ // HMAC, which this package cannot name
					continue
				}
				decided[c.Expect]++
				err := c.accept()
				if why, ok := differing[c.ID]; ok {
					assert.Equal(t, c.Expect == "invalid", err == nil, "%s: no difference any more (%s)", c.ID, why)
					continue
				}
				switch c.Expect {
				case "valid":
					assert.NoError(t, err, c.ID)
				case "invalid":
					assert.Error(t, err, c.ID) // of any class: the files name none
				}
			}
			assert.Equal(t, want.symmetric, symmetric)
			assert.Equal(t, map[string]int{"valid": want.valid, "invalid": want.invalid, "open": want.open},
				map[string]int{"valid": decided["valid"], "invalid": decided["invalid"], "open": decided["open"]})
		})
	}
}

// What needs no key: no HMAC vector gets past its algorithm.
func TestPublishedHMACsAreRefusedByName(t *testing.T) {
	for name, want := range map[string]int{
		"wycheproof_jws.json": 27, "wycheproof_jwk.json": 14, "wycheproof_jwcrypto.json": 9, "rfc_jose.json": 4, "peer_tokens.json": 4,
	} {
		var file struct{ Cases []jwsCase }
		readJSON(t, name, &file)
		seen := 0
		for _, c := range file.Cases {
			compact, ok := jose.Cut(c.Token)
			if !ok || c.asymmetric() || len(c.JWKS.Keys) == 0 {
				continue
			}
			header, err := jose.ParseHeader(compact.Header)
			if err != nil {
				continue
			}
			_, known := jose.ParseAlgorithm(header.Alg)
			assert.False(t, known, c.ID)
			_, err = publicKey(c.JWKS.Keys[0])
			assert.Error(t, err, c.ID)
			seen++
		}
		assert.Equal(t, want, seen, name)
	}
}
