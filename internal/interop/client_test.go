package interop

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nodeClient is a client of the provider and of APIs that is not ours: what it sends
// is made by Node and by the packages dpop and jose.
type nodeClient struct{ *process }

func startClient(t testing.TB) nodeClient {
	t.Helper()
	return nodeClient{run(t, "client.mjs")}
}

// dpopKey is a key that the client holds.
type dpopKey struct {
	Number     int    `json:"key"`
	Thumbprint string `json:"jkt"`
}

// clientCommand is one line to the client. A token is sent as Bearer, or with a Key as
// DPoP.
type clientCommand struct {
	Name      string            `json:"cmd"`
	Library   string            `json:"library,omitempty"`
	Algorithm string            `json:"alg,omitempty"`
	Key       int               `json:"key,omitempty"`
	Method    string            `json:"method,omitempty"`
	URL       string            `json:"url,omitempty"`
	Token     string            `json:"token,omitempty"`
	Nonce     string            `json:"nonce,omitempty"`
	Client    string            `json:"client,omitempty"`
	Form      map[string]string `json:"form,omitempty"`
	CA        string            `json:"ca,omitempty"`
	Cert      string            `json:"cert,omitempty"`
	Private   string            `json:"private,omitempty"`
}

// shows adds whom the client trusts, and the certificate that it shows; nil: none.
func (c clientCommand) shows(t testing.TB, trusted *x509.Certificate, own *tls.Certificate) clientCommand {
	t.Helper()
	c.CA = encode("CERTIFICATE", trusted.Raw)
	if own != nil {
		key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
		require.NoError(t, err)
		c.Cert, c.Private = encode("CERTIFICATE", own.Certificate[0]), encode("PRIVATE KEY", key)
	}
	return c
}

// received is what a server answered to the client.
type received struct {
	Status  int            `json:"status"`
	Headers map[string]any `json:"headers"`
	Body    string         `json:"body"`
	Asked   int            `json:"asked"` // 2: the first answer wanted a nonce
}

func (c nodeClient) tell(t testing.TB, command clientCommand, into any) {
	t.Helper()
	c.send(t, command)
	var line json.RawMessage
	c.receive(t, &line)
	var failed struct {
		Error string `json:"error"`
	}
	require.NoError(t, json.Unmarshal(line, &failed))
	require.Empty(t, failed.Error)
	require.NoError(t, json.Unmarshal(line, into))
}

func (c nodeClient) newKey(t testing.TB, library, algorithm string) (key dpopKey) {
	t.Helper()
	c.tell(t, clientCommand{Name: "key", Library: library, Algorithm: algorithm}, &key)
	return key
}

func (c nodeClient) request(t testing.TB, command clientCommand) (r received) {
	t.Helper()
	command.Name = "request"
	c.tell(t, command, &r)
	return r
}

func (c nodeClient) proof(t testing.TB, command clientCommand) string {
	t.Helper()
	command.Name = "proof"
	var made struct {
		Proof string `json:"proof"`
	}
	c.tell(t, command, &made)
	return made.Proof
}

// token has the client get a token that is bound to a key.
func (c nodeClient) token(t testing.TB, p *provider, key dpopKey, resource string) string {
	t.Helper()
	answer := c.request(t, clientCommand{
		Method: http.MethodPost, URL: p.issuer + "/token", Key: key.Number, Client: ordersService,
		Form: map[string]string{"grant_type": "client_credentials", "scope": "orders.read", "resource": resource},
	})
	assert.Equal(t, 2, answer.Asked, "this server wants its nonce in every proof")
	g := granted(t, answer)
	assert.Equal(t, "DPoP", g.TokenType)
	return g.AccessToken
}

func granted(t testing.TB, answer received) (g grant) {
	t.Helper()
	require.Equal(t, http.StatusOK, answer.Status, answer.Body)
	require.NoError(t, json.Unmarshal([]byte(answer.Body), &g))
	return g
}
