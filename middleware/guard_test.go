package middleware_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestMain(m *testing.M) {
	// net/http waits half a second where it closes before all was read; as long as goleak waits.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

const (
	bare         = `Bearer realm="orders"`
	invalid      = `Bearer realm="orders", error="invalid_token", error_description="The access token is invalid"`
	expired      = `Bearer realm="orders", error="invalid_token", error_description="The access token expired"`
	malformed    = `Bearer realm="orders", error="invalid_request", error_description="The request is malformed"`
	unknown      = `Bearer realm="orders", error="insufficient_scope", error_description="The access token does not permit this request"`
	insufficient = `Bearer realm="orders", error="insufficient_scope", error_description="The access token does not permit this request", scope="orders.read orders.write"`
)

// bodies are what goes with the challenges (RFC 9457).
var bodies = map[string]string{
	bare:      `{"title":"Unauthorized","status":401}`,
	invalid:   `{"title":"Unauthorized","status":401,"detail":"The access token is invalid","error":"invalid_token"}`,
	expired:   `{"title":"Unauthorized","status":401,"detail":"The access token expired","error":"invalid_token"}`,
	"":        `{"title":"Service Unavailable","status":503}`,
	malformed: `{"title":"Bad Request","status":400,"detail":"The request is malformed","error":"invalid_request"}`,
	unknown:   `{"title":"Forbidden","status":403,"detail":"The access token does not permit this request","error":"insufficient_scope"}`,
}

func newServer(t testing.TB) (*validatortest.Server, *validator.Validator) {
	t.Helper()
	s, err := validatortest.Start(validatortest.Options{Algorithm: "ES256"})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	v, err := validator.New(validator.Config{
		Issuers:           []validator.Issuer{{URL: s.Issuer(), Audiences: []string{"api://default"}, ClientIDs: []string{validatortest.DefaultClientID}}},
		InsecureAllowHTTP: true,
	})
	require.NoError(t, err)
	return s, v
}

func newGuard(t testing.TB) (*validatortest.Server, *middleware.Guard) {
	t.Helper()
	s, v := newServer(t)
	g, err := middleware.New(v, middleware.Config{Realm: "orders"})
	require.NoError(t, err)
	return s, g
}

// listen serves a handler that needs both scopes on real listeners: behind Require,
// and as a route.
func listen(t testing.TB, g *middleware.Guard) map[string]string {
	t.Helper()
	policy := validator.Policy{Scopes: []string{"orders.read", "orders.write"}}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := validator.FromContext(r.Context())
		if !ok {
			panic("no token in the context")
		}
		fmt.Fprint(w, token.Subject())
	})
	routes := g.Routes()
	routes.Handle("/", policy, handler)
	addresses := map[string]string{}
	for name, h := range map[string]http.Handler{"Require": g.Require(policy)(handler), "Routes": routes} {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		addresses[name] = server.Listener.Addr().String()
	}
	return addresses
}

// send writes a request as it stands and reads the answer.
func send(t testing.TB, address, request string) *http.Response {
	t.Helper()
	method, _, _ := strings.Cut(request, " ")
	return sendMethod(t, address, method, request)
}

// sendMethod is send where the method says how to read the answer.
func sendMethod(t testing.TB, address, method, request string) *http.Response {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { connection.Close() })
	require.NoError(t, connection.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(connection, request)
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(connection), &http.Request{Method: method})
	require.NoError(t, err)
	t.Cleanup(func() { response.Body.Close() })
	return response
}

// TestAnswers: every answer, byte by byte on the wire (RFC 6750 3).
func TestAnswers(t *testing.T) {
	s, g := newGuard(t)
	addresses := listen(t, g)
	scopes := validatortest.Scope("orders.read", "orders.write")
	good := s.AccessToken(scopes)
	header := func(lines ...string) string { return strings.Join(append(lines, ""), "\r\n") }
	tests := map[string]struct {
		target    string
		headers   string
		status    int
		challenge string
	}{
		"good":                        {headers: header("Authorization: Bearer " + good), status: 200},
		"scheme in lower case":        {headers: header("authorization: bearer " + good), status: 200},
		"space around the value":      {headers: header("Authorization:  \tBearer " + good + " \t"), status: 200},
		"other parameters":            {target: "/?token=x&access_tokens=y&ACCESS_TOKEN=z&x=access_token", headers: header("Authorization: Bearer " + good), status: 200},
		"none":                        {status: 401, challenge: bare},
		"empty":                       {headers: header("Authorization:"), status: 401, challenge: bare},
		"basic":                       {headers: header("Authorization: Basic dTpw"), status: 401, challenge: bare},
		"DPoP scheme":                 {headers: header("Authorization: DPoP " + good), status: 401, challenge: bare},
		"missing space":               {headers: header("Authorization: Bearer" + good), status: 401, challenge: bare},
		"other header":                {headers: header("X-Authorization: Bearer " + good), status: 401, challenge: bare},
		"underscore":                  {headers: header("Proxy_Authorization: Bearer " + good), status: 401, challenge: bare},
		"cookie":                      {headers: header("Cookie: access_token=" + good + "; Authorization=Bearer " + good), status: 401, challenge: bare},
		"body":                        {headers: header("Content-Type: application/x-www-form-urlencoded"), status: 401, challenge: bare},
		"query alone":                 {target: "/?access_token=" + good, status: 401, challenge: bare},
		"query beside basic":          {target: "/?access_token=" + good, headers: header("Authorization: Basic dTpw"), status: 401, challenge: bare},
		"query beside header":         {target: "/?access_token=" + good, headers: header("Authorization: Bearer " + good), status: 400, challenge: malformed},
		"empty query beside header":   {target: "/?a=b&access_token", headers: header("Authorization: Bearer " + good), status: 400, challenge: malformed},
		"encoded query beside header": {target: "/?a=b&%61ccess%5Ftoken=x", headers: header("Authorization: Bearer " + good), status: 400, challenge: malformed},
		"semicolon query":             {target: "/?a=b;access_token=x", headers: header("Authorization: Bearer " + good), status: 400, challenge: malformed},
		"query beside malformed":      {target: "/?access_token=x", headers: header("Authorization: Bearer"), status: 400, challenge: malformed},
		"two headers":                 {headers: header("Authorization: Bearer "+good, "Authorization: Bearer "+good), status: 400, challenge: malformed},
		"two schemes":                 {headers: header("Authorization: Basic dTpw", "authorization: Bearer "+good), status: 400, challenge: malformed},
		"two parts":                   {headers: header("Authorization: Bearer " + good + " x"), status: 400, challenge: malformed},
		"list":                        {headers: header("Authorization: Bearer " + good + ",Bearer " + good), status: 400, challenge: malformed},
		"scheme only":                 {headers: header("Authorization: Bearer"), status: 400, challenge: malformed},
		"tab":                         {headers: header("Authorization: Bearer \t" + good), status: 400, challenge: malformed},
		"quoted":                      {headers: header(`Authorization: Bearer "` + good + `"`), status: 400, challenge: malformed},
		"non-ASCII":                   {headers: header("Authorization: Bearer é"), status: 400, challenge: malformed},
		"folded line":                 {headers: "Authorization: Bearer\r\n " + good + "\r\n", status: 200}, // net/http joins obs-fold with a space
		"padding":                     {headers: header("Authorization: Bearer " + good + "="), status: 401, challenge: invalid},
		"expired":                     {headers: header("Authorization: Bearer " + s.AccessToken(scopes, validatortest.Expiry(time.Now().Add(-time.Hour)))), status: 401, challenge: expired},
		"other audience":              {headers: header("Authorization: Bearer " + s.AccessToken(scopes, validatortest.Audience("x"))), status: 401, challenge: invalid},
		"not a JWT":                   {headers: header("Authorization: Bearer abc"), status: 401, challenge: invalid},
		"too large":                   {headers: header("Authorization: Bearer " + strings.Repeat("a", validator.MaxTokenSize+1)), status: 401, challenge: invalid},
		"bound to a key":              {headers: header("Authorization: Bearer " + s.AccessToken(scopes, validatortest.Claim("cnf", map[string]any{"jkt": strings.Repeat("A", 43)}))), status: 401, challenge: invalid},
		"scope missing":               {headers: header("Authorization: Bearer " + s.AccessToken(validatortest.Scope("orders.read"))), status: 403, challenge: insufficient},
	}
	for name, tc := range tests {
		for kind, address := range addresses {
			t.Run(name+" to "+kind, func(t *testing.T) {
				target := cmp.Or(tc.target, "/")
				method, body := "GET", ""
				if name == "body" {
					method, body = "POST", "access_token="+good
				}
				response := send(t, address, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: api\r\nConnection: close\r\nContent-Length: %d\r\n%s\r\n%s", method, target, len(body), tc.headers, body))
				onTheWire(t, response, tc.status, tc.challenge)
			})
		}
	}
}

// onTheWire holds an answer of listen's handlers to a status and a challenge.
func onTheWire(t *testing.T, response *http.Response, status int, challenge string) {
	t.Helper()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Equal(t, status, response.StatusCode)
	assert.Equal(t, challenge, response.Header.Get("WWW-Authenticate"))
	if status == 200 {
		assert.Equal(t, validatortest.DefaultSubject, string(content))
		assert.Empty(t, response.Header.Get("Cache-Control"), "the handler's own affair")
		return
	}
	assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
	assert.Len(t, response.Header.Values("WWW-Authenticate"), 1)
	assert.Equal(t, bodies[withoutScope(challenge)], string(content))
	assert.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
}

// TestUnavailable: what could not be decided is 503 with Retry-After, and says
// nothing about the token.
func TestUnavailable(t *testing.T) {
	s, g := newGuard(t)
	address := listen(t, g)["Require"]
	s.SetMode(validatortest.ModeError)
	response := send(t, address, "GET / HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer "+s.AccessToken()+"\r\n\r\n")
	assert.Equal(t, 503, response.StatusCode)
	assert.Equal(t, "1", response.Header.Get("Retry-After"))
	assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
	assert.Empty(t, response.Header.Values("WWW-Authenticate"))
}

// TestAuthenticate is the decision without a handler.
func TestAuthenticate(t *testing.T) {
	s, g := newGuard(t)
	r := httptest.NewRequest("GET", "/", nil)
	token, err := g.Authenticate(r)
	assert.Nil(t, token)
	refused(t, err, validator.ErrNoToken, validator.ReasonNoToken)
	r.Header.Set("Authorization", "DPoP "+s.AccessToken())
	_, err = g.Authenticate(r)
	refused(t, err, validator.ErrNoToken, validator.ReasonUnsupportedScheme)
	r.Header.Set("Authorization", "Bearer "+s.AccessToken())
	token, err = g.Authenticate(r)
	require.NoError(t, err)
	assert.Equal(t, validatortest.DefaultSubject, token.Subject())
	r.URL.RawQuery = "access_token=x"
	_, err = g.Authenticate(r)
	refused(t, err, validator.ErrInvalidRequest, validator.ReasonSecondPlace)
	r.Header.Del("Authorization")
	_, err = g.Authenticate(r)
	refused(t, err, validator.ErrNoToken, validator.ReasonTokenInQuery)
}

// TestObserverHearsOfEveryRequest: those without a token included, with the
// context of the request.
func TestObserverHearsOfEveryRequest(t *testing.T) {
	type key struct{}
	s, err := validatortest.Start(validatortest.Options{Algorithm: "ES256"})
	require.NoError(t, err)
	defer s.Close()
	var heard []validator.Reason
	v, err := validator.New(validator.Config{
		Issuers:           []validator.Issuer{{URL: s.Issuer(), Audiences: []string{"api://default"}, AnyClient: true}},
		InsecureAllowHTTP: true,
		Observer: validator.Observer{Decision: func(ctx context.Context, d validator.Decision) {
			assert.Equal(t, "here", ctx.Value(key{}))
			if d.Err == nil {
				heard = append(heard, "accepted")
			} else {
				heard = append(heard, d.Err.Reason)
			}
		}},
	})
	require.NoError(t, err)
	g, err := middleware.New(v, middleware.Config{})
	require.NoError(t, err)
	r := httptest.NewRequest("GET", "/", nil).WithContext(context.WithValue(t.Context(), key{}, "here"))
	for _, values := range [][]string{nil, {"Bearer"}, {"Basic x"}, {"Bearer x"}, {"Bearer " + s.AccessToken()}} {
		r.Header["Authorization"] = values
		_, _ = g.Authenticate(r)
	}
	assert.Equal(t, []validator.Reason{
		validator.ReasonNoToken, validator.ReasonMalformedHeader, validator.ReasonUnsupportedScheme, validator.ReasonNotJWT, "accepted",
	}, heard)
	r.URL = nil // as a request that a program made up may have it
	_, err = g.Authenticate(r)
	assert.NoError(t, err)
}

// TestCallerThatLeft: the request's own context ends the wait for keys.
func TestCallerThatLeft(t *testing.T) {
	s, g := newGuard(t)
	defer s.Hold()()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	r.Header.Set("Authorization", "Bearer "+s.AccessToken())
	_, err := g.Authenticate(r)
	refused(t, err, validator.ErrUnavailable, validator.ReasonCallerLeft)
}

func refused(t *testing.T, err, class error, reason validator.Reason) {
	t.Helper()
	var e *validator.Error
	require.ErrorAs(t, err, &e)
	assert.ErrorIs(t, err, class)
	assert.Equal(t, reason, e.Reason)
}

// TestRefuse: the standard answer for a decision of one's own; what is no
// refusal of the validator is undecided.
func TestRefuse(t *testing.T) {
	_, g := newGuard(t)
	for _, tc := range []struct {
		err    error
		status int
	}{
		{validator.NewError(validator.ReasonInsufficientScope, ""), 403}, {validator.NewError(validator.ReasonExpired, ""), 401},
		{errors.New("x"), 503}, {nil, 503}, {(*validator.Error)(nil), 503},
	} {
		w := httptest.NewRecorder()
		g.Refuse(w, tc.err)
		assert.Equal(t, tc.status, w.Code)
		assert.Equal(t, tc.status == 503, w.Header().Get("Retry-After") == "10")
	}
}

// TestRequirePanicsAtWiring: a policy that cannot work is a mistake in the
// program, found when it starts.
func TestRequirePanicsAtWiring(t *testing.T) {
	_, g := newGuard(t)
	for name, p := range map[string]validator.Policy{
		"zero":           {},
		"unknown issuer": {Issuers: []string{"https://nobody.example.com"}},
		"not a scope":    {Scopes: []string{"a b"}},
	} {
		assert.Panics(t, func() { g.Require(p) }, name)
	}
}

// TestRequireCopiesThePolicy: what is changed after wiring changes nothing.
func TestRequireCopiesThePolicy(t *testing.T) {
	s, g := newGuard(t)
	p := validator.Policy{
		Scopes: []string{"read"}, AnyScope: []string{"write"}, Issuers: []string{s.Issuer()},
		Audiences: []string{"api://default"}, ClientIDs: []string{validatortest.DefaultClientID},
	}
	h := g.Require(p)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	for _, list := range [][]string{p.Scopes, p.AnyScope, p.Issuers, p.Audiences, p.ClientIDs} {
		list[0] = "changed"
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+s.AccessToken())
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	assert.Equal(t, 204, w.Code)
}

func TestConfig(t *testing.T) {
	_, v := newServer(t)
	for name, tc := range map[string]struct {
		v     *validator.Validator
		realm string
		field string
	}{
		"no validator":       {field: "Validator"},
		"line break":         {v: v, realm: "a\r\nX: y", field: "Realm"},
		"non-ASCII":          {v: v, realm: "é", field: "Realm"},
		"delete":             {v: v, realm: "\x7f", field: "Realm"},
		"quotes are escaped": {v: v, realm: `a"b\c`},
		"ends of ASCII":      {v: v, realm: " ~"},
		"none":               {v: v},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := middleware.New(tc.v, middleware.Config{Realm: tc.realm})
			if tc.field != "" {
				var mistake *validator.ConfigError
				require.ErrorAs(t, err, &mistake)
				assert.Equal(t, tc.field, mistake.Field)
				assert.Nil(t, g)
				return
			}
			require.NoError(t, err)
			w := httptest.NewRecorder()
			g.Require(validator.Policy{AnyToken: true})(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			want := "Bearer"
			if tc.realm != "" {
				want = `Bearer realm="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(tc.realm) + `"`
			}
			assert.Equal(t, want, w.Header().Get("WWW-Authenticate"))
		})
	}
}

// FuzzQuery: a query is refused exactly when some reader would find a parameter
// access_token in it, whether it takes ";" for a separator or not.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"access_token=x", "a=b", "", "a;access_token", "%61ccess_token=1", "access+token=1", "x=access_token", "&&=&", "access_token%", "%zz&access_token"} {
		f.Add(seed)
	}
	s, g := newGuard(f)
	raw := s.AccessToken()
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.RawQuery = query
		r.Header.Set("Authorization", "Bearer "+raw)
		_, err := g.Authenticate(r)
		plain, _ := url.ParseQuery(query)
		split, _ := url.ParseQuery(strings.ReplaceAll(query, ";", "&"))
		if found := plain.Has("access_token") || split.Has("access_token"); found && err == nil {
			t.Fatalf("%q was let through", query)
		} else if !found && err != nil && !unparsable(query) {
			t.Fatalf("%q was refused: %v", query, err)
		}
		if err != nil && !errors.Is(err, validator.ErrInvalidRequest) {
			t.Fatal(err)
		}
	})
}

// unparsable: url.ParseQuery drops a pair whose value does not decode; we look at
// names only.
func unparsable(query string) bool {
	_, err := url.ParseQuery(strings.ReplaceAll(query, ";", "&"))
	return err != nil
}
