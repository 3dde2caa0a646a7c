package middleware_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// scoped is a policy of one scope.
func scoped(scope string) validator.Policy { return validator.Policy{Scopes: []string{scope}} }

// heard is what an observer heard.
type heard struct {
	mu   sync.Mutex
	list []validator.Reason // "accepted" where there is no error
}

func (h *heard) decision(_ context.Context, d validator.Decision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	reason := validator.Reason("accepted")
	if d.Err != nil {
		reason = d.Err.Reason
	}
	h.list = append(h.list, reason)
}

// take returns what was heard since the last time.
func (h *heard) take() []validator.Reason {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.list
	h.list = nil
	return list
}

// newHeardGuard is newGuard with an observer, and one more setting of the Guard.
func newHeardGuard(t testing.TB, config middleware.Config) (*validatortest.Server, *middleware.Guard, *heard) {
	t.Helper()
	return newConfiguredGuard(t, config, func(*validator.Config) {})
}

// newConfiguredGuard is newHeardGuard, with other settings of the Validator.
func newConfiguredGuard(t testing.TB, config middleware.Config, edit func(*validator.Config)) (*validatortest.Server, *middleware.Guard, *heard) {
	t.Helper()
	s, err := validatortest.Start(validatortest.Options{Algorithm: "ES256"})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	h := new(heard)
	c := validator.Config{
		Issuers:           []validator.Issuer{{URL: s.Issuer(), Audiences: []string{"api://default"}, ClientIDs: []string{validatortest.DefaultClientID}}},
		InsecureAllowHTTP: true,
		Observer:          validator.Observer{Decision: h.decision},
	}
	edit(&c)
	v, err := validator.New(c)
	require.NoError(t, err)
	config.Realm = "orders"
	g, err := middleware.New(v, config)
	require.NoError(t, err)
	return s, g, h
}

// tell is a handler that tells how it was reached.
func tell(w http.ResponseWriter, r *http.Request) {
	who := "nobody"
	if token, ok := validator.FromContext(r.Context()); ok {
		who = token.Subject()
	}
	w.Header().Set("X-Reached", fmt.Sprintf("%s by %s, id=%q", r.Pattern, who, r.PathValue("id")))
}

// ask sends a request to a handler, with a token if there is one.
func ask(handler http.Handler, method, target, raw string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	if raw != "" {
		r.Header.Set("Authorization", "Bearer "+raw)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Result()
}

// answered holds an answer to its status, its challenge and the body that goes
// with it.
func answered(t *testing.T, response *http.Response, status int, challenge string) {
	t.Helper()
	assert.Equal(t, status, response.StatusCode)
	assert.Equal(t, challenge, response.Header.Get("WWW-Authenticate"))
	assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Equal(t, bodies[withoutScope(challenge)], string(content))
}

// withoutScope is the challenge that bodies knows.
func withoutScope(challenge string) string {
	before, _, _ := strings.Cut(challenge, `, scope="`)
	return before
}

// needs is the challenge to a good token that lacks a scope.
func needs(scope string) string { return unknown + `, scope="` + scope + `"` }
