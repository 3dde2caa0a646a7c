package introspect_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/introspect"
)

const (
	openid  = "https://as.example/.well-known/openid-configuration"
	rfc8414 = "https://as.example/.well-known/oauth-authorization-server"
)

// naming is metadata that names an endpoint.
func naming(address string) reply {
	return metadata(fmt.Sprintf(`"introspection_endpoint":%q`, address))
}

// metadata is a document with those members.
func metadata(members string) reply { return with(200, `{"issuer":"`+issuer+`",`+members+`}`) }

func allowing(hosts ...string) edit { return func(s *setup) { s.Hosts = hosts } }

func TestEndpointIsDiscoveredOnce(t *testing.T) {
	for _, place := range []string{openid, rfc8414} {
		t.Run(place, func(t *testing.T) {
			n := replying(byAddress(map[string]reply{place: naming(endpoint), endpoint: with(200, yes)}))
			c := newClient(t, n, discovering)
			for range 3 {
				isActive(t, c)
			}
			assert.Equal(t, 1, n.countOf(place))
			assert.Equal(t, 3, n.countOf(endpoint))
		})
	}
}

func TestConfiguredEndpointIsNotLookedFor(t *testing.T) {
	n := replying(byAddress(map[string]reply{"https://elsewhere.example/a?b=c": with(200, yes)}))
	isActive(t, newClient(t, n, at("https://elsewhere.example/a?b=c")))
	assert.Equal(t, 1, n.count())
}

// The secret is for the endpoint, and a public document needs none.
func TestDiscoverySendsNoSecret(t *testing.T) {
	for name, of := range secretMethods {
		t.Run(name, func(t *testing.T) {
			n := replying(byAddress(map[string]reply{openid: naming(endpoint), endpoint: with(200, yes)}))
			isActive(t, newClient(t, n, discovering, auth(of(static(hidden)))))
			got := n.all()[0]
			assert.Equal(t, openid, got.address)
			assert.Equal(t, http.MethodGet, got.method)
			assert.Empty(t, got.body)
			assert.NotContains(t, got.header, "Authorization")
		})
	}
}

// held answers when the gate opens.
func held(gate <-chan struct{}, r reply) reply {
	return func(request *http.Request) (*http.Response, error) {
		<-gate
		return r(request)
	}
}

func TestConcurrentCallersShareADiscovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers = 200
		gate := make(chan struct{})
		n := replying(byAddress(map[string]reply{openid: held(gate, naming(endpoint)), endpoint: with(200, yes)}))
		c := newClient(t, n, discovering, func(s *setup) { s.MaxInFlight = callers })
		var answered atomic.Int32
		for range callers {
			go func() {
				isActive(t, c)
				answered.Add(1)
			}()
		}
		synctest.Wait()
		assert.Equal(t, 1, n.count())
		close(gate)
		synctest.Wait()
		assert.EqualValues(t, callers, answered.Load())
		assert.Equal(t, 1, n.countOf(openid))
		assert.Equal(t, callers, n.countOf(endpoint))
	})
}

func TestCallerWhoLeavesDoesNotEndADiscovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		n := replying(byAddress(map[string]reply{openid: held(gate, naming(endpoint)), endpoint: with(200, yes)}))
		c := newClient(t, n, discovering)
		ctx, leave := context.WithCancelCause(t.Context())
		var first, second error
		go func() { _, first = c.Introspect(ctx, token) }()
		synctest.Wait()
		go func() { _, second = c.Introspect(t.Context(), token) }()
		synctest.Wait()
		leave(errors.New("gone"))
		synctest.Wait()
		failed(t, introspect.Unavailable, first)
		close(gate)
		synctest.Wait()
		assert.NoError(t, second)
		assert.Equal(t, 2, n.count(), "one discovery, and one question")
	})
}

// Nobody can suspend the questions of others by hanging up, nor if the cause of
// it looks like a failure of ours.
func TestCallersWhoLeaveADiscoveryDoNotCountAgainstTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		n := replying(byAddress(map[string]reply{openid: held(gate, naming(endpoint)), endpoint: with(200, yes)}))
		c := newClient(t, n, discovering)
		for i := range 20 {
			ctx, leave := context.WithCancelCause(t.Context())
			leave(&remote.Error{Kind: remote.Transport})
			_, err := c.Introspect(ctx, fmt.Sprint(token, i))
			failed(t, introspect.Unavailable, err)
		}
		close(gate)
		isActive(t, c)
	})
}

func TestDiscoveryThatHangsEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := replying(hang)
		began := time.Now()
		fails(t, newClient(t, n, discovering), introspect.Unavailable)
		assert.Equal(t, 2*remote.Timeout, time.Since(began), "at each of its two places")
		assert.Equal(t, 2, n.count())
	})
}

// Nor does it end later, should a place be read for as long as it may.
func TestDiscoveryHasATimeOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := replying(func(r *http.Request) (*http.Response, error) {
			<-time.After(12 * time.Second) // of the bubble: it is deaf to its context
			return nil, io.EOF
		})
		began := time.Now()
		fails(t, newClient(t, n, discovering), introspect.Unavailable)
		assert.Equal(t, 2*remote.Timeout+time.Second, time.Since(began))
		<-time.After(time.Minute) // of the bubble: until the transport is done
	})
}

func TestFailedDiscoveryIsTriedAgainByTheNextQuestion(t *testing.T) {
	n := replying(with(404, ""))
	c := newClient(t, n, discovering)
	fails(t, c, introspect.Unavailable)
	n.set(byAddress(map[string]reply{openid: naming(endpoint), endpoint: with(200, yes)}))
	isActive(t, c)
}

func TestDiscoveredEndpointThatMayNotBeAskedIsNot(t *testing.T) {
	for name, document := range map[string]string{
		"missing":               `"jwks_uri":"https://as.example/keys"`,
		"empty":                 `"introspection_endpoint":""`,
		"null":                  `"introspection_endpoint":null`,
		"number":                `"introspection_endpoint":1`,
		"list":                  `"introspection_endpoint":["https://as.example/introspect"]`,
		"object":                `"introspection_endpoint":{}`,
		"http":                  `"introspection_endpoint":"http://as.example/introspect"`,
		"relative":              `"introspection_endpoint":"/introspect"`,
		"no URL":                `"introspection_endpoint":"https://as.example:x/"`,
		"user":                  `"introspection_endpoint":"https://user@as.example/introspect"`,
		"fragment":              `"introspection_endpoint":"https://as.example/introspect#a"`,
		"alias only":            `"mtls_endpoint_aliases":{"introspection_endpoint":"https://as.example/introspect"}`,
		"another host":          `"introspection_endpoint":"https://evil.example/introspect"`,
		"another port":          `"introspection_endpoint":"https://as.example:8443/introspect"`,
		"default port named":    `"introspection_endpoint":"https://as.example:443/introspect"`,
		"host below":            `"introspection_endpoint":"https://a.as.example/introspect"`,
		"host above":            `"introspection_endpoint":"https://example/introspect"`,
		"host with a suffix":    `"introspection_endpoint":"https://as.example.evil.example/introspect"`,
		"host with a last dot":  `"introspection_endpoint":"https://as.example./introspect"`,
		"host as a user's name": `"introspection_endpoint":"https://as.example@evil.example/introspect"`,
	} {
		t.Run(name, func(t *testing.T) {
			n := replying(func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodGet && r.URL.String() == openid {
					return metadata(document)(r)
				}
				return with(404, "")(r)
			})
			neverSuspends(t, newClient(t, n, discovering), introspect.Unavailable)
			for _, got := range n.all() {
				assert.Equal(t, http.MethodGet, got.method, "nobody is asked: %s", got.address)
			}
		})
	}
}

// Nor is it kept: a better one is found as soon as there is one.
func TestDiscoveredEndpointThatMayNotBeAskedIsNotKept(t *testing.T) {
	for _, address := range []string{"http://as.example/introspect", "https://evil.example/introspect", "https://[", "", "/introspect"} {
		n := replying(byAddress(map[string]reply{openid: naming(address)}))
		c := newClient(t, n, discovering)
		fails(t, c, introspect.Unavailable)
		n.set(byAddress(map[string]reply{openid: naming(endpoint), endpoint: with(200, yes)}))
		isActive(t, c)
	}
}

func TestDiscoveredEndpointMayBeHere(t *testing.T) {
	for _, test := range []struct {
		issuer, address string
		hosts           []string
		trusted         bool
	}{
		{issuer: "https://as.example", address: "https://as.example/a?b", trusted: true},
		{issuer: "https://as.example", address: "https://AS.Example/a", trusted: true},
		{issuer: "https://AS.example", address: "https://as.example/a", trusted: true},
		{issuer: "https://as.example:8443", address: "https://as.example:8443/a", trusted: true},
		{issuer: "https://as.example:8443", address: "https://as.example/a"},
		{issuer: "https://as.example:8443", address: "https://as.example:8444/a"},

		{issuer: "https://as.example", address: "https://mtls.example/a", hosts: []string{"mtls.example"}, trusted: true},
		{issuer: "https://as.example", address: "https://mtls.example:8443/a", hosts: []string{"mtls.example"}, trusted: true},
		{issuer: "https://as.example", address: "https://MTLS.example/a", hosts: []string{"mtls.EXAMPLE"}, trusted: true},
		{issuer: "https://as.example", address: "https://MTLS.example:1/a", hosts: []string{"mtls.EXAMPLE:1"}, trusted: true},
		{issuer: "https://as.example", address: "https://b.example/a", hosts: []string{"a.example", "b.example", "c.example"}, trusted: true},
		{issuer: "https://as.example", address: "https://as.example:8443/a", hosts: []string{"as.example"}, trusted: true},
		{issuer: "https://as.example", address: "https://as.example/a", hosts: []string{"mtls.example"}, trusted: true},
		{issuer: "https://as.example", address: "https://mtls.example:8443/a", hosts: []string{"mtls.example:8443"}, trusted: true},
		{issuer: "https://as.example", address: "https://mtls.example/a", hosts: []string{"mtls.example:8443"}},
		{issuer: "https://as.example", address: "https://mtls.example:8444/a", hosts: []string{"mtls.example:8443"}},
		{issuer: "https://as.example", address: "https://a.mtls.example/a", hosts: []string{"mtls.example"}},
		{issuer: "https://as.example", address: "https://[::1]:8443/a", hosts: []string{"[::1]:8443"}, trusted: true},
		{issuer: "https://as.example", address: "https://[::1]:8443/a", hosts: []string{"[::1]"}, trusted: true},
		{issuer: "https://as.example", address: "https://[::1]/a", hosts: []string{"[::1]"}, trusted: true},
		{issuer: "https://as.example", address: "https://[::2]:8443/a", hosts: []string{"[::1]"}},
	} {
		t.Run(fmt.Sprint(test.issuer, " ", test.address, " ", test.hosts), func(t *testing.T) {
			n := replying(func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodGet {
					return with(200, fmt.Sprintf(`{"issuer":%q,"introspection_endpoint":%q}`, test.issuer, test.address))(r)
				}
				return with(200, yes)(r)
			})
			c := newClient(t, n, discovering, allowing(test.hosts...), func(s *setup) { s.Issuer = test.issuer })
			if test.trusted {
				isActive(t, c)
				assert.Equal(t, test.address, n.last(t).address)
			} else {
				fails(t, c, introspect.Unavailable)
				assert.Equal(t, 1, n.count())
			}
		})
	}
}

// What was allowed stays so, whatever becomes of the caller's list.
func TestHostsAreCopied(t *testing.T) {
	hosts := []string{"mtls.example"}
	n := replying(byAddress(map[string]reply{openid: naming("https://evil.example/a"), "https://evil.example/a": with(200, yes)}))
	c := newClient(t, n, discovering, allowing(hosts...))
	hosts[0] = "evil.example"
	fails(t, c, introspect.Unavailable)
	assert.Equal(t, 1, n.count())
}

// CheckURL judges a discovered endpoint, too.
func TestPlainEndpointNeedsACheckThatAllowsIt(t *testing.T) {
	const local = "http://localhost/introspect"
	n := replying(byAddress(map[string]reply{openid: naming(local), local: with(200, yes)}))
	fails(t, newClient(t, n, discovering, allowing("localhost")), introspect.Unavailable)
	assert.Equal(t, 1, n.count())
	isActive(t, newClient(t, n, discovering, allowing("localhost"), loopback))
}

func TestEndpointThatIsGoneIsDiscoveredAgainByTheNextQuestion(t *testing.T) {
	const moved = "https://as.example/moved"
	for _, status := range []int{404, 410} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			n := replying(byAddress(map[string]reply{openid: naming(endpoint), endpoint: with(200, yes)}))
			c := newClient(t, n, discovering)
			isActive(t, c)
			n.set(byAddress(map[string]reply{openid: naming(moved), endpoint: with(status, ""), moved: with(200, yes)}))
			fails(t, c, introspect.Unavailable)
			assert.Equal(t, 1, n.countOf(openid), "not by the question itself")
			isActive(t, c)
			isActive(t, c)
			assert.Equal(t, 2, n.countOf(openid))
			assert.Equal(t, 2, n.countOf(endpoint))
			assert.Equal(t, 2, n.countOf(moved))
		})
	}
}

func TestEndpointThatRefusesIsNotDiscoveredAgain(t *testing.T) {
	for _, status := range []int{400, 401, 403, 405, 409, 411, 429, 500, 503} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			n := replying(byAddress(map[string]reply{openid: naming(endpoint), endpoint: with(status, "")}))
			c := newClient(t, n, discovering)
			for range 3 {
				_, err := c.Introspect(t.Context(), token)
				require.Error(t, err)
			}
			assert.Equal(t, 1, n.countOf(openid))
			assert.Equal(t, 3, n.countOf(endpoint))
		})
	}
}

func TestConfiguredEndpointIsNeverDiscovered(t *testing.T) {
	for _, status := range []int{404, 410} {
		n := replying(byAddress(map[string]reply{openid: naming(endpoint + "/2"), endpoint: with(status, "")}))
		c := newClient(t, n)
		for range 3 {
			fails(t, c, introspect.Unavailable)
		}
		assert.Equal(t, 3, n.count())
		assert.Equal(t, 3, n.countOf(endpoint))
	}
}

// The alias is for those who authenticate by their certificate; a secret does not
// go there.
func TestAliasIsOnlyForCertificates(t *testing.T) {
	ca := newAuthority(t)
	certificate := ca.issue(t, "ours")
	var o *origin
	o = listen(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			assert.Empty(t, r.TLS.PeerCertificates, "discovery shows no certificate")
			saying(200, fmt.Sprintf(`{"issuer":%q,"introspection_endpoint":%q,"mtls_endpoint_aliases":{"introspection_endpoint":%q}}`,
				o.URL, o.URL+"/plain", o.URL+"/mtls"))(w, r)
			return
		}
		assert.Equal(t, r.URL.Path == "/mtls", len(r.TLS.PeerCertificates) > 0)
		saying(200, yes)(w, r)
	}, ca.encrypted(tls.RequestClientCert))
	here := func(s *setup) { s.Issuer = o.URL }

	isActive(t, newClient(t, nil, client(trusting(o, true)), discovering, here))
	assert.Equal(t, "/plain", o.last(t).address)
	isActive(t, newClient(t, nil, client(trusting(o, true)), discovering, here,
		byCertificate(func(context.Context) (*tls.Certificate, error) { return certificate, nil })))
	assert.Equal(t, "/mtls", o.last(t).address)
}
