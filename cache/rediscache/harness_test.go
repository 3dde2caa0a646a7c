package rediscache_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/cache/rediscache/internal/redistest"
	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const (
	origin  = "https://api.example.com"
	address = origin + "/orders"

	// window and skew are short, because Redis has a clock of its own.
	window = 3 * time.Second
	// longWindow is for tests that do not wait until a proof is too old, however busy the machine.
	longWindow = 5 * time.Minute
	skew       = 100 * time.Millisecond
)

// api is an API, a client's key and the token that is bound to it.
type api struct {
	server    *validatortest.Server
	validator *validator.Validator
	key       *dpoptest.Key
	token     string
	window    time.Duration
}

func newAPI(t testing.TB) *api {
	t.Helper()
	s, err := validatortest.Start(validatortest.Options{Algorithm: "ES256"})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	key := dpoptest.NewKey("ES256")
	return &api{s, newValidator(t, s.Issuer()), key, s.AccessToken(key.Bind()), window}
}

func newValidator(t testing.TB, issuer string) *validator.Validator {
	t.Helper()
	v, err := validator.New(validator.Config{
		Issuers:           []validator.Issuer{{URL: issuer, Audiences: []string{"api://default"}, AnyClient: true}},
		InsecureAllowHTTP: true,
	})
	require.NoError(t, err)
	return v
}

// newLongAPI is one whose proofs are good for the long window.
func newLongAPI(t testing.TB) *api {
	a := newAPI(t)
	a.window = longWindow
	return a
}

// other is the same API as another client sees it.
func (a *api) other() *api {
	b := *a
	b.key = dpoptest.NewKey("ES256")
	b.token = a.server.AccessToken(b.key.Bind())
	return &b
}

// proof is a good one after edits.
func (a *api) proof(edits ...validatortest.Edit) string {
	return a.key.Proof("GET", address, a.token, append([]validatortest.Edit{iat(time.Now())}, edits...)...)
}

// iat is not cut down to the second, which would be much of a window here.
func iat(at time.Time) validatortest.Edit {
	return validatortest.Claim("iat", float64(at.UnixMilli())/1000)
}

// replica decides as one replica of the API does, with a store of its own.
type replica struct {
	*api
	proofs *dpop.Verifier
}

func (a *api) replica(t testing.TB, store dpop.ReplayStore) replica {
	t.Helper()
	v, err := dpop.New(dpop.Config{Origins: []string{origin}, Window: a.window, Replays: store})
	require.NoError(t, err)
	return replica{a, v}
}

// present sends a request with the client's token and this proof.
func (r replica) present(t testing.TB, proof string) error {
	token, err := r.validator.ValidateWith(t.Context(), r.token, validator.Requirements{Proofs: []validator.Proof{
		r.proofs.Proof(dpop.Request{Method: "GET", URL: address, Proofs: []string{proof}, Scheme: validator.SchemeDPoP}),
	}})
	assert.Equal(t, err == nil, token != nil)
	return err
}

// refused asserts that err is a refusal of that class and reason.
func refused(t testing.TB, err, class error, reason validator.Reason) *validator.Error {
	t.Helper()
	var e *validator.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, reason, e.Reason, "%v", err)
	require.ErrorIs(t, err, class)
	return e
}

// replayed asserts that the proof is known to be used.
func replayed(t testing.TB, err error) {
	t.Helper()
	refused(t, err, validator.ErrInvalidProof, validator.ReasonProofReplayed)
}

// undecided asserts that nobody knows, and that the client is told when to come again.
func undecided(t testing.TB, err error, reason validator.Reason) *validator.Error {
	t.Helper()
	e := refused(t, err, validator.ErrUnavailable, reason)
	require.Positive(t, e.RetryAfter)
	return e
}

// replays is a store for the window of these tests, after edits.
func replays(t testing.TB, client redis.UniversalClient, edits ...func(*rediscache.ReplaysConfig)) *rediscache.Replays {
	t.Helper()
	config := rediscache.ReplaysConfig{Client: client, Window: window, MaxSkew: skew}
	for _, edit := range edits {
		edit(&config)
	}
	r, err := rediscache.NewReplays(config)
	require.NoError(t, err)
	return r
}

// patient is a store that waits long: for tests on busy machines.
func patient(c *rediscache.ReplaysConfig) { c.Timeout = 10 * time.Second }

// long is a patient store for the long window.
func long(c *rediscache.ReplaysConfig) {
	patient(c)
	c.Window = longWindow
}

// awaitReady waits until new proofs are accepted.
func awaitReady(t testing.TB, r *rediscache.Replays) {
	t.Helper()
	redistest.Eventually(t, "the store is ready", func() bool { return r.Ready(t.Context()) == nil })
}
