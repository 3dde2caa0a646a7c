// Package interop holds this module against a real authorization server: the
// npm package oidc-provider, run as a process on loopback.
package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The clients of the provider. Each client's secret is its id and "-secret".
const (
	ordersService  = "orders-service"
	reportsService = "reports-service"
	ordersAPI      = "orders-api" // the protected API: may introspect, gets no token
)

const opaqueResource = "urn:api:opaque"

// signedResources maps the resources whose tokens are JWTs to the algorithm of
// their signature. A resource is the audience of its tokens.
var signedResources = map[string]string{
	"urn:api:rs256": "RS256",
	"urn:api:ps256": "PS256",
	"urn:api:es256": "ES256",
	"urn:api:es384": "ES384",
	"urn:api:eddsa": "EdDSA",
}

// patience is far beyond any answer of a working process.
const patience = 30 * time.Second

// provider is a running authorization server. Any goroutine may call the
// methods that take a context; the others belong to the test's own.
type provider struct {
	*process
	issuer string
	client *http.Client
}

// answer is one line from the provider.
type answer struct {
	Issuer string   `json:"issuer"`
	KIDs   []string `json:"kids"`
	Origin string   `json:"origin"`
	Error  string   `json:"error"`
}

// command is one line to the provider.
type command struct {
	Name   string   `json:"cmd"`
	Client metadata `json:"client,omitempty"`
	Key    string   `json:"key,omitempty"`
	Cert   string   `json:"cert,omitempty"`
	CA     string   `json:"ca,omitempty"`

	ClientID string `json:"client_id,omitempty"`
	User     string `json:"user,omitempty"`
	Session  string `json:"sid,omitempty"`
}

// metadata describes a client (RFC 7591 2).
type metadata map[string]any

// start runs a provider of its own for the test and ends it with the test.
func start(t testing.TB) *provider {
	t.Helper()
	p := &provider{process: run(t, "provider.mjs"), client: &http.Client{Transport: &http.Transport{}, Timeout: patience}}
	t.Cleanup(p.client.CloseIdleConnections)
	p.issuer = p.read(t).Issuer
	require.NotEmpty(t, p.issuer)
	return p
}

// rotate puts a new key for every algorithm first, keeps the old ones listed,
// and returns the new kids.
func (p *provider) rotate(t testing.TB) []string {
	t.Helper()
	return p.command(t, command{Name: "rotate"}).KIDs
}

// withdraw drops every key but the newest of each algorithm and returns the
// kids that remain.
func (p *provider) withdraw(t testing.TB) []string {
	t.Helper()
	return p.command(t, command{Name: "withdraw"}).KIDs
}

// register adds a client. Without grant types it may introspect, and gets no token.
func (p *provider) register(t testing.TB, client metadata) {
	t.Helper()
	if client["grant_types"] == nil {
		client["grant_types"] = []string{}
	}
	p.command(t, command{Name: "register", Client: client})
}

// logOut tells a client by back channel that a user's session is over.
func (p *provider) logOut(t testing.TB, clientID, user, sid string) {
	t.Helper()
	p.command(t, command{Name: "log_out", ClientID: clientID, User: user, Session: sid})
}

func (p *provider) command(t testing.TB, c command) answer {
	t.Helper()
	p.send(t, c)
	return p.read(t)
}

func (p *provider) read(t testing.TB) (a answer) {
	t.Helper()
	p.receive(t, &a)
	require.Empty(t, a.Error)
	return a
}

// token gets an access token by client_credentials. Without a resource it is
// opaque and has no audience.
func (p *provider) token(t testing.TB, clientID, resource, scope string) string {
	t.Helper()
	token, err := p.fetchToken(t.Context(), clientID, resource, scope)
	require.NoError(t, err)
	return token
}

// fetchToken is token for other goroutines than the test's own.
func (p *provider) fetchToken(ctx context.Context, clientID, resource, scope string) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}
	if resource != "" {
		form.Set("resource", resource)
	}
	body, err := p.post(ctx, "/token", clientID, form)
	if err != nil {
		return "", err
	}
	var g grant
	err = json.Unmarshal(body, &g)
	return g.AccessToken, err
}

// grant is an answer of the token endpoint.
type grant struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	TokenType    string `json:"token_type"`
}

// revoke has the client that a token was issued to revoke it (RFC 7009).
func (p *provider) revoke(t testing.TB, clientID, token string) {
	t.Helper()
	_, err := p.post(t.Context(), "/token/revocation", clientID, url.Values{"token": {token}})
	require.NoError(t, err)
}

// post sends a form to an endpoint of the provider as one of its clients.
func (p *provider) post(ctx context.Context, path, clientID string, form url.Values) ([]byte, error) {
	req, err := p.request(ctx, path, clientID, form)
	if err != nil {
		return nil, err
	}
	return p.do(req)
}

func (p *provider) request(ctx context.Context, path, clientID string, form url.Values) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(clientID, clientID+"-secret")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req, nil
}

// ask posts a form as one of the clients and decodes the answer.
func (p *provider) ask(t testing.TB, path, clientID string, form url.Values, into any) {
	t.Helper()
	body, err := p.post(t.Context(), path, clientID, form)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, into))
}

// get decodes a JSON document of the provider.
func (p *provider) get(t testing.TB, url string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	body, err := p.do(req)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, into))
}

func (p *provider) do(req *http.Request) ([]byte, error) {
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", req.URL.Path, resp.Status, body)
	}
	return body, err
}
