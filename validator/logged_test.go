package validator_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// logged is a slog.Handler that keeps the levels and messages.
type logged struct {
	mu    sync.Mutex
	least slog.Level
	lines []string
}

func (l *logged) Enabled(_ context.Context, level slog.Level) bool { return level >= l.least }
func (l *logged) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l *logged) WithGroup(string) slog.Handler                    { return l }
func (l *logged) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, r.Level.String()+" "+r.Message)
	return nil
}

// take returns the lines since the last time, sorted: fetches are logged beside.
func (l *logged) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	slices.Sort(lines)
	return lines
}

// TestLog: what the owner must look after is a warning, what a caller does wrong is not.
func TestLog(t *testing.T) {
	s := start(t, validatortest.Options{})
	l := &logged{}
	is := ask(s)
	is.MaxTokenLifetime = time.Hour
	is.EventAudiences, is.LogoutClientIDs = []string{audience}, []string{client}
	c := configure(is)
	c.Logger = slog.New(l)
	told := make(chan struct{}, 10)
	c.Observer.Introspection = func(validator.Introspection) { told <- struct{}{} }
	fetched := make(chan struct{}, 10)
	c.Observer.KeyFetch = func(validator.KeyFetch) { fetched <- struct{}{} }
	var err error
	c.Revocations, err = validator.NewRevocations(validator.RevocationsConfig{})
	require.NoError(t, err)
	v := build(t, c)

	accept(t, v, s.AccessToken())
	assert.Equal(t, []string{"INFO key set read"}, l.take())
	_, err = v.Validate(t.Context(), "..")
	require.ErrorIs(t, err, validator.ErrInvalidToken)
	assert.Equal(t, []string{"INFO access token refused"}, l.take())
	s.SetIntrospectionMode(validatortest.ModeDown)
	reject(t, v, s.OpaqueToken(), down, validator.ReasonIntrospectionUnavailable)
	assert.Equal(t, []string{"WARN access token refused", "WARN introspection failed"}, l.take())
	s.SetIntrospectionMode(validatortest.ModeUp)
	reject(t, v, "unknown-token", bad, validator.ReasonInactive)
	assert.Equal(t, []string{"INFO access token refused"}, l.take())
	accept(t, v, s.OpaqueToken())
	assert.Empty(t, l.take())
	assert.Len(t, told, 4, "logged or not: two dots may be an opaque token")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	release := s.Hold()
	_, err = v.Validate(gone, s.AccessToken(validatortest.HeaderParam("kid", "unknown")))
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, []string{"INFO access token refused"}, l.take())
	for len(fetched) > 0 {
		<-fetched
	}
	release()
	<-fetched // which goes on without the caller
	assert.Equal(t, []string{"INFO key set read"}, l.take())

	_, err = v.ReceiveLogout(t.Context(), s.LogoutToken(client))
	require.NoError(t, err)
	assert.Equal(t, []string{"INFO signal received"}, l.take())
	_, err = v.ReceiveLogout(t.Context(), s.LogoutToken("other"))
	require.ErrorIs(t, err, validator.ErrInvalidToken)
	assert.Equal(t, []string{"INFO signal refused"}, l.take())
	s.SetMode(validatortest.ModeDown)
	unknown := s.Prepare("ES256")
	_, err = v.ReceiveLogout(t.Context(), s.LogoutToken(client, validatortest.HeaderParam("kid", unknown)))
	require.ErrorIs(t, err, validator.ErrUnavailable)
	assert.Equal(t, []string{"WARN key set unavailable", "WARN signal refused"}, l.take())

	l.least = slog.LevelError
	_, err = v.Validate(t.Context(), "..")
	require.ErrorIs(t, err, validator.ErrInvalidToken)
	assert.Empty(t, l.take())
}
