package validatortest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestEventToken(t *testing.T) {
	s := start(t, validatortest.Options{Algorithm: "ES256"})
	header, claims := parse(t, s.EventToken("receiver", "urn:event", nil, validatortest.Claim("toe", 1)))
	assert.Equal(t, "secevent+jwt", header["typ"])
	assert.Equal(t, "receiver", claims["aud"])
	assert.Equal(t, s.Issuer(), claims["iss"])
	assert.Equal(t, map[string]any{"urn:event": map[string]any{}}, claims["events"])
	assert.NotEmpty(t, claims["jti"])
	assert.NotContains(t, claims, "sub")
	assert.NotContains(t, claims, "exp")
	assert.EqualValues(t, 1, claims["toe"])
}
