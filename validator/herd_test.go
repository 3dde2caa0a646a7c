package validator_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// wire is a transport in the process, so that a test in a bubble owns the time.
type wire func(*http.Request) (*http.Response, error)

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

// asleep answers like an endpoint that takes that long.
func asleep(d time.Duration, calls *atomic.Int64, body string) wire {
	return func(r *http.Request) (*http.Response, error) {
		calls.Add(1)
		select {
		case <-time.After(d):
			return reply(r, http.StatusOK, body), nil
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

func reply(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}
}

// wired is a validator that asks over w.
func wired(t testing.TB, w http.RoundTripper, edits ...func(*validator.Config)) *validator.Validator {
	t.Helper()
	c := validator.Config{
		HTTPClient: &http.Client{Transport: w},
		Issuers: []validator.Issuer{{
			URL: "https://as.example", Audiences: []string{audience}, ClientIDs: []string{client}, OpaqueOnly: true,
			Introspection: &introspect.Config{
				Endpoint: "https://as.example/introspect",
				Auth:     introspect.ClientSecretBasic(apiID, introspect.StaticSecret(apiSecret)),
			},
		}},
	}
	for _, edit := range edits {
		edit(&c)
	}
	return build(t, c)
}

// TestHerd: a thousand callers with one opaque token and an endpoint that takes
// 20 ms ask once; where each wants an answer of now, at most twice.
func TestHerd(t *testing.T) {
	for name, tc := range map[string]struct {
		require validator.Requirements
		most    int64
	}{
		"any answer": {validator.Requirements{}, 1}, "within a second": {within(time.Second), 1}, "now": {now(), 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int64
				v := wired(t, asleep(20*time.Millisecond, &calls, answer(map[string]any{"exp": time.Now().Add(time.Hour).Unix()})))
				began := time.Now()
				var wg sync.WaitGroup
				var accepted atomic.Int64
				for range 1000 {
					wg.Go(func() {
						arrived := time.Now()
						token, err := v.ValidateWith(t.Context(), "opaque-token", tc.require)
						if assert.NoError(t, err) {
							accepted.Add(1)
							if tc.most == 2 {
								assert.False(t, token.IntrospectedAt().Before(arrived))
							}
						}
					})
				}
				wg.Wait()
				assert.EqualValues(t, 1000, accepted.Load())
				assert.LessOrEqual(t, calls.Load(), tc.most)
				assert.LessOrEqual(t, time.Since(began), time.Duration(tc.most)*20*time.Millisecond)
			})
		})
	}
}

// TestHerdOverHTTP is the same over a real listener, and for a JWT that is always
// asked about.
func TestHerdOverHTTP(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(ask(s, always)))
	require.NoError(t, v.Ready(t.Context()))
	s.SetIntrospectionDelay(20 * time.Millisecond)
	for kind, raw := range tokens(s) {
		before := s.IntrospectionRequests()
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				_, err := v.Validate(t.Context(), raw)
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		assert.Equal(t, 1, s.IntrospectionRequests()-before, kind)
	}
}

// TestNowDoesNotJoinAnEarlierQuestion: what was revoked after the question was sent
// is not in its answer.
func TestNowDoesNotJoinAnEarlierQuestion(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(ask(s)))
	raw := s.OpaqueToken()
	release := s.HoldIntrospection()
	early, late := make(chan error, 1), make(chan error, 1)
	go func() { _, err := v.Validate(context.Background(), raw); early <- err }()
	require.NoError(t, s.WaitIntrospectionRequests(t.Context(), 1))
	s.Revoke(raw)
	go func() { _, err := v.ValidateWith(context.Background(), raw, now()); late <- err }()
	release()
	assert.NoError(t, <-early)
	refused(t, <-late, validator.ErrInvalidToken, validator.ReasonInactive)
	assert.Equal(t, 2, s.IntrospectionRequests())
}

// TestWithinDoesNotJoinTooEarlyAQuestion: one that was sent longer before the call
// than it allows.
func TestWithinDoesNotJoinTooEarlyAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		v := wired(t, asleep(3*time.Second, &calls, answer(map[string]any{"exp": time.Now().Add(time.Hour).Unix()})))
		go func() { _, _ = v.Validate(context.Background(), "opaque-token") }()
		<-time.After(2 * time.Second) // of the bubble
		arrived := time.Now()
		token, err := v.ValidateWith(t.Context(), "opaque-token", within(3*time.Second))
		require.NoError(t, err)
		assert.Equal(t, 2*time.Second, arrived.Sub(token.IntrospectedAt()))
		assert.EqualValues(t, 1, calls.Load())

		go func() { _, _ = v.Validate(context.Background(), "another") }()
		<-time.After(2 * time.Second)
		arrived = time.Now()
		token, err = v.ValidateWith(t.Context(), "another", within(time.Second))
		require.NoError(t, err)
		assert.False(t, token.IntrospectedAt().Before(arrived))
		assert.EqualValues(t, 3, calls.Load())
	})
}

// TestFirstCallerLeaves: alone; the others are served by the question it began.
func TestFirstCallerLeaves(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(ask(s)))
	raw := s.OpaqueToken()
	release := s.HoldIntrospection()
	leaving, leave := context.WithCancel(t.Context())
	first, others := make(chan error, 1), make(chan error, 10)
	go func() { _, err := v.Validate(leaving, raw); first <- err }()
	require.NoError(t, s.WaitIntrospectionRequests(t.Context(), 1))
	for range 10 {
		go func() { _, err := v.Validate(t.Context(), raw); others <- err }()
	}
	leave()
	err := <-first
	refused(t, err, validator.ErrUnavailable, validator.ReasonCallerLeft)
	assert.ErrorIs(t, err, context.Canceled)
	release()
	for range 10 {
		assert.NoError(t, <-others)
	}
	assert.Equal(t, 1, s.IntrospectionRequests())
}

// TestTransportPanics: all who wait are told, none is taken for the caller's own
// deadline, and no refusal quotes what the panic said.
func TestTransportPanics(t *testing.T) {
	for name, end := range map[string]func(token string){
		"panic":  func(token string) { panic("body was token=" + token) },
		"Goexit": func(string) { runtime.Goexit() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broken := true
				v := wired(t, wire(func(r *http.Request) (*http.Response, error) {
					if broken {
						end("opaque+token")
					}
					return reply(r, http.StatusOK, answer(map[string]any{"exp": time.Now().Add(time.Hour).Unix()})), nil
				}))
				var wg sync.WaitGroup
				for range 10 {
					wg.Go(func() {
						_, err := v.Validate(t.Context(), "opaque+token")
						e := refused(t, err, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
						assert.NotContains(t, e.Error(), "opaque+token")
						assert.NotContains(t, e.Error(), "opaque%2Btoken")
					})
				}
				wg.Wait()
				broken = false
				accept(t, v, "opaque+token")
				<-time.After(time.Minute) // of the bubble: net/http's timer outlives a panic
			})
		})
	}
}

// TestEndpointFaults: class, reason and time of everything an endpoint can do.
func TestEndpointFaults(t *testing.T) {
	status := func(code int, body string, header ...string) wire {
		return func(r *http.Request) (*http.Response, error) {
			response := reply(r, code, body)
			for i := 0; i < len(header); i += 2 {
				response.Header.Set(header[i], header[i+1])
			}
			return response, nil
		}
	}
	for name, tc := range map[string]struct {
		wire   wire
		reason validator.Reason
		retry  time.Duration
		took   time.Duration
	}{
		"down":    {func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }, validator.ReasonIntrospectionUnavailable, 0, 0},
		"hanging": {asleep(30*time.Second, new(atomic.Int64), answer(nil)), validator.ReasonIntrospectionUnavailable, 0, 5 * time.Second},
		"slow-loris": {func(r *http.Request) (*http.Response, error) {
			response := reply(r, http.StatusOK, "")
			response.Body = io.NopCloser(&trickle{ctx: r.Context(), text: answer(nil)})
			return response, nil
		}, validator.ReasonIntrospectionUnavailable, 0, 5 * time.Second},
		"500":              {status(500, ""), validator.ReasonIntrospectionUnavailable, 0, 0},
		"503, Retry-After": {status(503, "", "Retry-After", "7"), validator.ReasonIntrospectionUnavailable, 7 * time.Second, 0},
		"429, Retry-After": {status(429, "", "Retry-After", "86400"), validator.ReasonIntrospectionUnavailable, time.Minute, 0},
		"404":              {status(404, answer(nil)), validator.ReasonIntrospectionUnavailable, 0, 0},
		"204":              {status(204, ""), validator.ReasonIntrospectionUnavailable, 0, 0},
		"redirect":         {status(307, "", "Location", "https://as.example/elsewhere"), validator.ReasonIntrospectionUnavailable, 0, 0},
		"HTML":             {status(200, "<!DOCTYPE html>"), validator.ReasonIntrospectionMalformed, 0, 0},
		"10 MiB":           {status(200, strings.Repeat(" ", 10<<20)+answer(nil)), validator.ReasonIntrospectionUnavailable, 0, 0},
		"401":              {status(401, `{"error":"invalid_client"}`), validator.ReasonIntrospectionDenied, 0, 0},
		"401, empty":       {status(401, ""), validator.ReasonIntrospectionDenied, 0, 0},
		"403, HTML":        {status(403, "<h1>"), validator.ReasonIntrospectionDenied, 0, 0},
		"400 client":       {status(400, `{"error":"invalid_client"}`), validator.ReasonIntrospectionDenied, 0, 0},
		"400 type":         {status(400, `{"error":"unsupported_token_type"}`), validator.ReasonIntrospectionUnsupported, 0, 0},
		"400 other":        {status(400, `{"error":"invalid_request"}`), validator.ReasonIntrospectionUnavailable, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := wired(t, tc.wire)
				began := time.Now()
				e := reject(t, v, "opaque-token", validator.ErrUnavailable, tc.reason)
				assert.Equal(t, tc.took, time.Since(began))
				assert.Equal(t, tc.retry, e.RetryAfter)
				assert.False(t, e.Verified)
			})
		})
	}
}

// trickle sends a byte a second.
type trickle struct {
	ctx  context.Context
	text string
}

func (t *trickle) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		n := copy(p[:1], t.text)
		t.text = t.text[n:]
		return n, nil
	case <-t.ctx.Done():
		return 0, t.ctx.Err()
	}
}

// TestGzipBomb over a real listener: what counts is what it unpacks to.
func TestGzipBomb(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at)))
	o.does(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.Copy(z, io.LimitReader(zeros{}, 100<<20))
		_ = z.Close()
	})
	reject(t, v, "opaque-token", validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestSuspended: a token that makes the endpoint answer 500 stops nobody else; five
// different ones in a row do, for everybody but who is known.
func TestSuspended(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	o := newOracle(t)
	c := configure(ask(s, o.at))
	c.Clock = clock.Now
	v := build(t, c)
	good := answer(map[string]any{"exp": clock.Now().Add(time.Hour).Unix()})
	o.does(func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("token") != "honest" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, good)
	})
	for range 100 {
		reject(t, v, "crafted", validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	}
	accept(t, v, "honest")
	for i := range 4 {
		reject(t, v, fmt.Sprint("crafted-", i), validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	}
	reject(t, v, "crafted", validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	asked := o.times()
	e := reject(t, v, "another", validator.ErrUnavailable, validator.ReasonIntrospectionSuspended)
	assert.Equal(t, time.Second, e.RetryAfter)
	assert.Equal(t, asked, o.times())
	accept(t, v, "honest")
	assert.Equal(t, asked, o.times(), "the circuit never stands before a cached token")
	o.says(good)
	clock.Advance(time.Second)
	accept(t, v, "another")
}

// TestFlood: ten thousand different tokens against an endpoint that takes 50 ms. No
// more are under way than allowed, nobody waits longer than a turn takes, what is
// known is not affected, and what has the issuer's format gets through.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var under, most, calls atomic.Int64
		good := answer(map[string]any{"exp": time.Now().Add(time.Hour).Unix()})
		endpoint := wire(func(r *http.Request) (*http.Response, error) {
			calls.Add(1)
			n := under.Add(1)
			defer under.Add(-1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			<-time.After(50 * time.Millisecond) // of the bubble
			return reply(r, http.StatusOK, good), nil
		})
		v := wired(t, endpoint)
		accept(t, v, "known")
		began := time.Now()
		var wg sync.WaitGroup
		var served, busy atomic.Int64
		for i := range 10_000 {
			wg.Go(func() {
				_, err := v.Validate(t.Context(), fmt.Sprintf("token-%d", i))
				switch {
				case err == nil:
					served.Add(1)
				case reasonOf(err) == validator.ReasonIntrospectionBusy:
					refused(t, err, validator.ErrUnavailable, validator.ReasonIntrospectionBusy)
					busy.Add(1)
				default:
					t.Error(err)
				}
			})
			wg.Go(func() {
				arrived := time.Now()
				_, err := v.Validate(t.Context(), "known")
				assert.NoError(t, err)
				assert.Zero(t, time.Since(arrived), "what is known waits for nothing")
			})
		}
		wg.Wait()
		assert.EqualValues(t, introspect.DefaultMaxInFlight, most.Load())
		assert.EqualValues(t, 10_000, served.Load()+busy.Load())
		assert.EqualValues(t, introspect.DefaultMaxInFlight+introspect.DefaultMaxWaiting, served.Load())
		assert.LessOrEqual(t, time.Since(began), 50*time.Millisecond*(2+introspect.DefaultMaxWaiting/introspect.DefaultMaxInFlight))

		// With a format, junk does not take the place of honest tokens.
		calls.Store(0)
		v = wired(t, endpoint, func(c *validator.Config) {
			c.Issuers[0].Introspection.Format = introspect.Format{Check: func(token string) bool { return strings.HasSuffix(token, "-ok") }}
		})
		for i := range 10_000 {
			wg.Go(func() {
				_, err := v.Validate(t.Context(), fmt.Sprintf("junk-%d", i))
				refused(t, err, validator.ErrInvalidToken, validator.ReasonOpaqueFormat)
			})
		}
		arrived := time.Now()
		accept(t, v, "honest-ok")
		assert.Equal(t, 50*time.Millisecond, time.Since(arrived))
		wg.Wait()
		assert.EqualValues(t, 1, calls.Load())
	})
}

// TestIntrospectionIsObserved: once for every question, whoever waits for it; a
// panic of the observer is its own affair.
func TestIntrospectionIsObserved(t *testing.T) {
	s := start(t, validatortest.Options{})
	c := configure(ask(s))
	var seen []validator.Introspection
	c.Observer.Introspection = func(i validator.Introspection) {
		seen = append(seen, i)
		panic("observer")
	}
	v := build(t, c)
	raw := s.OpaqueToken()
	accept(t, v, raw)
	accept(t, v, raw)
	reject(t, v, "unknown", validator.ErrInvalidToken, validator.ReasonInactive)
	s.SetMode(validatortest.ModeError)
	reject(t, v, "another", validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	require.Len(t, seen, 3)
	for i, reason := range []validator.Reason{"", validator.ReasonInactive, validator.ReasonIntrospectionUnavailable} {
		assert.Equal(t, s.Issuer(), seen[i].Issuer)
		if reason == "" {
			assert.Nil(t, seen[i].Err)
		} else {
			assert.Equal(t, reason, seen[i].Err.Reason)
		}
	}
}
