package validator_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// logbook is a slog.Handler that keeps the shapes of records: message, level and names of
// attributes; and all their text.
type logbook struct {
	mu     sync.Mutex
	shapes map[string][]slog.Level
	text   strings.Builder
}

func (l *logbook) Enabled(context.Context, slog.Level) bool { return true }
func (l *logbook) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logbook) WithGroup(string) slog.Handler            { return l }

func (l *logbook) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	r.Attrs(func(a slog.Attr) bool {
		names = append(names, "`"+a.Key+"`")
		fmt.Fprintln(&l.text, a.Value)
		return true
	})
	shape := r.Message + "|" + strings.Join(names, ", ")
	if !slices.Contains(l.shapes[shape], r.Level) {
		l.shapes[shape] = append(l.shapes[shape], r.Level)
	}
	return nil
}

// noStore is a store that is down.
type noStore struct{}

func (noStore) Take(context.Context, string, []byte, string, time.Duration) ([]byte, bool, error) {
	return nil, false, assert.AnError
}

func (noStore) Put(context.Context, string, []byte, time.Time, time.Duration, string) error {
	return assert.AnError
}

func (noStore) Release(context.Context, string, string) error { return assert.AnError }

// TestLogEvents: what is logged is a closed set, each record of one shape, as the guide
// says; and no token is in any, whatever became of it.
func TestLogEvents(t *testing.T) {
	book := &logbook{shapes: map[string][]slog.Level{}}
	p := publish(t, func(c *validator.Config) {
		revocations, err := validator.NewRevocations(validator.RevocationsConfig{})
		require.NoError(t, err)
		c.Revocations, c.Logger = revocations, slog.New(book)
		c.Fleet = &validator.Fleet{Sealer: sealer(t, 1), Answers: noStore{}}
		is := &c.Issuers[0]
		is.MaxTokenLifetime, is.EventAudiences = lifetime, []string{eventAudience}
		is.Introspection = &introspect.Config{Endpoint: is.URL + "/introspect", Auth: introspect.ClientSecretBasic(apiID, introspect.StaticSecret(apiSecret))}
	})
	p.AddClient(apiID, apiSecret)
	p.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	event, unknown := p.EventToken(eventAudience, verification, nil), validatortest.HeaderParam("kid", "nobody-has-this")
	sent := []string{p.AccessToken(), p.token(0), p.OpaqueToken(), p.AccessToken(validatortest.Audience("other")), event, event + "AAAA"}
	try := func(raw string) { _, _ = p.validator.Validate(t.Context(), raw) }
	signal := func(raw string) { _, _ = p.validator.ReceiveEvent(t.Context(), raw) }
	try(sent[0])
	try(sent[1])
	p.SetIntrospectionMode(validatortest.ModeError)
	try(sent[2])
	try(sent[3])
	signal(sent[4])
	signal(sent[5])
	p.SetKeysMode(validatortest.ModeError)
	signal(p.EventToken(eventAudience, verification, nil, unknown))

	info, warn := slog.LevelInfo, slog.LevelWarn
	want := map[string][]slog.Level{
		"access token refused|`issuer`, `reason`, `verified`, `error`": {warn, info},
		"key set read|`issuer`, `keys`, `skipped`, `changed`":          {info},
		"key set unavailable|`issuer`, `error`, `keys`":                {warn},
		"introspection failed|`issuer`, `reason`, `error`":             {warn},
		"status list unavailable|`issuer`, `error`":                    {warn},
		"shared store|`issuer`, `use`, `outcome`, `error`":             {warn},
		"signal received|`kind`, `issuer`, `outcome`":                  {info},
		"signal refused|`kind`, `issuer`, `reason`, `error`":           {info, warn},
	}
	book.mu.Lock()
	defer book.mu.Unlock()
	assert.Equal(t, want, book.shapes)
	for _, raw := range sent {
		assert.NotContains(t, book.text.String(), raw)
		assert.NotContains(t, book.text.String(), raw[strings.LastIndexByte(raw, '.')+1:])
	}

	guide, err := os.ReadFile("../docs/observing.md")
	require.NoError(t, err)
	for shape, levels := range want {
		message, attributes, _ := strings.Cut(shape, "|")
		level := map[int]string{1: "Info", 2: "Info; Warn if it could not be decided"}[len(levels)]
		if levels[0] == warn && len(levels) == 1 {
			level = "Warn"
		}
		assert.Contains(t, string(guide), fmt.Sprintf("| `%s` | %s | %s |", message, level, attributes))
	}
}
