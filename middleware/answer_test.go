package middleware_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const about = "https://api.example.com/.well-known/oauth-protected-resource/orders"

// TestChallenges: one for every class, with the parameters of RFC 6750 3, RFC 9470
// 3 and RFC 9728 5.1. Nothing of the cause is in it.
func TestChallenges(t *testing.T) {
	_, g, _ := newHeardGuard(t, middleware.Config{Resource: middleware.Resource{URL: "https://api.example.com/orders"}})
	const metadata = `, resource_metadata="` + about + `"`
	stepUp := validator.NewError(validator.ReasonACRInsufficient, "secret")
	stepUp.Challenge.ACRValues, stepUp.Challenge.MaxAge = []string{"gold", `sil"ver\`}, 5*time.Minute
	recent := validator.NewError(validator.ReasonAuthenticationTooOld, "secret")
	recent.Challenge.MaxAge = 1500 * time.Millisecond
	scopes := validator.NewError(validator.ReasonInsufficientScope, "secret")
	scopes.Challenge.Scope = []string{"read", "write"}
	crafted := validator.NewError(validator.ReasonInsufficientScope, "secret")
	crafted.Challenge.Scope, crafted.Challenge.Description = []string{"a\r\nX: y"}, "é"
	for name, tc := range map[string]struct {
		err       *validator.Error
		status    int
		challenge string
		body      string
	}{
		"no token": {validator.NewError(validator.ReasonNoToken, "secret"), 401, bare + metadata, bodies[bare]},
		"request":  {validator.NewError(validator.ReasonSecondPlace, "secret"), 400, malformed + metadata, bodies[malformed]},
		"token":    {validator.NewError(validator.ReasonBadSignature, "secret"), 401, invalid + metadata, bodies[invalid]},
		"expired":  {validator.NewError(validator.ReasonExpired, "secret"), 401, expired + metadata, bodies[expired]},
		"proof":    {validator.NewError(validator.ReasonProofMissing, "secret"), 401, invalid + metadata, bodies[invalid]},
		"step-up": {
			stepUp, 401,
			`Bearer realm="orders", error="insufficient_user_authentication", error_description="A different authentication is required", acr_values="gold sil\"ver\\", max_age="300"` + metadata,
			`{"title":"Unauthorized","status":401,"detail":"A different authentication is required","error":"insufficient_user_authentication"}`,
		},
		"recent": {
			recent, 401,
			`Bearer realm="orders", error="insufficient_user_authentication", error_description="A different authentication is required", max_age="1"` + metadata,
			`{"title":"Unauthorized","status":401,"detail":"A different authentication is required","error":"insufficient_user_authentication"}`,
		},
		"scope":       {scopes, 403, unknown + `, scope="read write"` + metadata, bodies[unknown]},
		"route":       {validator.NewError(validator.ReasonRouteUnknown, "secret"), 403, unknown + metadata, bodies[unknown]},
		"unavailable": {validator.NewError(validator.ReasonKeysUnavailable, "secret"), 503, "", bodies[""]},
		"crafted": {
			crafted, 403, `Bearer realm="orders", error="insufficient_scope"` + metadata,
			`{"title":"Forbidden","status":403,"detail":"é","error":"insufficient_scope"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			w.Header().Set("Content-Length", "5") // of what the handler meant to say
			w.Header().Set("Vary", "Origin")
			g.Refuse(w, tc.err)
			assert.Equal(t, tc.status, w.Code)
			assert.Equal(t, tc.challenge, w.Header().Get("WWW-Authenticate"))
			assert.Equal(t, tc.body, w.Body.String())
			assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			assert.Empty(t, w.Header().Get("Content-Length"))
			assert.Equal(t, "Origin", w.Header().Get("Vary"))
			assert.Equal(t, tc.status == 503, w.Header().Get("Retry-After") == "10")
		})
	}
}

// TestRetryAfter: whole seconds, rounded up, never zero (RFC 9110 10.2.3).
func TestRetryAfter(t *testing.T) {
	_, g := newGuard(t)
	for wait, want := range map[time.Duration]string{
		0: "10", -time.Second: "10", time.Nanosecond: "1", time.Second: "1", time.Second + 1: "2", time.Hour: "3600",
	} {
		e := validator.NewError(validator.ReasonIntrospectionBusy, "")
		e.RetryAfter = wait
		w := httptest.NewRecorder()
		g.Refuse(w, e)
		assert.Equal(t, want, w.Header().Get("Retry-After"))
	}
}

// TestHEAD: the header of a GET, and no body (RFC 9110 9.3.2), whether the server
// behind the ResponseWriter sees to it or not.
func TestHEAD(t *testing.T) {
	_, g := newGuard(t)
	protected := g.Require(scoped("read"))(http.NotFoundHandler())
	for name, handler := range map[string]http.Handler{"Require": protected, "Routes": g.Routes()} {
		response := ask(handler, "HEAD", "/", "")
		assert.Equal(t, 401, response.StatusCode, name)
		assert.Equal(t, bare, response.Header.Get("WWW-Authenticate"), name)
		assert.EqualValues(t, len(bodies[bare]), response.ContentLength, name)
		content, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		assert.Empty(t, content, name)
	}
}

// TestErrorHandler: it gets the cause and what is prepared, and may say it in its
// own way; the request stays refused whatever it does.
func TestErrorHandler(t *testing.T) {
	write := func(status int) middleware.ErrorHandler {
		return func(w http.ResponseWriter, _ *http.Request, _ *validator.Error, _ middleware.Answer) {
			http.Error(w, "mine", status)
		}
	}
	tests := map[string]struct {
		handler   middleware.ErrorHandler
		down      bool
		status    int
		challenge string
		body      string
	}{
		"nothing":      {handler: func(http.ResponseWriter, *http.Request, *validator.Error, middleware.Answer) {}, status: 403, challenge: needs("admin"), body: bodies[unknown]},
		"the prepared": {handler: write(403), status: 403, challenge: needs("admin"), body: "mine\n"},
		"body only": {handler: func(w http.ResponseWriter, _ *http.Request, _ *validator.Error, _ middleware.Answer) {
			_, _ = io.WriteString(w, "mine\n")
		}, status: 403, challenge: needs("admin"), body: "mine\n"},
		"nothing but headers": {handler: func(w http.ResponseWriter, _ *http.Request, _ *validator.Error, _ middleware.Answer) {
			clear(w.Header())
			w.Header().Set("Content-Length", "1")
			w.Header().Set("Cache-Control", "public")
		}, status: 403, challenge: needs("admin"), body: bodies[unknown]},
		"hidden": {handler: write(404), status: 404, body: "mine\n"},
		"hidden, challenge of its own": {handler: func(w http.ResponseWriter, r *http.Request, e *validator.Error, a middleware.Answer) {
			w.Header().Set("WWW-Authenticate", "Negotiate")
			write(404)(w, r, e, a)
		}, status: 404, challenge: "Negotiate", body: "mine\n"},
		"lowest":             {handler: write(400), status: 400, challenge: needs("admin"), body: "mine\n"},
		"highest":            {handler: write(599), status: 599, challenge: needs("admin"), body: "mine\n"},
		"above":              {handler: write(600), status: 403, challenge: needs("admin"), body: "mine\n"},
		"success":            {handler: write(200), status: 403, challenge: needs("admin"), body: "mine\n"},
		"redirect":           {handler: write(399), status: 403, challenge: needs("admin"), body: "mine\n"},
		"informational":      {handler: write(103), status: 403, challenge: needs("admin"), body: "mine\n"},
		"switching":          {handler: write(101), status: 403, challenge: needs("admin"), body: "mine\n"},
		"undecided":          {handler: write(503), down: true, status: 503, body: "mine\n"},
		"undecided made 401": {handler: write(401), down: true, status: 503, body: "mine\n"},
		"undecided made 499": {handler: write(499), down: true, status: 503, body: "mine\n"},
		"undecided made 500": {handler: write(500), down: true, status: 500, body: "mine\n"},
		"twice": {
			handler: func(w http.ResponseWriter, r *http.Request, e *validator.Error, a middleware.Answer) {
				w.WriteHeader(404)
				write(403)(w, r, e, a)
			}, status: 404, body: "mine\n",
		},
		"headers taken away": {
			handler: func(w http.ResponseWriter, r *http.Request, e *validator.Error, a middleware.Answer) {
				clear(w.Header())
				clear(a.Header)
				write(404)(w, r, e, a)
			}, status: 404, body: "mine\n",
		},
		"challenge taken away": {
			handler: func(w http.ResponseWriter, r *http.Request, e *validator.Error, a middleware.Answer) {
				clear(w.Header())
				clear(a.Header)
				write(401)(w, r, e, a)
			}, status: 401, challenge: needs("admin"), body: "mine\n",
		},
		"challenge of its own": {
			handler: func(w http.ResponseWriter, r *http.Request, e *validator.Error, a middleware.Answer) {
				w.Header().Set("WWW-Authenticate", "Negotiate")
				write(401)(w, r, e, a)
			}, status: 401, challenge: "Negotiate", body: "mine\n",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			called := 0
			s, g, _ := newHeardGuard(t, middleware.Config{ErrorHandler: func(w http.ResponseWriter, r *http.Request, e *validator.Error, a middleware.Answer) {
				called++
				assert.Equal(t, "/orders", r.URL.Path)
				if !tc.down {
					assert.Equal(t, validator.ReasonInsufficientScope, e.Reason)
					assert.Equal(t, middleware.Answer{Status: 403, Header: http.Header{
						"Cache-Control": {"no-store"}, "Www-Authenticate": {needs("admin")},
					}}, a)
				} else {
					assert.Equal(t, validator.ReasonKeysUnavailable, e.Reason)
					assert.Equal(t, middleware.Answer{Status: 503, Header: http.Header{"Cache-Control": {"no-store"}, "Retry-After": {"1"}}}, a)
				}
				assert.Equal(t, a.Header, w.Header(), "is set already")
				tc.handler(w, r, e, a)
			}})
			if tc.down {
				s.SetMode(validatortest.ModeError)
			}
			routes := g.Routes()
			never := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the request was let through") })
			routes.Handle("/orders", scoped("admin"), never)
			for _, handler := range []http.Handler{g.Require(scoped("admin"))(never), routes} {
				response := ask(handler, "GET", "/orders", s.AccessToken())
				assert.Equal(t, tc.status, response.StatusCode)
				assert.Equal(t, tc.challenge, response.Header.Get("WWW-Authenticate"))
				assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
				assert.Empty(t, response.Header.Get("Content-Length"))
				content, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				assert.Equal(t, tc.body, string(content))
			}
			assert.Equal(t, 2, called)
		})
	}
}

// once is a ResponseWriter that takes one status.
type once struct {
	*httptest.ResponseRecorder
	t       *testing.T
	written bool
}

func (o *once) WriteHeader(status int) {
	assert.False(o.t, o.written, "superfluous WriteHeader")
	o.written = true
	o.ResponseRecorder.WriteHeader(status)
}

// TestErrorHandlerWritesOneHeader, however often it says so.
func TestErrorHandlerWritesOneHeader(t *testing.T) {
	_, g, _ := newHeardGuard(t, middleware.Config{ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ *validator.Error, a middleware.Answer) {
		w.WriteHeader(a.Status)
		w.WriteHeader(404)
		_, _ = io.WriteString(w, "a")
		_, _ = io.WriteString(w, "b")
	}})
	w := &once{ResponseRecorder: httptest.NewRecorder(), t: t}
	g.Routes().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	assert.Equal(t, 401, w.Code)
	assert.Equal(t, "ab", w.Body.String())
}

// TestErrorHandlerHasNoWayAround: the connection is out of its reach.
func TestErrorHandlerHasNoWayAround(t *testing.T) {
	_, g, _ := newHeardGuard(t, middleware.Config{ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ *validator.Error, _ middleware.Answer) {
		_, _, err := http.NewResponseController(w).Hijack()
		assert.ErrorIs(t, err, http.ErrNotSupported)
	}})
	server := httptest.NewServer(g.Routes())
	defer server.Close()
	answered(t, send(t, server.Listener.Addr().String(), "GET / HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n"), 401, bare)
}

// TestRefuseAsksNoErrorHandler: it has no request to give it.
func TestRefuseAsksNoErrorHandler(t *testing.T) {
	_, g, _ := newHeardGuard(t, middleware.Config{ErrorHandler: func(http.ResponseWriter, *http.Request, *validator.Error, middleware.Answer) { t.Error("called") }})
	w := httptest.NewRecorder()
	g.Refuse(w, errors.New("x"))
	answered(t, w.Result(), 503, "")
}
