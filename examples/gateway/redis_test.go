package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/redisserver"
	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// aRedis is a server, and what is asked of it beside the gateways.
type aRedis struct {
	*redisserver.Server
	*redis.Client
	dir string
}

func newRedis(t testing.TB, lines ...string) aRedis {
	t.Helper()
	dir := t.TempDir()
	words := strings.NewReplacer("DIR", dir)
	writeServerCertificate(t, dir)
	for i := range lines {
		lines[i] = words.Replace(lines[i])
	}
	s, err := redisserver.Start(dir, lines...)
	require.NoError(t, err)
	t.Cleanup(s.Kill)
	o := &redis.Options{Addr: s.Addr(), MaxRetries: -1}
	if len(lines) > 0 && strings.HasPrefix(lines[0], "tls-port") {
		o.TLSConfig = redisServer{tls: true, ca: string(readAll(t, filepath.Join(dir, "cert")))}.secure()
	}
	client := redis.NewClient(o)
	t.Cleanup(func() { client.Close() })
	return aRedis{s, client, dir}
}

func readAll(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return text
}

// writeServerCertificate writes cert and key, for 127.0.0.1.
func writeServerCertificate(t testing.TB, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	writePEM(t, filepath.Join(dir, "cert"), "CERTIFICATE", der, err)
	der, err = x509.MarshalPKCS8PrivateKey(key)
	writePEM(t, filepath.Join(dir, "key"), "PRIVATE KEY", der, err)
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); <-time.After(10 * time.Millisecond) {
		require.True(t, time.Now().Before(deadline), what)
	}
}

// everything is a configuration that shares all there is. The issuer is asked about
// opaque tokens.
var everything = strings.Replace(telling, "    profile: rfc9068\n", `    profile: rfc9068
    introspection: {client_id: orders-api, secret_file: secret, format: {prefix: at_}}
`, 1) + withDPoP + `  window: 1s
redis:
  addresses: [REDIS]
  secret_file: fleet
  timeout: 5s
  max_skew: 100ms
  answers: true
  answer_wait: 10s
  keys: true
  used_proofs: true
  revocations: {while_behind: BEHIND, silence: 1s}
`

// replicas are gateways with one issuer, upstream and Redis.
type replicas struct {
	as    *validatortest.Server
	redis aRedis
	text  string
	words []string
}

func newReplicas(t testing.TB, text string, r aRedis) *replicas {
	t.Helper()
	as, up := newIssuer(t, validatortest.Options{OpaquePrefix: "at_"}), newUpstream(t)
	as.AddClient("orders-api", "a secret")
	return &replicas{as, r, text, []string{"ISSUER", as.Issuer(), "UPSTREAM", up.URL, "REDIS", `"` + r.Addr() + `"`, "BEHIND", "refuse"}}
}

// start starts another one, without waiting for it.
func (r *replicas) start(t testing.TB) *front { return start(t, withSecrets(t, r.text, r.words...)) }

// join starts another one, and waits until it is ready.
func (r *replicas) join(t testing.TB) *front {
	t.Helper()
	f := r.start(t)
	f.becomes(t, 200)
	return f
}

func (r *replicas) opaque() string { // of somebody whose tokens are not revoked, or each replica would ask
	return r.as.OpaqueToken(validatortest.ClientID("orders-app"), validatortest.Scope("orders.read"), validatortest.Subject("dave"))
}

// becomes waits for the answer to readiness probes.
func (f *front) becomes(t testing.TB, status int) {
	t.Helper()
	eventually(t, fmt.Sprintf("/readyz is %d", status), func() bool { return f.get(t, "/readyz", "").status == status })
}

// acl is the user that docs/fleet.md has: it may do what is needed, and nothing else.
func acl(t testing.TB) (user, inCluster string) {
	t.Helper()
	guide := readAll(t, "../../docs/fleet.md")
	line := regexp.MustCompile(`(?m)^user bearerguard .*$`).Find(guide)
	more := regexp.MustCompile("In a cluster also `(.*?)`").FindSubmatch(guide)
	require.NotEmpty(t, line)
	require.Len(t, more, 2)
	return strings.Replace(string(line), "PASSWORD", "hunter2", 1), string(more[1])
}

// TestRedis: everything is shared by gateways that may do no more than they must, over TLS.
func TestRedis(t *testing.T) {
	user, _ := acl(t)
	server := newRedis(t, "tls-port PORT", "port 0", "tls-cert-file DIR/cert", "tls-key-file DIR/key", "tls-auth-clients no", user)
	r := newReplicas(t, strings.Replace(everything, "redis:\n", "redis:\n  tls: true\n  ca_file: CA\n  user: bearerguard\n  password_file: sentinel\n", 1), server)
	r.words = append(r.words, "CA", filepath.Join(server.dir, "cert"))
	all := []*front{r.join(t), r.join(t), r.join(t)}

	opaque, token := r.opaque(), mint(r.as)
	key := dpoptest.NewKey("ES256")
	bound := mint(r.as, key.Bind(), validatortest.Subject("bob"))
	proof := key.Proof("GET", origin+"/orders", bound)
	accepted := 0
	for _, f := range all {
		assert.Equal(t, 200, f.get(t, "/orders", opaque).status)
		assert.Equal(t, 200, f.get(t, "/orders", token).status)
		request := f.request(t, "GET", "/orders", "", nil)
		request.Header.Set("Authorization", "DPoP "+bound)
		request.Header.Set("DPoP", proof)
		if got := f.do(t, request); got.status == 200 {
			accepted++
		} else {
			refuses(t, got, 401, "invalid_dpop_proof")
		}
	}
	assert.Equal(t, 1, r.as.IntrospectionRequests())
	assert.Equal(t, 1, r.as.KeyRequests())
	assert.Equal(t, 1, accepted)

	push(t, all[0], r.as)
	for _, f := range all {
		eventually(t, "it is revoked", func() bool { return f.get(t, "/orders", token).status == 401 })
	}
	r.as.SetMode(validatortest.ModeDown)
	late := r.join(t)
	assert.Equal(t, 401, late.get(t, "/orders", token).status, "revoked before it began")
	assert.Equal(t, 200, late.get(t, "/orders", mint(r.as, validatortest.Subject("carol"))).status, "the keys are known")
	assert.NotContains(t, late.log.String(), "NOPERM")
	assert.Empty(t, server.Keys(t.Context(), "[^b]*").Val())
}

// TestRedisBehind: while Redis cannot tell what was revoked, who would rather refuse does,
// and says so to whoever asks whether it is ready; nothing is forgotten.
func TestRedisBehind(t *testing.T) {
	for choice, during := range map[string]int{"refuse": 503, "serve": 200} {
		t.Run(choice, func(t *testing.T) {
			t.Parallel()
			r := newReplicas(t, everything, newRedis(t))
			witness := r.join(t) // which says when Redis has been silent for too long
			r.words[len(r.words)-1] = choice
			one, two := r.join(t), r.join(t)
			token, other := mint(r.as), mint(r.as, validatortest.Subject("bob"))
			require.Equal(t, 200, two.get(t, "/orders", token).status)
			require.NoError(t, r.redis.Stop())
			push(t, one, r.as)
			assert.Equal(t, 401, one.get(t, "/orders", token).status, "it was told itself")
			witness.becomes(t, 503)
			two.becomes(t, during)
			if choice == "refuse" {
				eventually(t, "it refuses", func() bool { return two.get(t, "/orders", other).status == 503 })
				assert.NotEmpty(t, two.get(t, "/orders", other).header.Get("Retry-After"))
				assert.Contains(t, two.log.String(), `"reason":"revocations_behind"`)
			}
			require.NoError(t, r.redis.Continue())
			eventually(t, "it is revoked", func() bool { return two.get(t, "/orders", token).status == 401 })
			two.becomes(t, 200)
			assert.Equal(t, 200, two.get(t, "/orders", other).status)
		})
	}
}

// TestRedisDown: who shares what can be asked for is ready, and serves, without Redis.
func TestRedisDown(t *testing.T) {
	server := newRedis(t)
	server.Kill()
	text := everything[:strings.Index(everything, "  used_proofs")]
	r := newReplicas(t, strings.Replace(text, "timeout: 5s", "timeout: 250ms", 1), server)
	f := r.start(t)
	assert.Equal(t, 200, f.get(t, "/readyz", "").status)
	opaque := r.opaque()
	for range 3 {
		assert.Equal(t, 200, f.get(t, "/orders", opaque).status)
		assert.Equal(t, 200, f.get(t, "/orders", mint(r.as)).status)
		assert.Equal(t, 200, f.get(t, "/orders", r.opaque()).status)
	}
	require.NoError(t, server.Restart())
	other := r.join(t)
	eventually(t, "it is shared", func() bool {
		before, opaque := r.as.IntrospectionRequests(), r.opaque()
		assert.Equal(t, 200, f.get(t, "/orders", opaque).status)
		assert.Equal(t, 200, other.get(t, "/orders", opaque).status)
		return r.as.IntrospectionRequests() == before+1
	})
}

// TestRedisIsAwaited: what used proofs need before any can be accepted is awaited once.
func TestRedisIsAwaited(t *testing.T) {
	server := newRedis(t)
	server.Kill()
	f := newReplicas(t, everything[:strings.Index(everything, "  revocations:")], server).start(t)
	assert.Equal(t, 503, f.get(t, "/readyz", "").status)
	require.NoError(t, server.Restart())
	f.becomes(t, 200)
	server.Kill()
	assert.Equal(t, 200, f.get(t, "/readyz", "").status, "it does not flip back: others need no proof")
}

// clients are the connections of gateways, by their ids.
func (r aRedis) clients(t testing.TB) (ids []string) {
	t.Helper()
	list, err := r.Do(t.Context(), "CLIENT", "LIST").Text()
	require.NoError(t, err)
	for line := range strings.Lines(list) {
		if !strings.Contains(line, "cmd=client|list") { // our own
			ids = append(ids, strings.Fields(line)[0])
		}
	}
	return ids
}

// TestRedisReload: a client whose settings are the same stays. Another Redis is asked from
// then on, and no request is lost, nor what was revoked; a secret can change.
func TestRedisReload(t *testing.T) {
	first, second := newRedis(t), newRedis(t)
	r := newReplicas(t, strings.Replace(everything, "refuse", "serve", 1), first)
	r.words[len(r.words)-1] = "serve"
	f, other := r.join(t), r.join(t)
	token := mint(r.as)
	require.Equal(t, 200, f.get(t, "/orders", r.opaque()).status)
	before := first.clients(t)
	require.NotEmpty(t, before)
	reloads := 0
	reload := func(f *front, text string, words []string, count int) {
		t.Helper()
		rewrite(t, f.path, text, words...)
		f.signal(syscall.SIGHUP)
		f.log.wait(t, `"msg":"configuration reloaded"`, count)
	}
	for reloads < 3 {
		reloads++
		reload(f, r.text+fmt.Sprintf("realm: r%d\n", reloads), r.words, reloads)
	}
	require.Equal(t, 200, f.get(t, "/orders", r.opaque()).status)
	after := first.clients(t)
	assert.True(t, slices.ContainsFunc(before, func(id string) bool { return slices.Contains(after, id) }), "%v, and then %v", before, after)

	words := append([]string{"REDIS", `"` + second.Addr() + `"`}, r.words...)
	var load sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					assert.Equal(t, 200, f.get(t, "/orders", r.opaque()).status)
				}
			}
		})
	}
	for range 10 {
		reloads++
		reload(f, r.text, words, reloads)
		reloads++
		reload(f, r.text, r.words, reloads)
	}
	reloads++
	reload(f, r.text, words, reloads)
	close(stop)
	load.Wait()
	eventually(t, "the other one is asked", func() bool { return len(second.clients(t)) > 0 })
	assert.NotContains(t, f.log.String(), `"outcome":"unavailable"`, "no command was lost either")

	reload(other, r.text, words, 1)
	eventually(t, "the client before has ended", func() bool { return len(first.clients(t)) == 0 })
	push(t, other, r.as)
	eventually(t, "it is revoked", func() bool { return f.get(t, "/orders", token).status == 401 })

	r.as.SetMode(validatortest.ModeDown)
	assert.Equal(t, 200, f.get(t, "/orders", mint(r.as, validatortest.Subject("carol"))).status, "the keys are known")
	r.as.SetMode(validatortest.ModeUp)

	// The secret, as docs/fleet.md has it: known to all before anybody uses it.
	for _, f := range []*front{f, other} {
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(f.path), "new"), []byte(strings.Repeat("n", 32)), 0o600))
	}
	rotated := strings.NewReplacer("secret_file: fleet", "secret_file: new\n  previous_secret_files: [fleet]").Replace(r.text)
	known := strings.NewReplacer("secret_file: fleet", "secret_file: fleet\n  previous_secret_files: [new]").Replace(r.text)
	bob := mint(r.as, validatortest.Subject("bob"))
	alone := strings.NewReplacer("secret_file: fleet", "secret_file: new").Replace(r.text)
	reload(f, known, words, reloads+1)
	reload(other, known, words, 2)
	reload(other, rotated, words, 3)
	asked, opaque := r.as.IntrospectionRequests(), r.opaque()
	assert.Equal(t, 200, other.get(t, "/orders", opaque).status)
	assert.Equal(t, 200, f.get(t, "/orders", opaque).status)
	assert.Equal(t, asked+1, r.as.IntrospectionRequests())
	reload(f, alone, words, reloads+2)
	token = r.as.EventToken("https://api.example.com/events", sessionRevoked, nil,
		validatortest.Claim("sub_id", map[string]any{"format": "iss_sub", "iss": r.as.Issuer(), "sub": "bob"}))
	told := other.request(t, "POST", "/events", "", strings.NewReader(token))
	told.Header.Set("Content-Type", "application/secevent+jwt")
	assert.Equal(t, 202, other.do(t, told).status)
	eventually(t, "it is revoked", func() bool { return f.get(t, "/orders", bob).status == 401 })
}

// TestRedisEnds: what was revoked is published before the program ends, or that it was not
// is said.
func TestRedisEnds(t *testing.T) {
	r := newReplicas(t, everything, newRedis(t))
	one, two := r.join(t), r.join(t)
	require.NoError(t, r.redis.Stop())
	push(t, one, r.as)
	one.signal(os.Interrupt)
	assert.NoError(t, <-one.ended)
	assert.Contains(t, one.log.String(), "other replicas do not know what was revoked here")
	require.NoError(t, r.redis.Continue())
	two.becomes(t, 200)
	push(t, two, r.as)
	two.signal(os.Interrupt)
	assert.NoError(t, <-two.ended)
	assert.NotContains(t, two.log.String(), "do not know")
	assert.Equal(t, 401, r.join(t).get(t, "/orders", mint(r.as, validatortest.Claim("iat", time.Now().Unix()-10))).status)
}

// TestRedisWays: a cluster, and a master that sentinels know.
func TestRedisWays(t *testing.T) {
	user, more := acl(t)
	cluster := newRedis(t, "port PORT", "cluster-enabled yes", user+" "+more)
	require.NoError(t, cluster.ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	eventually(t, "the cluster is up", func() bool {
		return strings.Contains(cluster.ClusterInfo(t.Context()).Val(), "cluster_state:ok")
	})
	master := newRedis(t)
	_, port, err := net.SplitHostPort(master.Addr())
	require.NoError(t, err)
	sentinel := newRedis(t, "port PORT", "sentinel monitor orders 127.0.0.1 "+port+" 1", "requirepass hunter2")
	for way, r := range map[string]*replicas{
		"\n  cluster: true\n  user: bearerguard\n  password_file: sentinel": newReplicas(t, everything, cluster),
		"\n  sentinel_master: orders\n  sentinel_password_file: sentinel":   newReplicas(t, everything, sentinel),
	} {
		r.text = strings.Replace(r.text, "  secret_file: fleet", "  secret_file: fleet"+way, 1)
		one, two := r.join(t), r.join(t)
		opaque := r.opaque()
		assert.Equal(t, 200, one.get(t, "/orders", opaque).status)
		assert.Equal(t, 200, two.get(t, "/orders", opaque).status)
		assert.Equal(t, 1, r.as.IntrospectionRequests(), way)
		token := mint(r.as)
		push(t, one, r.as)
		eventually(t, "it is revoked", func() bool { return two.get(t, "/orders", token).status == 401 })
	}
}
