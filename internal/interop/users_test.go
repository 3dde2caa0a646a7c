package interop

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
)

// handheld is a client whose users answer on another device (OpenID CIBA): a
// flow with a user, and without a browser.
const handheld = "handheld"

// signIn registers handheld and gets tokens for a user, who consents at once.
func (p *provider) signIn(t testing.TB, user, resource, scope string) grant {
	t.Helper()
	p.register(t, metadata{
		"client_id": handheld, "client_secret": handheld + "-secret", "backchannel_token_delivery_mode": "poll",
		"grant_types": []string{"urn:openid:params:grant-type:ciba", "refresh_token"},
	})
	var request struct {
		ID string `json:"auth_req_id"`
	}
	p.ask(t, "/backchannel", handheld, url.Values{
		"login_hint": {user}, "scope": {"openid offline_access " + scope}, "resource": {resource},
	}, &request)
	var g grant
	p.ask(t, "/token", handheld, url.Values{
		"grant_type": {"urn:openid:params:grant-type:ciba"}, "auth_req_id": {request.ID}, "resource": {resource},
	}, &g)
	return g
}

// TestOpaqueTokenOfAUser: with a user, this server names the subject.
func TestOpaqueTokenOfAUser(t *testing.T) {
	p := start(t)
	g := p.signIn(t, "alice", opaqueResource, "orders.read")
	token := accepted(t, guard(t, p, introspecting(asOrdersAPI), clients(handheld)), g.AccessToken)
	assert.Equal(t, validator.Identity{Issuer: p.issuer, Subject: "alice"}, token.Identity())
	assert.Equal(t, handheld, token.ClientID())
	assert.Equal(t, []string{"orders.read"}, token.Scopes())
}

// TestRefreshTokenIsNoAccessToken: this server calls a refresh token active, and
// tells it from an access token only by what it leaves out.
func TestRefreshTokenIsNoAccessToken(t *testing.T) {
	p := start(t)
	raw := p.signIn(t, "alice", opaqueResource, "orders.read").RefreshToken
	require.NotEmpty(t, raw)
	require.True(t, p.active(t, raw), "the test needs a server that answers for refresh tokens")
	v := guard(t, p, introspecting(asOrdersAPI), clients(handheld), issuer(func(is *validator.Issuer) { is.AllowMissingAudience = true }))
	rejected(t, v, raw, validator.ErrInvalidToken, validator.ReasonNotAccessToken)
}
