package interop

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
)

// asOrdersAPI is how the protected API authenticates.
var asOrdersAPI = introspect.ClientSecretBasic(ordersAPI, introspect.StaticSecret(ordersAPI+"-secret"))

// introspecting has guard accept the provider's opaque tokens too.
func introspecting(auth introspect.Auth) func(*validator.Config) {
	return func(c *validator.Config) {
		is := &c.Issuers[0]
		is.Audiences = append(is.Audiences, opaqueResource)
		is.Introspection = &introspect.Config{Auth: auth}
	}
}

// issuer edits the one issuer of guard.
func issuer(edit func(*validator.Issuer)) func(*validator.Config) {
	return func(c *validator.Config) { edit(&c.Issuers[0]) }
}

// clients has guard accept the tokens of these clients, and no others.
func clients(ids ...string) func(*validator.Config) {
	return issuer(func(is *validator.Issuer) { is.ClientIDs = ids })
}

// counting counts requests to introspection endpoints.
type counting struct {
	*http.Transport
	asked atomic.Int64
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/introspection") {
		c.asked.Add(1)
	}
	return c.Transport.RoundTrip(r)
}

// count has guard ask through a counting transport.
func count(t *testing.T) (*counting, func(*validator.Config)) {
	c := &counting{Transport: &http.Transport{}}
	t.Cleanup(c.CloseIdleConnections)
	return c, func(config *validator.Config) { config.HTTPClient = &http.Client{Transport: c} }
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

// TestOpaqueToken: the endpoint is discovered, the answer is held to the same
// rules as a JWT, and kept.
func TestOpaqueToken(t *testing.T) {
	p := start(t)
	counter, through := count(t)
	v := guard(t, p, introspecting(asOrdersAPI), through)
	raw := p.token(t, ordersService, opaqueResource, "orders.read orders.write")
	before := time.Now()
	token := accepted(t, v, raw)
	assert.Equal(t, validator.OriginIntrospection, token.Origin())
	assert.Equal(t, p.issuer, token.Issuer())
	assert.Equal(t, ordersService, token.ClientID())
	assert.Empty(t, token.Subject(), "this server names none where there is no user")
	assert.Equal(t, opaqueResource, token.MatchedAudience())
	assert.Equal(t, []string{"orders.read", "orders.write"}, token.Scopes())
	assert.Empty(t, token.KeyID())
	assert.WithinRange(t, token.IntrospectedAt(), before.Truncate(time.Microsecond), time.Now())
	assert.Same(t, token, accepted(t, v, raw))
	assert.EqualValues(t, 1, counter.asked.Load())

	rejected(t, v, p.token(t, reportsService, opaqueResource, "orders.read"), validator.ErrInvalidToken, validator.ReasonClientMismatch)
	_, err := v.ValidateWith(t.Context(), raw, validator.Requirements{Policy: &validator.Policy{Scopes: []string{"reports.read"}, AnyTrustedIssuer: true}})
	refused(t, err, validator.ErrInsufficientScope, validator.ReasonInsufficientScope)
	other := guard(t, p, introspecting(asOrdersAPI), issuer(func(is *validator.Issuer) { is.Audiences = []string{"urn:api:else"} }))
	rejected(t, other, raw, validator.ErrInvalidToken, validator.ReasonAudienceMismatch)
	rejected(t, v, strings.Repeat("x", len(raw)), validator.ErrInvalidToken, validator.ReasonInactive)
}

// TestOpaqueTokenWithoutAudience: that is what this server issues where no
// resource was asked for.
func TestOpaqueTokenWithoutAudience(t *testing.T) {
	p := start(t)
	raw := p.token(t, ordersService, "", "")
	rejected(t, guard(t, p, introspecting(asOrdersAPI)), raw, validator.ErrInvalidToken, validator.ReasonAudienceMissing)

	relaxed := guard(t, p, introspecting(asOrdersAPI), issuer(func(is *validator.Issuer) { is.AllowMissingAudience = true }))
	token := accepted(t, relaxed, raw)
	assert.Empty(t, token.Audiences())
	assert.Equal(t, ordersService, token.ClientID())
}

// TestRevokedOpaqueToken: whoever never saw it refuses it, and whoever did
// refuses it as soon as the server is asked again.
func TestRevokedOpaqueToken(t *testing.T) {
	p := start(t)
	v := guard(t, p, introspecting(asOrdersAPI))
	raw := p.token(t, ordersService, opaqueResource, "orders.read")
	now := validator.Requirements{Fresh: validator.IntrospectedNow()}
	_, err := v.ValidateWith(t.Context(), raw, now)
	require.NoError(t, err)

	p.revoke(t, ordersService, raw)
	_, err = v.ValidateWith(t.Context(), raw, now)
	refused(t, err, validator.ErrInvalidToken, validator.ReasonInactive)
	rejected(t, v, raw, validator.ErrInvalidToken, validator.ReasonInactive)
	rejected(t, guard(t, p, introspecting(asOrdersAPI)), raw, validator.ErrInvalidToken, validator.ReasonInactive)
}

// TestServerThatIntrospectsNoJWTs: that it cannot be asked about a JWT says
// nothing about the JWT.
func TestServerThatIntrospectsNoJWTs(t *testing.T) {
	p := start(t)
	v := guard(t, p, introspecting(asOrdersAPI))
	raw := p.token(t, ordersService, "urn:api:rs256", "orders.read")
	assert.Equal(t, validator.OriginLocal, accepted(t, v, raw).Origin())
	for _, fresh := range []validator.Freshness{validator.IntrospectedNow(), validator.IntrospectedWithin(time.Minute)} {
		_, err := v.ValidateWith(t.Context(), raw, validator.Requirements{Fresh: fresh})
		refused(t, err, validator.ErrUnavailable, validator.ReasonIntrospectionUnsupported)
	}
	accepted(t, v, raw)
	accepted(t, v, p.token(t, ordersService, opaqueResource, "orders.read"))
}

// TestFormatOfOpaqueTokens: this server's have 43 characters; nobody is asked
// about another text.
func TestFormatOfOpaqueTokens(t *testing.T) {
	p := start(t)
	counter, through := count(t)
	v := guard(t, p, introspecting(asOrdersAPI), through, issuer(func(is *validator.Issuer) {
		is.Introspection.Format = introspect.Format{MinLength: 43, MaxLength: 43}
	}))
	raw := p.token(t, ordersService, opaqueResource, "orders.read")
	for _, other := range []string{raw + "x", raw[1:], "x"} {
		rejected(t, v, other, validator.ErrInvalidToken, validator.ReasonOpaqueFormat)
	}
	assert.Zero(t, counter.asked.Load())
	accepted(t, v, raw)
	rejected(t, v, strings.Repeat("x", 43), validator.ErrInvalidToken, validator.ReasonInactive)
}
