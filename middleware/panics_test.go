package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// panicky is a transport whose answers for some paths panic when they are read, with words
// that quote the request.
type panicky string

func (p panicky) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, string(p)) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: panickyBody(r.URL.String()), Request: r}, nil
	}
	return http.DefaultTransport.RoundTrip(r)
}

type panickyBody string

func (b panickyBody) Read([]byte) (int, error) { panic("secret words about " + string(b)) }
func (panickyBody) Close() error               { return nil }

// TestPanicsAreNotToldToClients: what panics on the way to a decision is an outage, and no
// client reads a word of it; an observer that panics is none at all.
func TestPanicsAreNotToldToClients(t *testing.T) {
	s, err := validatortest.Start(validatortest.Options{Algorithm: "ES256"})
	require.NoError(t, err)
	defer s.Close()
	s.AddClient("orders-api", "secret")
	status := validatortest.Claim("status", map[string]any{"status_list": map[string]any{"idx": 0, "uri": strings.TrimSuffix(s.Issuer(), "/") + "/lists/1"}})
	for name, tc := range map[string]struct {
		transport panicky
		observer  validator.Observer
		token     string
		status    int
		reason    validator.Reason
	}{
		"metadata":           {transport: "/.well-known/", token: s.AccessToken(), status: 503, reason: validator.ReasonKeysUnavailable},
		"keys":               {transport: "/keys", token: s.MintWith(s.Prepare("ES256")), status: 503, reason: validator.ReasonKeysUnavailable},
		"introspection":      {transport: "/introspect", token: s.OpaqueToken(), status: 503, reason: validator.ReasonIntrospectionUnavailable},
		"status list":        {transport: "/lists/", token: s.AccessToken(status), status: 503, reason: validator.ReasonStatusUnavailable},
		"observer of keys":   {transport: "none", observer: validator.Observer{KeyFetch: func(validator.KeyFetch) { panic("secret words") }}, token: s.AccessToken(), status: 200},
		"observer of answer": {transport: "none", observer: validator.Observer{Introspection: func(validator.Introspection) { panic("secret words") }}, token: s.OpaqueToken(), status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			is := validator.Issuer{URL: s.Issuer(), Audiences: []string{"api://default"}, AnyClient: true}
			if strings.Count(tc.token, ".") == 0 {
				is.Introspection = &introspect.Config{Auth: introspect.ClientSecretBasic("orders-api", introspect.StaticSecret("secret"))}
			}
			v, err := validator.New(validator.Config{
				Issuers:    []validator.Issuer{is},
				HTTPClient: &http.Client{Transport: tc.transport}, Observer: tc.observer, InsecureAllowHTTP: true,
			})
			require.NoError(t, err)
			g, err := middleware.New(v, middleware.Config{})
			require.NoError(t, err)
			var told *validator.Error
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", "Bearer "+tc.token)
			if _, err := g.Authenticate(r); tc.status != 200 && assert.ErrorAs(t, err, &told) {
				assert.Equal(t, tc.reason, told.Reason)
				assert.NotContains(t, told.Error(), tc.token)
			}
			w := httptest.NewRecorder()
			g.Require(validator.Policy{AnyToken: true})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
			assert.Equal(t, tc.status, w.Code)
			text := w.Body.String()
			for name, values := range w.Header() {
				text += "\n" + name + ": " + strings.Join(values, " ")
			}
			for _, word := range []string{"secret", "words", "panic", s.Issuer(), tc.token} {
				assert.NotContains(t, text, word)
			}
			assert.Equal(t, tc.status == 503, w.Header().Get("Retry-After") != "", text)
		})
	}
}
