package validator_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// judged is an answer and what becomes of it; no class: it is accepted.
type judged struct {
	name, body string
	class      error
	reason     validator.Reason
}

func with(name string, value any) string { return answer(map[string]any{name: value}) }

// raw puts a member, as it stands, behind the others.
func raw(member string) string { return strings.TrimSuffix(answer(nil), "}") + "," + member + "}" }

var bad, down = validator.ErrInvalidToken, validator.ErrUnavailable

// hostileAnswers differ from the good one in one thing each.
func hostileAnswers(is string) []judged {
	now := time.Now()
	return []judged{
		{"good", answer(nil), nil, ""},
		{"blanks around it", " \r\n" + answer(nil) + "\n", nil, ""},
		{"iss that is ours", with("iss", is), nil, ""},
		{"token_type in capitals", with("token_type", "BEARER"), nil, ""},
		{"token_use instead of token_type", answer(map[string]any{"token_type": nil, "token_use": "access_token"}), nil, ""},
		{"typ instead of token_type", answer(map[string]any{"token_type": nil, "typ": "Bearer"}), nil, ""},
		{"typ of the header", with("typ", "at+jwt"), nil, ""},
		{"aud as a list", with("aud", []string{"api://other", audience}), nil, ""},
		{"no sub", with("sub", nil), nil, ""},
		{"no scope", with("scope", nil), nil, ""},
		{"nbf within leeway", with("nbf", now.Add(20*time.Second).Unix()), nil, ""},
		{"nbf 0", with("nbf", 0), nil, ""},
		{"scp that agrees", with("scp", []string{"read"}), nil, ""},
		{"azp that agrees", with("azp", client), nil, ""},
		{"members of its own", with("tenant", map[string]any{"active": false, "aud": 1}), nil, ""},

		// Not answers: nothing was said of the token.
		{"empty", "", down, validator.ReasonIntrospectionMalformed},
		{"no JSON", "<!DOCTYPE html><title>Sign in</title>", down, validator.ReasonIntrospectionMalformed},
		{"null", "null", down, validator.ReasonIntrospectionMalformed},
		{"true", "true", down, validator.ReasonIntrospectionMalformed},
		{"an array", "[" + answer(nil) + "]", down, validator.ReasonIntrospectionMalformed},
		{"two objects", answer(nil) + answer(nil), down, validator.ReasonIntrospectionMalformed},
		{"trailing data", answer(nil) + "x", down, validator.ReasonIntrospectionMalformed},
		{"a byte order mark", "\ufeff" + answer(nil), down, validator.ReasonIntrospectionMalformed},
		{"cut", strings.TrimSuffix(answer(nil), "}"), down, validator.ReasonIntrospectionMalformed},
		{"invalid UTF-8", raw("\"x\":\"\xff\""), down, validator.ReasonIntrospectionMalformed},
		{"too deep", raw(`"x":` + strings.Repeat("[", 20) + strings.Repeat("]", 20)), down, validator.ReasonIntrospectionMalformed},
		{"no active", with("active", nil), down, validator.ReasonIntrospectionMalformed},
		{"active a string", with("active", "true"), down, validator.ReasonIntrospectionMalformed},
		{"active a number", with("active", 1), down, validator.ReasonIntrospectionMalformed},
		{"active an object", with("active", map[string]any{}), down, validator.ReasonIntrospectionMalformed},
		{"active null", strings.Replace(answer(nil), `"active":true`, `"active":null`, 1), down, validator.ReasonIntrospectionMalformed},
		{"active twice", raw(`"active":true`), down, validator.ReasonIntrospectionMalformed},
		{"active twice, escaped", raw(`"\u0061ctive":false`), down, validator.ReasonIntrospectionMalformed},
		{"Active", raw(`"Active":false`), down, validator.ReasonIntrospectionMalformed},
		{"active in Cyrillic", raw(`"аctive":false`), down, validator.ReasonIntrospectionMalformed},
		{"exp twice", raw(`"exp":1`), down, validator.ReasonIntrospectionMalformed},
		{"Client_id", raw(`"Client_id":"x"`), down, validator.ReasonIntrospectionMalformed},
		{"Token_type", raw(`"Token_type":"x"`), down, validator.ReasonIntrospectionMalformed},
		{"a duplicate inside", raw(`"x":{"a":1,"a":2}`), down, validator.ReasonIntrospectionMalformed},
		{"exp a string", with("exp", "9999999999"), down, validator.ReasonIntrospectionMalformed},
		{"exp 0", with("exp", 0), down, validator.ReasonIntrospectionMalformed},
		{"exp in milliseconds", with("exp", now.UnixMilli()*10), down, validator.ReasonIntrospectionMalformed},
		{"nbf a string", with("nbf", "1"), down, validator.ReasonIntrospectionMalformed},
		{"aud a number", with("aud", 1), down, validator.ReasonIntrospectionMalformed},
		{"aud a list with a number", with("aud", []any{audience, 1}), down, validator.ReasonIntrospectionMalformed},
		{"client_id a number", with("client_id", 7), down, validator.ReasonIntrospectionMalformed},
		{"scope a number", with("scope", 7), down, validator.ReasonIntrospectionMalformed},
		{"scope with a quote", with("scope", `read "all"`), down, validator.ReasonIntrospectionMalformed},
		{"token_type a list", with("token_type", []string{"Bearer"}), down, validator.ReasonIntrospectionMalformed},
		{"another issuer's", with("iss", "https://other.example"), down, validator.ReasonIntrospectionMalformed},
		{"iss with a slash", with("iss", is+"/"), down, validator.ReasonIntrospectionMalformed},
		{"iss a list", with("iss", []string{is}), down, validator.ReasonIntrospectionMalformed},

		// Answers about a token that is not for us.
		{"inactive", `{"active":false}`, bad, validator.ReasonInactive},
		{"inactive, and everything else", with("active", false), bad, validator.ReasonInactive},
		{"expired", with("exp", now.Add(-time.Second).Unix()), bad, validator.ReasonExpired},
		{"no exp", with("exp", nil), bad, validator.ReasonExpiryMissing},
		{"nbf to come", with("nbf", now.Add(time.Minute).Unix()), bad, validator.ReasonNotYetValid},
		{"iat to come", with("iat", now.Add(time.Minute).Unix()), bad, validator.ReasonIssuedInFuture},
		{"no aud", with("aud", nil), bad, validator.ReasonAudienceMissing},
		{"aud empty", with("aud", []string{}), bad, validator.ReasonAudienceMissing},
		{"another aud", with("aud", "api://other"), bad, validator.ReasonAudienceMismatch},
		{"aud in capitals", with("aud", strings.ToUpper(audience)), bad, validator.ReasonAudienceMismatch},
		{"aud with ours inside", with("aud", audience+" api://other"), bad, validator.ReasonAudienceMismatch},
		{"no client_id", with("client_id", nil), bad, validator.ReasonClientMissing},
		{"another client", with("client_id", "other"), bad, validator.ReasonClientMismatch},
		{"two clients", with("azp", "other"), bad, validator.ReasonClientConflict},
		{"two clients, cid", with("cid", "other"), bad, validator.ReasonClientConflict},
		{"scopes that differ", with("scp", []string{"write"}), bad, validator.ReasonScopeConflict},
		{"no mark at all", with("token_type", nil), bad, validator.ReasonNotAccessToken},
		{"typ at+jwt is no mark", answer(map[string]any{"token_type": nil, "typ": "at+jwt"}), bad, validator.ReasonNotAccessToken},
		{"a refresh token (Hydra)", answer(map[string]any{"token_type": nil, "token_use": "refresh_token"}), bad, validator.ReasonNotAccessToken},
		{"a refresh token that is Bearer", with("token_use", "refresh_token"), bad, validator.ReasonNotAccessToken},
		{"a refresh token (Keycloak)", with("typ", "Refresh"), bad, validator.ReasonNotAccessToken},
		{"an offline token", with("typ", "Offline"), bad, validator.ReasonNotAccessToken},
		{"an ID token", with("typ", "ID"), bad, validator.ReasonNotAccessToken},
		{"an ID token by its nonce", with("nonce", "n"), bad, validator.ReasonNotAccessToken},
		{"an ID token by its audience", answer(map[string]any{"aud": []string{audience, client}}), bad, validator.ReasonNotAccessToken},
		{"a logout token", with("events", map[string]any{}), bad, validator.ReasonNotAccessToken},
		{"token_type refresh_token", with("token_type", "refresh_token"), bad, validator.ReasonNotAccessToken},
		{"token_type N_A", with("token_type", "N_A"), bad, validator.ReasonNotAccessToken},
		{"token_type mac", with("token_type", "mac"), bad, validator.ReasonNotAccessToken},
		{"token_type empty", with("token_type", ""), bad, validator.ReasonNotAccessToken},
		{"token_use no string", with("token_use", true), bad, validator.ReasonNotAccessToken},
		{"DPoP without cnf", with("token_type", "DPoP"), bad, validator.ReasonConfirmationMissing},
		{"DPoP with another cnf", answer(map[string]any{"token_type": "DPoP", "cnf": map[string]any{"x5t#S256": thumbprint}}), bad, validator.ReasonConfirmationMissing},
		{"cnf that is not known", with("cnf", map[string]any{"kid": "x"}), bad, validator.ReasonConfirmationUnknown},
		{"cnf with one more", with("cnf", map[string]any{"jkt": thumbprint, "jwk": map[string]any{}}), bad, validator.ReasonConfirmationUnknown},
		{"cnf empty", with("cnf", map[string]any{}), bad, validator.ReasonConfirmationMalformed},
		{"cnf a string", with("cnf", thumbprint), bad, validator.ReasonConfirmationMalformed},
		{"cnf no hash", with("cnf", map[string]any{"jkt": "short"}), bad, validator.ReasonConfirmationMalformed},
		{"cnf null", strings.TrimSuffix(answer(nil), "}") + `,"cnf":null}`, bad, validator.ReasonConfirmationMalformed},
		{"bound to a DPoP key", answer(map[string]any{"token_type": "DPoP", "cnf": map[string]any{"jkt": thumbprint}}), validator.ErrInvalidProof, validator.ReasonProofMissing},
		{"bound to a DPoP key, Bearer", with("cnf", map[string]any{"jkt": thumbprint}), validator.ErrInvalidProof, validator.ReasonProofMissing},
		{"bound to a certificate", with("cnf", map[string]any{"x5t#S256": thumbprint}), validator.ErrInvalidProof, validator.ReasonProofMissing},
	}
}

// TestHostileAnswers: each answer has its class and reason, on the first request as
// on the next, and no refusal contains the token.
func TestHostileAnswers(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	for _, tc := range hostileAnswers(s.Issuer()) {
		t.Run(tc.name, func(t *testing.T) {
			is := ask(s, o.at)
			is.Profile = validator.Profile{}
			v := build(t, configure(is))
			o.says(tc.body)
			for range 2 {
				if tc.class == nil {
					accept(t, v, "opaque-token")
					continue
				}
				e := reject(t, v, "opaque-token", tc.class, tc.reason)
				assert.NotContains(t, e.Error(), "opaque-token")
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
	_, err := v.ValidateWith(t.Context(), "opaque-token", validator.Requirements{Policy: &validator.Policy{Audiences: []string{audience}}})
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
