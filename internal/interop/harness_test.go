// Package interop holds this module against a real authorization server: the
// npm package oidc-provider, run as a process on loopback.
package interop

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
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
	issuer  string
	client  *http.Client
	stdin   io.WriteCloser
	stdout  *os.File
	answers *bufio.Reader
}

// answer is one line from the process.
type answer struct {
	Issuer string   `json:"issuer"`
	KIDs   []string `json:"kids"`
	Origin string   `json:"origin"`
	Error  string   `json:"error"`
}

// command is one line to the process.
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
	// A pipe of our own, because exec's hides that it can time out.
	stdout, childStdout, err := os.Pipe()
	require.NoError(t, err)
	cmd := exec.Command(findNode(t), "provider.mjs")
	cmd.Dir, cmd.Stdout, cmd.Stderr = "provider", childStdout, t.Output()
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	childStdout.Close() // from here on, the end of the process is the end of the pipe

	p := &provider{
		client:  &http.Client{Transport: &http.Transport{}, Timeout: patience},
		stdin:   stdin,
		stdout:  stdout,
		answers: bufio.NewReader(stdout),
	}
	t.Cleanup(func() { p.stop(t, cmd) })
	p.issuer = p.read(t).Issuer
	require.NotEmpty(t, p.issuer)
	return p
}

// stop lets the process end by itself, which its closed stdin tells it to.
func (p *provider) stop(t testing.TB, cmd *exec.Cmd) {
	p.client.CloseIdleConnections()
	p.stdin.Close()
	kill := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer kill.Stop()
	if err := cmd.Wait(); err != nil {
		t.Errorf("provider: %v", err)
	}
	p.stdout.Close()
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
	require.NoError(t, json.NewEncoder(p.stdin).Encode(c))
	return p.read(t)
}

func (p *provider) read(t testing.TB) answer {
	t.Helper()
	require.NoError(t, p.stdout.SetReadDeadline(time.Now().Add(patience)))
	line, err := p.answers.ReadBytes('\n')
	require.NoError(t, err, "the provider did not answer")
	var a answer
	require.NoError(t, json.Unmarshal(line, &a))
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

// findNode returns a Node that can run the provider. A machine without one
// fails the test: an interop test that is skipped proves nothing.
func findNode(t testing.TB) string {
	t.Helper()
	if _, err := os.Stat("provider/node_modules/oidc-provider"); err != nil {
		t.Fatal("the packages of internal/interop/provider are not installed: run `make setup`")
	}
	local, err := filepath.Abs("provider/.node/node_modules/.bin/node")
	require.NoError(t, err)
	for _, node := range []string{"node", local} {
		// What the provider needs of the newer releases; 20.19 and 22 have it.
		if exec.Command(node, "-e", "process.exit(URL.parse ? 0 : 1)").Run() == nil {
			return node
		}
	}
	t.Fatal("there is no Node 20.19 or newer: run `make setup`")
	return ""
}
