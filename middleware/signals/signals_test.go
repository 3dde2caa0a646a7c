package signals_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/middleware/signals"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	audience       = "https://api.example.com/events"
	client         = "orders-api"
	sessionRevoked = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	verification   = "https://schemas.openid.net/secevent/ssf/event-type/verification"
	secevent       = "application/secevent+jwt"
	form           = "application/x-www-form-urlencoded"
)

func start(t testing.TB) (*validatortest.Server, *validator.Validator) {
	t.Helper()
	s, err := validatortest.Start(validatortest.Options{Algorithm: "ES256"})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	revocations, err := validator.NewRevocations(validator.RevocationsConfig{})
	require.NoError(t, err)
	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			URL: s.Issuer(), Audiences: []string{"api://default"}, AnyClient: true, MaxTokenLifetime: time.Hour,
			EventAudiences: []string{audience}, LogoutClientIDs: []string{client},
		}},
		Revocations: revocations, InsecureAllowHTTP: true,
	})
	require.NoError(t, err)
	return s, v
}

// post sends a body to a handler.
func post(handler http.Handler, contentType, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := &once{ResponseRecorder: httptest.NewRecorder()}
	handler.ServeHTTP(w, r)
	if w.answers > 1 {
		panic("a request was answered twice")
	}
	return w.ResponseRecorder
}

// once counts how often a request is answered.
type once struct {
	*httptest.ResponseRecorder
	answers int
}

func (w *once) WriteHeader(status int) {
	w.answers++
	w.ResponseRecorder.WriteHeader(status)
}

func subject(s *validatortest.Server) validatortest.Edit {
	return validatortest.Claim("sub_id", map[string]any{"format": "iss_sub", "iss": s.Issuer(), "sub": validatortest.DefaultSubject})
}

func formOf(tokens ...string) string { return url.Values{"logout_token": tokens}.Encode() }

// TestRevokedOverHTTP: a request that a Guard has let through is refused after the
// signal, and a good signal that comes again is answered as well.
func TestRevokedOverHTTP(t *testing.T) {
	for name, deliver := range map[string]func(*validatortest.Server, *validator.Validator) (http.Handler, string, string, int){
		"event": func(s *validatortest.Server, v *validator.Validator) (http.Handler, string, string, int) {
			return signals.Events(v), secevent, s.EventToken(audience, sessionRevoked, nil, subject(s)), http.StatusAccepted
		},
		"logout": func(s *validatortest.Server, v *validator.Validator) (http.Handler, string, string, int) {
			return signals.Logout(v), form + "; charset=utf-8", formOf(s.LogoutToken(client)), http.StatusOK
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, v := start(t)
			guard, err := middleware.New(v, middleware.Config{})
			require.NoError(t, err)
			api := guard.Require(validator.Policy{AnyToken: true})(http.NotFoundHandler())
			raw := s.AccessToken()
			call := func() int {
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				r.Header.Set("Authorization", "Bearer "+raw)
				w := httptest.NewRecorder()
				api.ServeHTTP(w, r)
				return w.Code
			}
			assert.Equal(t, http.StatusNotFound, call())
			handler, contentType, body, status := deliver(s, v)
			for range 2 {
				w := post(handler, contentType, body)
				assert.Equal(t, status, w.Code)
				assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
				assert.Empty(t, w.Body.String())
				assert.Equal(t, http.StatusUnauthorized, call())
			}
		})
	}
}

// TestEventAnswers: the codes of RFC 8935 2.4.
func TestEventAnswers(t *testing.T) {
	s, v := start(t)
	good := func(edits ...validatortest.Edit) string {
		return s.EventToken(audience, sessionRevoked, nil, append([]validatortest.Edit{subject(s)}, edits...)...)
	}
	unsigned := good()
	unsigned = unsigned[:strings.LastIndexByte(unsigned, '.')+1] + strings.Repeat("A", 86)
	for name, tc := range map[string]struct {
		contentType, body, code string
	}{
		"issuer":       {secevent, good(validatortest.Claim("iss", "https://other.example.com")), "invalid_issuer"},
		"audience":     {secevent, good(validatortest.Claim("aud", "other")), "invalid_audience"},
		"no audience":  {secevent, good(validatortest.NoClaim("aud")), "invalid_audience"},
		"unknown key":  {secevent, good(validatortest.HeaderParam("kid", "other")), "invalid_key"},
		"alg":          {secevent, good(validatortest.HeaderParam("alg", "none")), "invalid_key"},
		"signature":    {secevent, unsigned, "authentication_failed"},
		"to come":      {secevent, good(validatortest.Claim("iat", time.Now().Add(time.Hour).Unix())), "invalid_request"},
		"access token": {secevent, s.AccessToken(), "invalid_request"},
		"logout token": {secevent, s.LogoutToken(audience), "invalid_request"},
		"nothing":      {secevent, "", "invalid_request"},
		"two":          {secevent, good() + "\n" + good(), "invalid_request"},
		"too long":     {secevent, strings.Repeat("x", 1<<20), "invalid_request"},
		"media type":   {"application/jwt", good(), "invalid_request"},
		"no type":      {"", good(), "invalid_request"},
		"parameter":    {secevent + "; =", good(), "invalid_request"},
		"form":         {form, "set=" + good(), "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			w := post(signals.Events(v), tc.contentType, tc.body)
			assert.Equal(t, http.StatusBadRequest, w.Code)
			assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
			assert.Equal(t, "en", w.Header().Get("Content-Language"))
			assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			var body map[string]string
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
			assert.Len(t, body, 2)
			assert.Equal(t, tc.code, body["err"])
			assert.NotEmpty(t, body["description"])
			_, err := v.Validate(t.Context(), s.AccessToken())
			assert.NoError(t, err)
		})
	}
	for _, contentType := range []string{secevent, "Application/SecEvent+JWT; charset=utf-8"} {
		assert.Equal(t, http.StatusAccepted, post(signals.Events(v), contentType, s.EventToken(audience, verification, map[string]any{"state": "x"})).Code)
	}
}

// TestLogoutAnswers.
func TestLogoutAnswers(t *testing.T) {
	s, v := start(t)
	for name, tc := range map[string]struct{ contentType, body string }{
		"another client": {form, formOf(s.LogoutToken("other"))},
		"an ID token":    {form, formOf(s.IDToken(client))},
		"an event":       {form, formOf(s.EventToken(client, sessionRevoked, nil, subject(s)))},
		"nothing":        {form, ""},
		"another name":   {form, "token=" + s.LogoutToken(client)},
		"two":            {form, formOf(s.LogoutToken(client), s.LogoutToken(client))},
		"no form":        {form, "%zz"},
		"media type":     {"text/plain", formOf(s.LogoutToken(client))},
		"no type":        {"", formOf(s.LogoutToken(client))},
		"too long":       {form, formOf(s.LogoutToken(client)) + "&more=" + strings.Repeat("x", 1<<20)},
	} {
		t.Run(name, func(t *testing.T) {
			w := post(signals.Logout(v), tc.contentType, tc.body)
			assert.Equal(t, http.StatusBadRequest, w.Code)
			assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
			assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			var body map[string]string
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
			assert.Len(t, body, 2)
			assert.Equal(t, "invalid_request", body["error"])
			assert.NotEmpty(t, body["error_description"])
			_, err := v.Validate(t.Context(), s.AccessToken())
			assert.NoError(t, err)
		})
	}
	r := httptest.NewRequest(http.MethodPost, "/?"+formOf(s.LogoutToken(client)), strings.NewReader(""))
	r.Header.Set("Content-Type", form)
	w := httptest.NewRecorder()
	signals.Logout(v).ServeHTTP(w, r)
	assert.Equal(t, http.StatusBadRequest, w.Code, "a token in the address")
}

// TestUndecidedForWhoLeft: where nobody knows when asking again helps, it is not at once.
func TestUndecidedForWhoLeft(t *testing.T) {
	s, v := start(t)
	s.SetMode(validatortest.ModeHang)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(s.EventToken(audience, sessionRevoked, nil, subject(s))))
	r.Header.Set("Content-Type", secevent)
	w := httptest.NewRecorder()
	signals.Events(v).ServeHTTP(w, r)
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.Equal(t, "10", w.Header().Get("Retry-After"))
	s.SetMode(validatortest.ModeUp) // and the fetch that began ends
	_, err := v.Validate(t.Context(), s.AccessToken())
	assert.NoError(t, err)
}

// TestUndecided: a signal that cannot be verified now is wanted again.
func TestUndecided(t *testing.T) {
	s, v := start(t)
	s.SetMode(validatortest.ModeDown)
	for _, w := range []*httptest.ResponseRecorder{
		post(signals.Events(v), secevent, s.EventToken(audience, sessionRevoked, nil, subject(s))),
		post(signals.Logout(v), form, formOf(s.LogoutToken(client))),
	} {
		assert.Equal(t, http.StatusServiceUnavailable, w.Code)
		assert.Equal(t, "1", w.Header().Get("Retry-After"), "the backoff after a failed fetch")
		assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	}
}

func TestOtherMethods(t *testing.T) {
	_, v := start(t)
	for _, handler := range []http.Handler{signals.Events(v), signals.Logout(v)} {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodOptions} {
			w := &once{ResponseRecorder: httptest.NewRecorder()}
			handler.ServeHTTP(w, httptest.NewRequest(method, "/", nil))
			assert.Equal(t, 1, w.answers)
			assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
			assert.Equal(t, "POST", w.Header().Get("Allow"))
		}
	}
}

// TestCutEvent: a body that breaks off is no delivery, whatever has come of it.
func TestCutEvent(t *testing.T) {
	s, v := start(t)
	set := s.EventToken(audience, sessionRevoked, nil, subject(s))
	r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader(set), iotest.ErrReader(io.ErrUnexpectedEOF)))
	r.Header.Set("Content-Type", secevent)
	w := httptest.NewRecorder()
	signals.Events(v).ServeHTTP(w, r)
	assert.Equal(t, http.StatusBadRequest, w.Code)
	_, err := v.Validate(t.Context(), s.AccessToken())
	assert.NoError(t, err)
}
