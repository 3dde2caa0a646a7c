package jwks_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/jwks"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestFailedFetchIsUnavailableAndOldKeysKeepWorking(t *testing.T) {
	for name, test := range map[string]struct {
		mode   validatortest.Mode
		kind   remote.Kind // "": the answer came, and was no key set
		status int
	}{
		"down":      {validatortest.ModeDown, remote.Transport, 0},
		"500":       {validatortest.ModeError, remote.Status, 500},
		"404":       {validatortest.ModeNotFound, remote.Status, 404},
		"garbage":   {validatortest.ModeGarbage, "", 0},
		"truncated": {validatortest.ModeTruncated, remote.Transport, 0},
		"huge":      {validatortest.ModeHuge, remote.TooLarge, 0},
	} {
		t.Run(name, func(t *testing.T) {
			server, s := ready(t, jwks.Config{})
			before := s.known(t, server.KID(), "ES256")
			server.SetMode(test.mode)

			_, err := s.key("bogus", "ES256")
			failed := unavailable(t, err)
			assert.False(t, failed.Throttled)
			assert.Equal(t, time.Second, failed.RetryAfter)
			if test.kind == "" {
				var cause *remote.Error
				assert.False(t, errors.As(failed.Cause, &cause))
				assert.Error(t, failed.Cause)
			} else {
				cause := remoteCause(t, err)
				assert.Equal(t, test.kind, cause.Kind)
				assert.Equal(t, test.status, cause.Status)
			}
			assert.Error(t, s.fetches.last(t).Err)
			assert.Equal(t, 1, s.fetches.last(t).Keys, "of the set that stays")
			assert.False(t, s.fetches.last(t).Changed)

			assert.Same(t, before, s.known(t, server.KID(), "ES256"))
			assert.True(t, before.Trusted())

			server.SetMode(validatortest.ModeUp)
			s.clock.Advance(time.Second)
			kid := server.Rotate("ES256")
			s.known(t, kid, "ES256")
			assert.NoError(t, s.fetches.last(t).Err)
		})
	}
}

func TestFirstFetchThatFailsIsUnavailable(t *testing.T) {
	server := startServer(t, validatortest.Options{})
	server.SetMode(validatortest.ModeDown)
	s := newSubject(t, jwks.Config{URL: server.JWKSURL()})
	_, err := s.key(server.KID(), "ES256")
	assert.Equal(t, remote.Transport, remoteCause(t, err).Kind)
	assert.Zero(t, s.fetches.last(t).Keys)
}

func TestHangingServerIsWaitedForWhileItMayAnswer(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	kid := server.Rotate("ES256")
	server.SetMode(validatortest.ModeHang)
	waiting := ask(s, t.Context(), kid)
	require.NoError(t, server.WaitKeyRequests(t.Context(), 2))
	server.SetMode(validatortest.ModeUp)
	assert.NoError(t, (<-waiting).err)
}

// inBubble returns a Source whose time and network are those of a synctest
// bubble.
func inBubble(t *testing.T, config jwks.Config, rt web) *subject {
	t.Helper()
	config.HTTPClient, config.Clock = rt.client(), time.Now
	if config.URL == "" && config.Issuer == "" {
		config.URL = "https://as.example/keys"
	}
	config.CheckURL = httpsOnly
	return newSubject(t, config)
}

func TestHangingServerCostsAFetchItsOwnDeadlineNotTheCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inBubble(t, jwks.Config{}, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		began := time.Now()
		_, err := s.key("k", "ES256")
		cause := remoteCause(t, err) // and no context error in sight
		assert.Equal(t, remote.Transport, cause.Kind)
		assert.Equal(t, remote.Timeout, time.Since(began))
	})
}

// A slow metadata document does not use up the time of the key set: each request
// has its own bound.
func TestSlowDiscoveryLeavesTimeForTheKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inBubble(t, jwks.Config{Issuer: "https://as.example"}, func(r *http.Request) (*http.Response, error) {
			switch r.URL.Path {
			case "/.well-known/openid-configuration":
				<-time.After(4 * time.Second)
				return respond(r, 404, ""), nil
			case "/.well-known/oauth-authorization-server":
				<-time.After(4 * time.Second)
				return respond(r, 200, `{"issuer":"https://as.example","jwks_uri":"https://as.example/keys"}`), nil
			}
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		began := time.Now()
		_, err := s.key("k", "ES256")
		assert.Equal(t, remote.Transport, remoteCause(t, err).Kind)
		assert.Equal(t, 8*time.Second+remote.Timeout, time.Since(began))
	})
}

func TestCallersContextErrorIsReturnedOnlyToTheCaller(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	kid := server.Rotate("ES256")
	release := server.Hold()
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	leaving := ask(s, ctx, kid) // began the flight, too
	staying := ask(s, t.Context(), kid)
	require.NoError(t, server.WaitKeyRequests(t.Context(), 2))

	cancel()
	assert.ErrorIs(t, (<-leaving).err, context.Canceled)
	release()
	assert.NoError(t, (<-staying).err)
	assert.Equal(t, 2, server.KeyRequests(), "the same flight served them")
}

func TestCallersDeadlineIsReturnedAsSuch(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	release := server.Hold()
	defer release()
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err := s.Key(ctx, "bogus", "ES256")
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	var failed *jwks.UnavailableError
	assert.False(t, errors.As(err, &failed))
}

func TestBackoffDoublesToTenSeconds(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	server.SetMode(validatortest.ModeError)
	for i, seconds := range []time.Duration{1, 2, 4, 8, 10, 10} {
		wait := seconds * time.Second
		_, err := s.key("bogus", "ES256")
		assert.Equal(t, 500, remoteCause(t, err).Status)
		assert.Equal(t, wait, unavailable(t, err).RetryAfter)
		require.Equal(t, i+2, server.KeyRequests())

		s.clock.Advance(wait - time.Nanosecond)
		_, err = s.key("other", "ES256")
		assert.Equal(t, 500, remoteCause(t, err).Status, "what was wrong with the last fetch")
		assert.Equal(t, time.Nanosecond, unavailable(t, err).RetryAfter)
		require.Equal(t, i+2, server.KeyRequests(), "none during the backoff")
		s.clock.Advance(time.Nanosecond)
	}
}

func TestBackoffStaysAtTenSecondsForEver(t *testing.T) {
	s := newSubject(t, jwks.Config{
		URL: "https://as.example/keys", RefreshBurst: 1000,
		HTTPClient: web(func(r *http.Request) (*http.Response, error) { return respond(r, 500, ""), nil }).client(),
	})
	var err error
	for range 100 {
		_, err = s.key("k", "ES256")
		s.clock.Advance(10 * time.Second)
	}
	assert.Equal(t, 10*time.Second, unavailable(t, err).RetryAfter)
}

func TestBackoffBeginsAnewAfterASuccess(t *testing.T) {
	server, s := ready(t, jwks.Config{RefreshBurst: 100})
	fail := func(want time.Duration) {
		t.Helper()
		server.SetMode(validatortest.ModeError)
		_, err := s.key("bogus", "ES256")
		require.Equal(t, want, unavailable(t, err).RetryAfter)
		s.clock.Advance(want)
	}
	fail(time.Second)
	fail(2 * time.Second)
	server.SetMode(validatortest.ModeUp)
	s.refresh(t)
	s.clock.Advance(10 * time.Second) // past what is remembered
	fail(time.Second)
}

func TestRetryAfterOfTheServerIsHonouredUpToAMinute(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"":     time.Second,
		"0":    time.Second,
		"1":    time.Second,
		"30":   30 * time.Second,
		"60":   time.Minute,
		"61":   time.Minute,
		"3600": time.Minute,
		"-30":  time.Second,
		"soon": time.Second,
		// The date form would depend on two clocks.
		"Fri, 02 Jan 2026 03:04:35 GMT": time.Second,
	} {
		t.Run(value, func(t *testing.T) {
			var requests atomic.Int32
			s := newSubject(t, jwks.Config{URL: "https://as.example/keys", HTTPClient: web(func(r *http.Request) (*http.Response, error) {
				requests.Add(1)
				return respond(r, 503, "", "Retry-After", value), nil
			}).client()})
			_, err := s.key("k", "ES256")
			require.Equal(t, 503, remoteCause(t, err).Status)
			assert.Equal(t, want, unavailable(t, err).RetryAfter)

			s.clock.Advance(want - time.Nanosecond)
			_, err = s.key("k", "ES256")
			unavailable(t, err)
			assert.EqualValues(t, 1, requests.Load())
			s.clock.Advance(time.Nanosecond)
			s.key("k", "ES256")
			assert.EqualValues(t, 2, requests.Load())
		})
	}
}

// An empty bucket after failures is the server's trouble, not the callers'.
func TestEmptyBucketDuringTroubleIsNotThrottling(t *testing.T) {
	server, s := ready(t, jwks.Config{RefreshBurst: 2})
	server.SetMode(validatortest.ModeError)
	_, err := s.key("bogus", "ES256")
	require.Equal(t, 500, remoteCause(t, err).Status)
	s.clock.Advance(time.Second)
	_, err = s.key("bogus", "ES256")
	assert.Equal(t, 500, remoteCause(t, err).Status)
	assert.InDelta(t, 9*time.Second, unavailable(t, err).RetryAfter, float64(time.Millisecond))
	assert.Equal(t, 2, server.KeyRequests())
}

func TestClockSetBackEndsTheBackoff(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	server.SetMode(validatortest.ModeError)
	_, err := s.key("bogus", "ES256")
	unavailable(t, err)
	server.SetMode(validatortest.ModeUp)
	s.clock.Advance(-time.Hour)
	s.known(t, server.Rotate("ES256"), "ES256")
}

func TestClockSetBackIntoABackoffThatIsOverDoesNotReviveIt(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	server.SetMode(validatortest.ModeError)
	_, err := s.key("bogus", "ES256")
	unavailable(t, err)
	s.clock.Advance(time.Second)
	server.SetMode(validatortest.ModeUp)
	s.refresh(t)
	s.clock.Advance(-500 * time.Millisecond)
	s.refresh(t)
}

func TestClockSetBackEndsTheMemoryOfAnUnknownKid(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	_, err := s.key("bogus", "ES256")
	require.ErrorIs(t, err, jwks.ErrUnknownKey)
	s.clock.Advance(-time.Hour)
	_, err = s.key("bogus", "ES256")
	require.ErrorIs(t, err, jwks.ErrUnknownKey)
	assert.Equal(t, 3, server.KeyRequests())
}

// Both are what a transport of the user's may do to the goroutine that fetches.
func TestTransportThatEndsTheFlightIsAnErrorToEveryWaiter(t *testing.T) {
	for name, end := range map[string]func(){
		"panic":  func() { panic("transport") },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				set := setOf(es256(t, "k"))
				gate := make(chan struct{})
				var requests atomic.Int32
				s := inBubble(t, jwks.Config{}, func(r *http.Request) (*http.Response, error) {
					if requests.Add(1) == 1 {
						<-gate
						end()
					}
					return respond(r, 200, string(set)), nil
				})
				answers := make(chan answer)
				for range 10 {
					go func() {
						key, err := s.key("k", "ES256")
						answers <- answer{key, err}
					}()
				}
				synctest.Wait()
				close(gate)
				for range 10 {
					cause := remoteCause(t, (<-answers).err)
					assert.Equal(t, remote.Panicked, cause.Kind)
				}
				assert.EqualValues(t, 1, requests.Load())

				<-time.After(time.Second) // of the bubble: the backoff
				s.known(t, "k", "ES256")
				<-time.After(remote.Timeout) // net/http's timer for the request that never ended
			})
		})
	}
}

// The gzip bomb is small on the wire; what counts is what it becomes.
func TestDecompressedBodyIsBounded(t *testing.T) {
	good := es256(t, "good")
	handler := &switchable{}
	address := handler.start(t)
	s := newSubject(t, jwks.Config{URL: address})

	handler.set(gzipped(setOf(good)))
	before := s.known(t, "good", "ES256")

	// A well-formed set of another key, but for its size.
	bomb := setOf(es256(t, "bomb"), text(`{"pad":"`+strings.Repeat("A", remote.MaxBody)+`"}`))
	handler.set(gzipped(bomb))
	_, err := s.key("bomb", "ES256")
	assert.Equal(t, remote.TooLarge, remoteCause(t, err).Kind)
	assert.Same(t, before, s.known(t, "good", "ES256"))
	assert.True(t, before.Trusted())
}

func TestSetOfExactlyOneMebibyteIsRead(t *testing.T) {
	padded := func(size int) []byte {
		set := setOf(es256(t, "k"))
		return append(set, []byte(strings.Repeat(" ", size-len(set)))...)
	}
	s := newSubject(t, jwks.Config{URL: "https://as.example/keys", HTTPClient: serving(padded(remote.MaxBody)).client()})
	s.known(t, "k", "ES256")

	s = newSubject(t, jwks.Config{URL: "https://as.example/keys", HTTPClient: serving(padded(remote.MaxBody + 1)).client()})
	_, err := s.key("k", "ES256")
	assert.Equal(t, remote.TooLarge, remoteCause(t, err).Kind)
}

// failing ends in the middle of the body.
type failing struct{ io.Reader }

func (f failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err == io.EOF {
		err = context.DeadlineExceeded // as a transport with a deadline of its own says
	}
	return n, err
}

func TestDeadlineOfTheTransportNeverLooksLikeTheCallers(t *testing.T) {
	set := setOf(es256(t, "k"))
	s := newSubject(t, jwks.Config{URL: "https://as.example/keys", HTTPClient: web(func(r *http.Request) (*http.Response, error) {
		response := respond(r, 200, "")
		response.Body = io.NopCloser(failing{strings.NewReader(string(set[:20]))})
		return response, nil
	}).client()})
	_, err := s.key("k", "ES256")
	assert.Equal(t, remote.Transport, remoteCause(t, err).Kind) // unavailable() looks for context errors
}
