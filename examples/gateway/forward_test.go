package main

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestForwards(t *testing.T) {
	f, as := startSimple(t)
	r := f.request(t, http.MethodPost, "/orders?b=2&a=%2F;1&a", mint(as), strings.NewReader("an order"))
	r.Header.Set("X-Other", "kept")
	r.Header.Set("X-Forwarded-For", "6.6.6.6")
	r.Header.Set("X-Forwarded-User", "root")
	r.Header.Set("X-Real-Ip", "6.6.6.6")
	r.Header.Set("Forwarded", "for=6.6.6.6")
	got := f.do(t, r)
	require.Equal(t, 200, got.status)
	assert.Equal(t, "/orders?b=2&a=%2F;1&a", got.seen.Target, "the query as it came")
	assert.Equal(t, http.MethodPost, got.seen.Method)
	assert.Equal(t, "an order", got.seen.Body)
	assert.NotEqual(t, f.address, got.seen.Host)
	header := got.seen.Header
	assert.Equal(t, "kept", header.Get("X-Other"))
	assert.NotContains(t, header, "Authorization")
	assert.NotContains(t, header, "Forwarded")
	assert.NotContains(t, header, "X-Real-Ip")
	assert.NotContains(t, header, "X-Forwarded-User")
	assert.Equal(t, []string{"127.0.0.1"}, header["X-Forwarded-For"])
	assert.Equal(t, []string{f.address}, header["X-Forwarded-Host"])
	assert.Equal(t, []string{"http"}, header["X-Forwarded-Proto"])
	assert.Equal(t, []string{"alice"}, header["X-User-Id"])
	assert.Equal(t, []string{as.Issuer()}, header["X-User-Issuer"])
	assert.Equal(t, []string{"orders-app"}, header["X-Client-Id"])
	assert.Equal(t, []string{base64.RawURLEncoding.EncodeToString([]byte(`["orders.read"]`))}, header["X-Scopes"])
	assert.NotContains(t, header, "X-Claim-Tenant", "the token has none")
}

// TestNoCompressionOfOurs: the encoding of a body is between the client and the
// upstream.
func TestNoCompressionOfOurs(t *testing.T) {
	f, _ := startSimple(t)
	got := f.raw(t, "GET /public/a HTTP/1.1\r\nHost: api\r\n\r\n")
	assert.NotContains(t, got.seen.Header, "Accept-Encoding")
	assert.NotContains(t, got.seen.Header, "User-Agent")
}

func TestForwardAuthorization(t *testing.T) {
	f, as := startSimple(t, "forward_authorization: true\n")
	token := mint(as)
	assert.Equal(t, "Bearer "+token, f.get(t, "/orders", token).seen.Header.Get("Authorization"))
}

func TestMethods(t *testing.T) {
	f, as := startSimple(t)
	token := mint(as)
	head := f.do(t, f.request(t, http.MethodHead, "/orders/1", token, nil))
	assert.Equal(t, 200, head.status)
	assert.Equal(t, "here", head.header.Get("X-Upstream"))
	assert.Empty(t, head.body)
	options := f.do(t, f.request(t, http.MethodOptions, "/orders", token, nil))
	assert.Equal(t, http.MethodOptions, options.seen.Method)
	assert.Equal(t, 401, f.do(t, f.request(t, http.MethodOptions, "/orders", "", nil)).status)
	assert.Equal(t, 401, f.do(t, f.request(t, http.MethodDelete, "/orders/1", "", nil)).status)
	assert.Equal(t, 405, f.do(t, f.request(t, http.MethodDelete, "/orders/1", token, nil)).status)
}

func TestRefusals(t *testing.T) {
	f, as := startSimple(t)
	for name, tc := range map[string]struct {
		target, token string
		status        int
		challenge     string
	}{
		"no token":       {"/orders/1", "", 401, `Bearer`},
		"expired":        {"/orders/1", mint(as, validatortest.Expiry(time.Now().Add(-time.Minute))), 401, `error="invalid_token"`},
		"other scope":    {"/orders/1", mint(as, validatortest.Scope("profile")), 403, `error="insufficient_scope"`},
		"unknown route":  {"/admin", mint(as), 403, `error="insufficient_scope"`},
		"nobody's route": {"/admin", "", 401, `Bearer`},
		"bad, optional":  {"/maybe", "hello", 401, `error="invalid_token"`},
	} {
		t.Run(name, func(t *testing.T) {
			got := f.get(t, tc.target, tc.token)
			assert.Equal(t, tc.status, got.status)
			assert.Contains(t, got.header.Get("WWW-Authenticate"), tc.challenge)
			assert.Nil(t, got.seen, "the upstream was not asked")
		})
	}
	assert.NotContains(t, f.log.String(), "eyJ", "a token, or a part of one")
}

// TestOpen: without a token nobody is named, on public and on optional routes.
func TestOpen(t *testing.T) {
	f, as := startSimple(t)
	for _, target := range []string{"/public/a", "/maybe"} {
		r := f.request(t, http.MethodGet, target, "", nil)
		r.Header.Set("X-User-Id", "root")
		r.Header["X_USER_ID"] = []string{"root"}
		got := f.do(t, r)
		require.Equal(t, 200, got.status, target)
		for name := range got.seen.Header {
			assert.NotContains(t, strings.ReplaceAll(strings.ToLower(name), "_", "-"), "x-user-id")
		}
	}
	assert.Equal(t, "alice", f.get(t, "/maybe", mint(as)).seen.Header.Get("X-User-Id"))
	public := f.get(t, "/public/a", mint(as)).seen.Header
	assert.NotContains(t, public, "X-User-Id", "public: the token was not looked at")
	assert.NotContains(t, public, "Authorization")
}

// TestUpload: a body of unknown length goes through as it comes.
func TestUpload(t *testing.T) {
	parts := make(chan string)
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		part := make([]byte, 5)
		for {
			if _, err := io.ReadFull(r.Body, part); err != nil {
				close(parts)
				return
			}
			parts <- string(part)
		}
	})
	as := newIssuer(t, validatortest.Options{})
	f := start(t, configure(t, simple, "ISSUER", as.Issuer(), "UPSTREAM", up.URL))
	out, in := io.Pipe()
	answered := make(chan answer)
	go func() { answered <- f.do(t, f.request(t, http.MethodPost, "/orders", mint(as), out)) }()
	for _, part := range []string{"part1", "part2"} {
		_, err := io.WriteString(in, part)
		require.NoError(t, err)
		assert.Equal(t, part, <-parts, "it arrives before the next is sent")
	}
	in.Close()
	assert.Equal(t, 200, (<-answered).status)
	<-parts
}

func TestLargeUpload(t *testing.T) {
	f, as := startSimple(t)
	body := strings.Repeat("x", 1<<20)
	got := f.do(t, f.request(t, http.MethodPost, "/orders", mint(as), strings.NewReader(body)))
	assert.Equal(t, 200, got.status)
	assert.Equal(t, len(body), len(got.seen.Body))
}

// TestPolicies: every field of a route does something.
func TestPolicies(t *testing.T) {
	as, up := newIssuer(t, validatortest.Options{}), newUpstream(t)
	f := start(t, configure(t, `listen: 127.0.0.1:0
upstream: UPSTREAM
insecure_allow_http: true
realm: orders
issuers:
  - {name: orders, url: ISSUER, audiences: [api://orders, api://reports], any_client: true}
routes:
  - {pattern: /any-scope, any_scope: [a, orders.read], issuers: [orders]}
  - {pattern: /audience, audiences: [api://reports], any_token: true}
  - {pattern: /client, client_ids: [orders-app], any_trusted_issuer: true}
  - {pattern: /young, any_token: true, any_trusted_issuer: true, max_token_age: 1m}
  - {pattern: /gold, any_token: true, any_trusted_issuer: true, acr_values: [gold]}
  - {pattern: /recent, any_token: true, any_trusted_issuer: true, max_auth_age: 5m}
`, "ISSUER", as.Issuer(), "UPSTREAM", up.URL))
	now := time.Now()
	for target, tc := range map[string]struct {
		good, bad []validatortest.Edit
		status    int
	}{
		"/any-scope": {nil, []validatortest.Edit{validatortest.Scope("b")}, 403},
		"/audience":  {[]validatortest.Edit{validatortest.Audience("api://reports")}, nil, 403},
		"/client":    {nil, []validatortest.Edit{validatortest.ClientID("other")}, 403},
		"/young":     {nil, []validatortest.Edit{validatortest.Claim("iat", now.Add(-time.Hour).Unix())}, 401},
		"/gold":      {[]validatortest.Edit{validatortest.Claim("acr", "gold")}, nil, 401},
		"/recent": {
			[]validatortest.Edit{validatortest.Claim("auth_time", now.Unix())},
			[]validatortest.Edit{validatortest.Claim("auth_time", now.Add(-time.Hour).Unix())}, 401,
		},
	} {
		t.Run(target, func(t *testing.T) {
			assert.Equal(t, 200, f.get(t, target, mint(as, tc.good...)).status)
			got := f.get(t, target, mint(as, tc.bad...))
			assert.Equal(t, tc.status, got.status)
			assert.Contains(t, got.header.Get("WWW-Authenticate"), `realm="orders"`)
		})
	}
	for _, line := range strings.Split(strings.TrimSpace(f.log.String()), "\n") {
		assert.True(t, json.Valid([]byte(line)), line)
	}
	f.log.wait(t, `"pattern":"/gold","access":"protected","policy":"any token; any trusted issuer; acr gold"`, 1)
}

// TestGoRun is the command that README shows, from the root.
func TestGoRun(t *testing.T) {
	as, up := newIssuer(t, validatortest.Options{}), newUpstream(t)
	path := configure(t, simple, "ISSUER", as.Issuer(), "UPSTREAM", up.URL)
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	command := exec.Command("go", "run", "./examples/gateway", "-config", path)
	command.Dir = root
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // go run passes no signal on
	f := startCommand(t, command, func(s os.Signal) { _ = syscall.Kill(-command.Process.Pid, s.(syscall.Signal)) })
	assert.Equal(t, 200, f.get(t, "/orders/1", mint(as)).status)
}

func TestUpstreamPerRoute(t *testing.T) {
	as, up := newIssuer(t, validatortest.Options{}), newUpstream(t)
	other := upstream(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
	f := start(t, configure(t, simple+`  - pattern: /other
    any_token: true
    upstream: OTHER
`, "ISSUER", as.Issuer(), "UPSTREAM", up.URL, "OTHER", other.URL))
	assert.Equal(t, 200, f.get(t, "/orders", mint(as)).status)
	assert.Equal(t, http.StatusTeapot, f.get(t, "/other", mint(as)).status)
}

// TestUpstreamFails: the client learns that it failed, and nothing else.
func TestUpstreamFails(t *testing.T) {
	release := make(chan struct{})
	up := upstream(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/orders/slow" {
			<-release
		}
		panic(http.ErrAbortHandler)
	})
	defer close(release)
	gone := newUpstream(t)
	gone.Close()
	as := newIssuer(t, validatortest.Options{})
	f := start(t, configure(t, simple+`  - {pattern: /gone, any_token: true, upstream: GONE}
upstream_timeout: 100ms
`, "ISSUER", as.Issuer(), "UPSTREAM", up.URL, "GONE", gone.URL))
	for target, status := range map[string]int{"/orders/cut": 502, "/gone": 502, "/orders/slow": 504} {
		got := f.get(t, target, mint(as))
		assert.Equal(t, status, got.status, target)
		assert.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
		assert.NotContains(t, got.body, "127.0.0.1")
	}
	assert.Equal(t, 3, strings.Count(f.log.String(), "no answer from upstream"))
}

// TestUpstreamAnswersAreItsOwn: a 401 of the upstream stays the upstream's.
func TestUpstreamAnswersAreItsOwn(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Custom realm="upstream"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	as := newIssuer(t, validatortest.Options{})
	f := start(t, configure(t, simple, "ISSUER", as.Issuer(), "UPSTREAM", up.URL))
	got := f.get(t, "/orders", mint(as))
	assert.Equal(t, 401, got.status)
	assert.Equal(t, []string{`Custom realm="upstream"`}, got.header["Www-Authenticate"])
}
