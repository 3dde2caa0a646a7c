package validator_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestUndecidedIsNeverInactive: whatever keeps an issuer from answering, about an opaque
// token or about a JWT, its token is not called bad for it, and not later either.
func TestUndecidedIsNeverInactive(t *testing.T) {
	says := func(status int, body string) func(*oracle, *validator.Issuer) {
		return func(o *oracle, _ *validator.Issuer) {
			o.does(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			})
		}
	}
	for name, tc := range map[string]struct {
		fails  func(*oracle, *validator.Issuer)
		reason validator.Reason
	}{
		"down": {func(o *oracle, _ *validator.Issuer) {
			o.does(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		}, validator.ReasonIntrospectionUnavailable},
		"500, and inactive": {says(500, `{"active":false}`), validator.ReasonIntrospectionUnavailable},
		"429, and inactive": {says(429, `{"active":false}`), validator.ReasonIntrospectionUnavailable},
		"we are not let in": {says(401, `{"active":false}`), validator.ReasonIntrospectionDenied},
		"we may not ask":    {says(403, `{"active":false}`), validator.ReasonIntrospectionDenied},
		"of no such tokens": {says(400, `{"error":"unsupported_token_type"}`), validator.ReasonIntrospectionUnsupported},
		"no answer":         {says(200, `{}`), validator.ReasonIntrospectionMalformed},
		"active in words":   {says(200, `{"active":"false"}`), validator.ReasonIntrospectionMalformed},
		"no secret to be had": {func(_ *oracle, is *validator.Issuer) {
			is.Introspection.Auth = introspect.ClientSecretBasic(apiID, introspect.SecretFunc(func(context.Context) (string, error) { return "", errors.New("the vault is sealed") }))
		}, validator.ReasonIntrospectionCredentials},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, validatortest.Options{})
			o := newOracle(t)
			is := ask(s, o.at, always)
			tc.fails(o, &is)
			v := build(t, configure(is))
			for _, raw := range []string{"opaque-token", s.AccessToken()} {
				reject(t, v, raw, validator.ErrUnavailable, tc.reason)
			}
			if tc.reason == validator.ReasonIntrospectionCredentials {
				assert.Zero(t, o.times())
				return
			}
			o.says(answer(nil))
			accept(t, v, "opaque-token")
		})
	}
}

// TestIntrospectionObserverPanics: an observer that panics on an answer costs nobody that
// answer.
func TestIntrospectionObserverPanics(t *testing.T) {
	s := start(t, validatortest.Options{})
	c := configure(ask(s))
	c.Observer.Introspection = func(validator.Introspection) { panic("in the observer") }
	v := build(t, c)
	accept(t, v, s.OpaqueToken())
	gone := s.OpaqueToken()
	s.Revoke(gone)
	reject(t, v, gone, validator.ErrInvalidToken, validator.ReasonInactive)
}
