package validatortest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const signedType = "application/token-introspection+jwt"

// startWithAPI starts a server that knows a client "api", which may introspect.
func startWithAPI(t *testing.T, o validatortest.Options) *validatortest.Server {
	t.Helper()
	s := start(t, o)
	s.AddClient("api", "s e:cret")
	return s
}

// postIntrospection asks as the user; an empty one sends no Authorization.
func postIntrospection(t *testing.T, s *validatortest.Server, user, password, form, accept string) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.IntrospectionURL(), strings.NewReader(form))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", accept)
	if user != "" {
		r.SetBasicAuth(url.QueryEscape(user), url.QueryEscape(password))
	}
	answer, err := s.Client().Do(r)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer, string(body), err
}

// introspect asks about a token as "api" and returns the answer.
func introspect(t *testing.T, s *validatortest.Server, token string) map[string]any {
	t.Helper()
	form := url.Values{"token": {token}}.Encode()
	answer, body, err := postIntrospection(t, s, "api", "s e:cret", form, "application/json")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	assert.Equal(t, "application/json", answer.Header.Get("Content-Type"))
	assert.Equal(t, "no-store", answer.Header.Get("Cache-Control"))
	var members map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &members))
	return members
}

var inactive = map[string]any{"active": false}

func assertActive(t *testing.T, s *validatortest.Server, token string) {
	t.Helper()
	assert.Equal(t, true, introspect(t, s, token)["active"])
}

func assertInactive(t *testing.T, s *validatortest.Server, token string) {
	t.Helper()
	assert.Equal(t, inactive, introspect(t, s, token), "nothing but that")
}

func TestIntrospectionAnswers(t *testing.T) {
	now := time.Unix(2_000_000_000, 0)
	for style, client := range []string{"client_id", "cid", "client_id"} {
		s := startWithAPI(t, validatortest.Options{
			Style: validatortest.Style(style), Path: "/oauth2/default", Clock: func() time.Time { return now },
		})
		want := map[string]any{
			"active": true, "token_type": "Bearer", "client_id": "c", "scope": "a b",
			"iss": s.Issuer(), "sub": "u", "aud": []any{"x", "y"}, "jti": "1",
			"iat": float64(now.Unix()), "nbf": float64(now.Unix()), "exp": float64(now.Unix() + 3600),
			"tenant": map[string]any{"id": 7.0},
		}
		if client == "cid" {
			want["username"], want["uid"], want["ver"] = "u", "00u-user", 1.0
		}
		edits := []validatortest.Edit{
			validatortest.ClientID("c"), validatortest.Scope("a", "b"), validatortest.Subject("u"),
			validatortest.Audience("x", "y"), validatortest.Claim("jti", "1"), validatortest.Claim("nbf", now.Unix()),
			validatortest.Claim("tenant", map[string]any{"id": 7}), validatortest.Claim("active", "?"),
		}
		assert.Equal(t, want, introspect(t, s, s.AccessToken(edits...)))
		assert.Equal(t, want, introspect(t, s, s.OpaqueToken(edits...)))
	}
}

func TestIntrospectionLeavesOutWhatTheTokenDoesNotHave(t *testing.T) {
	for style := range 3 {
		s := startWithAPI(t, validatortest.Options{Style: validatortest.Style(style)})
		edits := []validatortest.Edit{validatortest.Scope()}
		for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "cid", "uid", "ver"} {
			edits = append(edits, validatortest.NoClaim(name))
		}
		want := map[string]any{"active": true, "token_type": "Bearer"}
		assert.Equal(t, want, introspect(t, s, s.OpaqueToken(edits...)))
	}
}

func TestIntrospectionOfBoundTokens(t *testing.T) {
	s := startWithAPI(t, validatortest.Options{})
	for _, c := range []struct {
		cnf  any
		want string
	}{
		{map[string]any{"jkt": "x"}, "DPoP"},
		{map[string]any{"x5t#S256": "x"}, "Bearer"},
		{"no object", "Bearer"},
	} {
		answer := introspect(t, s, s.OpaqueToken(validatortest.Claim("cnf", c.cnf)))
		assert.Equal(t, c.want, answer["token_type"])
		assert.Equal(t, c.cnf, answer["cnf"])
	}
}

func TestIntrospectionOfInactiveTokens(t *testing.T) {
	s, other := startWithAPI(t, validatortest.Options{}), start(t, validatortest.Options{})
	for name, token := range map[string]string{
		"unknown":          "2YotnFZFEjr1zCsicMWpAA",
		"no JWT":           "..",
		"of another":       other.AccessToken(),
		"opaque, another":  other.OpaqueToken(),
		"forged":           other.AccessToken(validatortest.Claim("iss", s.Issuer())),
		"other issuer":     s.AccessToken(validatortest.Claim("iss", other.Issuer())),
		"unknown kid":      s.AccessToken(validatortest.HeaderParam("kid", "nobody")),
		"kid of no string": s.AccessToken(validatortest.HeaderParam("kid", nil)),
		"alg none":         s.AccessToken(validatortest.HeaderParam("alg", "none")),
		"typ":              s.AccessToken(validatortest.HeaderParam("typ", "JWT")),
		"ID token":         s.IDToken("api", validatortest.HeaderParam("typ", "at+jwt")),
		"logout token":     s.LogoutToken("api"),
		"exp of no number": s.OpaqueToken(validatortest.Claim("exp", "later")),
	} {
		assert.Equal(t, inactive, introspect(t, s, token), name)
	}
	for _, name := range []string{"nonce", "at_hash", "events"} {
		assertInactive(t, s, s.AccessToken(validatortest.Claim(name, "x")))
	}
}

func TestIntrospectionTellsAccessTokensByStyle(t *testing.T) {
	bare := []validatortest.Edit{validatortest.NoClaim("nonce"), validatortest.NoClaim("at_hash")}
	for _, style := range []validatortest.Style{validatortest.StyleOkta, validatortest.StyleGeneric} {
		s := startWithAPI(t, validatortest.Options{Style: style})
		assertInactive(t, s, s.IDToken("api"))
		assertInactive(t, s, s.IDToken("api", bare...))
		assertInactive(t, s, s.LogoutToken("api"))
		assertActive(t, s, s.AccessToken(validatortest.HeaderParam("typ", "Application/At+JWT")))
		assertActive(t, s, s.AccessToken(validatortest.NoHeaderParam("typ")))
	}
}

// A server allows no leeway, so the two cases of the corpus that need it are
// no longer, or not yet, active.
func TestIntrospectionOfTheCorpus(t *testing.T) {
	s := startWithAPI(t, validatortest.Options{})
	inactiveFor := []string{
		"malformed_token", "bad_signature", "algorithm_not_allowed", "expired", "not_yet_valid", "unknown_issuer",
	}
	for _, c := range s.Corpus("client") {
		needsLeeway := c.Name == "exp-past-within-leeway" || c.Name == "nbf-future-within-leeway"
		if slices.Contains(inactiveFor, c.Reason) || needsLeeway {
			assert.Equal(t, inactive, introspect(t, s, c.Token), c.Name)
		} else if c.Accept {
			assert.Equal(t, true, introspect(t, s, c.Token)["active"], c.Name)
		}
	}
}

func TestIntrospectionByTheClock(t *testing.T) {
	start := time.Unix(2_000_000_000, 0)
	now := start
	s := startWithAPI(t, validatortest.Options{Lifetime: time.Minute, Clock: func() time.Time { return now }})
	notBefore := validatortest.Claim("nbf", start.Unix()+10)
	for _, token := range []string{s.AccessToken(notBefore), s.OpaqueToken(notBefore)} {
		for _, c := range []struct {
			after  time.Duration
			active bool
		}{
			{10*time.Second - 1, false}, {10 * time.Second, true}, {time.Minute - 1, true}, {time.Minute, false},
		} {
			now = start.Add(c.after)
			assert.Equal(t, c.active, introspect(t, s, token)["active"], c)
		}
	}
}

func TestIntrospectionKnowsKeysThatAreNotListed(t *testing.T) {
	s := startWithAPI(t, validatortest.Options{})
	assertActive(t, s, s.MintWith(s.Prepare("EdDSA")))
	first := s.AccessToken()
	s.Withdraw(s.KID())
	assertActive(t, s, first)
	s.Rotate("RS256")
	assertActive(t, s, first)
	assertActive(t, s, s.AccessToken(validatortest.NoHeaderParam("kid")))
	s.Rekey("es256-1")
	assertInactive(t, s, first)
}

func TestIntrospectionErrors(t *testing.T) {
	s := startWithAPI(t, validatortest.Options{})
	token := "token=" + s.OpaqueToken()
	for _, c := range []struct {
		user, password, form string
		status               int
		code, challenge      string
	}{
		{"api", "wrong", token, 401, "invalid_client", "Basic"},
		{"another", "s e:cret", token, 401, "invalid_client", "Basic"},
		{"", "", token, 401, "invalid_client", ""},
		{"", "", token + "&client_id=api&client_secret=x", 401, "invalid_client", ""},
		{"api", "wrong", "", 401, "invalid_client", "Basic"},
		{"api", "s e:cret", "", 400, "invalid_request", ""},
		{"api", "s e:cret", "token=", 400, "invalid_request", ""},
		{"api", "s e:cret", token + "&" + token, 400, "invalid_request", ""},
		{"api", "s e:cret", token + "&client_secret=x", 400, "invalid_request", ""},
		{"api", "s e:cret", "token=%zz", 400, "invalid_request", ""},
	} {
		for _, accept := range []string{"", signedType} { // RFC 9701 signs answers only
			answer, body, err := postIntrospection(t, s, c.user, c.password, c.form, accept)
			require.NoError(t, err)
			assert.Equal(t, c.status, answer.StatusCode, c)
			assert.Equal(t, "application/json", answer.Header.Get("Content-Type"))
			assert.Equal(t, "no-store", answer.Header.Get("Cache-Control"))
			assert.Contains(t, body, `"error":"`+c.code+`"`, c)
			challenge, _, _ := strings.Cut(answer.Header.Get("WWW-Authenticate"), " ")
			assert.Equal(t, c.challenge, challenge, c)
		}
	}
	form := token + "&token_type_hint=access_token&client_id=api&client_secret=s+e:cret"
	_, body, err := postIntrospection(t, s, "", "", form, "")
	require.NoError(t, err)
	assert.Contains(t, body, `"active":true`)
	answer, body, err := postIntrospection(t, s, "api", "s e:cret", "token="+strings.Repeat("a", 1<<20), "")
	require.NoError(t, err)
	assert.Equal(t, http.StatusBadRequest, answer.StatusCode)
	assert.Contains(t, body, "unreadable")
}

func TestSignedIntrospection(t *testing.T) {
	now := time.Now()
	s := startWithAPI(t, validatortest.Options{Clock: func() time.Time { return now }})
	kid := s.Rotate("RS256")
	for _, token := range []string{s.OpaqueToken(), "unknown"} {
		for _, accept := range []string{signedType, "application/json;q=0.1, Application/Token-Introspection+JWT ; q=1"} {
			answer, body, err := postIntrospection(t, s, "api", "s e:cret", "token="+token, accept)
			require.NoError(t, err)
			assert.Equal(t, http.StatusOK, answer.StatusCode)
			assert.Equal(t, signedType, answer.Header.Get("Content-Type"))
			assert.Equal(t, "no-store", answer.Header.Get("Cache-Control"))
			keys := servedKeys(t, s)
			signed, err := jwt.Parse(body, func(*jwt.Token) (any, error) { return keys[kid], nil })
			require.NoError(t, err)
			assert.Equal(t, map[string]any{"typ": "token-introspection+jwt", "alg": "RS256", "kid": kid}, signed.Header)
			assert.Equal(t, jwt.MapClaims{
				"iss": s.Issuer(), "aud": "api", "iat": float64(now.Unix()), "token_introspection": introspect(t, s, token),
			}, signed.Claims)
			assertInactive(t, s, body)
		}
	}
}

func TestSetAnswer(t *testing.T) {
	s := startWithAPI(t, validatortest.Options{})
	token := s.OpaqueToken()
	s.SetAnswer(func(asked string, answer map[string]any) {
		answer["scope"], answer["same"] = "admin", asked == token
		answer["was"] = answer["active"]
	})
	answer := introspect(t, s, token)
	assert.Equal(t, "admin", answer["scope"])
	assert.Equal(t, true, answer["same"])
	answer = introspect(t, s, "unknown")
	assert.Equal(t, false, answer["was"])
	assert.Equal(t, false, answer["same"])
	_, body, err := postIntrospection(t, s, "api", "s e:cret", "token="+token, signedType)
	require.NoError(t, err)
	_, claims := decode(t, body)
	assert.Equal(t, "admin", claims["token_introspection"].(map[string]any)["scope"])
	s.SetAnswer(nil)
	assert.Equal(t, validatortest.DefaultScope, introspect(t, s, token)["scope"])
}
