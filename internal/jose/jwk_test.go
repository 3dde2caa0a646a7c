package jose_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/jose"
)

func octets(data []byte) string { return b64.EncodeToString(data) }

type members map[string]any

// public is the JWK of a kind of material.
func public(t *testing.T, kind string) members {
	t.Helper()
	switch key := material()[kind].Public().(type) {
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		require.NoError(t, err)
		half := (len(point) + 1) / 2
		return members{"kty": "EC", "crv": kind, "x": octets(point[1:half]), "y": octets(point[half:])}
	case *rsa.PublicKey:
		return members{"kty": "RSA", "n": octets(key.N.Bytes()), "e": octets(big.NewInt(int64(key.E)).Bytes())}
	case ed25519.PublicKey:
		return members{"kty": "OKP", "crv": "Ed25519", "x": octets(key)}
	}
	panic(kind)
}

// with is a JWK with other members; nil removes one.
func (m members) with(pairs ...any) members {
	changed := members{}
	for name, value := range m {
		changed[name] = value
	}
	for i := 0; i < len(pairs); i += 2 {
		if changed[pairs[i].(string)] = pairs[i+1]; pairs[i+1] == nil {
			delete(changed, pairs[i].(string))
		}
	}
	return changed
}

func (m members) text(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(m)
	require.NoError(t, err)
	return string(text)
}

// TestParseJWK: the key itself comes out, whatever else the JWK says about it.
func TestParseJWK(t *testing.T) {
	for kind, algorithms := range ofKind {
		plain := public(t, kind)
		want := newKey(t, kind, "").Thumbprint()
		for name, k := range map[string]members{
			"plain": plain, "use": plain.with("use", "sig"), "of WebCrypto": plain.with("key_ops", []string{"verify"}, "ext", true),
			"kid": plain.with("kid", strings.Repeat("k", jose.MaxKeyID)), "certificates": plain.with("x5c", 5, "x5u", "http://evil.example", "x5t", ""),
			"unknown member": plain.with("D0", 1, "priv_", 2),
		} {
			key, err := jose.ParseJWK(k.text(t))
			require.NoError(t, err, "%s %s", kind, name)
			assert.Equal(t, want, key.Thumbprint())
			assert.Equal(t, jose.NewAlgorithms(algorithms...), key.Algorithms())
			assert.NoError(t, key.Verify(algorithms[0], "text", sign(t, algorithms[0], kind, "text")))
		}
		key, err := jose.ParseJWK(plain.with("alg", algorithms[0].String()).text(t))
		require.NoError(t, err)
		assert.True(t, key.Fits(algorithms[0]))
		assert.Equal(t, kind == "RSA", !key.Fits(algorithms[len(algorithms)-1]), "bound to the one it names")
	}
}

// TestParseJWKRefuses: everything that is no public key, or has a second spelling.
func TestParseJWKRefuses(t *testing.T) {
	ec, big384, ed, rsa := public(t, "P-256"), public(t, "P-384"), public(t, "Ed25519"), public(t, "RSA")
	x := ec["x"].(string)
	raw, err := b64.DecodeString(x)
	require.NoError(t, err)
	n, err := b64.DecodeString(rsa["n"].(string))
	require.NoError(t, err)
	weak := append([]byte(nil), n[:128]...)
	weak[127] |= 1
	even := append([]byte(nil), n...)
	even[255] &^= 1
	large := append(append([]byte{}, n...), make([]byte, 1024)...)
	for name, tc := range map[string]struct {
		text string
		err  error
	}{
		"no object":             {`"error"`, jose.ErrSyntax},
		"empty object":          {`{}`, jose.ErrKeyType},
		"trailing data":         {ec.text(t) + "x", jose.ErrSyntax},
		"twice the same member": {strings.Replace(ec.text(t), "{", `{"kty":"EC",`, 1), jose.ErrDuplicate},
		"folded name":           {ec.with("KTY", "EC").text(t), jose.ErrFolded},
		"folded private name":   {ec.with("D", "x").text(t), jose.ErrFolded},
		"too deep":              {ec.with("a", json.RawMessage(strings.Repeat("[", 20)+strings.Repeat("]", 20))).text(t), jose.ErrDepth},

		"kty missing":   {ec.with("kty", nil).text(t), jose.ErrKeyType},
		"kty number":    {ec.with("kty", 1).text(t), jose.ErrType},
		"kty unknown":   {ec.with("kty", "AKP").text(t), jose.ErrKeyType},
		"kty lower":     {ec.with("kty", "ec").text(t), jose.ErrKeyType},
		"kty of others": {ec.with("kty", "RSA").text(t), jose.ErrKeyMaterial},
		"oct":           {`{"kty":"oct"}`, jose.ErrKeyType},
		"oct with k":    {`{"kty":"oct","k":"AAAA"}`, jose.ErrKeyPrivate},

		"d":            {ec.with("d", x).text(t), jose.ErrKeyPrivate},
		"empty d":      {ec.with("d", "").text(t), jose.ErrKeyPrivate},
		"d of no type": {ec.with("d", []int{}).text(t), jose.ErrKeyPrivate},
		"p":            {rsa.with("p", "AQ").text(t), jose.ErrKeyPrivate},
		"q":            {rsa.with("q", "AQ").text(t), jose.ErrKeyPrivate},
		"dp":           {rsa.with("dp", "AQ").text(t), jose.ErrKeyPrivate},
		"dq":           {rsa.with("dq", "AQ").text(t), jose.ErrKeyPrivate},
		"qi":           {rsa.with("qi", "AQ").text(t), jose.ErrKeyPrivate},
		"oth":          {rsa.with("oth", []any{}).text(t), jose.ErrKeyPrivate},
		"k":            {ec.with("k", "AQ").text(t), jose.ErrKeyPrivate},
		"priv":         {ec.with("priv", "AQ").text(t), jose.ErrKeyPrivate},

		"use enc":               {ec.with("use", "enc").text(t), jose.ErrKeyUse},
		"use empty":             {ec.with("use", "").text(t), jose.ErrKeyUse},
		"use list":              {ec.with("use", []string{"sig"}).text(t), jose.ErrType},
		"key_ops sign":          {ec.with("key_ops", []string{"sign"}).text(t), jose.ErrKeyUse},
		"key_ops empty":         {ec.with("key_ops", []string{}).text(t), jose.ErrKeyUse},
		"key_ops of use enc":    {ec.with("use", "enc", "key_ops", []string{"verify"}).text(t), jose.ErrKeyUse},
		"use sig of other ops":  {ec.with("use", "sig", "key_ops", []string{"sign"}).text(t), jose.ErrKeyUse},
		"key_ops string":        {ec.with("key_ops", "verify").text(t), jose.ErrType},
		"kid too long":          {ec.with("kid", strings.Repeat("k", jose.MaxKeyID+1)).text(t), jose.ErrKeyIDSize},
		"kid number":            {ec.with("kid", 1).text(t), jose.ErrType},
		"alg empty":             {ec.with("alg", "").text(t), jose.ErrType},
		"alg of another type":   {ec.with("alg", "RS256").text(t), jose.ErrKeyAlg},
		"alg of another curve":  {ec.with("alg", "ES384").text(t), jose.ErrKeyAlg},
		"alg symmetric":         {ec.with("alg", "HS256").text(t), jose.ErrKeyAlg},
		"alg for key agreement": {ec.with("alg", "ECDH-ES").text(t), jose.ErrKeyAlg},

		"crv missing":         {ec.with("crv", nil).text(t), jose.ErrKeyType},
		"crv unknown":         {ec.with("crv", "secp256k1").text(t), jose.ErrKeyType},
		"crv of another key":  {ec.with("crv", "P-384").text(t), jose.ErrKeyMaterial},
		"crv of OKP":          {ec.with("crv", "Ed25519").text(t), jose.ErrKeyType},
		"x missing":           {ec.with("x", nil).text(t), jose.ErrKeyMaterial},
		"y missing":           {ec.with("y", nil).text(t), jose.ErrKeyMaterial},
		"off the curve":       {ec.with("y", x).text(t), jose.ErrKeyMaterial},
		"zero":                {ec.with("x", octets(make([]byte, 32)), "y", octets(make([]byte, 32))).text(t), jose.ErrKeyMaterial},
		"x with a zero more":  {ec.with("x", octets(append([]byte{0}, raw...))).text(t), jose.ErrKeyMaterial},
		"x shorter":           {ec.with("x", octets(raw[1:])).text(t), jose.ErrKeyMaterial},
		"x padded":            {ec.with("x", x+"=").text(t), jose.ErrKeyMaterial},
		"x with a line break": {ec.with("x", x[:9]+"\n"+x[9:]).text(t), jose.ErrKeyMaterial},
		"x with a space":      {ec.with("x", x[:9]+" "+x[9:]).text(t), jose.ErrKeyMaterial},
		"x in base64":         {ec.with("x", strings.Repeat("+", 42)+"8").text(t), jose.ErrKeyMaterial},
		"x with unused bits":  {big384.with("crv", "P-256", "x", strings.Repeat("A", 42)+"B").text(t), jose.ErrKeyMaterial},
		"x number":            {ec.with("x", 1).text(t), jose.ErrType},
		"x of 1 MB":           {ec.with("x", strings.Repeat("A", 1<<20)).text(t), jose.ErrKeyMaterial},

		"X25519":             {ed.with("crv", "X25519").text(t), jose.ErrKeyType},
		"Ed448":              {ed.with("crv", "Ed448").text(t), jose.ErrKeyType},
		"Ed25519 of 31":      {ed.with("x", octets(make([]byte, 31))).text(t), jose.ErrKeyMaterial},
		"Ed25519 of 33":      {ed.with("x", octets(make([]byte, 33))).text(t), jose.ErrKeyMaterial},
		"Ed25519 without x":  {ed.with("x", nil).text(t), jose.ErrKeyMaterial},
		"Ed25519 of order 4": {ed.with("x", octets(make([]byte, 32))).text(t), jose.ErrKeyOrder},

		"RSA-1024":               {rsa.with("n", octets(weak)).text(t), jose.ErrKeySize},
		"RSA beyond 8192":        {rsa.with("n", octets(large)).text(t), jose.ErrKeyMaterial},
		"RSA-8200":               {rsa.with("n", octets(large[:1025])).text(t), jose.ErrKeyMaterial},
		"RSA even":               {rsa.with("n", octets(even)).text(t), jose.ErrKeyRSA},
		"RSA with a zero first":  {rsa.with("n", octets(append([]byte{0}, n...))).text(t), jose.ErrKeyMaterial},
		"RSA with a line break":  {rsa.with("n", rsa["n"].(string)[:9]+"\r\n"+rsa["n"].(string)[9:]).text(t), jose.ErrKeyMaterial},
		"x and y of other sizes": {ec.with("x", octets(raw[1:]), "y", octets(append([]byte{1}, raw...))).text(t), jose.ErrKeyMaterial},
		"RSA without n":          {rsa.with("n", nil).text(t), jose.ErrKeyMaterial},
		"RSA without e":          {rsa.with("e", nil).text(t), jose.ErrKeyMaterial},
		"RSA n padded":           {rsa.with("n", rsa["n"].(string)+"=").text(t), jose.ErrKeyMaterial},
		"RSA e padded":           {rsa.with("e", "AQAB=").text(t), jose.ErrKeyMaterial},
		"RSA e in base64":        {rsa.with("e", "AQAB+").text(t), jose.ErrKeyMaterial},
		"RSA e = 1":              {rsa.with("e", "AQ").text(t), jose.ErrKeyRSA},
		"RSA e = 2":              {rsa.with("e", "Ag").text(t), jose.ErrKeyRSA},
		"RSA e = 0":              {rsa.with("e", "AA").text(t), jose.ErrKeyMaterial},
		"RSA e with a zero":      {rsa.with("e", "AAEAAQ").text(t), jose.ErrKeyMaterial},
		"RSA e of 32 bits":       {rsa.with("e", "gAAAAQ").text(t), jose.ErrKeyMaterial},
		"RSA e of 40 bits":       {rsa.with("e", "AQAAAAE").text(t), jose.ErrKeyMaterial},
		"RSA e = 65537 + 2^64":   {rsa.with("e", "AQAAAAAAAQAB").text(t), jose.ErrKeyMaterial},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := jose.ParseJWK(tc.text)
			assert.ErrorIs(t, err, tc.err)
			assert.Nil(t, key)
		})
	}
	// The largest exponent and modulus that there may be.
	large[1023] |= 1
	key, err := jose.ParseJWK(rsa.with("e", "f____w", "n", octets(large[:1024])).text(t))
	require.NoError(t, err)
	assert.True(t, key.Fits(jose.PS512))
}

// TestSmallOrder: each of these points verifies a signature that nobody made, which is
// why none is a key.
func TestSmallOrder(t *testing.T) {
	// R is the neutral element and S is zero: [0]B = R + [k]A holds for every message
	// whose k the order of A divides.
	forged := make([]byte, ed25519.SignatureSize)
	forged[0] = 1
	for _, y := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		point, err := hex.DecodeString(y)
		require.NoError(t, err)
		for range 2 {
			verified := false
			for i := uint32(0); i < 1000 && !verified; i++ {
				verified = ed25519.Verify(point, binary.BigEndian.AppendUint32(nil, i), forged)
			}
			assert.True(t, verified, y)
			_, err := jose.NewPublicKey(ed25519.PublicKey(point), "")
			assert.ErrorIs(t, err, jose.ErrKeyOrder, y)
			point[31] ^= 0x80 // the other x
		}
	}
	_, err := jose.NewPublicKey(material()["Ed25519"].Public(), "")
	assert.NoError(t, err)
}
