package validatortest_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestOpaqueToken(t *testing.T) {
	s := start(t, validatortest.Options{})
	assert.Regexp(t, `^[A-Za-z0-9_-]{43}$`, s.OpaqueToken())
	assert.NotEqual(t, s.OpaqueToken(), s.OpaqueToken())

	s = startWithAPI(t, validatortest.Options{OpaquePrefix: "v1.oat_"})
	token := s.OpaqueToken(validatortest.HeaderParam("typ", "JWT"), validatortest.NoHeaderParam("alg"), validatortest.Subject("u"))
	assert.Regexp(t, `^v1\.oat_[A-Za-z0-9_-]{43}$`, token)
	assert.Equal(t, "u", introspect(t, s, token)["sub"])
	assertInactive(t, s, strings.TrimPrefix(token, "v1.oat_"))
	assert.Panics(t, func() { s.OpaqueToken(validatortest.Claim("x", func() {})) })
}

func TestRevoke(t *testing.T) {
	s := startWithAPI(t, validatortest.Options{OpaquePrefix: "v1.oat_"})
	for _, mint := range []func(...validatortest.Edit) string{s.OpaqueToken, s.AccessToken} {
		token, other := mint(), mint()
		assertActive(t, s, token)
		s.Revoke(token)
		s.Revoke(token)
		assertInactive(t, s, token)
		assertActive(t, s, other)
	}
	s.Revoke("unknown")
}

// Each signature of ES256 has a second form that is as good.
func TestRevokedIsTheTokenNotItsText(t *testing.T) {
	s := startWithAPI(t, validatortest.Options{Algorithm: "ES256"})
	token := s.AccessToken()
	dot := strings.LastIndexByte(token, '.')
	sig, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	require.NoError(t, err)
	second := new(big.Int).SetBytes(sig[32:])
	second.Sub(elliptic.P256().Params().N, second).FillBytes(sig[32:])
	twin := token[:dot+1] + base64.RawURLEncoding.EncodeToString(sig)
	require.NotEqual(t, token, twin)
	assertActive(t, s, twin)
	s.Revoke(token)
	assertInactive(t, s, twin)
}
