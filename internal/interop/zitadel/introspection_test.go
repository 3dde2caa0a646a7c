package zitadel

import (
	"context"
	"crypto/rsa"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
)

var asOrdersAPI = introspect.ClientSecretBasic(ordersAPI, introspect.StaticSecret(secret(ordersAPI)))

// guard trusts the server's tokens of both forms: discovery, key set and
// introspection are the server's own.
func guard(t *testing.T, s *server, auth introspect.Auth, edit ...func(*validator.Issuer)) *validator.Validator {
	t.Helper()
	is := validator.Issuer{
		URL: s.issuer, Audiences: []string{ordersAPI}, ClientIDs: []string{ordersService, signedService},
		AudienceMayBeClient: true, // this server lists the client in the audience of its own token
		Introspection:       &introspect.Config{Auth: auth},
	}
	for _, e := range edit {
		e(&is)
	}
	v, err := validator.New(validator.Config{Issuers: []validator.Issuer{is}, InsecureAllowHTTP: true})
	require.NoError(t, err)
	return v
}

func accepted(t *testing.T, v *validator.Validator, raw string) *validator.Token {
	t.Helper()
	token, err := v.Validate(t.Context(), raw)
	require.NoError(t, err)
	return token
}

func rejected(t *testing.T, v *validator.Validator, raw string, class error, reason validator.Reason) {
	t.Helper()
	_, err := v.Validate(t.Context(), raw)
	refused(t, err, class, reason)
}

func refused(t *testing.T, err, class error, reason validator.Reason) {
	t.Helper()
	var e *validator.Error
	require.ErrorAs(t, err, &e)
	assert.ErrorIs(t, err, class)
	assert.Equal(t, reason, e.Reason, "%v", err)
}

var now = validator.Requirements{Fresh: validator.IntrospectedNow()}

// TestFivePartToken: an encrypted token has a readable header and dots, and is
// opaque to everybody but its server.
func TestFivePartToken(t *testing.T) {
	s := start(t)
	raw := s.token(t, ordersService, "orders.read orders.write")
	require.Len(t, strings.Split(raw, "."), 5)
	v := guard(t, s, asOrdersAPI)
	token := accepted(t, v, raw)
	assert.Equal(t, validator.OriginIntrospection, token.Origin())
	assert.Equal(t, s.issuer, token.Issuer(), "which the answer does not say")
	assert.Equal(t, ordersService, token.Subject())
	assert.Equal(t, ordersService, token.ClientID())
	assert.Equal(t, []string{ordersService, ordersAPI}, token.Audiences())
	assert.Equal(t, ordersAPI, token.MatchedAudience())
	assert.Equal(t, []string{"orders.read", "orders.write"}, token.Scopes())
	assert.WithinDuration(t, time.Now().Add(lifetime), token.Expiry(), time.Minute)
	assert.Same(t, token, accepted(t, v, raw))

	strict := guard(t, s, asOrdersAPI, func(is *validator.Issuer) { is.AudienceMayBeClient = false })
	rejected(t, strict, raw, validator.ErrInvalidToken, validator.ReasonNotAccessToken)
	i := strings.LastIndex(raw, ".")
	rejected(t, v, raw[:i-1]+raw[i:], validator.ErrInvalidToken, validator.ReasonInactive) // one character less of the text
}

func TestRevokedFivePartToken(t *testing.T) {
	s := start(t)
	raw := s.token(t, ordersService, "orders.read")
	v := guard(t, s, asOrdersAPI)
	accepted(t, v, raw)
	s.revoke(t, ordersService, raw)
	_, err := v.ValidateWith(t.Context(), raw, now)
	refused(t, err, validator.ErrInvalidToken, validator.ReasonInactive)
	rejected(t, v, raw, validator.ErrInvalidToken, validator.ReasonInactive)
}

// TestSignedToken: a JWT is verified here, and its server can be asked about it
// as well: only it knows of the revocation.
func TestSignedToken(t *testing.T) {
	s := start(t)
	raw := s.token(t, signedService, "orders.read")
	v := guard(t, s, asOrdersAPI)
	local := accepted(t, v, raw)
	assert.Equal(t, validator.OriginLocal, local.Origin())
	assert.Equal(t, ordersAPI, local.MatchedAudience())
	assert.True(t, local.IntrospectedAt().IsZero())
	assert.Empty(t, local.Scopes(), "this server's JWTs name none by themselves")

	fresh, err := v.ValidateWith(t.Context(), raw, now)
	require.NoError(t, err)
	assert.Equal(t, validator.OriginLocal, fresh.Origin(), "it says for itself what it is; its server says that it stands")
	assert.WithinDuration(t, time.Now(), fresh.IntrospectedAt(), time.Minute)
	assert.Equal(t, local.Identity(), fresh.Identity())
	assert.Equal(t, local.ID(), fresh.ID())
	assert.Empty(t, fresh.Scopes(), "those of the answer alone are not the token's")

	s.revoke(t, signedService, raw)
	_, err = v.ValidateWith(t.Context(), raw, now)
	refused(t, err, validator.ErrInvalidToken, validator.ReasonInactive)
	assert.Equal(t, validator.OriginLocal, accepted(t, guard(t, s, asOrdersAPI), raw).Origin(), "who does not ask does not know")
}

// TestCallersCredentials: this server refuses them in plain text.
func TestCallersCredentials(t *testing.T) {
	s := start(t)
	raw := s.token(t, ordersService, "orders.read")
	good := introspect.StaticSecret(secret(ordersAPI))
	for name, auth := range map[string]introspect.Auth{
		"wrong secret":                        introspect.ClientSecretBasic(ordersAPI, introspect.StaticSecret("wrong")),
		"unknown client":                      introspect.ClientSecretBasic("nobody", good),
		"a secret in the form, not looked at": introspect.ClientSecretPost(ordersAPI, good),
		"wrong key":                           s.assertion(newKey(t)),
		"a token of its own, not looked at":   introspect.BearerToken(introspect.StaticSecret(raw)),
	} {
		t.Run(name, func(t *testing.T) {
			rejected(t, guard(t, s, auth), raw, validator.ErrUnavailable, validator.ReasonIntrospectionDenied)
		})
	}
	accepted(t, guard(t, s, s.assertion(s.assertionKey)), raw)
}

// assertion is private_key_jwt for ordersAPI.
func (s *server) assertion(key *rsa.PrivateKey) introspect.Auth {
	return introspect.PrivateKeyJWT(ordersAPI, func(context.Context) (introspect.SigningKey, error) {
		return introspect.SigningKey{KeyID: assertionKID, Algorithm: "RS256", Key: key}, nil
	})
}

// TestCallerOutsideTheAudience: who is not meant learns nothing.
func TestCallerOutsideTheAudience(t *testing.T) {
	s := start(t)
	other := introspect.ClientSecretBasic(signedService, introspect.StaticSecret(secret(signedService)))
	rejected(t, guard(t, s, other), s.token(t, ordersService, "orders.read"), validator.ErrInvalidToken, validator.ReasonInactive)
}

// TestTerseAnswer: what the library's own example answers with names neither
// audience nor token type. Each has to be forgiven by name.
func TestTerseAnswer(t *testing.T) {
	s := start(t)
	s.storage.terse = true
	raw := s.token(t, ordersService, "orders.read")
	audience := func(is *validator.Issuer) { is.AllowMissingAudience = true }
	kind := func(is *validator.Issuer) { is.AllowMissingTokenType = true }
	rejected(t, guard(t, s, asOrdersAPI), raw, validator.ErrInvalidToken, validator.ReasonNotAccessToken)
	rejected(t, guard(t, s, asOrdersAPI, audience), raw, validator.ErrInvalidToken, validator.ReasonNotAccessToken)
	rejected(t, guard(t, s, asOrdersAPI, kind), raw, validator.ErrInvalidToken, validator.ReasonAudienceMissing)
	token := accepted(t, guard(t, s, asOrdersAPI, audience, kind), raw)
	assert.Equal(t, ordersService, token.ClientID())
	assert.Empty(t, token.Audiences())
}
