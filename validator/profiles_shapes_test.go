package validator_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// spelling is a row of the table of scopes in providers.json.
type spelling struct {
	In       object
	Out      any
	Required string
}

// shapeTables are those of providers.json.
func shapeTables(t *testing.T) (scopes []spelling, audiences []string) {
	t.Helper()
	var file struct {
		Shapes struct {
			Scopes    []spelling `json:"scope_values_to_normalise"`
			Audiences []string   `json:"aud_forms"`
		}
	}
	readData(t, "providers.json", &file)
	return file.Shapes.Scopes, file.Shapes.Audiences
}

// leftOpen is what we make of what the table leaves open: nothing outside of the
// grammar of RFC 6749 3.3 is a scope, and nothing that may be read in two ways.
var leftOpen = map[string]validator.Reason{
	`{"scope":["a b"]}`:         validator.ReasonMalformedScope,
	`{"scope":"a","scp":["b"]}`: validator.ReasonScopeConflict,
	`{"scope":null}`:            validator.ReasonMalformedClaims,
	`{"scope":"a\tb"}`:          validator.ReasonMalformedScope,
	"{\"scope\":\"a\u00a0b\"}":  validator.ReasonMalformedScope,
	`{"scope":5}`:               validator.ReasonMalformedClaims, // and what it wants refused
	`{"scp":[1,"a"]}`:           validator.ReasonMalformedClaims,
}

func TestScopeSpellings(t *testing.T) {
	rows, _ := shapeTables(t)
	require.Len(t, rows, 16)
	s := start(t, validatortest.Options{Style: validatortest.StyleGeneric})
	v := build(t, configure(trust(s)))
	for _, row := range rows {
		name, err := json.Marshal(row.In)
		require.NoError(t, err)
		edits := []validatortest.Edit{validatortest.Scope()}
		for claim, value := range row.In {
			edits = append(edits, validatortest.Claim(claim, value))
		}
		raw := s.AccessToken(edits...)
		switch out := row.Out.(type) {
		case []any:
			token := accept(t, v, raw)
			assert.Equal(t, len(out), len(token.Scopes()), "%s", name)
			for _, scope := range out {
				assert.True(t, token.HasScope(scope.(string)), "%s", name)
			}
		case string:
			if row.Required != "" {
				assert.False(t, accept(t, v, raw).HasScope(row.Required), "%s", name)
				continue
			}
			reason, decided := leftOpen[string(name)]
			require.True(t, decided, "%s", name)
			reject(t, v, raw, validator.ErrInvalidToken, reason)
		}
	}
}

func TestAudienceForms(t *testing.T) {
	_, forms := shapeTables(t)
	s := start(t, validatortest.Options{Style: validatortest.StyleGeneric})
	v := build(t, configure(trust(s)))
	want := map[string]struct {
		edit   validatortest.Edit
		reason validator.Reason // empty: accepted
	}{
		"string":                 {validatortest.Claim("aud", audience), ""},
		"array":                  {validatortest.Claim("aud", strs{"x", audience}), ""},
		"empty array":            {validatortest.Claim("aud", strs{}), validator.ReasonAudienceMissing},
		"absent":                 {validatortest.NoClaim("aud"), validator.ReasonAudienceMissing},
		"array with non-strings": {validatortest.Claim("aud", []any{audience, 1}), validator.ReasonMalformedClaims},
		"null":                   {validatortest.Claim("aud", nil), validator.ReasonMalformedClaims},
		"object":                 {validatortest.Claim("aud", object{audience: true}), validator.ReasonMalformedClaims},
		"number":                 {validatortest.Claim("aud", 1), validator.ReasonMalformedClaims},
	}
	for _, form := range forms {
		w, known := want[form]
		require.True(t, known, form)
		if w.reason == "" {
			assert.Equal(t, audience, accept(t, v, s.AccessToken(w.edit)).MatchedAudience(), form)
			continue
		}
		reject(t, v, s.AccessToken(w.edit), validator.ErrInvalidToken, w.reason)
	}
}

// TestKeycloakAudience: account is what a realm's tokens name until the client has a
// mapper for the API. It is not the API.
func TestKeycloakAudience(t *testing.T) {
	p := providers(t)["keycloak"]
	s := p.enter(t, newWorld(t, allHosts(t)...))
	p.audiences = strs{"orders"}
	v := s.validator(t)
	reject(t, v, s.mint(t, "JWT", p.claims, nil), validator.ErrInvalidToken, validator.ReasonAudienceMismatch)
	without := merged(p.claims, nil)
	delete(without, "aud")
	reject(t, v, s.mint(t, "JWT", without, nil), validator.ErrInvalidToken, validator.ReasonAudienceMissing)
	assert.Equal(t, "orders", accept(t, v, s.mint(t, "JWT", p.claims, object{"aud": strs{"orders", "account"}})).MatchedAudience())
	delete(without, "sub") // those that are called lightweight
	assert.Empty(t, accept(t, v, s.mint(t, "JWT", without, object{"aud": "orders"})).Subject())
}

// TestCognitoAudience: without aud the client is it, in every way; with one, nothing
// else is.
func TestCognitoAudience(t *testing.T) {
	p := providers(t)["cognito"]
	s := p.enter(t, newWorld(t, allHosts(t)...))
	raw := s.mint(t, nil, p.claims, nil)
	token := accept(t, s.validator(t), raw)
	assert.Equal(t, strs{"exampleclient"}, strs(token.Audiences()))
	assert.NoError(t, validator.Policy{Scopes: strs{"aws.cognito.signin.user.admin"}, Audiences: strs{"exampleclient"}}.Check(t.Context(), token))
	reject(t, s.validator(t), s.mint(t, nil, p.claims, object{"aud": "https://another.example.com"}), validator.ErrInvalidToken, validator.ReasonAudienceMismatch)
	reject(t, s.validator(t), s.mint(t, nil, p.claims, object{"aud": strs{}}), validator.ErrInvalidToken, validator.ReasonAudienceMissing)
	assert.Equal(t, "https://orders.example.com",
		accept(t, s.validator(t, "https://orders.example.com"), s.mint(t, nil, p.claims, object{"aud": "https://orders.example.com"})).MatchedAudience())
	p.audiences = strs{"https://orders.example.com"}
	reject(t, s.validator(t), raw, validator.ErrInvalidToken, validator.ReasonAudienceMismatch)
	p.audiences, p.clients = strs{"exampleclient", "other"}, strs{"other"}
	reject(t, s.validator(t), raw, validator.ErrInvalidToken, validator.ReasonClientMismatch)
	// Elsewhere nothing stands in for aud.
	p.profile = validator.Profile{}
	reject(t, s.validator(t), raw, validator.ErrInvalidToken, validator.ReasonAudienceMissing)
}

// TestADFSIssuer: the issuer that AD FS gives to access tokens unless its
// administrators change it is no https address.
func TestADFSIssuer(t *testing.T) {
	issuer := documents(t, "")["adfs"].Document["access_token_issuer"].(string)
	_, err := validator.New(validator.Config{Issuers: []validator.Issuer{{URL: issuer, Audiences: strs{"a"}, AnyClient: true}}})
	require.Error(t, err)
	assert.Contains(t, fields(t, err), "Issuers[0].URL")
}

// TestPrefixIsOfAString: what a mark's prefix begins is a string, not how JSON spells
// something else.
func TestPrefixIsOfAString(t *testing.T) {
	s := start(t, styleGeneric)
	v := specValidator(t, s, validator.ProfileSpec{
		Marks: []validator.Mark{{Claim: "k", Prefix: "1"}}, Client: "client_id", Scope: "scope",
	})
	accept(t, v, s.AccessToken(validatortest.Claim("k", "12")))
	reject(t, v, s.AccessToken(validatortest.Claim("k", 12)), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
}
