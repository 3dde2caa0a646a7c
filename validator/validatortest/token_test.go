package validatortest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
	Scope       string `json:"scope"`
	Error       string `json:"error"`
}

// ask sends a token request; an empty user sends no Authorization.
func ask(t *testing.T, s *validatortest.Server, user, password, form string) (*http.Response, tokenAnswer) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.TokenURL(), strings.NewReader(form))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if user != "" {
		r.SetBasicAuth(url.QueryEscape(user), url.QueryEscape(password))
	}
	answer, err := s.Client().Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	var body tokenAnswer
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&body))
	assert.Equal(t, "no-store", answer.Header.Get("Cache-Control"))
	return answer, body
}

func TestClientCredentials(t *testing.T) {
	s := start(t, validatortest.Options{TLS: true, Audience: "api://a"})
	s.AddClient("cron:1", "s e:cret", "read", "write")
	for name, request := range map[string]func() (*http.Response, tokenAnswer){
		"basic": func() (*http.Response, tokenAnswer) {
			return ask(t, s, "cron:1", "s e:cret", "grant_type=client_credentials&scope=read")
		},
		"post": func() (*http.Response, tokenAnswer) {
			return ask(t, s, "", "", "grant_type=client_credentials&scope=read&client_id=cron:1&client_secret=s+e:cret")
		},
	} {
		answer, body := request()
		assert.Equal(t, http.StatusOK, answer.StatusCode, name)
		assert.Equal(t, "Bearer", body.TokenType)
		assert.Equal(t, 3600, body.ExpiresIn)
		assert.Equal(t, "read", body.Scope)
		tok, err := verify(t, s, body.AccessToken)
		require.NoError(t, err)
		claims := tok.Claims.(jwt.MapClaims)
		assert.Equal(t, "api://a", claims["aud"])
		assert.Equal(t, "cron:1", claims["client_id"])
		assert.Equal(t, "cron:1", claims["sub"])
		assert.Equal(t, "read", claims["scope"])
	}
	assert.Equal(t, 2, s.TokenRequests())
}

func TestTokenRequestNamesTheAudience(t *testing.T) {
	s := start(t, validatortest.Options{})
	s.AddClient("c", "x", "read")
	for form, want := range map[string]any{
		"":                              "api://default",
		"&audience=api://b":             "api://b",
		"&resource=api://b":             "api://b",
		"&resource=api:a&resource=ap:b": []any{"api:a", "ap:b"},
	} {
		_, body := ask(t, s, "c", "x", "grant_type=client_credentials"+form)
		tok, err := verify(t, s, body.AccessToken)
		require.NoError(t, err)
		assert.Equal(t, want, tok.Claims.(jwt.MapClaims)["aud"])
		assert.Equal(t, "read", body.Scope)
	}
}

func TestTokenErrors(t *testing.T) {
	s := start(t, validatortest.Options{})
	s.AddClient("c", "x", "read")
	const grant = "grant_type=client_credentials"
	for _, c := range []struct {
		user, password, form string
		status               int
		code, challenge      string
	}{
		{"c", "wrong", grant, 401, "invalid_client", "Basic"},
		{"d", "x", grant, 401, "invalid_client", "Basic"},
		{"", "", grant, 401, "invalid_client", ""},
		{"", "", grant + "&client_id=c&client_secret=y", 401, "invalid_client", ""},
		{"", "", grant + "&client_id=c", 401, "invalid_client", ""},
		{"c", "x", "grant_type=password", 400, "unsupported_grant_type", ""},
		{"c", "x", "", 400, "invalid_request", ""},
		{"c", "x", grant + "&" + grant, 400, "invalid_request", ""},
		{"c", "x", grant + "&client_secret=x", 400, "invalid_request", ""},
		{"c", "x", grant + "&scope=%zz", 400, "invalid_request", ""},
		{"c", "x", grant + "&scope=read+admin", 400, "invalid_scope", ""},
	} {
		answer, body := ask(t, s, c.user, c.password, c.form)
		assert.Equal(t, c.status, answer.StatusCode, c)
		assert.Equal(t, c.code, body.Error, c)
		assert.Empty(t, body.AccessToken)
		if c.challenge == "" {
			assert.Empty(t, answer.Header.Get("WWW-Authenticate"), c)
		} else {
			assert.Contains(t, answer.Header.Get("WWW-Authenticate"), c.challenge)
		}
	}
}

func decode(t *testing.T, token string) (header, claims map[string]any) {
	t.Helper()
	tok, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	require.NoError(t, err)
	return tok.Header, tok.Claims.(jwt.MapClaims)
}

func TestStyles(t *testing.T) {
	now := time.Unix(2_000_000_000, 0)
	clock := func() time.Time { return now }
	o := validatortest.Options{Clock: clock, Lifetime: time.Minute}

	header, claims := decode(t, start(t, o).AccessToken())
	assert.Equal(t, "at+jwt", header["typ"])
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope"} {
		assert.Contains(t, claims, name)
	}
	assert.EqualValues(t, now.Unix(), claims["iat"])
	assert.EqualValues(t, now.Unix()+60, claims["exp"])

	o.Style = validatortest.StyleOkta
	s := start(t, o)
	header, claims = decode(t, s.AccessToken(validatortest.ClientID("0oa1"), validatortest.Scope("a", "b")))
	assert.NotContains(t, header, "typ")
	assert.EqualValues(t, 1, claims["ver"])
	assert.Equal(t, "0oa1", claims["cid"])
	assert.Equal(t, []any{"a", "b"}, claims["scp"])
	assert.NotContains(t, claims, "client_id")
	assert.Contains(t, claims["jti"], "AT.")
	assert.Contains(t, claims, "uid")
	s.AddClient("c", "x", "read")
	_, body := ask(t, s, "c", "x", "grant_type=client_credentials")
	_, claims = decode(t, body.AccessToken)
	assert.NotContains(t, claims, "uid")
	header, claims = decode(t, s.IDToken("c"))
	assert.NotContains(t, header, "typ")
	assert.NotContains(t, claims, "cid")

	o.Style = validatortest.StyleGeneric
	s = start(t, o)
	header, _ = decode(t, s.AccessToken())
	assert.Equal(t, "JWT", header["typ"])
	header, claims = decode(t, s.IDToken("c"))
	assert.Equal(t, "JWT", header["typ"])
	assert.Equal(t, "c", claims["aud"])
	for _, name := range []string{"nonce", "at_hash", "auth_time"} {
		assert.Contains(t, claims, name)
	}
	header, claims = decode(t, s.LogoutToken("c"))
	assert.Equal(t, "logout+jwt", header["typ"])
	assert.Contains(t, claims, "events")
}

func TestEdits(t *testing.T) {
	s := start(t, validatortest.Options{})
	at := time.Unix(2_000_000_000, 5)
	header, claims := decode(t, s.AccessToken(
		validatortest.ClientID("c"), validatortest.Subject("u"), validatortest.Expiry(at),
		validatortest.Audience("a", "b"), validatortest.Scope("x", "y"),
		validatortest.Claim("n", nil), validatortest.NoClaim("jti"),
		validatortest.HeaderParam("cty", "x"), validatortest.NoHeaderParam("typ"),
	))
	assert.Equal(t, "c", claims["client_id"])
	assert.Equal(t, "u", claims["sub"])
	assert.EqualValues(t, 2_000_000_000, claims["exp"])
	assert.Equal(t, []any{"a", "b"}, claims["aud"])
	assert.Equal(t, "x y", claims["scope"])
	assert.Contains(t, claims, "n")
	assert.NotContains(t, claims, "jti")
	assert.Equal(t, "x", header["cty"])
	assert.NotContains(t, header, "typ")
	_, claims = decode(t, s.AccessToken(validatortest.Scope(), validatortest.Audience()))
	assert.NotContains(t, claims, "scope")
	assert.Equal(t, []any{}, claims["aud"])
}
