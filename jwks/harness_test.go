package jwks_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/jwks"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock moves only when it is told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fetches remembers what a Source reported.
type fetches struct {
	mu  sync.Mutex
	all []jwks.Fetch
}

func (f *fetches) add(one jwks.Fetch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, one)
}

func (f *fetches) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.all)
}

func (f *fetches) last(t *testing.T) jwks.Fetch {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	require.NotEmpty(t, f.all, "no fetch reported")
	return f.all[len(f.all)-1]
}

// subject is a Source with the means to look at it and to move its time.
type subject struct {
	*jwks.Source
	clock   *clock
	fetches *fetches
	asked   int // bogus kids of refresh
}

func allowLoopback(u *url.URL) error { return remote.CheckURL(u, true) }
func httpsOnly(u *url.URL) error     { return remote.CheckURL(u, false) }

// newSubject fills in what a test does not care for.
func newSubject(t testing.TB, config jwks.Config) *subject {
	t.Helper()
	s := &subject{clock: newClock(), fetches: &fetches{}}
	if config.CheckURL == nil {
		config.CheckURL = allowLoopback
	}
	if config.Clock == nil {
		config.Clock = s.clock.Now
	}
	config.OnFetch = s.fetches.add
	source, err := jwks.New(config)
	require.NoError(t, err)
	s.Source = source
	return s
}

// key asks as a request with no deadline would.
func (s *subject) key(kid string, algorithm string) (*jwks.Key, error) {
	return s.Key(context.Background(), kid, algorithm)
}

// known asks for a key that must be there.
func (s *subject) known(t *testing.T, kid string, algorithm string) *jwks.Key {
	t.Helper()
	key, err := s.key(kid, algorithm)
	require.NoError(t, err)
	require.NotNil(t, key)
	return key
}

// refresh makes the Source fetch, as any unknown kid does, and returns the
// report. It needs a free token of the bucket.
func (s *subject) refresh(t *testing.T) jwks.Fetch {
	t.Helper()
	before := s.fetches.count()
	s.asked++
	_, err := s.key(fmt.Sprintf("refresh-%d", s.asked), "ES256")
	require.ErrorIs(t, err, jwks.ErrUnknownKey)
	require.Equal(t, before+1, s.fetches.count(), "exactly one fetch")
	return s.fetches.last(t)
}

// unavailable asserts the class of err and returns it.
func unavailable(t testing.TB, err error) *jwks.UnavailableError {
	t.Helper()
	var failed *jwks.UnavailableError
	require.ErrorAs(t, err, &failed)
	assert.NotErrorIs(t, err, jwks.ErrUnknownKey)
	assert.NotErrorIs(t, err, context.DeadlineExceeded)
	assert.NotErrorIs(t, err, context.Canceled)
	return failed
}

// throttled asserts that the bucket, and not a failure, was the reason.
func throttled(t testing.TB, err error) *jwks.UnavailableError {
	t.Helper()
	failed := unavailable(t, err)
	require.True(t, failed.Throttled)
	assert.NoError(t, failed.Cause)
	assert.Positive(t, failed.RetryAfter)
	assert.LessOrEqual(t, failed.RetryAfter, jwks.DefaultRefreshInterval)
	return failed
}

// remoteCause returns the failed request behind an UnavailableError.
func remoteCause(t testing.TB, err error) *remote.Error {
	t.Helper()
	failed := unavailable(t, err)
	require.False(t, failed.Throttled)
	var cause *remote.Error
	require.ErrorAs(t, failed.Cause, &cause)
	return cause
}

// startServer starts an authorization server with one ES256 key.
func startServer(t testing.TB, options validatortest.Options) *validatortest.Server {
	t.Helper()
	if options.Algorithm == "" {
		options.Algorithm = "ES256" // cheap
	}
	server, err := validatortest.Start(options)
	require.NoError(t, err)
	t.Cleanup(server.Close)
	return server
}

// ready returns a server and a Source that has its first set: one request.
func ready(t *testing.T, config jwks.Config) (*validatortest.Server, *subject) {
	t.Helper()
	server := startServer(t, validatortest.Options{})
	config.URL = server.JWKSURL()
	s := newSubject(t, config)
	require.NoError(t, s.Ready(context.Background()))
	require.Equal(t, 1, server.KeyRequests())
	return server, s
}

// watched is a context that tells when somebody begins to wait for it, which is
// how a test knows that a question has arrived at a flight.
type watched struct {
	context.Context
	once    *sync.Once
	waiting chan struct{}
}

func watch(ctx context.Context) watched {
	return watched{ctx, new(sync.Once), make(chan struct{})}
}

func (w watched) Done() <-chan struct{} {
	w.once.Do(func() { close(w.waiting) })
	return w.Context.Done()
}

// answer is what Source.Key returned to a goroutine.
type answer struct {
	key *jwks.Key
	err error
}

// ask asks in a goroutine and returns as soon as the question waits for a flight.
func ask(s *subject, ctx context.Context, kid string) <-chan answer {
	w := watch(ctx)
	answers := make(chan answer, 1)
	go func() {
		key, err := s.Key(w, kid, "ES256")
		answers <- answer{key, err}
	}()
	<-w.waiting
	return answers
}

// web answers requests without a network.
type web func(*http.Request) (*http.Response, error)

func (w web) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

func (w web) client() *http.Client { return &http.Client{Transport: w} }

// respond makes an answer; header is a list of names and values.
func respond(r *http.Request, status int, body string, header ...string) *http.Response {
	response := &http.Response{
		StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}
	for i := 0; i < len(header); i += 2 {
		response.Header.Set(header[i], header[i+1])
	}
	return response
}

// serving answers every request with that body.
func serving(body []byte) web {
	return func(r *http.Request) (*http.Response, error) { return respond(r, http.StatusOK, string(body)), nil }
}

// jwk is one key of a set, as JSON object.
type jwk map[string]any

// with returns a copy with members set: a list of names and values.
func (k jwk) with(members ...any) jwk {
	next := jwk{}
	for name, value := range k {
		next[name] = value
	}
	for i := 0; i < len(members); i += 2 {
		next[members[i].(string)] = members[i+1]
	}
	return next
}

// without returns a copy without a member.
func (k jwk) without(name string) jwk {
	next := k.with()
	delete(next, name)
	return next
}

func (k jwk) String() string { return string(mustJSON(k)) }

var b64 = base64.RawURLEncoding

func ecKey(t testing.TB, kid string, curve elliptic.Curve) jwk {
	t.Helper()
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	require.NoError(t, err)
	point, err := private.PublicKey.Bytes()
	require.NoError(t, err)
	half := (len(point) - 1) / 2
	return jwk{"kty": "EC", "kid": kid, "crv": curve.Params().Name, "x": b64.EncodeToString(point[1 : 1+half]), "y": b64.EncodeToString(point[1+half:])}
}

func es256(t testing.TB, kid string) jwk { return ecKey(t, kid, elliptic.P256()) }

func edKey(t testing.TB, kid string) jwk {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return jwk{"kty": "OKP", "kid": kid, "crv": "Ed25519", "x": b64.EncodeToString(public)}
}

// rsaKey has a modulus of that many bits which is no product of two primes that
// anybody knows: a set tells only size and parity.
func rsaKey(t testing.TB, kid string, bits int) jwk {
	t.Helper()
	n := make([]byte, bits/8)
	_, err := rand.Read(n)
	require.NoError(t, err)
	n[0] |= 0x80
	n[len(n)-1] |= 1
	return jwk{"kty": "RSA", "kid": kid, "n": b64.EncodeToString(n), "e": "AQAB"}
}

// setOf is a JWK Set of the given keys, each a jwk or a string of JSON.
func setOf(keys ...fmt.Stringer) []byte {
	texts := make([]string, len(keys))
	for i, key := range keys {
		texts[i] = key.String()
	}
	return []byte(`{"keys":[` + strings.Join(texts, ",") + `]}`)
}

// text is a key of a set, letter by letter.
type text string

func (s text) String() string { return string(s) }

func mustJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(b.Bytes())
}
