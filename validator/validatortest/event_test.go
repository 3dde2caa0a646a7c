package validatortest_test

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestEventToken(t *testing.T) {
	s := start(t, validatortest.Options{Algorithm: "ES256"})
	_, err := verify(t, s, s.EventToken("receiver", "urn:event", nil, validatortest.Expiry(time.Now().Add(time.Hour))))
	require.NoError(t, err)
	claims := jwt.MapClaims{}
	token, _, err := jwt.NewParser().ParseUnverified(s.EventToken("receiver", "urn:event", nil, validatortest.Claim("toe", 1)), claims)
	require.NoError(t, err)
	assert.Equal(t, "secevent+jwt", token.Header["typ"])
	assert.Equal(t, "receiver", claims["aud"])
	assert.Equal(t, s.Issuer(), claims["iss"])
	assert.Equal(t, map[string]any{"urn:event": map[string]any{}}, claims["events"])
	assert.NotEmpty(t, claims["jti"])
	assert.NotContains(t, claims, "sub")
	assert.NotContains(t, claims, "exp")
	assert.EqualValues(t, 1, claims["toe"])
}
