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

// TestFallbackWhileKeysAreDown: a JWT whose key cannot be had because the last fetch
// failed is introspected; the claims are those of the answer; and on the first hit
// after the keys are back it is verified locally.
func TestFallbackWhileKeysAreDown(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	c := configure(ask(s))
	c.Clock = clock.Now
	landed := make(chan struct{}, 100)
	c.Observer.KeyFetch = func(validator.KeyFetch) { landed <- struct{}{} }
	v := build(t, c)
	raw := s.AccessToken(validatortest.Claim("tenant", "acme"))
	s.SetKeysMode(validatortest.ModeDown)

	said := accept(t, v, raw)
	assert.Equal(t, validator.OriginIntrospection, said.Origin())
	assert.Empty(t, said.KeyID())
	active, ok := said.Claim("active")
	assert.True(t, ok)
	assert.Equal(t, true, active, "the claims are those of the answer")
	<-landed

	assert.Same(t, said, accept(t, v, raw), "while the keys are down, the answer is kept")
	assert.Equal(t, 1, s.IntrospectionRequests())
	assert.Equal(t, 1, s.KeyRequests(), "and nobody asks for keys during the backoff")

	clock.Advance(2 * time.Second) // the backoff of the first failure is over
	assert.Same(t, said, accept(t, v, raw), "not even then does a hit wait")
	<-landed
	assert.Equal(t, 2, s.KeyRequests(), "but it has a fetch begin")

	s.SetKeysMode(validatortest.ModeUp)
	clock.Advance(3 * time.Second)
	accept(t, v, raw) // has the fetch begin that succeeds
	<-landed
	local := accept(t, v, raw)
	assert.Equal(t, validator.OriginLocal, local.Origin())
	assert.Equal(t, s.KID(), local.KeyID())
	assert.True(t, local.IntrospectedAt().IsZero())
	assert.Same(t, local, accept(t, v, raw))
	assert.Equal(t, 1, s.IntrospectionRequests())
}

// TestFallbackEndsWithTheKeys: when the keys are back and do not list the token's,
// what the issuer said of it is worth nothing any more.
func TestFallbackEndsWithTheKeys(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	o := newOracle(t)
	c := configure(ask(s, o.at))
	c.Clock = clock.Now
	landed := make(chan struct{}, 100)
	c.Observer.KeyFetch = func(validator.KeyFetch) { landed <- struct{}{} }
	v := build(t, c)
	exp := clock.Now().Add(time.Hour).Unix()
	o.says(answer(map[string]any{"exp": exp, "scope": nil, "sub": nil}))
	forgery := forged(s.AccessToken(validatortest.Claim("exp", exp)))
	unlisted := s.MintWith(s.Prepare("ES256"), validatortest.Claim("exp", exp))

	s.SetKeysMode(validatortest.ModeError)
	for _, raw := range []string{forgery, unlisted} {
		assert.Equal(t, validator.OriginIntrospection, accept(t, v, raw).Origin(), "a careless server vouches for it")
		<-landed
		clock.Advance(10 * time.Second)
	}
	s.SetKeysMode(validatortest.ModeUp)
	accept(t, v, forgery) // has the fetch begin
	<-landed
	reject(t, v, forgery, validator.ErrInvalidToken, validator.ReasonBadSignature)
	reject(t, v, unlisted, validator.ErrInvalidToken, validator.ReasonUnknownKey)
	assert.Equal(t, 2, o.times())
}

// TestOnlyAFailedFetchLeadsToIntrospection: nothing that was decided, and nothing
// that is only throttled.
func TestOnlyAFailedFetchLeadsToIntrospection(t *testing.T) {
	s := start(t, validatortest.Options{})
	c := configure(ask(s, func(is *validator.Issuer) { is.KeyRefreshBurst, is.KeyRefreshInterval = 1, time.Hour }))
	v := build(t, c)
	unlisted := s.MintWith(s.Prepare("ES256"))
	reject(t, v, unlisted, validator.ErrInvalidToken, validator.ReasonUnknownKey)
	reject(t, v, s.AccessToken(validatortest.HeaderParam("kid", "another")), validator.ErrUnavailable, validator.ReasonKeyRefreshThrottled)
	s.SetKeysMode(validatortest.ModeDown)
	accept(t, v, s.AccessToken()) // its key is listed: no fetch, no question
	reject(t, v, forged(s.AccessToken()), validator.ErrInvalidToken, validator.ReasonBadSignature)
	assert.Zero(t, s.IntrospectionRequests())
}

// TestRefusedBeforeTheKeyIsRefused: while the keys are down, a JWT that fails a
// check is not shown to the issuer either.
func TestRefusedBeforeTheKeyIsRefused(t *testing.T) {
	s := start(t, validatortest.Options{})
	o := newOracle(t)
	o.says(answer(nil))
	v := build(t, configure(ask(s, o.at)))
	s.SetKeysMode(validatortest.ModeDown)
	for reason, raw := range map[validator.Reason]string{
		validator.ReasonExpired:             s.AccessToken(validatortest.Expiry(time.Now().Add(-time.Hour))),
		validator.ReasonAudienceMismatch:    s.AccessToken(validatortest.Audience("api://other")),
		validator.ReasonClientMismatch:      s.AccessToken(validatortest.ClientID("other")),
		validator.ReasonNotAccessToken:      s.IDToken(client, validatortest.Audience(audience)),
		validator.ReasonAlgorithmNotAllowed: s.AccessToken(validatortest.HeaderParam("alg", "none")),
		validator.ReasonUnknownIssuer:       s.AccessToken(validatortest.Claim("iss", "https://other.example")),
		validator.ReasonMalformedToken:      s.AccessToken() + "=",
	} {
		reject(t, v, raw, validator.ErrInvalidToken, reason)
	}
	assert.Zero(t, o.times())
}

// TestNoFallbackWithoutIntrospection: as ever.
func TestNoFallbackWithoutIntrospection(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	s.SetKeysMode(validatortest.ModeDown)
	reject(t, v, s.AccessToken(), validator.ErrUnavailable, validator.ReasonKeysUnavailable)
}

// TestFallbackWithoutAnAnswer: two outages at once are 503, and forgotten.
func TestFallbackWithoutAnAnswer(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	c := configure(ask(s))
	c.Clock = clock.Now
	v := build(t, c)
	raw := s.AccessToken()
	s.SetMode(validatortest.ModeError)
	e := reject(t, v, raw, validator.ErrUnavailable, validator.ReasonIntrospectionUnavailable)
	assert.False(t, e.Verified)
	assert.Equal(t, time.Second, e.RetryAfter, "when the keys are looked for again")
	assert.Contains(t, e.Detail, string(validator.ReasonKeysUnavailable), "both are told")
	s.SetMode(validatortest.ModeUp)
	clock.Advance(time.Minute)
	assert.Equal(t, validator.OriginLocal, accept(t, v, raw).Origin())
}

// TestInactiveJWTsAreNotRemembered (design rule 12): somebody who puts the
// signature of an honest token under other claims gains nothing, and costs its
// owner nothing.
func TestInactiveJWTsAreNotRemembered(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(ask(s)))
	honest := s.AccessToken(validatortest.Scope("orders.read"))
	other := s.AccessToken(validatortest.Scope("orders.admin"))
	crossed := other[:strings.LastIndexByte(other, '.')] + honest[strings.LastIndexByte(honest, '.'):]
	s.SetKeysMode(validatortest.ModeDown)
	for range 2 {
		e := reject(t, v, crossed, validator.ErrInvalidToken, validator.ReasonInactive)
		assert.Zero(t, e.RetryAfter, "it was decided")
		assert.Equal(t, []string{"orders.read"}, accept(t, v, honest).Scopes())
	}
	assert.Equal(t, 3, s.IntrospectionRequests(), "the crossed one twice")
}

// TestAnswersAgreeWithTheToken: after a fallback, and when a verified token is asked
// about, what both say must be the same.
func TestAnswersAgreeWithTheToken(t *testing.T) {
	s := start(t, validatortest.Options{})
	now := time.Now()
	nbf := now.Add(-time.Minute).Unix()
	raw := s.AccessToken(validatortest.Claim("nbf", nbf), validatortest.Claim("jti", "id-1"), validatortest.Scope("read", "write"))
	own := func(edits map[string]any) string {
		all := map[string]any{
			"iss": s.Issuer(), "sub": validatortest.DefaultSubject, "client_id": client, "aud": []string{audience}, "scope": "write read",
			"exp": claimOf(t, raw, "exp"), "iat": claimOf(t, raw, "iat"), "nbf": nbf, "jti": "id-1",
		}
		for name, value := range edits {
			all[name] = value
		}
		return answer(all)
	}
	for _, mode := range []string{"fallback", "always"} {
		t.Run(mode, func(t *testing.T) {
			for _, tc := range []struct {
				name  string
				edits map[string]any
				agree bool
			}{
				{"the same", nil, true},
				{"a fraction of exp", map[string]any{"exp": float64(claimOf(t, raw, "exp").(float64)) + 0.5}, true},
				{"nothing but what is needed", map[string]any{"iss": nil, "sub": nil, "jti": nil, "iat": nil, "nbf": nil, "scope": nil}, true},
				{"sub", map[string]any{"sub": "other"}, false},
				{"jti", map[string]any{"jti": "id-2"}, false},
				{"client", map[string]any{"client_id": "client-2"}, false},
				{"scope, more", map[string]any{"scope": "read write admin"}, false},
				{"scope, less", map[string]any{"scope": "read"}, false},
				{"scope, empty", map[string]any{"scope": ""}, false},
				{"aud, more", map[string]any{"aud": []string{audience, "api://other"}}, false},
				{"exp", map[string]any{"exp": now.Add(2 * time.Hour).Unix()}, false},
				{"iat", map[string]any{"iat": now.Add(-time.Hour).Unix()}, false},
				{"nbf", map[string]any{"nbf": nbf - 1}, false},
			} {
				t.Run(tc.name, func(t *testing.T) {
					o := newOracle(t)
					is := ask(s, o.at)
					is.ClientIDs = append(is.ClientIDs, "client-2")
					is.IntrospectAlways = mode == "always"
					s.SetKeysMode(validatortest.ModeUp)
					v := build(t, configure(is))
					if mode == "fallback" {
						s.SetKeysMode(validatortest.ModeDown)
					}
					o.says(own(tc.edits))
					for range 2 {
						if !tc.agree {
							e := reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonIntrospectionDisagrees)
							assert.Equal(t, true, e.Verified)
							continue
						}
						accept(t, v, raw)
					}
				})
			}
		})
	}
}

// claimOf is a claim of a token that s signed.
func claimOf(t *testing.T, raw, name string) any {
	t.Helper()
	var claims map[string]any
	decodePayload(t, raw, &claims)
	require.Contains(t, claims, name)
	return claims[name]
}

// TestEitherBinds: cnf in the token or in the answer, in both the same; two keys of
// one kind are a contradiction.
func TestEitherBinds(t *testing.T) {
	s := start(t, validatortest.Options{})
	other := strings.Replace(thumbprint, "0Z", "1Z", 1)
	cnf := func(kind, hash string) map[string]any { return map[string]any{kind: hash} }
	for _, mode := range []string{"fallback", "always"} {
		for _, tc := range []struct {
			name       string
			own, said  map[string]any
			proven     validator.Confirmation
			unproven   validator.Reason
			whenProven validator.Reason
		}{
			{"in the token", cnf("jkt", thumbprint), nil, validator.Confirmation{JKT: thumbprint}, validator.ReasonProofMissing, ""},
			{"in the answer", nil, cnf("jkt", thumbprint), validator.Confirmation{JKT: thumbprint}, validator.ReasonProofMissing, ""},
			{"in the answer, certificate", nil, cnf("x5t#S256", thumbprint), validator.Confirmation{X5TS256: thumbprint}, validator.ReasonProofMissing, ""},
			{"in the token, certificate", cnf("x5t#S256", thumbprint), nil, validator.Confirmation{X5TS256: thumbprint}, validator.ReasonProofMissing, ""},
			{"in both", cnf("jkt", thumbprint), cnf("jkt", thumbprint), validator.Confirmation{JKT: thumbprint}, validator.ReasonProofMissing, ""},
			{"two kinds, one proven", cnf("jkt", thumbprint), cnf("x5t#S256", thumbprint), validator.Confirmation{JKT: thumbprint}, validator.ReasonProofMissing, validator.ReasonProofMissing},
			{"two kinds, both proven", cnf("jkt", thumbprint), cnf("x5t#S256", other), validator.Confirmation{JKT: thumbprint, X5TS256: other}, validator.ReasonProofMissing, ""},
			{"two keys", cnf("jkt", thumbprint), cnf("jkt", other), validator.Confirmation{JKT: thumbprint}, validator.ReasonIntrospectionDisagrees, validator.ReasonIntrospectionDisagrees},
			{"two certificates", cnf("x5t#S256", thumbprint), cnf("x5t#S256", other), validator.Confirmation{X5TS256: thumbprint}, validator.ReasonIntrospectionDisagrees, validator.ReasonIntrospectionDisagrees},
			{"unknown in the answer", cnf("jkt", thumbprint), cnf("kid", "x"), validator.Confirmation{JKT: thumbprint}, validator.ReasonConfirmationUnknown, validator.ReasonConfirmationUnknown},
		} {
			t.Run(mode+"/"+tc.name, func(t *testing.T) {
				s.SetKeysMode(validatortest.ModeUp)
				var edits []validatortest.Edit
				if tc.own != nil {
					edits = append(edits, validatortest.Claim("cnf", tc.own))
				}
				raw := s.AccessToken(edits...)
				s.SetAnswer(func(_ string, answer map[string]any) {
					delete(answer, "cnf")
					if tc.said != nil {
						answer["cnf"] = tc.said
					}
					answer["token_type"] = "Bearer"
				})
				is := ask(s)
				is.IntrospectAlways = mode == "always"
				v := build(t, configure(is))
				if mode == "fallback" {
					s.SetKeysMode(validatortest.ModeDown)
				}
				for range 2 {
					_, err := v.Validate(t.Context(), raw)
					require.Error(t, err)
					assert.Equal(t, tc.unproven, reasonOf(err))
					token, err := v.ValidateWith(t.Context(), raw, validator.Requirements{Proofs: []validator.Proof{fixedProof{proven: tc.proven}}})
					assert.Equal(t, tc.whenProven, reasonOf(err))
					if tc.whenProven == "" {
						assert.Equal(t, tc.proven, token.Confirmation())
					}
				}
			})
		}
	}
}
