package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const origin = "https://api.example.com"

// withDPoP has the simple configuration accept proofs for origin.
const withDPoP = "public_origin: " + origin + "\ndpop:\n  enabled: true\n"

// prove makes a request with a bound token and a proof for it.
func (f *front) prove(t testing.TB, key *dpoptest.Key, token, target string, edits ...validatortest.Edit) *http.Request {
	t.Helper()
	r := f.request(t, http.MethodGet, target, "", nil)
	key.Authorize(r, origin, token, edits...)
	return r
}

// refuses asserts a refusal that has not reached the upstream.
func refuses(t testing.TB, got answer, status int, code string) {
	t.Helper()
	assert.Equal(t, status, got.status)
	assert.Nil(t, got.seen)
	challenges := strings.Join(got.header.Values("WWW-Authenticate"), ", ")
	assert.Contains(t, challenges, `error="`+code+`"`)
}

// TestBoundTokenAsBearer: it is worth nothing, whatever the file says.
func TestBoundTokenAsBearer(t *testing.T) {
	for _, more := range []string{"", withDPoP, "client_certificate:\n  trusted_proxies: [127.0.0.1/32]\n"} {
		f, as := startSimple(t, more)
		key := dpoptest.NewKey("ES256")
		for _, token := range []string{
			mint(as, key.Bind()),
			mint(as, validatortest.Claim("cnf", map[string]any{"x5t#S256": key.Thumbprint()})),
		} {
			refuses(t, f.get(t, "/orders/1", token), 401, "invalid_token")
			refuses(t, f.get(t, "/maybe", token), 401, "invalid_token")
			r := f.request(t, http.MethodGet, "/orders/1", token, nil)
			r.Header.Set("DPoP", key.Proof(http.MethodGet, origin+"/orders/1", token))
			refuses(t, f.do(t, r), 401, "invalid_token")
		}
	}
}

// TestDPoP: a proof for the address that clients know is good once.
func TestDPoP(t *testing.T) {
	f, as := startSimple(t, withDPoP, "  algorithms: [ES256]\n")
	key, other := dpoptest.NewKey("ES256"), dpoptest.NewKey("ES256")
	token := mint(as, key.Bind())
	good := f.prove(t, key, token, "/orders/1?a=b")
	good.Header.Set("X-Forwarded-Host", "evil.example")
	good.Host = "evil.example"
	got := f.do(t, good)
	require.Equal(t, 200, got.status)
	assert.Equal(t, "alice", got.seen.Header.Get("X-User-Id"))
	assert.NotContains(t, got.seen.Header, "Dpop")
	assert.NotContains(t, got.seen.Header, "Authorization")
	assert.NotContains(t, got.header, "Dpop-Nonce", "no nonces are configured")
	refuses(t, f.do(t, good), 401, "invalid_dpop_proof")

	refuses(t, f.do(t, f.prove(t, other, token, "/orders/1")), 401, "invalid_token")
	refuses(t, f.do(t, f.prove(t, key, mint(as), "/orders/1")), 401, "invalid_token")
	refuses(t, f.do(t, f.prove(t, key, token, "/orders/1", validatortest.Claim("htu", "http://"+f.address+"/orders/1"))), 401, "invalid_dpop_proof")
	refuses(t, f.do(t, f.prove(t, key, token, "/orders/1", validatortest.Claim("htu", origin+"/orders/2"))), 401, "invalid_dpop_proof")
	refuses(t, f.do(t, f.prove(t, key, token, "/orders/1", validatortest.Claim("htm", "POST"))), 401, "invalid_dpop_proof")
	refuses(t, f.do(t, f.prove(t, key, mint(as, key.Bind(), validatortest.Subject("bob")), "/orders/1", validatortest.Claim("ath", "x"))), 401, "invalid_dpop_proof")

	strong := dpoptest.NewKey("ES384")
	weak := f.do(t, f.prove(t, strong, mint(as, strong.Bind()), "/orders/1"))
	refuses(t, weak, 401, "invalid_dpop_proof")
	assert.Contains(t, strings.Join(weak.header.Values("WWW-Authenticate"), ", "), `algs="ES256"`)
	assert.Equal(t, 200, f.get(t, "/orders/1", mint(as)).status, "a token that is not bound needs no proof")
}

// TestDPoPBounds: what is remembered is bounded, and being full is no verdict.
func TestDPoPBounds(t *testing.T) {
	f, as := startSimple(t, withDPoP, "  window: 30s\n  max_proofs: 3\n  max_proofs_per_key: 2\n")
	key, other := dpoptest.NewKey("ES256"), dpoptest.NewKey("ES256")
	token, others := mint(as, key.Bind()), mint(as, other.Bind())
	statuses := func(key *dpoptest.Key, token string) (list []int) {
		for range 3 {
			got := f.do(t, f.prove(t, key, token, "/orders/1"))
			assert.Equal(t, got.status == 503, got.header.Get("Retry-After") != "")
			list = append(list, got.status)
		}
		return list
	}
	assert.Equal(t, []int{200, 200, 503}, statuses(key, token))
	assert.Equal(t, []int{200, 503, 503}, statuses(other, others))
	late := func(key *dpoptest.Key) { key.Clock = func() time.Time { return time.Now().Add(-45 * time.Second) } }
	third := dpoptest.NewKey("ES256")
	late(third)
	refuses(t, f.do(t, f.prove(t, third, mint(as, third.Bind()), "/orders/1")), 401, "invalid_dpop_proof")
}

// TestDPoPNonces: clients are told them, and replicas with one secret accept each
// other's.
func TestDPoPNonces(t *testing.T) {
	as := newIssuer(t, validatortest.Options{})
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) { w.Header().Set("DPoP-Nonce", "the upstream's") })
	text := simple + withDPoP + "  nonces: {secret_file: new, previous_secret_file: old, lifetime: 1m}\n"
	began := func(secrets ...string) *front {
		path := configure(t, text, "ISSUER", as.Issuer(), "UPSTREAM", up.URL)
		for i, name := range []string{"new", "old"} {
			require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(strings.Repeat(secrets[i], 32)), 0o600))
		}
		return start(t, path)
	}
	one, two, three := began("a", "b"), began("b", "c"), began("c", "d")
	key := dpoptest.NewKey("ES256")
	token := mint(as, key.Bind())
	with := func(f *front, nonce string) answer {
		return f.do(t, f.prove(t, key, token, "/orders/1", validatortest.Claim("nonce", nonce)))
	}
	told := two.do(t, two.prove(t, key, token, "/orders/1"))
	refuses(t, told, 401, "use_dpop_nonce")
	nonce := told.header.Get("DPoP-Nonce")
	got := with(two, nonce)
	require.Equal(t, 200, got.status)
	next := got.header["Dpop-Nonce"]
	require.Len(t, next, 1)
	assert.NotEqual(t, "the upstream's", next[0])
	assert.Equal(t, 200, with(one, next[0]).status, "its previous secret made it")
	refuses(t, with(three, nonce), 401, "use_dpop_nonce")
	assert.Equal(t, []string{"the upstream's"}, two.get(t, "/orders/1", mint(as)).header["Dpop-Nonce"], "a token that is not bound: what is between client and upstream")
	assert.Equal(t, []string{"the upstream's"}, two.get(t, "/public/a", "").header["Dpop-Nonce"])

	// A new secret is read with the file.
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(two.path), "old"), []byte(strings.Repeat("d", 32)), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(two.path), "new"), []byte(strings.Repeat("c", 32)), 0o600))
	two.signal(syscall.SIGHUP)
	two.log.wait(t, `"msg":"configuration reloaded"`, 1)
	refuses(t, with(two, nonce), 401, "use_dpop_nonce")
	assert.NotContains(t, two.log.String(), strings.Repeat("c", 32))
}

// TestUpstreamNonce: where the gateway has no nonces of its own, an upstream that gets
// the proof may ask for one of its own.
func TestUpstreamNonce(t *testing.T) {
	as := newIssuer(t, validatortest.Options{})
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) { w.Header().Set("DPoP-Nonce", "the upstream's") })
	f := start(t, configure(t, simple+withDPoP+"forward_authorization: true\n", "ISSUER", as.Issuer(), "UPSTREAM", up.URL))
	key := dpoptest.NewKey("ES256")
	got := f.do(t, f.prove(t, key, mint(as, key.Bind()), "/orders/1"))
	require.Equal(t, 200, got.status)
	assert.Equal(t, []string{"the upstream's"}, got.header["Dpop-Nonce"])
}

// TestForwardProof: an upstream that gets the token gets the proof too.
func TestForwardProof(t *testing.T) {
	f, as := startSimple(t, withDPoP, "forward_authorization: true\n")
	key := dpoptest.NewKey("ES256")
	token := mint(as, key.Bind())
	r := f.prove(t, key, token, "/orders/1")
	got := f.do(t, r)
	require.Equal(t, 200, got.status)
	assert.Equal(t, r.Header["Dpop"], got.seen.Header["Dpop"])
	assert.Equal(t, "DPoP "+token, got.seen.Header.Get("Authorization"))
}

// TestReloadRemembersProofs: what was used stays used.
func TestReloadRemembersProofs(t *testing.T) {
	f, as := startSimple(t, withDPoP)
	key := dpoptest.NewKey("ES256")
	used := f.prove(t, key, mint(as, key.Bind()), "/orders/1")
	require.Equal(t, 200, f.do(t, used).status)
	text, err := os.ReadFile(f.path)
	require.NoError(t, err)
	reload := func(old, new, said string, n int) {
		rewrite(t, f.path, strings.Replace(string(text), old, new, 1))
		f.signal(syscall.SIGHUP)
		f.log.wait(t, said, n)
	}
	reload("enabled: true", "enabled: false", `"msg":"configuration reloaded"`, 1)
	assert.Equal(t, 401, f.do(t, f.prove(t, key, mint(as, key.Bind()), "/orders/1")).status, "a scheme that nobody accepts")
	reload(withDPoP, "", `"msg":"configuration reloaded"`, 2)
	reload("", "", `"msg":"configuration reloaded"`, 3)
	refuses(t, f.do(t, used), 401, "invalid_dpop_proof")
	for i, bound := range []string{"window: 30s", "max_proofs: 9", "max_proofs_per_key: 9"} {
		reload("enabled: true", "enabled: true\n  "+bound, "dpop: window, max_proofs and max_proofs_per_key cannot change while the gateway runs", i+1)
	}
	refuses(t, f.do(t, used), 401, "invalid_dpop_proof")
	assert.Equal(t, 200, f.do(t, f.prove(t, key, mint(as, key.Bind()), "/orders/1")).status)
}

// TestNonceAfterInformation: an informational answer of the upstream (RFC 9110 15.2) does
// not take the nonce with it.
func TestNonceAfterInformation(t *testing.T) {
	as := newIssuer(t, validatortest.Options{})
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Cache-Control", "max-age=60")
	})
	path := configure(t, simple+withDPoP+"  nonces: {secret_file: secret}\n", "ISSUER", as.Issuer(), "UPSTREAM", up.URL)
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "secret"), []byte(strings.Repeat("a", 32)), 0o600))
	f, key := start(t, path), dpoptest.NewKey("ES256")
	token := mint(as, key.Bind())
	nonce := f.do(t, f.prove(t, key, token, "/orders/1")).header.Get("DPoP-Nonce")
	got := f.do(t, f.prove(t, key, token, "/orders/1", validatortest.Claim("nonce", nonce)))
	require.Equal(t, 200, got.status)
	assert.Len(t, got.header["Dpop-Nonce"], 1)
	assert.Equal(t, []string{"no-store", "max-age=60"}, got.header["Cache-Control"])
}
