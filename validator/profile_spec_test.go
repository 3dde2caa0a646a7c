package validator_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

var styleGeneric = validatortest.Options{Style: validatortest.StyleGeneric}

// specValidator accepts the tokens of s that the spec describes.
func specValidator(t *testing.T, s *validatortest.Server, spec validator.ProfileSpec) *validator.Validator {
	t.Helper()
	is := trust(s)
	spec.Name = "test"
	if spec.Types == nil {
		spec.Types = strs{"JWT"}
	}
	is.Profile = validator.NewProfile(spec)
	return build(t, configure(is))
}

// TestMarks: each mark is demanded, as a string exactly, and any other value by its
// text.
func TestMarks(t *testing.T) {
	s := start(t, styleGeneric)
	mark := func(m validator.Mark) *validator.Validator {
		return specValidator(t, s, validator.ProfileSpec{Marks: []validator.Mark{m}, Client: "client_id", Scope: "scope"})
	}
	there := mark(validator.Mark{Claim: "k"})
	value := mark(validator.Mark{Claim: "k", Values: strs{"a", "1", "true"}})
	null := mark(validator.Mark{Claim: "k", Values: strs{"null"}})
	prefix := mark(validator.Mark{Claim: "k", Prefix: "spiffe://a/"})
	both := mark(validator.Mark{Claim: "k", Prefix: "x", Values: strs{"xa", "ya"}})
	for _, tc := range []struct {
		v    *validator.Validator
		good []any
		bad  []any
	}{
		{there, []any{"a", 0, true, strs{"x"}, map[string]any{"x": nil}}, []any{nil, false, "", strs{}, map[string]any{}}},
		{value, []any{"a", 1, "1", true}, []any{"A", "ab", 2, false, nil, strs{"a"}, ""}},
		{null, []any{nil, "null"}, []any{"", false, 0, strs{}}},
		{prefix, []any{"spiffe://a/b"}, []any{"spiffe://a/", "spiffe://ab/c", "Spiffe://a/b", 1, nil, strs{"spiffe://a/b"}}},
		{both, []any{"xa"}, []any{"ya", "xb"}},
	} {
		for _, good := range tc.good {
			accept(t, tc.v, s.AccessToken(validatortest.Claim("k", good)))
		}
		for _, bad := range tc.bad {
			reject(t, tc.v, s.AccessToken(validatortest.Claim("k", bad)), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
		}
		reject(t, tc.v, s.AccessToken(), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
		reject(t, tc.v, s.AccessToken(validatortest.Claim("k", "xa"), validatortest.Claim("K", "xa")),
			validator.ErrInvalidToken, validator.ReasonMalformedClaims)
	}
	every := specValidator(t, s, validator.ProfileSpec{Marks: []validator.Mark{{Claim: "k"}, {Claim: "l"}}, Client: "client_id", Scope: "scope"})
	accept(t, every, s.AccessToken(validatortest.Claim("k", 1), validatortest.Claim("l", 1)))
	reject(t, every, s.AccessToken(validatortest.Claim("k", 1)), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
	reject(t, every, s.AccessToken(validatortest.Claim("l", 1)), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
	// A name that only this profile reads is nothing special elsewhere.
	accept(t, build(t, configure(trust(s))), s.AccessToken(validatortest.Claim("k", 1), validatortest.Claim("K", 1)))
}

func TestSpecClient(t *testing.T) {
	s := start(t, styleGeneric)
	v := specValidator(t, s, validator.ProfileSpec{Marks: []validator.Mark{{Claim: "k"}}, Client: "repository"})
	token := func(edits ...validatortest.Edit) string {
		return s.AccessToken(append([]validatortest.Edit{
			validatortest.Claim("k", 1), validatortest.NoClaim("client_id"), validatortest.NoClaim("scope"),
		}, edits...)...)
	}
	assert.Equal(t, client, accept(t, v, token(validatortest.Claim("repository", client))).ClientID())
	accept(t, v, token(validatortest.Claim("repository", client), validatortest.Claim("azp", client)))
	for _, other := range []any{"else", "", nil, strs{client}, 1} {
		reason := validator.ReasonClientMissing
		if other == "else" {
			reason = validator.ReasonClientMismatch
		}
		reject(t, v, token(validatortest.Claim("repository", other)), validator.ErrInvalidToken, reason)
	}
	reject(t, v, token(validatortest.Claim("repository", client), validatortest.Claim("azp", "else")),
		validator.ErrInvalidToken, validator.ReasonClientConflict)
	reject(t, v, token(validatortest.Claim("client_id", client)), validator.ErrInvalidToken, validator.ReasonClientMissing)
	// No scope claim is this server's: one that says something contradicts that.
	reject(t, v, token(validatortest.Claim("repository", client), validatortest.Claim("scope", "a")),
		validator.ErrInvalidToken, validator.ReasonScopeConflict)
}

// specAsks is specValidator with a server that is asked about opaque tokens.
func specAsks(t *testing.T, s *validatortest.Server, spec validator.ProfileSpec) *validator.Validator {
	t.Helper()
	spec.Name, spec.Types = "test", strs{"JWT"}
	is := ask(s)
	is.Profile = validator.NewProfile(spec)
	return build(t, configure(is))
}

// TestSpecWithoutClient: a profile that reads no client reads no claim of an empty name
// either, nor is one that looks like that anything to it.
func TestSpecWithoutClient(t *testing.T) {
	s := start(t, styleGeneric)
	is := trust(s)
	is.ClientIDs, is.AnyClient = nil, true
	is.Profile = validator.NewProfile(validator.ProfileSpec{Name: "test", Types: strs{"JWT"}, Marks: []validator.Mark{{Claim: "k"}}, Scope: "scope"})
	raw := s.AccessToken(validatortest.Claim("k", 1), validatortest.NoClaim("client_id"), validatortest.Claim("", "x"), validatortest.Claim("\u200b", "y"))
	assert.Empty(t, accept(t, build(t, configure(is)), raw).ClientID())
}

// TestSpecClientOfAnswers: the client_id of an answer is no way around the claim that
// names the client.
func TestSpecClientOfAnswers(t *testing.T) {
	s := start(t, styleGeneric)
	v := specAsks(t, s, validator.ProfileSpec{Marks: []validator.Mark{{Claim: "k"}}, Client: "repository", Scope: "scope"})
	k := validatortest.Claim("k", 1)
	for _, mint := range []func(...validatortest.Edit) string{s.AccessToken, s.OpaqueToken} {
		assert.Equal(t, client, accept(t, v, mint(k, validatortest.Claim("repository", client))).ClientID())
		reject(t, v, mint(k, validatortest.Claim("repository", "else")), validator.ErrInvalidToken, validator.ReasonClientConflict)
		alone := []validatortest.Edit{k, validatortest.NoClaim("client_id")}
		accept(t, v, mint(append(alone, validatortest.Claim("repository", client))...))
		reject(t, v, mint(append(alone, validatortest.Claim("repository", "else"))...), validator.ErrInvalidToken, validator.ReasonClientMismatch)
	}
}

// TestMarksOfAnswers: an answer may be silent about a mark, but not say otherwise. The
// words for the kind of token are its own.
func TestMarksOfAnswers(t *testing.T) {
	s := start(t, styleGeneric)
	v := specAsks(t, s, validator.ProfileSpec{
		Marks:  []validator.Mark{{Claim: "owner", Values: strs{"us"}}, {Claim: "token_use", Values: strs{"access"}}, {Claim: "typ", Values: strs{"Bearer"}}},
		Client: "client_id", Scope: "scope",
	})
	owner := func(value any) validatortest.Edit { return validatortest.Claim("owner", value) }
	accept(t, v, s.OpaqueToken())
	accept(t, v, s.OpaqueToken(owner("us")))
	accept(t, v, s.OpaqueToken(owner("us"), validatortest.Claim("token_use", "access_token")))
	accept(t, v, s.OpaqueToken(owner("us"), validatortest.Claim("typ", "bearer")))
	for _, other := range []any{"them", "", nil, strs{"us"}} {
		reject(t, v, s.OpaqueToken(owner(other)), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
	}
}

func TestSpecDenyList(t *testing.T) {
	s := start(t, styleGeneric)
	spec := validator.ProfileSpec{AllowIDTokens: true, Client: "client_id", Scope: "scope"}
	strict := specValidator(t, s, spec)
	spec.AllowClaims = strs{"nonce"}
	lenient := specValidator(t, s, spec)
	accept(t, strict, s.AccessToken())
	reject(t, strict, s.AccessToken(validatortest.Claim("nonce", "n")), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
	accept(t, lenient, s.AccessToken(validatortest.Claim("nonce", "n")))
	for _, other := range []string{"at_hash", "c_hash", "s_hash", "events"} {
		reject(t, lenient, s.AccessToken(validatortest.Claim("nonce", "n"), validatortest.Claim(other, "x")),
			validator.ErrInvalidToken, validator.ReasonNotAccessToken)
	}
	reject(t, lenient, s.AccessToken(validatortest.HeaderParam("typ", "at+jwt")), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
	reject(t, lenient, s.AccessToken(validatortest.Audience(audience, client)), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
}

func TestSpecRequired(t *testing.T) {
	s := start(t, styleGeneric)
	v := specValidator(t, s, validator.ProfileSpec{
		Types: strs{"JWT"}, Marks: []validator.Mark{{Claim: "k"}}, Client: "client_id", Scope: "scope", Required: strs{"sub", "env"},
	})
	k, env := validatortest.Claim("k", 1), validatortest.Claim("env", "prod")
	accept(t, v, s.AccessToken(k, env))
	reject(t, v, s.AccessToken(k), validator.ErrInvalidToken, validator.ReasonClaimMissing)
	reject(t, v, s.AccessToken(k, env, validatortest.NoClaim("sub")), validator.ErrInvalidToken, validator.ReasonClaimMissing)
	reject(t, v, s.AccessToken(k, validatortest.Claim("env", nil)), validator.ErrInvalidToken, validator.ReasonClaimMissing)
}

func TestSpecAlgorithms(t *testing.T) {
	s := start(t, styleGeneric)
	spec := validator.ProfileSpec{Marks: []validator.Mark{{Claim: "client_id"}}, Client: "client_id", Scope: "scope"}
	accept(t, specValidator(t, s, spec), s.AccessToken())
	spec.Algorithms = strs{"RS256"}
	reject(t, specValidator(t, s, spec), s.AccessToken(), validator.ErrInvalidToken, validator.ReasonAlgorithmNotAllowed)
}

// TestMaxTokenLifetime: exp - iat exactly; without iat it is not known.
func TestMaxTokenLifetime(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	c := configure(trust(s))
	c.Clock, c.Issuers[0].MaxTokenLifetime = clock.Now, time.Hour
	v := build(t, c)
	accept(t, v, s.AccessToken())
	longer := validatortest.Expiry(clock.Now().Add(time.Hour + time.Second))
	reject(t, v, s.AccessToken(longer), validator.ErrInvalidToken, validator.ReasonLifetimeTooLong)
	reject(t, v, s.AccessToken(validatortest.NoClaim("iat")), validator.ErrInvalidToken, validator.ReasonClaimMissing)
	c.Issuers[0].MaxTokenLifetime = 0
	v = build(t, c)
	accept(t, v, s.AccessToken(longer))
	accept(t, v, s.AccessToken(validatortest.NoClaim("iat")))
}
