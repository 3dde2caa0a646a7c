package middleware_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// counting is a handler that counts; of no function type.
type counting int

func (h *counting) ServeHTTP(http.ResponseWriter, *http.Request) { *h++ }

// TestRefusedIsNotServed: an answer of 401 or 403 is no protection if the handler runs
// all the same.
func TestRefusedIsNotServed(t *testing.T) {
	s, g := newGuard(t)
	var handler counting
	routes := g.Routes()
	routes.Handle("/protected", scoped("read"), &handler)
	routes.Optional("/optional", scoped("read"), &handler)
	required := g.Require(scoped("read"))(&handler)
	for raw, status := range map[string]int{
		"garbage": 401,
		s.AccessToken(validatortest.Scope("other")): 403,
	} {
		assert.Equal(t, status, ask(routes, "GET", "/protected", raw).StatusCode)
		assert.Equal(t, status, ask(routes, "GET", "/optional", raw).StatusCode)
		assert.Equal(t, status, ask(required, "GET", "/", raw).StatusCode)
	}
	assert.Equal(t, 401, ask(routes, "GET", "/protected", "").StatusCode)
	assert.Equal(t, 401, ask(required, "GET", "/", "").StatusCode)
	assert.Zero(t, handler)
	assert.Equal(t, 200, ask(routes, "GET", "/optional", "").StatusCode)
	assert.EqualValues(t, 1, handler)
}

// TestEveryParameterOfAQuery: empty ones do not hide what follows.
func TestEveryParameterOfAQuery(t *testing.T) {
	s, g := newGuard(t)
	for _, query := range []string{"&access_token=x", ";access_token=x", "&&access_token", "a&;access_token=x&", "=&access_token=x", "%&access_token=x"} {
		r := httptest.NewRequest("GET", "/?"+query, nil)
		r.Header.Set("Authorization", "Bearer "+s.AccessToken())
		_, err := g.Authenticate(r)
		var e *validator.Error
		require.ErrorAs(t, err, &e, query)
		assert.Equal(t, validator.ReasonSecondPlace, e.Reason, query)
		assert.ErrorIs(t, err, validator.ErrInvalidRequest)
	}
}

// broken is a connection that is gone.
type broken struct{ http.ResponseWriter }

var errGone = errors.New("gone")

func (broken) Write([]byte) (int, error) { return 0, errGone }

// TestErrorHandlerHearsThatNobodyReads: as any handler does.
func TestErrorHandlerHearsThatNobodyReads(t *testing.T) {
	var err error
	_, g, _ := newHeardGuard(t, middleware.Config{ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ *validator.Error, _ middleware.Answer) {
		_, err = w.Write([]byte("x"))
	}})
	w := httptest.NewRecorder()
	g.Routes().ServeHTTP(broken{w}, httptest.NewRequest("GET", "/", nil))
	assert.ErrorIs(t, err, errGone)
	assert.Equal(t, 401, w.Code)
}

// TestRoutesAddedAfterARedirect: looking for a route leaves no lock behind.
func TestRoutesAddedAfterARedirect(t *testing.T) {
	_, g := newGuard(t)
	routes := g.Routes()
	routes.Public("/tree/", http.HandlerFunc(tell))
	assert.Equal(t, 307, ask(routes, "GET", "/tree", "").StatusCode)
	added := make(chan struct{})
	go func() {
		defer close(added)
		routes.Public("/after", http.HandlerFunc(tell))
	}()
	<-added
	assert.Equal(t, 200, ask(routes, "GET", "/after", "").StatusCode)
}
