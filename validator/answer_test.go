package validator_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func with(name string, value any) string { return answer(map[string]any{name: value}) }

// raw puts a member, as it stands, behind the others.
func raw(member string) string { return strings.TrimSuffix(answer(nil), "}") + "," + member + "}" }

var bad, down = validator.ErrInvalidToken, validator.ErrUnavailable

// TestHostileAnswers: each answer of the corpus has its class and reason, on the first
// request as on the next, and no refusal contains the token.
func TestHostileAnswers(t *testing.T) {
	s := start(t, validatortest.Options{Style: validatortest.StyleGeneric})
	for _, c := range s.Answers(client) {
		t.Run(c.Name, func(t *testing.T) {
			defer c.Arrange(s)()
			v := build(t, configure(ask(s)))
			for range 2 {
				if c.Accept {
					accept(t, v, c.Token)
					continue
				}
				e := reject(t, v, c.Token, validator.NewError(validator.Reason(c.Reason), "").Class, validator.Reason(c.Reason))
				assert.NotContains(t, e.Error(), c.Token)
				if e.RetryAfter > 0 {
					return // nobody is asked before
				}
			}
		})
	}
}

// TestMissingMembersAreAllowedByName: what a server leaves out is accepted only
// where its own relaxation says so, and what is there is checked all the same.
func TestMissingMembersAreAllowedByName(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	for _, tc := range []struct {
		name, missing string
		allow         func(*validator.Issuer)
		wrong         string
		reason        validator.Reason
	}{
		{"audience", with("aud", nil), func(is *validator.Issuer) { is.AllowMissingAudience = true }, with("aud", "api://other"), validator.ReasonAudienceMismatch},
		{"token type", with("token_type", nil), func(is *validator.Issuer) { is.AllowMissingTokenType = true }, with("token_type", "mac"), validator.ReasonNotAccessToken},
		{"token type, refresh", with("token_type", nil), func(is *validator.Issuer) { is.AllowMissingTokenType = true }, answer(map[string]any{"token_type": nil, "token_use": "refresh_token"}), validator.ReasonNotAccessToken},
		{"expiry", with("exp", nil), func(is *validator.Issuer) { is.AllowMissingExpiry = time.Minute }, with("exp", 1), validator.ReasonExpired},
		{"client", with("client_id", nil), func(is *validator.Issuer) { is.ClientIDs, is.AnyClient = nil, true }, answer(map[string]any{"client_id": "a", "azp": "b"}), validator.ReasonClientConflict},
		{"client apart", answer(map[string]any{"aud": []string{audience, client}}), func(is *validator.Issuer) { is.AudienceMayBeClient = true }, with("nonce", "n"), validator.ReasonNotAccessToken},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o.says(tc.missing)
			_, err := build(t, configure(ask(s, o.at))).Validate(t.Context(), "opaque-token")
			require.ErrorIs(t, err, validator.ErrInvalidToken)
			v := build(t, configure(ask(s, o.at, tc.allow)))
			accept(t, v, "opaque-token")
			o.says(tc.wrong)
			reject(t, v, "opaque-token-2", validator.ErrInvalidToken, tc.reason)
		})
	}
}

// TestMissingExpiryIsCapped: without exp an answer is good for as long as allowed,
// from when it was asked for, and then asked for again.
func TestMissingExpiryIsCapped(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	o := newOracle(t)
	c := configure(ask(s, o.at, func(is *validator.Issuer) { is.AllowMissingExpiry = time.Minute }))
	c.Clock = clock.Now
	v := build(t, c)
	o.says(with("exp", nil))
	token := accept(t, v, "opaque-token")
	assert.True(t, clock.Now().Add(time.Minute).Equal(token.Expiry()))
	clock.Advance(time.Minute - time.Millisecond)
	assert.Same(t, token, accept(t, v, "opaque-token"))
	assert.Equal(t, 1, o.times())
	clock.Advance(time.Millisecond)
	assert.NotSame(t, token, accept(t, v, "opaque-token"))
	assert.Equal(t, 2, o.times())
}

// TestMissingExpiryHasNoLeeway: an answer that took as long to come as it is good for is
// good for nothing. Leeway is for what a server's clock said, and this is ours.
func TestMissingExpiryHasNoLeeway(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	o := newOracle(t)
	c := configure(ask(s, o.at, func(is *validator.Issuer) { is.AllowMissingExpiry = time.Second }))
	c.Clock, c.Leeway = clock.Now, time.Minute
	v := build(t, c)
	took := time.Second
	o.does(func(w http.ResponseWriter, _ *http.Request) {
		clock.Advance(took)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, with("exp", nil))
	})
	reject(t, v, "opaque-token", validator.ErrInvalidToken, validator.ReasonExpired)
	took = time.Second - time.Millisecond
	accept(t, v, "opaque-token")
}

// TestFallbackWithoutAudience: where answers may have no audience, that goes for those that
// stand in for the keys of a JWT too; one that is there must be the token's.
func TestFallbackWithoutAudience(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at, func(is *validator.Issuer) { is.AllowMissingAudience = true })))
	s.SetKeysMode(validatortest.ModeDown)
	exp := time.Now().Add(time.Hour).Unix()
	said := map[string]any{"exp": exp, "sub": nil, "scope": nil, "aud": nil}
	token := s.AccessToken(validatortest.Claim("exp", exp))
	o.says(answer(said))
	assert.Equal(t, validator.OriginIntrospection, accept(t, v, token).Origin())
	said["aud"] = []string{audience, "api://other"}
	o.says(answer(said))
	reject(t, v, s.AccessToken(validatortest.Claim("exp", exp)), validator.ErrInvalidToken, validator.ReasonIntrospectionDisagrees)
}

// TestPoliciesWithoutAudience: a token without audience satisfies no policy that
// names one.
func TestPoliciesWithoutAudience(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at, func(is *validator.Issuer) { is.AllowMissingAudience = true })))
	o.says(with("aud", nil))
	token := accept(t, v, "opaque-token")
	assert.Empty(t, token.MatchedAudience())
	assert.Empty(t, token.Audiences())
	_, err := v.ValidateWith(t.Context(), "opaque-token", validator.Requirements{Policy: &validator.Policy{AnyToken: true, Audiences: []string{audience}}})
	refused(t, err, validator.ErrInsufficientScope, validator.ReasonAudienceNotAllowed)
}

// TestAnswersInOktasWords: Okta answers in the words of RFC 7662, and its JWTs say
// cid and scp: the profile reads both, and refuses a contradiction.
func TestAnswersInOktasWords(t *testing.T) {
	s := start(t, validatortest.Options{Style: validatortest.StyleOkta, Path: "/oauth2/default", Algorithm: "RS256"})
	o := newOracle(t)
	okta := func(is *validator.Issuer) { is.Profile = validator.Okta() }
	v := build(t, configure(ask(s, okta)))
	token := accept(t, v, s.OpaqueToken(validatortest.Scope("orders.read", "orders.write")))
	assert.Equal(t, client, token.ClientID())
	assert.Equal(t, []string{"orders.read", "orders.write"}, token.Scopes())
	v = build(t, configure(ask(s, okta, func(is *validator.Issuer) { is.Introspection.Endpoint = o.URL + "/oauth2/default/v1/introspect" })))
	o.says(answer(map[string]any{"client_id": nil, "cid": client, "scope": nil, "scp": []string{"a"}}))
	assert.Equal(t, []string{"a"}, accept(t, v, "one").Scopes())
	o.says(with("cid", "other"))
	reject(t, v, "two", validator.ErrInvalidToken, validator.ReasonClientConflict)
}
