package validator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestMarksOfServers: each spelling of what an answer is about, with and without
// token_type beside it.
func TestMarksOfServers(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at)))
	n := 0
	said := func(members map[string]any) string {
		n++
		o.says(answer(members))
		return fmt.Sprint("opaque-token-", n)
	}
	for _, name := range []string{"token_use", "typ"} {
		for _, mark := range []string{"access_token", "access", "bearer", "Access"} {
			accept(t, v, said(map[string]any{"token_type": nil, name: mark, "client_id": client}))
		}
		for _, mark := range []string{"dpop", "DPoP"} { // RFC 9449 6.2: bound, to a key that it must name
			for _, kind := range []any{nil, "Bearer", "DPoP"} {
				reject(t, v, said(map[string]any{"token_type": kind, name: mark}), bad, validator.ReasonConfirmationMissing)
				reject(t, v, said(map[string]any{"token_type": kind, name: mark, "cnf": map[string]any{"jkt": thumbprint}}),
					validator.ErrInvalidProof, validator.ReasonProofMissing)
			}
		}
		reject(t, v, said(map[string]any{"token_type": "DPoP", name: "bearer"}), bad, validator.ReasonConfirmationMissing)
		for _, form := range []string{"jwt", "JWT", "at+jwt"} { // how it is written
			accept(t, v, said(map[string]any{name: form}))
			reject(t, v, said(map[string]any{"token_type": nil, name: form}), bad, validator.ReasonNotAccessToken)
		}
	}
}

// TestMarkBeforeTheTokenType: what is said of a token does not depend on the order in
// which it is said.
func TestMarkBeforeTheTokenType(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at)))
	for _, name := range []string{"token_use", "typ"} {
		o.says(`{"` + name + `":"DPoP",` + strings.TrimPrefix(answer(map[string]any{"token_type": "Bearer"}), "{"))
		reject(t, v, "opaque-token-"+name, bad, validator.ReasonConfirmationMissing)
	}
}

// TestAnswersLiveNoLonger: MaxTokenLifetime holds for what an answer says, as far as it
// says it.
func TestAnswersLiveNoLonger(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at, func(is *validator.Issuer) { is.MaxTokenLifetime = time.Hour })))
	now := time.Now()
	lives := func(iat, exp any) { o.says(answer(map[string]any{"iat": iat, "exp": exp})) }
	lives(now.Unix(), now.Add(time.Hour).Unix())
	accept(t, v, "an-hour")
	lives(now.Unix(), now.Add(time.Hour).Unix()+1)
	reject(t, v, "a-second-more", bad, validator.ReasonLifetimeTooLong)
	lives(nil, now.Add(24*time.Hour).Unix())
	accept(t, v, "of-unknown-age")
}

// TestAnswerMaySayMore: what only one of token and answer says is no contradiction.
func TestAnswerMaySayMore(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	is := ask(s, o.at)
	is.IntrospectAlways = true
	v := build(t, configure(is))
	now := time.Now()
	claims := []validatortest.Edit{validatortest.Claim("exp", now.Add(time.Hour).Unix()), validatortest.Claim("iat", now.Unix())}
	for _, name := range []string{"sub", "jti", "nbf", "scp", "scope"} {
		claims = append(claims, validatortest.NoClaim(name))
	}
	o.says(answer(map[string]any{"exp": now.Add(time.Hour).Unix(), "iat": nil, "nbf": now.Add(-time.Minute).Unix(), "jti": "j", "sub": "s", "scope": "read"}))
	accept(t, v, s.AccessToken(claims...))
}

// TestAnEmptyScopeIsOne: a token that says that nothing was granted is contradicted by an
// answer that says what was; one that says nothing is not.
func TestAnEmptyScopeIsOne(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at, always)))
	o.says(answer(map[string]any{"sub": nil, "exp": nil, "scope": "read"}))
	reject(t, v, s.AccessToken(validatortest.Claim("scope", "")), bad, validator.ReasonIntrospectionDisagrees)
	assert.Empty(t, accept(t, v, s.AccessToken(validatortest.NoClaim("scope"))).Scopes())
}

// TestAnswerThatQuotesTheTokenAndIsNone: it is refused for what it is.
func TestAnswerThatQuotesTheTokenAndIsNone(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at)))
	const raw = "an-opaque-token-0123456789"
	for name, tc := range map[string]struct {
		members map[string]any
		class   error
		reason  validator.Reason
	}{
		"another issuer's":       {map[string]any{"iss": "https://other.example"}, down, validator.ReasonIntrospectionMalformed},
		"unreadable":             {map[string]any{"exp": "1"}, down, validator.ReasonIntrospectionMalformed},
		"bound, but not to what": {map[string]any{"token_type": "DPoP"}, bad, validator.ReasonConfirmationMissing},
	} {
		tc.members["note"] = raw
		o.says(answer(tc.members))
		e := reject(t, v, raw, tc.class, tc.reason)
		assert.NotContains(t, e.Error(), raw, name)
	}
}

// TestOpaqueTokenLikeAHeader: without a dot it is no part of a JWS, whatever it encodes.
func TestOpaqueTokenLikeAHeader(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	o.says(answer(nil))
	v := build(t, configure(ask(s, o.at)))
	accept(t, v, base64URL(`{"alg":"ES256"}`))
	reject(t, v, base64URL(`{"alg":"ES256"}`)+".", bad, validator.ReasonMalformedToken)
}

// TestScopesOfTheFirstClaim: two claims that say the same say it in the order of the one
// that the profile names first.
func TestScopesOfTheFirstClaim(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	v := build(t, configure(ask(s, o.at)))
	o.says(answer(map[string]any{"scope": "read write", "scp": []string{"write", "read"}}))
	assert.Equal(t, []string{"read", "write"}, accept(t, v, "opaque-token").Scopes())
}

// TestAnswersOfAProfileOfOnesOwn: an answer names its client in the words of RFC 7662, or
// in those of the profile, or in both the same; and nothing resembles them.
func TestAnswersOfAProfileOfOnesOwn(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	is := ask(s, o.at)
	is.Profile = validator.NewProfile(validator.ProfileSpec{
		Name: "own", Types: []string{"at+jwt"}, Marks: []validator.Mark{{Claim: "kind", Values: []string{"access"}}}, Client: "app",
	})
	v := build(t, configure(is))
	for token, tc := range map[string]struct {
		members map[string]any
		reason  validator.Reason
	}{
		"client-id": {nil, ""},
		"app":       {map[string]any{"client_id": nil, "app": client}, ""},
		"both":      {map[string]any{"app": client}, ""},
		"neither":   {map[string]any{"client_id": nil}, validator.ReasonClientMissing},
		"another":   {map[string]any{"app": "other"}, validator.ReasonClientConflict},
		"resembles": {map[string]any{"App": client}, validator.ReasonMalformedClaims},
	} {
		o.says(answer(tc.members))
		if tc.reason == "" {
			assert.Equal(t, client, accept(t, v, token).ClientID(), token)
		} else {
			reject(t, v, token, bad, tc.reason)
		}
	}
}
