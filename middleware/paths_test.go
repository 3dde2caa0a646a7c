package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// The one who asks in TestPaths.
const (
	byNobody = "nobody" // no token
	byUser   = "user"   // scope read
	byAdmin  = "admin"  // scope read and admin
)

// to is what somebody is answered: reached, or a status; and where a redirect leads.
type to struct {
	status   int
	reached  string
	location string
}

var (
	unauthorized = to{status: 401}
	forbidden    = to{status: 403}
)

func reached(pattern, id string) to {
	return to{status: 200, reached: pattern + " id=" + id}
}

func moved(location string) to { return to{status: 307, location: location} }

func pathRoutes(g *middleware.Guard) *middleware.Routes {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Reached", r.Pattern+" id="+r.PathValue("id"))
	})
	routes := g.Routes()
	routes.Public("/public/", handler)
	routes.Public("GET /{$}", handler)
	routes.Handle("/admin", scoped("admin"), handler)
	routes.Handle("/admin/", scoped("admin"), handler)
	routes.Handle("/secret/", scoped("admin"), handler)
	routes.Handle("GET /files/{id}", scoped("read"), handler)
	routes.Handle("GET /tree/{id...}", scoped("read"), handler)
	routes.Handle("admin.example.com/", scoped("admin"), handler)
	routes.Handle("CONNECT proxy.example.com/", scoped("admin"), handler)
	routes.Handle("CONNECT /tunnel/", scoped("read"), handler)
	routes.Handle("CONNECT\t/tab", scoped("read"), handler)
	routes.Handle("/both/", scoped("admin"), handler)
	routes.Handle("CONNECT /both/{id}", scoped("read"), handler)
	return routes
}

// TestPaths: what paths, hosts and methods that are meant to confuse are answered,
// by who asks. Nobody without a token can tell a route from nothing.
func TestPaths(t *testing.T) {
	s, g, h := newHeardGuard(t, middleware.Config{})
	server := httptest.NewServer(pathRoutes(g))
	t.Cleanup(server.Close)
	tokens := map[string]string{
		byNobody: "", byUser: s.AccessToken(validatortest.Scope("read")), byAdmin: s.AccessToken(validatortest.Scope("read", "admin")),
	}
	tests := []struct {
		request             string // method, target and, if not api, host
		nobody, user, admin to
	}{
		// As it is meant.
		{"GET /", reached("GET /{$}", ""), reached("GET /{$}", ""), reached("GET /{$}", "")},
		{"GET /public/a", reached("/public/", ""), reached("/public/", ""), reached("/public/", "")},
		{"GET /files/7", unauthorized, reached("GET /files/{id}", "7"), reached("GET /files/{id}", "7")},
		{"HEAD /files/7", unauthorized, reached("GET /files/{id}", "7"), reached("GET /files/{id}", "7")},
		{"GET /tree/a/b", unauthorized, reached("GET /tree/{id...}", "a/b"), reached("GET /tree/{id...}", "a/b")},
		{"GET /admin", unauthorized, forbidden, reached("/admin", "")},
		{"GET /nothing", unauthorized, forbidden, forbidden},
		// Redirects belong to the route they lead to.
		{"GET /secret", unauthorized, forbidden, moved("/secret/")},
		{"GET /secret?a=b", unauthorized, forbidden, moved("/secret/?a=b")},
		{"GET /public", moved("/public/"), moved("/public/"), moved("/public/")},
		{"GET //admin", unauthorized, forbidden, moved("/admin")},
		{"GET ///admin//x", unauthorized, forbidden, moved("/admin/x")},
		{"GET /./admin", unauthorized, forbidden, moved("/admin")},
		{"GET /public/../admin", unauthorized, forbidden, moved("/admin")},
		{"GET /admin/../public/a", moved("/public/a"), moved("/public/a"), moved("/public/a")},
		{"GET /../../admin", unauthorized, forbidden, moved("/admin")},
		{"GET /admin/.", unauthorized, forbidden, moved("/admin")},
		{"GET //nothing", unauthorized, forbidden, forbidden}, // ServeMux would redirect, to nothing
		{"GET /nothing/..", moved("/"), moved("/"), moved("/")},
		{"POST /files/../admin", unauthorized, forbidden, moved("/admin")},
		{"POST //files/7", unauthorized, forbidden, forbidden}, // no POST there
		// What is escaped separates nothing: the route is that of the path as it stands.
		{"GET /public/..%2fadmin", reached("/public/", ""), reached("/public/", ""), reached("/public/", "")},
		{"GET /public/%2e%2e/admin", reached("/public/", ""), reached("/public/", ""), reached("/public/", "")},
		{"GET /files/..%2fadmin", unauthorized, reached("GET /files/{id}", "../admin"), reached("GET /files/{id}", "../admin")},
		{"GET /files/%2e%2e", unauthorized, reached("GET /files/{id}", ".."), reached("GET /files/{id}", "..")},
		{"GET /files/%2fadmin", unauthorized, reached("GET /files/{id}", "/admin"), reached("GET /files/{id}", "/admin")},
		{"GET /files/..%5cadmin", unauthorized, reached("GET /files/{id}", `..\admin`), reached("GET /files/{id}", `..\admin`)},
		{"GET /tree/..%2f..%2fadmin", unauthorized, reached("GET /tree/{id...}", "../../admin"), reached("GET /tree/{id...}", "../../admin")},
		{"GET /%61dmin", unauthorized, forbidden, reached("/admin", "")},
		{"GET /%2561dmin", unauthorized, forbidden, forbidden},
		{"GET /admin%2f", unauthorized, forbidden, forbidden},
		{"GET /admin%00", unauthorized, forbidden, forbidden},
		{"GET /admin%20", unauthorized, forbidden, forbidden},
		{"GET /admin;x=y", unauthorized, forbidden, forbidden},
		{"GET /admin.json", unauthorized, forbidden, forbidden},
		{"GET /ADMIN", unauthorized, forbidden, forbidden},
		{"GET /admin?x=/public/", unauthorized, forbidden, reached("/admin", "")},
		{`GET /public/..\admin`, reached("/public/", ""), reached("/public/", ""), reached("/public/", "")},
		{"GET /" + strings.Repeat("a", 100_000), unauthorized, forbidden, forbidden},
		{"GET " + strings.Repeat("/..", 30_000) + "/admin", unauthorized, forbidden, moved("/admin")},
		// Hosts, and targets in absolute form (RFC 9112 3.2.2), whose host counts.
		{"GET /x admin.example.com", unauthorized, forbidden, reached("admin.example.com/", "")},
		{"GET /x admin.example.com:8443", unauthorized, forbidden, reached("admin.example.com/", "")},
		{"GET /public/a admin.example.com", unauthorized, forbidden, reached("admin.example.com/", "")},
		{"GET /x ADMIN.example.com", unauthorized, forbidden, forbidden},
		{"GET http://admin.example.com/public/a", unauthorized, forbidden, reached("admin.example.com/", "")},
		{"GET http://api/admin", unauthorized, forbidden, reached("/admin", "")},
		{"GET http://api/public/a admin.example.com", reached("/public/", ""), reached("/public/", ""), reached("/public/", "")},
		{"GET http://api", moved("/"), moved("/"), moved("/")},
		{"GET http://admin.example.com", unauthorized, forbidden, moved("/")},
		// Methods.
		{"get /files/7", unauthorized, to{status: 405}, to{status: 405}},
		{"DELETE /files/7", unauthorized, to{status: 405}, to{status: 405}},
		{"OPTIONS /admin", unauthorized, forbidden, reached("/admin", "")},
		{"OPTIONS /public/a", reached("/public/", ""), reached("/public/", ""), reached("/public/", "")},
		{"TRACE /nothing", unauthorized, forbidden, forbidden},
		{"GET *", unauthorized, forbidden, forbidden},
		// CONNECT is for who names it.
		{"CONNECT /admin", unauthorized, forbidden, forbidden},
		{"CONNECT /public/a", unauthorized, forbidden, forbidden},
		{"CONNECT /public/../admin", unauthorized, forbidden, forbidden},
		{"CONNECT /secret", unauthorized, forbidden, forbidden},
		{"CONNECT /", unauthorized, to{status: 405}, to{status: 405}},
		{"CONNECT db.example.com:5432", unauthorized, to{status: 405}, to{status: 405}}, // as for "/"
		{"CONNECT /both/x", unauthorized, reached("CONNECT /both/{id}", "x"), reached("CONNECT /both/{id}", "x")},
		{"CONNECT /both/x/y", unauthorized, forbidden, forbidden},
		{"CONNECT /tunnel/../admin", unauthorized, reached("CONNECT /tunnel/", ""), reached("CONNECT /tunnel/", "")},
		{"CONNECT /tunnel", unauthorized, forbidden, forbidden},
		{"CONNECT /x proxy.example.com", unauthorized, forbidden, reached("CONNECT proxy.example.com/", "")},
		{"CONNECT /tab", unauthorized, reached("CONNECT\t/tab", ""), reached("CONNECT\t/tab", "")},
		{"GET /tunnel", unauthorized, forbidden, forbidden},
		{"GET /tunnel/x", unauthorized, to{status: 405}, to{status: 405}},
	}
	for _, tc := range tests {
		for who, want := range map[string]to{byNobody: tc.nobody, byUser: tc.user, byAdmin: tc.admin} {
			t.Run(tc.request[:min(40, len(tc.request))]+" by "+who, func(t *testing.T) {
				h.take()
				got := sendAs(t, server.Listener.Addr().String(), tc.request, tokens[who])
				assert.Equal(t, want, to{got.StatusCode, got.Header.Get("X-Reached"), got.Header.Get("Location")})
				switch want {
				case unauthorized:
					answeredTo(t, got, 401, bare)
					assert.Equal(t, []validator.Reason{validator.ReasonNoToken}, h.take())
				case forbidden:
					assert.True(t, strings.HasPrefix(got.Header.Get("WWW-Authenticate"), unknown))
				default:
					assert.Empty(t, got.Header.Values("WWW-Authenticate"))
				}
			})
		}
	}
}

// answeredTo is answered, but to HEAD there is no body.
func answeredTo(t *testing.T, response *http.Response, status int, challenge string) {
	t.Helper()
	if response.Request.Method != "HEAD" {
		answered(t, response, status, challenge)
		return
	}
	assert.Equal(t, challenge, response.Header.Get("WWW-Authenticate"))
	assert.EqualValues(t, len(bodies[challenge]), response.ContentLength)
}

// sendAs sends a request line on a connection of its own.
func sendAs(t *testing.T, address, request, raw string) *http.Response {
	t.Helper()
	method, rest, _ := strings.Cut(request, " ")
	target, host, _ := strings.Cut(rest, " ")
	if host == "" {
		host = "api"
	}
	header := "Host: " + host + "\r\nConnection: close\r\n"
	if raw != "" {
		header += "Authorization: Bearer " + raw + "\r\n"
	}
	return sendMethod(t, address, method, method+" "+target+" HTTP/1.1\r\n"+header+"\r\n")
}
