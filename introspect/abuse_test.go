package introspect_test

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
)

// A server that replies with errors of its own may have been made to by the tokens:
// however often, it is tried again after a second.
func TestErrorsThatTokensCanCauseDoNotMakeThePauseGrow(t *testing.T) {
	for _, status := range []int{500, 501, 505, 599} {
		s := newTrouble(t, with(status, ""))
		for range 5 {
			s.open(t)
		}
	}
	for _, status := range []int{429, 502, 503, 504} {
		s := newTrouble(t, with(status, ""))
		s.open(t)
		s.fail(t, enough)
		assert.Equal(t, 2*time.Second, s.suspended(t), status)
	}
}

// Trials that never report do not suspend the questions for ever.
func TestTrialsThatAreNotHeardOfAreMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTrouble(t, down)
		s.open(t)
		gate := make(chan struct{})
		s.set(held(gate, with(200, yes)))
		lost := s.trials(t, enough)
		assert.Equal(t, time.Second, s.suspended(t))
		s.clock.Advance(10 * time.Second)
		s.suspended(t)
		s.clock.Advance(time.Nanosecond)
		s.set(with(200, yes))
		require.NoError(t, s.ask())
		close(gate)
		for range enough {
			<-lost
		}
	})
}

// Nor does a clock that is set back while they are made.
func TestTrialsAndAClockSetBack(t *testing.T) {
	s := newTrouble(t, down)
	s.open(t)
	s.set(func(r *http.Request) (*http.Response, error) {
		s.clock.Advance(-100 * time.Millisecond)
		return down(r)
	})
	for range enough {
		_ = s.ask()
	}
	s.set(with(200, yes))
	s.clock.Advance(11 * time.Second)
	require.NoError(t, s.ask())
}

// Even by an hour, while none of the trials reports.
func TestTrialsThatAreNotHeardOfAndAClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTrouble(t, down)
		s.open(t)
		gate := make(chan struct{})
		s.set(held(gate, with(200, yes)))
		lost := s.trials(t, enough)
		s.clock.Advance(-time.Hour)
		s.set(with(200, yes))
		require.NoError(t, s.ask())
		close(gate)
		for range enough {
			<-lost
		}
	})
}

// A trial that failed is used up: no more of them are made than it takes.
func TestTrialsThatFailedAreUsedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTrouble(t, down)
		s.open(t)
		s.fail(t, 3)
		gate := make(chan struct{})
		s.set(held(gate, with(200, yes)))
		last := s.trials(t, enough-3)
		assert.Equal(t, time.Second, s.suspended(t))
		close(gate)
		for range enough - 3 {
			assert.NoError(t, <-last)
		}
	})
}

// What is ours to fetch takes no longer than a question.
func TestCredentialsHaveTheTimeOfAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waiting := introspect.SecretFunc(func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		})
		c := newClient(t, replying(with(200, yes)), auth(introspect.ClientSecretBasic("client", waiting)), func(s *setup) { s.Timeout = 2 * time.Second })
		began := time.Now()
		fails(t, c, introspect.Credentials)
		assert.Equal(t, 2*time.Second, time.Since(began))
	})
}

// Others choose how many questions there are: metadata that does not help is not
// read again for each of them.
func TestFailedDiscoveryIsNotRepeatedForEveryQuestion(t *testing.T) {
	clock := newClock()
	n := replying(with(200, `{"issuer":"`+issuer+`"}`))
	c := newClient(t, n, discovering, clocked(clock.Now))
	const place = issuer + "/.well-known/openid-configuration"
	for range 50 {
		fails(t, c, introspect.Unavailable)
	}
	assert.Equal(t, 2, n.countOf(place), "the first failure may be a coincidence")
	for i, pause := range []time.Duration{1, 2, 4, 8, 10, 10} {
		clock.Advance(pause*time.Second - time.Nanosecond)
		fails(t, c, introspect.Unavailable)
		assert.Equal(t, 2+i, n.countOf(place))
		clock.Advance(time.Nanosecond)
		fails(t, c, introspect.Unavailable)
		assert.Equal(t, 3+i, n.countOf(place))
	}
	n.set(byAddress(map[string]reply{place: with(200, `{"issuer":"`+issuer+`","introspection_endpoint":"`+endpoint+`"}`), endpoint: with(200, yes)}))
	fails(t, c, introspect.Unavailable)
	clock.Advance(-time.Hour) // a clock that was set back ends the pause
	isActive(t, c)
	n.set(with(404, ""))
	fails(t, c, introspect.Unavailable) // gone
	before := n.countOf(place)
	fails(t, c, introspect.Unavailable)
	fails(t, c, introspect.Unavailable)
	fails(t, c, introspect.Unavailable)
	assert.Equal(t, before+2, n.countOf(place), "a success begins anew")
}

// A transport of the user's may quote the request in its error: our credentials do
// not come out.
func TestTransportThatQuotesTheRequestDoesNotGiveOurSecretAway(t *testing.T) {
	_, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	key := func(context.Context) (introspect.SigningKey, error) {
		return introspect.SigningKey{Algorithm: "EdDSA", Key: private}, nil
	}
	for name, a := range map[string]introspect.Auth{
		"basic":  introspect.ClientSecretBasic("client", static("top/secret+1")),
		"post":   introspect.ClientSecretPost("client", static("top/secret+1")),
		"bearer": introspect.BearerToken(static("top/secret+1")),
		"jwt":    introspect.PrivateKeyJWT("client", key),
	} {
		t.Run(name, func(t *testing.T) {
			var sent received
			c := newClient(t, replying(func(r *http.Request) (*http.Response, error) { return nil, nil }), auth(a), client(&http.Client{
				Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					sent = receive(r)
					return nil, fmt.Errorf("%v %s, decoded %v", sent.header, sent.body, sent.form(t))
				}),
			}))
			detail := fails(t, c, introspect.Unavailable).Detail
			_, credentials, _ := strings.Cut(sent.header.Get("Authorization"), " ")
			form := sent.form(t)
			for _, secret := range []string{credentials, form.Get("client_secret"), form.Get("client_assertion"), "top/secret", "top%2Fsecret", token} {
				if secret != "" {
					assert.NotContains(t, detail, secret)
				}
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A signing key never prints itself.
func TestSigningKeyDoesNotPrint(t *testing.T) {
	_, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	key := introspect.SigningKey{KeyID: "kid", Algorithm: "EdDSA", Key: private}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		assert.Equal(t, "[signing key]", fmt.Sprintf(verb, key), verb)
	}
	text, err := json.Marshal(map[string]any{"key": key})
	require.NoError(t, err)
	assert.Equal(t, `{"key":"[signing key]"}`, string(text))
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", key)
	assert.Contains(t, log.String(), `key="[signing key]"`)
}

// A transport that makes TLS connections itself would show no certificate, and
// nobody would notice.
func TestTransportThatDialsTLSItselfIsAMistake(t *testing.T) {
	dial := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("none") }
	none := func(context.Context) (*tls.Certificate, error) { return nil, errors.New("none") }
	config := introspect.Config{Endpoint: endpoint, Auth: introspect.TLSClientAuth("client", none)}
	for transport, mistakes := range map[*http.Transport]int{
		{}:                     0,
		{DialContext: dial}:    0,
		{DialTLSContext: dial}: 1,
		{DialTLS: func(string, string) (net.Conn, error) { return nil, errors.New("none") }}: 1,
	} {
		found := config.Check(allowLoopback, &http.Client{Transport: transport})
		assert.Len(t, found, mistakes)
		for _, mistake := range found {
			assert.Equal(t, "Auth", mistake.Field)
		}
	}
}
