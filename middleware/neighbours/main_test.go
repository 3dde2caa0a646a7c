package neighbours_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	bare         = `Bearer realm="orders"`
	expired      = `Bearer realm="orders", error="invalid_token", error_description="The access token expired"`
	insufficient = `Bearer realm="orders", error="insufficient_scope", error_description="The access token does not permit this request", scope="admin"`
	unknown      = `Bearer realm="orders", error="insufficient_scope", error_description="The access token does not permit this request"`
)

var (
	readers = validator.Policy{Scopes: []string{"read"}}
	admins  = validator.Policy{Scopes: []string{"admin"}}
)

func newGuard(t *testing.T) (*validatortest.Server, *middleware.Guard) {
	t.Helper()
	s, err := validatortest.Start(validatortest.Options{Algorithm: "ES256"})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	v, err := validator.New(validator.Config{
		Issuers:           []validator.Issuer{{URL: s.Issuer(), Audiences: []string{"api://default"}, AnyClient: true}},
		InsecureAllowHTTP: true,
	})
	require.NoError(t, err)
	g, err := middleware.New(v, middleware.Config{Realm: "orders"})
	require.NoError(t, err)
	return s, g
}

// ask sends a request to a real listener; headers are pairs of name and value.
func ask(t *testing.T, server *httptest.Server, method, path string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := *server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(r)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response
}

func serve(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func who(r *http.Request) string {
	if token, ok := validator.FromContext(r.Context()); ok {
		return token.Subject()
	}
	return "nobody"
}

func tell(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Who", who(r)) }
