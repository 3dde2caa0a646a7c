package zitadel

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	ordersService = "orders-service" // gets opaque tokens
	signedService = "signed-service" // gets JWTs
	ordersAPI     = "orders-api"     // the protected API: may introspect, gets no token
)

// assertionKID is the kid of the key with which ordersAPI signs assertions.
const assertionKID = "orders-api-1"

const lifetime = 10 * time.Minute

// storage is what op keeps a server's state in. The embedded interface is nil:
// what is not written here belongs to flows with users.
type storage struct {
	op.Storage
	key          signingKey
	assertionKey *rsa.PublicKey
	terse        bool // answers with what the library's own example answers with

	mu     sync.Mutex
	tokens map[string]token // by id; what was revoked is not there
}

// token is what was issued.
type token struct {
	clientID         string
	audience, scopes []string
	issued, expires  time.Time
}

var _ op.ClientCredentialsStorage = (*storage)(nil)

// request is a token request of a client.
type request struct {
	clientID string
	scopes   []string
}

func (r request) GetSubject() string  { return r.clientID }
func (r request) GetScopes() []string { return r.scopes }

// GetAudience lists the client itself beside the API, as Zitadel does.
func (r request) GetAudience() []string { return []string{r.clientID, ordersAPI} }

// client is a registered client. The embedded interface is nil, as in storage.
type client struct {
	op.Client
	id string
}

func (c client) GetID() string             { return c.id }
func (client) ClockSkew() time.Duration    { return 0 }
func (client) AuthMethod() oidc.AuthMethod { return oidc.AuthMethodBasic }

func (c client) GrantTypes() []oidc.GrantType {
	if c.id == ordersAPI {
		return nil
	}
	return []oidc.GrantType{oidc.GrantTypeClientCredentials}
}

func (c client) AccessTokenType() op.AccessTokenType {
	if c.id == signedService {
		return op.AccessTokenTypeJWT
	}
	return op.AccessTokenTypeBearer
}

func (client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

var errCredentials = errors.New("unknown client or wrong secret")

// secret is the secret of every client, with what a form and a Basic header
// change, and more than the printable ASCII of RFC 6749 A.2: servers differ there.
func secret(clientID string) string { return clientID + " a:b%41+&=é" }

func (*storage) AuthorizeClientIDSecret(_ context.Context, clientID, given string) error {
	known := slices.Contains([]string{ordersService, signedService, ordersAPI}, clientID)
	if !known || given != secret(clientID) {
		return errCredentials
	}
	return nil
}

func (s *storage) ClientCredentials(ctx context.Context, clientID, given string) (op.Client, error) {
	return client{id: clientID}, s.AuthorizeClientIDSecret(ctx, clientID, given)
}

func (*storage) ClientCredentialsTokenRequest(_ context.Context, clientID string, scopes []string) (op.TokenRequest, error) {
	return request{clientID, scopes}, nil
}

func (s *storage) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, now := rand.Text(), time.Now()
	s.tokens[id] = token{r.GetSubject(), r.GetAudience(), r.GetScopes(), now, now.Add(lifetime)}
	return id, now.Add(lifetime), nil
}

func (*storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

// SetIntrospectionFromToken fills in an answer; op calls it active if there is no
// error. Only those in the audience learn anything.
func (s *storage) SetIntrospectionFromToken(_ context.Context, answer *oidc.IntrospectionResponse, id, subject, caller string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tokens[id]
	if !ok || !slices.Contains(t.audience, caller) {
		return errors.New("no such token for this caller")
	}
	answer.Subject, answer.ClientID, answer.Scope = subject, t.clientID, t.scopes
	answer.Expiration = oidc.FromTime(t.expires)
	if !s.terse {
		answer.Audience, answer.TokenType, answer.JWTID = t.audience, oidc.BearerToken, id
		answer.IssuedAt, answer.NotBefore = oidc.FromTime(t.issued), oidc.FromTime(t.issued)
	}
	return nil
}

func (*storage) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}

func (s *storage) RevokeToken(_ context.Context, id, _, _ string) *oidc.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, id)
	return nil
}

func (s *storage) GetKeyByIDAndClientID(_ context.Context, kid, clientID string) (*jose.JSONWebKey, error) {
	if kid != assertionKID || clientID != ordersAPI {
		return nil, errCredentials
	}
	return &jose.JSONWebKey{Key: s.assertionKey, KeyID: kid, Use: "sig"}, nil
}

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) { return s.key, nil }
func (s *storage) KeySet(context.Context) ([]op.Key, error)          { return []op.Key{publicKey{s.key}}, nil }

func (*storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

// signingKey is the server's own key, publicKey what it lists of it.
type (
	signingKey struct{ private *rsa.PrivateKey }
	publicKey  struct{ signingKey }
)

func (signingKey) ID() string                                  { return "rs256-1" }
func (signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k signingKey) Key() any                                  { return k.private }

func (publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                         { return k.private.Public() }
