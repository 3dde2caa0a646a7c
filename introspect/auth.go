package introspect

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/internal/remote"
)

// Auth is how we authenticate at the introspection endpoint (RFC 7662 2.1). One
// way is configured, and no other is ever tried: a server that refuses it does
// not get the secret in another form. Auth never prints a secret.
type Auth struct{ own *auth }

type auth struct {
	method, clientID string
	// mistake says what is missing; empty: nothing.
	mistake string
	// apply puts the credentials into the question.
	apply func(ctx context.Context, c *Client, q *remote.Question) error
	// certificate is shown at the TLS handshake; nil: none.
	certificate remote.Certificate
}

// String names the method and the client.
func (a Auth) String() string {
	if a.own == nil {
		return "none"
	}
	return a.own.method + " " + a.own.clientID
}

// ClientSecretBasic is client_secret_basic: HTTP Basic (RFC 6749 2.3.1).
func ClientSecretBasic(clientID string, secret Secret) Auth {
	return Auth{&auth{
		method: "client_secret_basic", clientID: clientID, mistake: missing(clientID, secret),
		apply: func(ctx context.Context, _ *Client, q *remote.Question) error {
			text, err := secret.text(ctx)
			// Both are form-encoded before they are joined (RFC 6749 2.3.1, appendix
			// B): a colon in the id would end it otherwise.
			q.Authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(clientID)+":"+url.QueryEscape(text)))
			return err
		},
	}}
}

// ClientSecretPost is client_secret_post: id and secret in the form (RFC 6749 2.3.1).
func ClientSecretPost(clientID string, secret Secret) Auth {
	return Auth{&auth{
		method: "client_secret_post", clientID: clientID, mistake: missing(clientID, secret),
		apply: func(ctx context.Context, _ *Client, q *remote.Question) error {
			text, err := secret.text(ctx)
			q.Form.Set("client_id", clientID)
			q.Form.Set("client_secret", text)
			return err
		},
	}}
}

// BearerToken is an access token of our own (RFC 7662 2.1), which the server
// accepts at its introspection endpoint.
func BearerToken(token Secret) Auth {
	mistake := ""
	if token.get == nil {
		mistake = "a token is required"
	}
	return Auth{&auth{
		method: "bearer", mistake: mistake,
		apply: func(ctx context.Context, _ *Client, q *remote.Question) error {
			text, err := token.text(ctx)
			q.Authorization = "Bearer " + text
			return err
		},
	}}
}

// SigningKey is a private key for client assertions. It never prints itself.
type SigningKey struct {
	// KeyID is the kid under which the authorization server knows the public key;
	// empty: none.
	KeyID string
	// Algorithm is an asymmetric JWS algorithm that fits the key, such as "ES256".
	Algorithm string
	// Key is an *rsa.PrivateKey of at least 2048 bits, an *ecdsa.PrivateKey or an
	// ed25519.PrivateKey.
	Key crypto.Signer
}

// Format prints a fixed text for every verb.
func (SigningKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redactedKey) }

// LogValue keeps the key out of structured logs.
func (SigningKey) LogValue() slog.Value { return slog.StringValue(redactedKey) }

// MarshalText keeps the key out of JSON, YAML and the like.
func (SigningKey) MarshalText() ([]byte, error) { return []byte(redactedKey), nil }

const redactedKey = "[signing key]"

// AssertionLifetime is how long a client assertion is good.
const AssertionLifetime = 60 * time.Second

// PrivateKeyJWT is private_key_jwt: an assertion that a private key signs (RFC
// 7523 2.2). key is asked for each one, so that the key can be rotated; it must
// be safe for concurrent use.
func PrivateKeyJWT(clientID string, key func(context.Context) (SigningKey, error)) Auth {
	mistake := missingID(clientID)
	if key == nil {
		mistake = "a key is required"
	}
	return Auth{&auth{
		method: "private_key_jwt", clientID: clientID, mistake: mistake,
		apply: func(ctx context.Context, c *Client, q *remote.Question) error {
			with, err := key(ctx)
			if err != nil {
				return err
			}
			assertion, err := assert(clientID, c.server.Issuer, c.server.Clock(), with)
			q.Form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
			q.Form.Set("client_assertion", assertion)
			return err
		},
	}}
}

// assert makes a client assertion. Its audience is the issuer, as one string: a
// server that could make us name another in a list, or its own endpoint in place
// of the issuer, could use the assertion there (draft-ietf-oauth-rfc7523bis 4).
func assert(clientID, issuer string, now time.Time, with SigningKey) (string, error) {
	algorithm, ok := jose.ParseAlgorithm(with.Algorithm)
	if !ok || with.Key == nil {
		return "", errors.New("the signing key has no asymmetric JWS algorithm, or no key")
	}
	public, err := jose.NewPublicKey(with.Key.Public(), "")
	if err != nil {
		return "", fmt.Errorf("the signing key: %w", err)
	}
	if !public.Fits(algorithm) {
		return "", errors.New("the signing key does not fit its algorithm")
	}
	name := algorithm.String()
	if algorithm == jose.Ed25519 {
		name = jose.EdDSA.String() // golang-jwt's only name for it; the header says ours
	}
	token := jwt.NewWithClaims(jwt.GetSigningMethod(name), jwt.MapClaims{
		"iss": clientID, "sub": clientID, "aud": issuer, "jti": rand.Text(), // RFC 7523 3
		"iat": now.Unix(), "exp": now.Add(AssertionLifetime).Unix(),
	})
	token.Header["alg"] = with.Algorithm
	token.Header["typ"] = "client-authentication+jwt" // draft-ietf-oauth-rfc7523bis 4: it is nothing else
	if with.KeyID != "" {
		token.Header["kid"] = with.KeyID
	}
	return token.SignedString(with.Key)
}

// TLSClientAuth is tls_client_auth or self_signed_tls_client_auth: a client
// certificate (RFC 8705 2). certificate is asked at every TLS handshake, so that
// it can be renewed; it must be safe for concurrent use.
func TLSClientAuth(clientID string, certificate func(context.Context) (*tls.Certificate, error)) Auth {
	mistake := missingID(clientID)
	if certificate == nil {
		mistake = "a certificate is required"
	}
	return Auth{&auth{
		method: "tls_client_auth", clientID: clientID, mistake: mistake,
		apply: func(_ context.Context, _ *Client, q *remote.Question) error {
			q.Form.Set("client_id", clientID) // RFC 8705 2: whose certificate it is
			return nil
		},
		certificate: func(ctx context.Context) (*tls.Certificate, error) {
			c, err := certificate(ctx)
			if err == nil && (c == nil || len(c.Certificate) == 0) {
				err = errors.New("there is no certificate") // net/http would go on without one
			}
			return c, err
		},
	}}
}

func missing(clientID string, secret Secret) string {
	if secret.get == nil {
		return "a secret is required"
	}
	return missingID(clientID)
}

func missingID(clientID string) string {
	if clientID == "" {
		return "a client id is required"
	}
	return ""
}
