package jwks_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
)

// many is a bucket that is never empty in these tests.
const many = 1000

func TestWithdrawnKeyIsDistrustedByTheNextFetch(t *testing.T) {
	server, s := ready(t, jwks.Config{RefreshBurst: many})
	old := server.KID()
	withdrawn := s.known(t, old, "ES256")
	kept := s.known(t, server.Rotate("ES256"), "ES256")

	server.Withdraw(old)
	assert.True(t, withdrawn.Trusted(), "nobody has asked yet")
	assert.True(t, s.refresh(t).Changed)
	assert.False(t, withdrawn.Trusted())
	assert.True(t, kept.Trusted())
	assert.Equal(t, 1, s.fetches.last(t).Keys)
	_, err := s.key(old, "ES256")
	assert.ErrorIs(t, err, jwks.ErrUnknownKey)
}

// What was distrusted once stays so: its tokens have to be looked at anew.
func TestKeyThatIsListedAgainIsAnotherKey(t *testing.T) {
	server, s := ready(t, jwks.Config{RefreshBurst: many})
	kid := server.KID()
	first := s.known(t, kid, "ES256")
	server.Rotate("ES256")
	server.Withdraw(kid)
	s.refresh(t)
	server.Publish(kid)
	second := s.known(t, kid, "ES256")
	assert.NotSame(t, first, second)
	assert.Equal(t, first.Thumbprint(), second.Thumbprint())
	assert.False(t, first.Trusted())
	assert.True(t, second.Trusted())
}

func TestReorderedSetKeepsKeysAndTrust(t *testing.T) {
	server, s := ready(t, jwks.Config{RefreshBurst: many})
	kids := []string{server.KID(), server.Rotate("ES256"), server.Rotate("EdDSA")}
	algorithms := []string{"ES256", "ES256", "EdDSA"}
	s.refresh(t)
	var before []*jwks.Key
	for i, kid := range kids {
		before = append(before, s.known(t, kid, algorithms[i]))
	}
	server.Reorder()
	report := s.refresh(t)
	assert.False(t, report.Changed)
	assert.Equal(t, 3, report.Keys)
	for i, kid := range kids {
		assert.Same(t, before[i], s.known(t, kid, algorithms[i]))
		assert.True(t, before[i].Trusted())
	}
}

func TestNewMaterialUnderAnOldKidRetiresTheOldKey(t *testing.T) {
	server, s := ready(t, jwks.Config{RefreshBurst: many})
	kid := server.KID()
	old := s.known(t, kid, "ES256")
	server.Rekey(kid)
	assert.True(t, s.refresh(t).Changed)
	next := s.known(t, kid, "ES256")
	assert.NotSame(t, old, next)
	assert.Equal(t, old.ID(), next.ID())
	assert.NotEqual(t, old.Thumbprint(), next.Thumbprint())
	assert.False(t, old.Trusted())
	assert.True(t, next.Trusted())
}

// recorder keeps the headers of requests and the status of answers.
type recorder struct {
	base http.RoundTripper
	mu   sync.Mutex
	seen []exchange
}

type exchange struct {
	header http.Header
	status int
}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.base.RoundTrip(request)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.seen = append(r.seen, exchange{request.Header.Clone(), response.StatusCode})
	}
	return response, err
}

func TestUnchangedSetIsNotReadAgainAndKeepsEverything(t *testing.T) {
	wire := &recorder{base: &http.Transport{DisableKeepAlives: true}}
	server, s := ready(t, jwks.Config{RefreshBurst: many, HTTPClient: &http.Client{Transport: wire}})
	before := s.known(t, server.KID(), "ES256")
	report := s.refresh(t)
	require.Len(t, wire.seen, 2)
	assert.Empty(t, wire.seen[0].header.Get("If-None-Match"))
	assert.Equal(t, http.StatusOK, wire.seen[0].status)
	assert.NotEmpty(t, wire.seen[1].header.Get("If-None-Match"))
	assert.Equal(t, http.StatusNotModified, wire.seen[1].status)
	for _, one := range wire.seen {
		assert.Equal(t, "no-cache", one.header.Get("Cache-Control"))
	}
	assert.NoError(t, report.Err)
	assert.False(t, report.Changed)
	assert.Equal(t, 1, report.Keys)
	assert.Same(t, before, s.known(t, server.KID(), "ES256"))
	assert.True(t, before.Trusted())

	// A set that did change is read whole, with the newest tag.
	kid := server.Rotate("ES256")
	s.known(t, kid, "ES256")
	s.refresh(t)
	assert.Equal(t, http.StatusNotModified, wire.seen[3].status)
}

// "Not modified" of nothing is no key set.
func TestNotModifiedWithoutAQuestionIsAFailure(t *testing.T) {
	s := newSubject(t, jwks.Config{URL: "https://as.example/keys", HTTPClient: web(func(r *http.Request) (*http.Response, error) {
		return respond(r, http.StatusNotModified, ""), nil
	}).client()})
	_, err := s.key("k", "ES256")
	assert.Equal(t, http.StatusNotModified, remoteCause(t, err).Status)
}

func TestIdentityOfAKey(t *testing.T) {
	material := es256(t, "k")
	for name, test := range map[string]struct {
		before, after jwk
		same          bool
	}{
		"unchanged":           {material, material.with(), true},
		"another kid":         {material, material.with("kid", "k2"), false},
		"alg appears":         {material, material.with("alg", "ES256"), false},
		"use appears":         {material, material.with("use", "sig"), false},
		"key_ops appear":      {material, material.with("key_ops", []string{"verify"}), false},
		"key_ops grow":        {material.with("key_ops", []string{"verify"}), material.with("key_ops", []string{"verify", "sign"}), false},
		"key_ops reordered":   {material.with("key_ops", []string{"verify", "sign"}), material.with("key_ops", []string{"sign", "verify"}), true},
		"x5t appears":         {material, material.with("x5t", "AAAA"), true},
		"unknown member":      {material, material.with("ext", "https://as.example"), true},
		"issuer appears":      {material, material.with("issuer", "https://as.example"), false},
		"issuer stays":        {material.with("issuer", "https://as.example"), material.with("issuer", "https://as.example"), true},
		"another issuer":      {material.with("issuer", "https://as.example"), material.with("issuer", "https://other.example"), false},
		"issuer is not use":   {material.with("use", "sig"), material.with("issuer", "sig"), false},
		"coordinate padded":   {material, material.with("x", material["x"].(string)+"="), true},
		"alg is not glued":    {material.with("kid", "kE"), material.with("kid", "k", "alg", "ES256"), false},
		"other material":      {material, es256(t, "k"), false},
		"kid disappears":      {material, material.without("kid"), false},
		"other members swap":  {material.with("use", "sig"), material.with("key_ops", []string{"verify"}), false},
		"spelling of the set": {material, material.with("kid", "k"), true},
	} {
		t.Run(name, func(t *testing.T) {
			other := edKey(t, "other")
			body := setOf(test.before, other)
			var mu sync.Mutex
			s := newSubject(t, jwks.Config{URL: "https://as.example/keys", RefreshBurst: many, HTTPClient: web(func(r *http.Request) (*http.Response, error) {
				mu.Lock()
				defer mu.Unlock()
				return respond(r, 200, string(body)), nil
			}).client()})
			before := s.known(t, test.before["kid"].(string), "ES256")
			mu.Lock()
			body = setOf(test.after, other)
			mu.Unlock()
			report := s.refresh(t)
			assert.Equal(t, !test.same, report.Changed)
			assert.Equal(t, test.same, before.Trusted())

			kid, _ := test.after["kid"].(string)
			after := s.known(t, kid, "ES256")
			assert.Equal(t, test.same, before == after)
			assert.True(t, after.Trusted())
		})
	}
}

func TestSetThatOnlyShrinksIsAnotherSet(t *testing.T) {
	server, s := ready(t, jwks.Config{RefreshBurst: many})
	server.Withdraw(server.KID())
	server.Rotate("ES256")
	s.refresh(t)
	server.Rotate("ES256")
	require.Equal(t, 2, s.refresh(t).Keys)
	server.Withdraw(server.KID())
	report := s.refresh(t)
	assert.True(t, report.Changed)
	assert.Equal(t, 1, report.Keys)
}

func TestKeyListedTwiceIsOneKey(t *testing.T) {
	key := es256(t, "k")
	s := newSubject(t, jwks.Config{URL: "https://as.example/keys", HTTPClient: serving(setOf(key, key)).client()})
	s.known(t, "k", "ES256")
	assert.Equal(t, 1, s.fetches.last(t).Keys)
	assert.Empty(t, s.fetches.last(t).Skipped)
}
