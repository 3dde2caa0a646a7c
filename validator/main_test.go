package validator_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestMain(m *testing.M) {
	// net/http waits half a second where it closes before all was read; as long as goleak waits.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

const (
	audience = "api://default"
	client   = validatortest.DefaultClientID
)

var allClasses = []error{
	validator.ErrNoToken, validator.ErrInvalidRequest, validator.ErrInvalidToken, validator.ErrInvalidProof,
	validator.ErrInsufficientAuthentication, validator.ErrInsufficientScope, validator.ErrUnavailable,
}

// testClock is a clock that stands still until it is told to go.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *testClock { return &testClock{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)} }

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func start(t testing.TB, o validatortest.Options) *validatortest.Server {
	t.Helper()
	if o.Algorithm == "" {
		o.Algorithm = "ES256" // the cheapest
	}
	s, err := validatortest.Start(o)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// trust is the configuration that accepts s's good tokens.
func trust(s *validatortest.Server) validator.Issuer {
	return validator.Issuer{URL: s.Issuer(), Audiences: []string{audience}, ClientIDs: []string{client}}
}

func configure(issuers ...validator.Issuer) validator.Config {
	return validator.Config{Issuers: issuers, InsecureAllowHTTP: true}
}

func build(t testing.TB, c validator.Config) *validator.Validator {
	t.Helper()
	v, err := validator.New(c)
	require.NoError(t, err)
	return v
}

// accept asserts that v accepts the token.
func accept(t testing.TB, v *validator.Validator, raw string) *validator.Token {
	t.Helper()
	token, err := v.Validate(t.Context(), raw)
	require.NoError(t, err)
	require.NotNil(t, token)
	return token
}

// reject asserts that v refuses the token for that reason.
func reject(t testing.TB, v *validator.Validator, raw string, class error, reason validator.Reason) *validator.Error {
	t.Helper()
	token, err := v.Validate(t.Context(), raw)
	assert.Nil(t, token, "a token beside an error")
	e := refused(t, err, class, reason)
	assert.Contains(t, names, e.Place(), "Explain has no check for this refusal")
	return e
}

// refused asserts that err is a refusal of exactly that class and that reason.
func refused(t testing.TB, err, class error, reason validator.Reason) *validator.Error {
	t.Helper()
	var e *validator.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, reason, e.Reason, "%v", err)
	for _, other := range allClasses {
		assert.Equal(t, other == class, errors.Is(err, other), "class %v of %v", other, err)
	}
	return e
}

// fixedProof is a Proof with a constant outcome.
type fixedProof struct {
	proven validator.Confirmation
	err    error
	seen   func(raw string, t *validator.Token)
}

func (p fixedProof) Confirm(_ context.Context, raw string, t *validator.Token) (validator.Confirmation, error) {
	if p.seen != nil {
		p.seen(raw, t)
	}
	return p.proven, p.err
}
