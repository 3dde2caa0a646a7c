package middleware_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
)

// untouched is a body that tells whether it was read.
type untouched struct{ read bool }

func (b *untouched) Read([]byte) (int, error) { b.read = true; return 0, io.EOF }
func (b *untouched) Close() error             { return nil }

// TestNoOtherPlace: a good token anywhere but in the Authorization header is none, and
// the body is left for the handler (RFC 6750 2.2 is not supported).
func TestNoOtherPlace(t *testing.T) {
	s, g := newGuard(t)
	good := s.AccessToken()
	for name, put := range map[string]func(*http.Request){
		"form":             func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("access_token=" + good)) },
		"cookie":           func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "access_token", Value: good}) },
		"access token":     func(r *http.Request) { r.Header.Set("X-Forwarded-Access-Token", good) },
		"forwarded header": func(r *http.Request) { r.Header.Set("X-Forwarded-Authorization", "Bearer "+good) },
		"proxy header":     func(r *http.Request) { r.Header.Set("Proxy-Authorization", "Bearer "+good) },
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			put(r)
			_, err := g.Authenticate(r)
			var e *validator.Error
			require.ErrorAs(t, err, &e)
			assert.ErrorIs(t, e, validator.ErrNoToken)
			assert.Equal(t, validator.ReasonNoToken, e.Reason)
		})
	}
	for _, header := range []string{"", "Bearer " + good} {
		body := new(untouched)
		r := httptest.NewRequest(http.MethodPost, "/", body)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", header)
		_, err := g.Authenticate(r)
		assert.Equal(t, header == "", err != nil)
		assert.False(t, body.read)
	}
}
