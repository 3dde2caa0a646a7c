package jwks_test

import (
	"crypto/sha256"
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
)

func TestStatusBeforeAnything(t *testing.T) {
	s := newSubject(t, jwks.Config{Issuer: issuer, HTTPClient: noNetwork(t)})
	assert.Equal(t, jwks.Status{}, s.Status())
	s = newSubject(t, jwks.Config{URL: setURL, HTTPClient: noNetwork(t)})
	assert.Equal(t, jwks.Status{URL: setURL}, s.Status())
}

func TestStatusOfAGoodSet(t *testing.T) {
	entra := es256(t, "entra").with("issuer", "https://login.example", "alg", "ES256")
	network := newSite(map[string]string{
		openid:           pointing(issuer + "/keys"),
		issuer + "/keys": string(setOf(entra, rsaKey(t, "", 2048), es256(t, "bad").with("use", "enc"))),
	})
	s := newSubject(t, jwks.Config{Issuer: issuer, CheckURL: httpsOnly, HTTPClient: network.client()})
	require.NoError(t, s.Ready(t.Context()))
	fetched := s.clock.Now()
	s.clock.Advance(time.Minute)
	status := s.Status()
	print := s.known(t, "entra", "ES256").Thumbprint()
	require.Len(t, status.Keys, 2)
	assert.Equal(t, jwks.KeyStatus{
		ID: "entra", Issuer: "https://login.example", Algorithms: []string{"ES256"},
		Thumbprint: base64.RawURLEncoding.EncodeToString(print[:]),
	}, status.Keys[0])
	assert.Equal(t, []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, status.Keys[1].Algorithms)
	assert.Len(t, status.Thumbprint, base64.RawURLEncoding.EncodedLen(sha256.Size))
	status.Keys, status.Thumbprint = nil, ""
	assert.Equal(t, jwks.Status{
		URL: issuer + "/keys", Fetched: fetched,
		Skipped: []jwks.Skipped{{KeyID: "bad", Why: "use is not sig"}},
	}, status)

	s.Status().Skipped[0].KeyID = "changed by the caller"
	assert.Equal(t, "bad", s.Status().Skipped[0].KeyID)
}

func TestStatusTellsOfFailures(t *testing.T) {
	inWorld(t, jwks.Config{RefreshBurst: 100}, func(t *testing.T, w *world) {
		good := w.Status()
		w.server.fail(503)
		for i, backoff := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			_, err := w.key("other", "ES256")
			cause := unavailable(t, err).Cause
			status := w.Status()
			assert.Equal(t, i+1, status.Failures)
			assert.Equal(t, cause.Error(), status.LastError)
			assert.Equal(t, w.now(), status.FailedAt)
			assert.Equal(t, w.now().Add(backoff), status.NextTry)
			assert.Equal(t, good.Fetched, status.Fetched)
			assert.Equal(t, good.Keys, status.Keys)
			pass(backoff)
			assert.Zero(t, w.Status().NextTry)
		}
		w.server.fail(0)
		w.refresh(t)
		status := w.Status()
		assert.Equal(t, w.now(), status.Fetched)
		status.Fetched = good.Fetched
		assert.Equal(t, good, status, "it is over")
	})
}

func TestStatusSaysWhenTheNextFetchMayStart(t *testing.T) {
	inWorld(t, jwks.Config{RefreshBurst: 2}, func(t *testing.T, w *world) {
		assert.Zero(t, w.Status().NextTry)
		release := w.server.hold()
		answers := ask(w.subject, t.Context(), "bogus")
		w.settled()
		assert.Zero(t, w.Status().NextTry, "one is in the air")
		release()
		<-answers
		assert.WithinDuration(t, w.now().Add(10*time.Second), w.Status().NextTry, time.Millisecond, "the bucket is empty")

		w.jump(-hour)
		assert.Zero(t, w.Status().NextTry, "it is another one after the clock was set back")
		w.refresh(t)
	})
}

// It is one snapshot: what it says of the set and of its time belong together.
func TestStatusWaitsForNoFetch(t *testing.T) {
	inWorld(t, jwks.Config{MaxAge: hour, MaxStale: 2 * hour}, func(t *testing.T, w *world) {
		release := w.server.hold()
		defer release()
		answers := ask(w.subject, t.Context(), "bogus")
		pass(2 * time.Second)
		assert.Equal(t, w.now().Add(-2*time.Second), w.Status().Fetched)
		release()
		<-answers
	})
}

func TestThumbprintOfASet(t *testing.T) {
	of := func(body []byte) string {
		s := newSubject(t, jwks.Config{URL: setURL, HTTPClient: serving(body).client()})
		require.NoError(t, s.Ready(t.Context()))
		return s.Status().Thumbprint
	}
	a, b := es256(t, "a"), edKey(t, "b")
	print := of(setOf(a, b))
	assert.Equal(t, print, of(setOf(b, a)), "in any order")
	assert.Equal(t, print, of(setOf(b, unusable, a, a)), "by what is usable")
	assert.Equal(t, print, of(setOf(a.with("ext", 1, "x5t", "AAAA"), b)), "by what counts")
	for name, other := range map[string][]byte{
		"a key less":     setOf(a),
		"a key more":     setOf(a, b, es256(t, "c")),
		"another kid":    setOf(a.with("kid", "c"), b),
		"another alg":    setOf(a.with("alg", "ES256"), b),
		"another issuer": setOf(a.with("issuer", "https://login.example"), b),
		"other material": setOf(es256(t, "a"), b),
	} {
		assert.NotEqual(t, print, of(other), name)
	}
}
