package jwks_test

import (
	"errors"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/metadata"
	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/jwks"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestDiscoveryFindsTheKeysOfEveryKindOfIssuer(t *testing.T) {
	for name, path := range map[string]string{"no path": "", "slash": "/", "path": "/oauth2/default", "path and slash": "/oauth2/default/"} {
		t.Run(name, func(t *testing.T) {
			server := startServer(t, validatortest.Options{Path: path})
			s := newSubject(t, jwks.Config{Issuer: server.Issuer()})
			s.known(t, server.KID(), "ES256")
			assert.Equal(t, 1, server.MetadataRequests())
			s.known(t, server.Rotate("ES256"), "ES256")
			assert.Equal(t, 1, server.MetadataRequests(), "the address is remembered")
		})
	}
}

func TestConfiguredURLNeedsNoDiscovery(t *testing.T) {
	server := startServer(t, validatortest.Options{})
	s := newSubject(t, jwks.Config{Issuer: server.Issuer(), URL: server.JWKSURL()})
	s.known(t, server.KID(), "ES256")
	server.SetMode(validatortest.ModeNotFound)
	for range 5 {
		_, err := s.key("bogus", "ES256")
		assert.Equal(t, 404, remoteCause(t, err).Status)
		s.clock.Advance(10 * time.Second)
	}
	assert.Zero(t, server.MetadataRequests())
}

func TestMetadataThatDoesNotCountMeansUnavailable(t *testing.T) {
	for name, test := range map[string]struct {
		member string
		value  any
		cause  error // nil: it is the metadata, but says too little
	}{
		"another issuer":        {"issuer", "https://evil.example", metadata.ErrDocument},
		"no issuer":             {"issuer", nil, metadata.ErrDocument},
		"jwks_uri is no string": {"jwks_uri", 1, metadata.ErrDocument},
		"no jwks_uri":           {"jwks_uri", nil, nil},
		"empty jwks_uri":        {"jwks_uri", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			server := startServer(t, validatortest.Options{})
			server.SetMetadata(func(document map[string]any) {
				document[test.member] = test.value
				if test.value == nil {
					delete(document, test.member)
				}
			})
			s := newSubject(t, jwks.Config{Issuer: server.Issuer(), CheckURL: func(*url.URL) error { return nil }})
			_, err := s.key(server.KID(), "ES256")
			failed := unavailable(t, err)
			assert.False(t, failed.Throttled)
			var request *remote.Error
			assert.NotErrorAs(t, failed.Cause, &request)
			assert.Equal(t, test.cause != nil, errors.Is(failed.Cause, metadata.ErrDocument))
			assert.Zero(t, server.KeyRequests())

			server.SetMetadata(nil) // and it recovers
			s.clock.Advance(time.Second)
			s.known(t, server.KID(), "ES256")
		})
	}
}

func TestDiscoveredAddressIsHeldToTheSameRules(t *testing.T) {
	for name, address := range map[string]string{
		"plain http":  "http://as.example/keys",
		"a file":      "file:///etc/passwd",
		"with a user": "https://user@as.example/keys",
		"relative":    "/keys",
		"no URL":      "https://[",
	} {
		t.Run(name, func(t *testing.T) {
			asked := newSite(map[string]string{
				"https://as.example/.well-known/openid-configuration": `{"issuer":"https://as.example","jwks_uri":"` + address + `"}`,
			})
			s := newSubject(t, jwks.Config{Issuer: "https://as.example", CheckURL: httpsOnly, HTTPClient: asked.client()})
			_, err := s.key("k", "ES256")
			failed := unavailable(t, err)
			assert.False(t, failed.Throttled)
			var request *remote.Error
			assert.NotErrorAs(t, failed.Cause, &request, "no request was made of it, nor a panic")
			assert.Equal(t, []string{"https://as.example/.well-known/openid-configuration"}, asked.requests())
		})
	}
}

func TestEveryAddressIsJudgedBeforeItIsAsked(t *testing.T) {
	network := newSite(map[string]string{
		openid:                       pointing("https://keys.example/keys"),
		"https://keys.example/keys":  "->/moved",
		"https://keys.example/moved": string(setOf(es256(t, "k"))),
	})
	judged := map[string]bool{}
	var asked []string
	s := newSubject(t, jwks.Config{
		Issuer: issuer,
		CheckURL: func(u *url.URL) error {
			judged[u.String()] = true
			return httpsOnly(u)
		},
		HTTPClient: web(func(r *http.Request) (*http.Response, error) {
			assert.True(t, judged[r.URL.String()], r.URL)
			asked = append(asked, r.URL.String())
			return network.RoundTrip(r)
		}).client(),
	})
	s.known(t, "k", "ES256")
	assert.Equal(t, []string{openid, "https://keys.example/keys", "https://keys.example/moved"}, asked)
}

// site is a network of documents by address. A document that begins with "->"
// is a redirect; one that begins with "!" is that status.
type site struct {
	mu        sync.Mutex
	documents map[string]string
	asked     []string
}

func newSite(documents map[string]string) *site { return &site{documents: documents} }

func (s *site) client() *http.Client { return &http.Client{Transport: s} }

func (s *site) put(address, document string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.documents[address] = document
}

func (s *site) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.asked
	s.asked = nil
	return all
}

func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.URL.String())
	document, ok := s.documents[r.URL.String()]
	switch {
	case !ok:
		return respond(r, http.StatusNotFound, ""), nil
	case document == "!410":
		return respond(r, http.StatusGone, ""), nil
	case document == "!500":
		return respond(r, http.StatusInternalServerError, ""), nil
	case len(document) > 2 && document[:2] == "->":
		return respond(r, http.StatusFound, "", "Location", document[2:]), nil
	}
	return respond(r, http.StatusOK, document), nil
}

const (
	issuer  = "https://as.example"
	openid  = issuer + "/.well-known/openid-configuration"
	rfc8414 = issuer + "/.well-known/oauth-authorization-server"
)

func pointing(address string) string {
	return `{"issuer":"` + issuer + `","jwks_uri":"` + address + `"}`
}

// moving is a Source that has read its keys at /old.
func moving(t *testing.T) (*site, *subject) {
	t.Helper()
	network := newSite(map[string]string{openid: pointing(issuer + "/old"), issuer + "/old": string(setOf(es256(t, "old")))})
	s := newSubject(t, jwks.Config{Issuer: issuer, CheckURL: httpsOnly, HTTPClient: network.client()})
	s.known(t, "old", "ES256")
	require.Equal(t, []string{openid, issuer + "/old"}, network.requests())
	return network, s
}

func TestMovedKeySetIsFoundAtOnceWhenTheOldAddressIsGone(t *testing.T) {
	for status, document := range map[string]string{"404": "", "410": "!410"} {
		t.Run(status, func(t *testing.T) {
			network, s := moving(t)
			if document == "" {
				delete(network.documents, issuer+"/old")
			} else {
				network.put(issuer+"/old", document)
			}
			network.put(openid, pointing(issuer+"/new"))
			network.put(issuer+"/new", string(setOf(es256(t, "new"))))
			s.known(t, "new", "ES256")
			assert.Equal(t, []string{issuer + "/old", openid, issuer + "/new"}, network.requests())
		})
	}
}

// failing lets fetches of the set fail that often.
func (s *subject) failing(t *testing.T, network *site, times int) {
	t.Helper()
	for range times {
		_, err := s.key("new", "ES256")
		unavailable(t, err)
		require.Equal(t, []string{issuer + "/old"}, network.requests())
		s.clock.Advance(10 * time.Second)
	}
}

func TestMetadataIsReadAgainAtTheThirdFailureInARow(t *testing.T) {
	for _, document := range []string{"!500", "login page"} {
		t.Run(document, func(t *testing.T) {
			network, s := moving(t)
			network.put(issuer+"/old", document)
			network.put(openid, pointing(issuer+"/new"))
			network.put(issuer+"/new", string(setOf(es256(t, "new"))))
			s.failing(t, network, 2)
			s.known(t, "new", "ES256")
			assert.Equal(t, []string{issuer + "/old", openid, issuer + "/new"}, network.requests())

			s.clock.Advance(10 * time.Second)
			_, err := s.key("bogus", "ES256")
			require.ErrorIs(t, err, jwks.ErrUnknownKey)
			assert.Equal(t, []string{issuer + "/new"}, network.requests(), "the new place is remembered")
		})
	}
}

func TestFailuresThatAreNotInARowDoNotCount(t *testing.T) {
	network, s := moving(t)
	good := string(setOf(es256(t, "old")))
	for i := range 9 {
		network.put(issuer+"/old", []string{"!500", "!500", good}[i%3])
		s.key("new", "ES256")
		s.clock.Advance(10 * time.Second)
	}
	asked := network.requests()
	assert.Len(t, asked, 9)
	assert.NotContains(t, asked, openid)
}

func TestKnownAddressStaysWhenTheMetadataCannotBeRead(t *testing.T) {
	for name, document := range map[string]string{"500": "!500", "no jwks_uri": `{"issuer":"` + issuer + `"}`, "another issuer": `{"issuer":"https://evil.example","jwks_uri":"https://evil.example/keys"}`} {
		t.Run(name, func(t *testing.T) {
			network, s := moving(t)
			network.put(issuer+"/old", "!500")
			network.put(openid, document)
			s.failing(t, network, 2)
			_, err := s.key("new", "ES256")
			assert.Equal(t, 500, remoteCause(t, err).Status, "of the key set, not of the metadata")
			asked := network.requests()
			assert.Equal(t, []string{issuer + "/old", openid}, asked[:2])
			assert.NotContains(t, asked, "https://evil.example/keys")

			network.put(issuer+"/old", string(setOf(es256(t, "new"))))
			s.clock.Advance(10 * time.Second)
			s.known(t, "new", "ES256")
			assert.Equal(t, []string{issuer + "/old"}, network.requests())
		})
	}
}

// The same address again is not asked twice in one fetch.
func TestMetadataThatNamesTheSameAddressCostsNoSecondRequest(t *testing.T) {
	network, s := moving(t)
	network.put(issuer+"/old", "!410")
	_, err := s.key("new", "ES256")
	assert.Equal(t, 410, remoteCause(t, err).Status)
	assert.Equal(t, []string{issuer + "/old", openid}, network.requests())
}

// A new place that fails is remembered all the same: the metadata says so.
func TestNewAddressThatFailsIsRemembered(t *testing.T) {
	network, s := moving(t)
	network.put(issuer+"/old", "!410")
	network.put(openid, pointing(issuer+"/new"))
	network.put(issuer+"/new", "!500")
	_, err := s.key("new", "ES256")
	assert.Equal(t, 500, remoteCause(t, err).Status)
	network.requests()
	network.put(issuer+"/new", string(setOf(es256(t, "new"))))
	s.clock.Advance(time.Second)
	s.known(t, "new", "ES256")
	assert.Equal(t, []string{issuer + "/new"}, network.requests())
}

func TestGoneKeySetWithoutMetadataIsUnavailable(t *testing.T) {
	network, s := moving(t)
	network.put(issuer+"/old", "!410")
	network.put(openid, "!500")
	_, err := s.key("new", "ES256")
	assert.Equal(t, 410, remoteCause(t, err).Status)
	assert.Equal(t, []string{issuer + "/old", openid, rfc8414}, network.requests())
	s.known(t, "old", "ES256")
}

func TestDiscoveryThatFailedIsTriedAgain(t *testing.T) {
	network := newSite(map[string]string{issuer + "/keys": string(setOf(es256(t, "k")))})
	s := newSubject(t, jwks.Config{Issuer: issuer, CheckURL: httpsOnly, HTTPClient: network.client()})
	_, err := s.key("k", "ES256")
	assert.Equal(t, 404, remoteCause(t, err).Status)
	network.put(rfc8414, pointing(issuer+"/keys"))
	s.clock.Advance(time.Second)
	s.known(t, "k", "ES256")
}

// The ETag belongs to the address it came from.
func TestETagIsNotSentToAnotherAddress(t *testing.T) {
	var mu sync.Mutex
	tags := map[string]string{}
	moved := false
	key := es256(t, "k")
	s := newSubject(t, jwks.Config{Issuer: issuer, RefreshBurst: many, CheckURL: httpsOnly, HTTPClient: web(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		tags[r.URL.Path] = r.Header.Get("If-None-Match")
		switch {
		case r.URL.Path == "/.well-known/openid-configuration" && !moved:
			return respond(r, 200, pointing(issuer+"/old")), nil
		case r.URL.Path == "/.well-known/openid-configuration":
			return respond(r, 200, pointing(issuer+"/new")), nil
		case r.URL.Path == "/old" && moved:
			return respond(r, 404, ""), nil
		}
		return respond(r, 200, string(setOf(key)), "ETag", `"same"`), nil
	}).client()})
	s.known(t, "k", "ES256")
	s.refresh(t)
	require.Equal(t, `"same"`, tags["/old"])
	moved = true
	s.refresh(t)
	assert.Equal(t, "", tags["/new"])
	assert.Contains(t, tags, "/new")
	s.refresh(t)
	assert.Equal(t, `"same"`, tags["/new"])
}

func TestRedirectsOfTheKeySet(t *testing.T) {
	good := string(setOf(es256(t, "k")))
	for name, test := range map[string]struct {
		hops []string // where /keys, /1, /2 ... lead
		kind remote.Kind
	}{
		"same host":          {[]string{"/1"}, ""},
		"three hops":         {[]string{"/1", "/2", "/3"}, ""},
		"four hops":          {[]string{"/1", "/2", "/3", "/4"}, remote.Refused},
		"another host":       {[]string{"https://evil.example/keys"}, remote.Refused},
		"another port":       {[]string{issuer + ":8443/keys"}, remote.Refused},
		"a host below":       {[]string{"https://keys.as.example/keys"}, remote.Refused},
		"plain http":         {[]string{"http://as.example/keys"}, remote.Refused},
		"user information":   {[]string{"https://user@as.example/1"}, remote.Refused},
		"another host later": {[]string{"/1", "https://evil.example/keys"}, remote.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			documents := map[string]string{"https://evil.example/keys": good, issuer + ":8443/keys": good, "http://as.example/keys": good, "https://keys.as.example/keys": good, "https://user@as.example/1": good}
			at := issuer + "/keys"
			for _, hop := range test.hops {
				documents[at] = "->" + hop
				at = issuer + hop
			}
			if _, taken := documents[at]; !taken {
				documents[at] = good
			}
			network := newSite(documents)
			s := newSubject(t, jwks.Config{URL: issuer + "/keys", CheckURL: httpsOnly, HTTPClient: network.client()})
			_, err := s.key("k", "ES256")
			if test.kind == "" {
				assert.NoError(t, err)
				return
			}
			assert.Equal(t, test.kind, remoteCause(t, err).Kind)
			for _, address := range network.requests() {
				u, _ := url.Parse(address)
				assert.Equal(t, "as.example", u.Host)
				assert.Equal(t, "https", u.Scheme)
				assert.Nil(t, u.User)
			}
		})
	}
}
