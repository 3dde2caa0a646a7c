package validator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestTokenFacts(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	c := configure(trust(s))
	c.Issuers[0].Name, c.Issuers[0].Audiences, c.Clock = "orders", []string{"api://x", audience, "api://y"}, clock.Now
	token := accept(t, build(t, c), s.AccessToken(
		validatortest.Audience("api://other", "api://y", audience), validatortest.Subject("jane"), validatortest.Scope("b", "a"),
		validatortest.Claim("jti", "id-1"), validatortest.Claim("exp", float64(clock.Now().Unix())+90.5)))

	assert.Equal(t, s.Issuer(), token.Issuer())
	assert.Equal(t, "orders", token.IssuerName())
	assert.Equal(t, "jane", token.Subject())
	assert.Equal(t, validator.Identity{Issuer: s.Issuer(), Subject: "jane"}, token.Identity())
	assert.Equal(t, client, token.ClientID())
	assert.Equal(t, "id-1", token.ID())
	assert.Equal(t, []string{"b", "a"}, token.Scopes())
	assert.True(t, token.HasScope("a"))
	assert.False(t, token.HasScope("A"))
	assert.Equal(t, []string{"api://other", "api://y", audience}, token.Audiences())
	assert.Equal(t, audience, token.MatchedAudience(), "the first configured one")
	assert.True(t, token.Expiry().Equal(clock.Now().Add(90500*time.Millisecond)), token.Expiry())
	assert.True(t, token.IssuedAt().Equal(clock.Now()))
	assert.Equal(t, validator.OriginLocal, token.Origin())
	assert.True(t, token.IntrospectedAt().IsZero())
	assert.Equal(t, s.KID(), token.KeyID())
	assert.Zero(t, token.Confirmation())
}

func TestAbsentFacts(t *testing.T) {
	s := start(t, validatortest.Options{Style: validatortest.StyleGeneric})
	token := accept(t, build(t, configure(trust(s))), s.AccessToken(
		validatortest.NoClaim("sub"), validatortest.NoClaim("jti"), validatortest.NoClaim("iat"), validatortest.Scope()))
	assert.Empty(t, token.Subject())
	assert.Empty(t, token.ID())
	assert.Empty(t, token.Scopes())
	assert.True(t, token.IssuedAt().IsZero())
}

// TestTokenIsImmutable: what a caller does with a returned list is not seen by
// the next one.
func TestTokenIsImmutable(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	raw := s.AccessToken(validatortest.Audience(audience, "b"), validatortest.Scope("read"))
	first := accept(t, v, raw)
	first.Scopes()[0], first.Audiences()[0] = "admin", "evil"
	again := accept(t, v, raw)
	assert.Equal(t, []string{"read"}, again.Scopes())
	assert.Equal(t, []string{audience, "b"}, again.Audiences())
}

func TestClaims(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	token := accept(t, v, s.AccessToken(
		validatortest.Claim("tenant", "acme"), validatortest.Claim("seats", json.RawMessage("9007199254740993")),
		validatortest.Claim("plan", map[string]any{"name": "gold", "tags": []string{"a", "b"}}), validatortest.Claim("nothing", nil),
		validatortest.Claim("text", "line\nbreak \u00e9 \U0001F511")))

	custom, err := validator.Claims[struct {
		Tenant string `json:"tenant"`
		Seats  int64  `json:"seats"`
		Plan   struct {
			Name string   `json:"name"`
			Tags []string `json:"tags"`
		} `json:"plan"`
		Upper string `json:"TENANT"`
	}](token)
	require.NoError(t, err)
	assert.Equal(t, "acme", custom.Tenant)
	assert.Equal(t, int64(9007199254740993), custom.Seats, "exact, as no float64 is")
	assert.Equal(t, []string{"a", "b"}, custom.Plan.Tags)
	assert.Empty(t, custom.Upper, "names match with their case")

	all, err := validator.Claims[map[string]any](token)
	require.NoError(t, err)
	assert.Equal(t, "acme", all["tenant"])
	_, err = validator.Claims[struct {
		Tenant int `json:"tenant"`
	}](token)
	assert.Error(t, err)

	for name, want := range map[string]any{
		"tenant": "acme", "plan": map[string]any{"name": "gold", "tags": []any{"a", "b"}}, "nothing": nil,
		"text": "line\nbreak \u00e9 \U0001F511", "iss": s.Issuer(),
	} {
		got, ok := token.Claim(name)
		assert.True(t, ok, name)
		assert.Equal(t, want, got, name)
	}
	huge := accept(t, v, s.AccessToken(validatortest.Claim("huge", json.RawMessage("1e400"))))
	got, ok := huge.Claim("huge")
	assert.False(t, ok)
	assert.Nil(t, got)
	for _, name := range []string{"missing", "Tenant", ""} {
		got, ok := token.Claim(name)
		assert.False(t, ok, name)
		assert.Nil(t, got, name)
	}
}

// TestTokenNeverPrintsItself: neither the claims nor the raw token come out of
// any way to print a Token, an error or a log line.
func TestTokenNeverPrintsItself(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	raw := s.AccessToken(validatortest.Subject("secret-subject"))
	token := accept(t, v, raw)
	encoded, err := json.Marshal(struct{ T *validator.Token }{token})
	require.NoError(t, err)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "token", token)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", token, "in", struct{ T *validator.Token }{token})
	for _, printed := range []string{
		fmt.Sprint(token), fmt.Sprintf("%v %+v %#v %s %q %x %d", token, token, token, token, token, token, token),
		fmt.Sprintf("%v %+v", struct{ T *validator.Token }{token}, []*validator.Token{token}), string(encoded), log.String(),
	} {
		assert.Contains(t, printed, "access token")
		assert.NotContains(t, printed, "secret-subject")
		for _, part := range strings.Split(raw, ".") { // nor in base64url
			assert.NotContains(t, printed, part)
		}
	}
	// fmt calls no methods on the fields of a struct that are not exported.
	hidden := struct{ t *validator.Token }{token}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t", "%p", "%!"} {
		for _, printed := range []string{fmt.Sprintf(verb, hidden), fmt.Sprintf(verb, &hidden), fmt.Sprintf(verb, []any{hidden})} {
			assert.NotContains(t, printed, "secret", verb)
			assert.NotContains(t, printed, fmt.Sprintf("%x", "secret"), verb)
		}
	}
}

func TestContext(t *testing.T) {
	_, ok := validator.FromContext(t.Context())
	assert.False(t, ok)
	_, ok = validator.FromContext(validator.NewContext(t.Context(), nil))
	assert.False(t, ok)
	token := &validator.Token{}
	got, ok := validator.FromContext(validator.NewContext(context.Background(), token))
	assert.True(t, ok)
	assert.Same(t, token, got)
}

// TestClaimsOfAnAnswer: where the decision rests on the issuer's answer, its members are
// the claims, also of a JWT.
func TestClaimsOfAnAnswer(t *testing.T) {
	s := start(t, validatortest.Options{})
	s.SetAnswer(func(_ string, answer map[string]any) { answer["tenant"] = "of the answer" })
	v := build(t, configure(ask(s)))
	s.SetKeysMode(validatortest.ModeDown)
	for kind, raw := range map[string]string{"opaque": s.OpaqueToken(), "JWT": s.AccessToken(validatortest.Claim("tenant", "of the token"))} {
		token := accept(t, v, raw)
		require.Equal(t, validator.OriginIntrospection, token.Origin(), kind)
		claims, err := validator.Claims[map[string]any](token)
		require.NoError(t, err)
		assert.Equal(t, "of the answer", claims["tenant"], kind)
		assert.Equal(t, true, claims["active"], kind)
		one, ok := token.Claim("tenant")
		assert.True(t, ok)
		assert.Equal(t, "of the answer", one, kind)
	}
}

// TestKeyThatNamesAnIssuer: only Entra ID's key sets say whose a key is.
func TestKeyThatNamesAnIssuer(t *testing.T) {
	s := start(t, validatortest.Options{})
	s.ServeKeySet([]byte(strings.Replace(string(s.KeySet()), `"kty":`, `"issuer":"https://other.example.com","kty":`, 1)))
	accept(t, build(t, configure(trust(s))), s.AccessToken())
}
