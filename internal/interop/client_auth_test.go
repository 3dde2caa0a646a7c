package interop

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
)

// Every character that RFC 6749 allows in a client id or secret (A.1, A.2): most
// of them change in a form, the colon ends the id in a Basic header.
const (
	printable = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"
	oddID     = "a b:c%+&" + printable
	oddSecret = printable + "%41+%zz"
)

// denied asserts that the server does not accept our credentials, which is no
// fault of the token's.
func denied(t *testing.T, p *provider, raw string, auth introspect.Auth, edit ...func(*validator.Config)) {
	t.Helper()
	v := guard(t, p, append([]func(*validator.Config){introspecting(auth)}, edit...)...)
	rejected(t, v, raw, validator.ErrUnavailable, validator.ReasonIntrospectionDenied)
}

// TestClientSecrets: id and secret arrive as they are, in the header and in the form.
func TestClientSecrets(t *testing.T) {
	p := start(t)
	p.register(t, metadata{"client_id": oddID, "client_secret": oddSecret, "token_endpoint_auth_method": "client_secret_basic"})
	p.register(t, metadata{"client_id": "post " + oddID, "client_secret": oddSecret, "token_endpoint_auth_method": "client_secret_post"})
	raw := p.token(t, ordersService, opaqueResource, "orders.read")
	for method, with := range map[string]func(string, introspect.Secret) introspect.Auth{
		"": introspect.ClientSecretBasic, "post ": introspect.ClientSecretPost,
	} {
		id, secret := method+oddID, introspect.StaticSecret(oddSecret)
		accepted(t, guard(t, p, introspecting(with(id, secret))), raw)
		denied(t, p, raw, with(id, introspect.StaticSecret(oddSecret+"x")))
		denied(t, p, raw, with("x"+id, secret))
	}
}

// TestRotatedSecret: the secret is asked for each time, and a vault that fails is
// no verdict.
func TestRotatedSecret(t *testing.T) {
	p := start(t)
	p.register(t, metadata{"client_id": "rotating", "client_secret": "new"})
	secret, down := "old", error(nil)
	v := guard(t, p, introspecting(introspect.ClientSecretBasic("rotating", introspect.SecretFunc(func(context.Context) (string, error) {
		return secret, down
	}))))
	raw := p.token(t, ordersService, opaqueResource, "orders.read")
	rejected(t, v, raw, validator.ErrUnavailable, validator.ReasonIntrospectionDenied)
	secret, down = "new", errors.New("the vault is sealed")
	rejected(t, v, raw, validator.ErrUnavailable, validator.ReasonIntrospectionCredentials)
	down = nil
	accepted(t, v, raw)
}

// TestPrivateKeyJWT: an assertion that this server accepts once, for the key that
// the client registered.
func TestPrivateKeyJWT(t *testing.T) {
	p := start(t)
	key, other := newKey(t), newKey(t)
	p.register(t, metadata{
		"client_id": "signing", "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256",
		"jwks": keySet(jwk(t, key), map[string]any{"kid": "mine", "alg": "ES256", "use": "sig"}),
	})
	with := func(key introspect.SigningKey) introspect.Auth {
		return introspect.PrivateKeyJWT("signing", func(context.Context) (introspect.SigningKey, error) { return key, nil })
	}
	v := guard(t, p, introspecting(with(introspect.SigningKey{KeyID: "mine", Algorithm: "ES256", Key: key})))
	for range 2 { // each with an assertion of its own
		accepted(t, v, p.token(t, ordersService, opaqueResource, "orders.read"))
	}
	raw := p.token(t, ordersService, opaqueResource, "orders.read")
	denied(t, p, raw, with(introspect.SigningKey{KeyID: "mine", Algorithm: "ES256", Key: other}))
	denied(t, p, raw, with(introspect.SigningKey{KeyID: "theirs", Algorithm: "ES256", Key: key}))
	accepted(t, guard(t, p, introspecting(with(introspect.SigningKey{Algorithm: "ES256", Key: key}))), raw)
}

// showing is a client that authenticates with a certificate.
func showing(clientID string, c *tls.Certificate) introspect.Auth {
	return introspect.TLSClientAuth(clientID, func(context.Context) (*tls.Certificate, error) { return c, nil })
}

// TestTLSClientAuth: the certificate is shown at the discovered alias, which is at
// another port than the issuer and so has to be allowed.
func TestTLSClientAuth(t *testing.T) {
	p, ca := start(t), newAuthority(t)
	origin := p.listenTLS(t, ca)
	own := selfSigned(t, "self.example")
	p.register(t, metadata{
		"client_id": "by-name", "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "orders.example",
	})
	p.register(t, metadata{
		"client_id": "self-signed", "token_endpoint_auth_method": "self_signed_tls_client_auth",
		"jwks": keySet(jwk(t, privateKey(own)), map[string]any{"x5c": []string{base64.StdEncoding.EncodeToString(own.Certificate[0])}}),
	})
	raw := p.token(t, ordersService, opaqueResource, "orders.read")
	trust, there := trusting(t, ca), allowing(t, origin)

	accepted(t, guard(t, p, introspecting(showing("by-name", ca.issue(t, "orders.example"))), trust, there), raw)
	denied(t, p, raw, showing("by-name", ca.issue(t, "others.example")), trust, there)
	denied(t, p, raw, showing("by-name", newAuthority(t).issue(t, "orders.example")), trust, there)

	// Not of the authority that the server asks for: shown all the same.
	accepted(t, guard(t, p, introspecting(showing("self-signed", own)), trust, there), raw)
	denied(t, p, raw, showing("self-signed", selfSigned(t, "self.example")), trust, there)

	elsewhere := guard(t, p, introspecting(showing("by-name", ca.issue(t, "orders.example"))), trust)
	rejected(t, elsewhere, raw, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	accepted(t, guard(t, p, introspecting(asOrdersAPI), trust), raw) // a secret goes to the plain endpoint
}

// allowing has guard accept a discovered endpoint there.
func allowing(t *testing.T, origin string) func(*validator.Config) {
	t.Helper()
	u, err := url.Parse(origin)
	require.NoError(t, err)
	return issuer(func(is *validator.Issuer) { is.Introspection.Hosts = []string{u.Host} })
}
