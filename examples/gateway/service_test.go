package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// newSlow is an upstream whose requests wait to be released.
func newSlow(t testing.TB) (up *httptest.Server, arrived chan struct{}, release func()) {
	arrived, wait := make(chan struct{}, 10), make(chan struct{})
	up = upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/orders/slow" {
			arrived <- struct{}{}
			<-wait
		}
		_, _ = io.WriteString(w, "from "+r.Header.Get("X-User-Id"))
	})
	return up, arrived, func() { close(wait) }
}

// TestReload, of a real process: requests under way go on, the next ones get the
// new configuration.
func TestReload(t *testing.T) {
	as := newIssuer(t, validatortest.Options{})
	up, arrived, release := newSlow(t)
	words := []string{"ISSUER", as.Issuer(), "UPSTREAM", up.URL}
	f := startProcess(t, configure(t, simple, words...))
	address := strings.NewReplacer("127.0.0.1:0", f.address)
	answered := make(chan answer)
	go func() { answered <- f.get(t, "/orders/slow", mint(as)) }()
	<-arrived

	// The address cannot change, so a file with another one is refused.
	rewrite(t, f.path, address.Replace(simple), words...)
	f.signal(syscall.SIGHUP)
	f.log.wait(t, "configuration not reloaded: the old one stays", 1)
	assert.Contains(t, f.log.String(), `gateway.yaml:1: listen: cannot change while the gateway runs`)
	assert.Equal(t, 200, f.get(t, "/orders/1", mint(as)).status)

	rewrite(t, f.path, strings.Replace(simple, "scopes: [orders.read]", "scopes: [orders.admin]", 1), words...)
	f.signal(syscall.SIGHUP)
	f.log.wait(t, `"msg":"configuration reloaded"`, 1)
	assert.Equal(t, 403, f.get(t, "/orders/1", mint(as)).status)
	assert.Equal(t, 200, f.get(t, "/orders", mint(as)).status)
	release()
	got := <-answered
	assert.Equal(t, 200, got.status)
	assert.Equal(t, "from alice", got.body)

	// A broken file changes nothing, and is told in one message.
	rewrite(t, f.path, simple+"nonsense: 1\n", words...)
	f.signal(syscall.SIGHUP)
	f.log.wait(t, "configuration not reloaded: the old one stays", 2)
	assert.Contains(t, f.log.String(), "nonsense: there is no such field")
	assert.Equal(t, 403, f.get(t, "/orders/1", mint(as)).status)

	f.signal(syscall.SIGTERM)
	assert.NoError(t, <-f.ended)
}

// TestReloadWhileIssuerIsDown: keys that are known stay known.
func TestReloadWhileIssuerIsDown(t *testing.T) {
	f, as := startSimple(t)
	require.Equal(t, 200, f.get(t, "/orders/1", mint(as)).status)
	fetched := as.KeyRequests()
	as.SetMode(validatortest.ModeDown)
	f.signal(syscall.SIGHUP)
	f.log.wait(t, `"msg":"configuration reloaded"`, 1)
	assert.Equal(t, 200, f.get(t, "/orders/1", mint(as, validatortest.Subject("bob"))).status, "a token that nobody has seen")
	assert.Equal(t, 200, f.get(t, "/readyz", "").status)
	assert.Equal(t, fetched, as.KeyRequests())

	got := f.get(t, "/orders/1", as.MintWith(as.Prepare("ES256"), validatortest.ClientID("orders-app"), validatortest.Scope("orders.read")))
	assert.Equal(t, 503, got.status)
	assert.NotEmpty(t, got.header.Get("Retry-After"))
	assert.Empty(t, got.header.Get("WWW-Authenticate"))
}

// TestReloadUnderLoad: no request is dropped.
func TestReloadUnderLoad(t *testing.T) {
	f, as := startSimple(t)
	token := mint(as)
	const clients, requests = 4, 50
	done := make(chan struct{}, clients)
	for range clients {
		go func() {
			defer func() { done <- struct{}{} }()
			for range requests {
				assert.Equal(t, 200, f.get(t, "/orders/1", token).status)
			}
		}()
	}
	reloads := 0
	for left := clients; left > 0; {
		select {
		case <-done:
			left--
		default:
			reloads++
			f.signal(syscall.SIGHUP)
			f.log.wait(t, `"msg":"configuration reloaded"`, reloads)
		}
	}
	assert.Positive(t, reloads)
}

// TestShutdown, of a real process: what is under way finishes, and no more begins.
func TestShutdown(t *testing.T) {
	as := newIssuer(t, validatortest.Options{})
	up, arrived, release := newSlow(t)
	f := startProcess(t, configure(t, simple, "ISSUER", as.Issuer(), "UPSTREAM", up.URL))
	answered := make(chan answer)
	go func() { answered <- f.get(t, "/orders/slow", mint(as)) }()
	<-arrived
	f.signal(syscall.SIGTERM)
	f.log.wait(t, "shutting down", 1)
	release()
	got := <-answered
	assert.Equal(t, 200, got.status)
	assert.Equal(t, "from alice", got.body)
	assert.NoError(t, <-f.ended)
	assert.NotContains(t, f.log.String(), "were cut")
}

// TestShutdownCuts: what does not finish in time is cut, upgraded connections too.
func TestShutdownCuts(t *testing.T) {
	f, as, ended := startEcho(t, "shutdown_timeout: 50ms\n")
	conn, reader, _ := upgrade(t, f, mint(as), "websocket")
	echoed(t, conn, reader, "hello")
	f.signal(os.Interrupt)
	_, err := reader.ReadByte()
	assert.Error(t, err)
	<-ended
	f.log.wait(t, "some requests were cut", 1)
}

// TestShutdownWaitsForUpgrades: one that ends by itself is not cut.
func TestShutdownWaitsForUpgrades(t *testing.T) {
	f, as, ended := startEcho(t)
	conn, reader, _ := upgrade(t, f, mint(as), "websocket")
	f.signal(os.Interrupt)
	f.log.wait(t, "shutting down", 1)
	echoed(t, conn, reader, "hello")
	conn.Close()
	<-ended
	assert.NoError(t, <-f.ended)
	assert.NotContains(t, f.log.String(), "were cut")
}

func TestHealth(t *testing.T) {
	as, up := newIssuer(t, validatortest.Options{}), newUpstream(t)
	as.SetMode(validatortest.ModeDown)
	f := start(t, configure(t, simple+"  - {pattern: /, any_token: true}\n", "ISSUER", as.Issuer(), "UPSTREAM", up.URL))
	assert.Equal(t, 200, f.get(t, "/healthz", "").status)
	ready := f.get(t, "/readyz", "")
	assert.Equal(t, 503, ready.status)
	assert.NotContains(t, ready.body, "127.0.0.1")
	as.SetMode(validatortest.ModeUp)
	for deadline := time.Now().Add(patience); f.get(t, "/readyz", "").status != 200; { // it asks again after Retry-After
		require.True(t, time.Now().Before(deadline))
	}
	as.SetMode(validatortest.ModeDown)
	assert.Equal(t, 200, f.get(t, "/readyz", "").status, "it does not flip back")
	for _, target := range []string{"/healthz", "/readyz"} {
		got := f.do(t, f.request(t, http.MethodPost, target, mint(as), nil))
		assert.Equal(t, 405, got.status, "never the upstream's")
		assert.Equal(t, 200, f.do(t, f.request(t, http.MethodHead, target, "", nil)).status)
	}
	assert.NotNil(t, f.get(t, "/healthz/", mint(as)).seen, "the route of / has everything else")
}

// TestHealthBesideMethod: a route of one method for all paths is in nobody's way.
func TestHealthBesideMethod(t *testing.T) {
	as, up := newIssuer(t, validatortest.Options{}), newUpstream(t)
	head, _, _ := strings.Cut(simple, "routes:")
	f := start(t, configure(t, head+"routes: [{pattern: GET /, any_token: true}]\n", "ISSUER", as.Issuer(), "UPSTREAM", up.URL))
	assert.Equal(t, 200, f.get(t, "/healthz", "").status)
	assert.Equal(t, 405, f.do(t, f.request(t, http.MethodPost, "/healthz", mint(as), nil)).status)
	assert.NotNil(t, f.get(t, "/elsewhere", mint(as)).seen)
}

// TestAdminListen: with an address of their own, both paths are the routes' again.
func TestAdminListen(t *testing.T) {
	as, up := newIssuer(t, validatortest.Options{}), newUpstream(t)
	free := httptest.NewServer(nil)
	admin := free.Listener.Addr().String()
	free.Close()
	f := start(t, configure(t, simple+"  - {pattern: /healthz, public: true}\nadmin_listen: ADMIN\n",
		"ISSUER", as.Issuer(), "UPSTREAM", up.URL, "ADMIN", admin))
	assert.NotNil(t, f.get(t, "/healthz", "").seen)
	assert.Equal(t, 401, f.get(t, "/readyz", "").status)
	for target, status := range map[string]int{"/healthz": 200, "/readyz": 200, "/orders/1": 404} {
		response, err := f.client.Get("http://" + admin + target)
		require.NoError(t, err)
		assert.Equal(t, status, read(t, response).status, target)
	}
}

const asks = `listen: 127.0.0.1:0
upstream: UPSTREAM
insecure_allow_http: true
identity_headers: {X-User-Id: sub}
issuers:
  - name: orders
    url: ISSUER
    audiences: [api://orders]
    client_ids: [orders-app]
    introspection:
      client_id: orders-api
      secret_file: secret
      format: {prefix: at_}
routes:
  - {pattern: /orders, scopes: [orders.read]}
  - {pattern: /now, scopes: [orders.read], fresh: now}
`

// TestOpaqueTokens: the issuer is asked, with the secret as it is now.
func TestOpaqueTokens(t *testing.T) {
	as, up := newIssuer(t, validatortest.Options{OpaquePrefix: "at_"}), newUpstream(t)
	as.AddClient("orders-api", "first secret")
	path := configure(t, asks, "ISSUER", as.Issuer(), "UPSTREAM", up.URL)
	secret := filepath.Join(filepath.Dir(path), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("first secret\n"), 0o600))
	f := start(t, path)
	opaque := func() string {
		return as.OpaqueToken(validatortest.ClientID("orders-app"), validatortest.Scope("orders.read"), validatortest.Subject("alice"))
	}
	token := opaque()
	assert.Equal(t, "alice", f.get(t, "/orders", token).seen.Header.Get("X-User-Id"))
	as.AddClient("orders-api", "second secret")
	denied := f.get(t, "/orders", opaque())
	assert.Equal(t, 503, denied.status)
	assert.NotEmpty(t, denied.header.Get("Retry-After"))
	require.NoError(t, os.WriteFile(secret, []byte("second secret"), 0o600))
	assert.Equal(t, 200, f.get(t, "/orders", opaque()).status, "rotated without a reload")

	as.Revoke(token)
	assert.Equal(t, 200, f.get(t, "/orders", token).status, "until exp, unless the route asks for more")
	assert.Equal(t, 401, f.get(t, "/now", token).status)
	assert.Equal(t, 401, f.get(t, "/orders", "junk").status)
	assert.NotContains(t, f.log.String(), "secret\"")
	assert.NotContains(t, f.log.String(), "first secret")
	assert.NotContains(t, f.log.String(), "second secret")
}
