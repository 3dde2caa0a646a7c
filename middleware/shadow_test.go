package middleware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

type counts = map[validator.Reason]uint64

// TestShadow: what the stricter policy would refuse is counted and logged; all
// requests are answered as if it were not there.
func TestShadow(t *testing.T) {
	var log bytes.Buffer
	s, g, h := newHeardGuard(t, middleware.Config{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	stricter := validator.Policy{Scopes: []string{"read", "admin"}, ACRValues: []string{"gold"}}
	strong := s.AccessToken(validatortest.Scope("read", "admin"), validatortest.Claim("acr", "gold"))
	weak := s.AccessToken(validatortest.Scope("read", "admin"))
	shadow := g.Shadow(stricter)
	seen, refusals := shadow.Counts()
	assert.Zero(t, seen)
	assert.Equal(t, counts{}, refusals)
	routes := g.Routes()
	routes.Handle("GET /routes/{id}", scoped("read"), shadow.Handler(http.HandlerFunc(tell)))
	mux := http.NewServeMux()
	mux.Handle("/require", g.Require(scoped("read"))(shadow.Handler(http.HandlerFunc(tell))))
	routes.Optional("/optional", scoped("read"), shadow.Handler(http.HandlerFunc(tell)))
	routes.Public("/public", shadow.Handler(http.HandlerFunc(tell)))
	for _, tc := range []struct {
		handler                      http.Handler
		target, raw, reached, reason string
	}{
		{routes, "/routes/7", strong, `GET /routes/{id} by user, id="7"`, ""},
		{routes, "/routes/7", weak, `GET /routes/{id} by user, id="7"`, "acr_insufficient"},
		{routes, "/routes/7", s.AccessToken(), `GET /routes/{id} by user, id="7"`, "insufficient_scope"},
		{mux, "/require", strong, `/require by user, id=""`, ""},
		{mux, "/require", weak, `/require by user, id=""`, "acr_insufficient"},
		{routes, "/optional", "", `/optional by nobody, id=""`, "no_token"},
		{routes, "/optional", weak, `/optional by user, id=""`, "acr_insufficient"},
		{routes, "/public", "", `/public by nobody, id=""`, "no_token"},
	} {
		log.Reset()
		h.take()
		response := ask(tc.handler, "GET", tc.target, tc.raw)
		assert.Equal(t, tc.reached, response.Header.Get("X-Reached"))
		assert.LessOrEqual(t, len(h.take()), 1, "the observer does not hear of it")
		if tc.reason == "" {
			assert.Empty(t, log.String())
			continue
		}
		var line map[string]any
		require.NoError(t, json.Unmarshal(log.Bytes(), &line))
		assert.Equal(t, "INFO", line["level"])
		assert.Equal(t, "access token would be refused", line["msg"])
		assert.Equal(t, tc.reason, line["reason"])
		pattern, _, _ := bytes.Cut([]byte(tc.reached), []byte(" by "))
		assert.Equal(t, string(pattern), line["pattern"])
		assert.Contains(t, line["error"], tc.reason)
		assert.NotContains(t, log.String(), s.Issuer())
	}
	ask(routes, "GET", "/routes/7", s.AccessToken(validatortest.Scope("x"))) // refused for good: not the shadow's affair
	seen, refusals = shadow.Counts()
	assert.EqualValues(t, 8, seen)
	want := counts{validator.ReasonACRInsufficient: 3, validator.ReasonInsufficientScope: 1, validator.ReasonNoToken: 2}
	assert.Equal(t, want, refusals)
	clear(refusals)
	_, refusals = shadow.Counts()
	assert.Equal(t, want, refusals)
}

// breaking is a log handler that fails in the worst way.
type breaking struct{ slog.Handler }

func (breaking) Handle(context.Context, slog.Record) error { panic("the log broke") }

// TestShadowHarmsNothing: not by a panic of the policy's function, nor of the log.
func TestShadowHarmsNothing(t *testing.T) {
	s, g, _ := newHeardGuard(t, middleware.Config{Logger: slog.New(breaking{slog.NewTextHandler(new(bytes.Buffer), nil)})})
	for name, policy := range map[string]validator.Policy{
		"function": {Permit: func(context.Context, *validator.Token) error { panic("it broke") }},
		"log":      scoped("admin"),
	} {
		shadow := g.Shadow(policy)
		protected := g.Require(scoped("read"))(shadow.Handler(http.HandlerFunc(tell)))
		for range 2 { // no lock is held
			assert.Equal(t, ` by user, id=""`, ask(protected, "GET", "/", s.AccessToken()).Header.Get("X-Reached"), name)
		}
		seen, refusals := shadow.Counts()
		assert.EqualValues(t, 2, seen, name)
		if name == "log" {
			assert.Equal(t, counts{validator.ReasonInsufficientScope: 2}, refusals)
		} else {
			assert.Equal(t, counts{validator.ReasonPermitUnavailable: 2}, refusals)
		}
	}
	assert.PanicsWithValue(t, "the handler's own", func() {
		ask(g.Shadow(scoped("read")).Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("the handler's own") })), "GET", "/", "")
	})
}

// TestShadowWithoutLogger counts all the same, at once and by many.
func TestShadowWithoutLogger(t *testing.T) {
	s, g := newGuard(t)
	shadow := g.Shadow(scoped("admin"))
	protected := g.Require(scoped("read"))(shadow.Handler(http.HandlerFunc(tell)))
	raw := s.AccessToken()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				assert.Equal(t, 200, ask(protected, "GET", "/", raw).StatusCode)
			}
		})
	}
	wg.Wait()
	seen, refusals := shadow.Counts()
	assert.EqualValues(t, 400, seen)
	assert.Equal(t, counts{validator.ReasonInsufficientScope: 400}, refusals)
}
