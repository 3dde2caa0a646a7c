package middleware_test

import (
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// startOrders starts an authorization server, and a validator for the tokens it
// gives to the client "orders-app".
func startOrders() (*validatortest.Server, *validator.Validator) {
	as, err := validatortest.Start(validatortest.Options{Audience: "api://orders"})
	if err != nil {
		log.Fatal(err)
	}
	v, err := validator.New(validator.Config{
		Issuers:           []validator.Issuer{{URL: as.Issuer(), Audiences: []string{"api://orders"}, ClientIDs: []string{"orders-app"}}},
		InsecureAllowHTTP: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	return as, v
}

// show prints what a request is answered.
func show(handler http.Handler, method, path, rawToken string) {
	r := httptest.NewRequest(method, path, nil)
	if rawToken != "" {
		r.Header.Set("Authorization", "Bearer "+rawToken)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(strings.TrimSpace(fmt.Sprint(method, " ", path, " ", w.Code, " ", w.Header().Get("WWW-Authenticate"))))
}

// Routes that deny by default: what is not listed is refused, and the list is
// printed at start.
func ExampleGuard_Routes() {
	as, v := startOrders()
	defer as.Close()
	guard, err := middleware.New(v, middleware.Config{})
	if err != nil {
		log.Fatal(err)
	}
	var ok http.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	orders, order, catalog, health := ok, ok, ok, ok

	routes := guard.Routes()
	routes.Handle("GET /orders", validator.Policy{Scopes: []string{"orders.read"}}, orders) // an http.Handler
	routes.Handle("DELETE /orders/{id}", validator.Policy{
		Scopes: []string{"orders.cancel"}, ACRValues: []string{"mfa"}, MaxAuthAge: 5 * time.Minute,
	}, order)
	routes.Optional("GET /catalog", validator.Policy{AnyToken: true}, catalog) // no token: anonymous; a bad one: 401
	routes.Public("GET /healthz", health)
	for _, route := range routes.Audit() {
		fmt.Println(route)
	}

	app := validatortest.ClientID("orders-app")
	reader := as.AccessToken(app, validatortest.Scope("orders.read"))
	old := as.AccessToken(app, validatortest.Scope("orders.read"), validatortest.Expiry(time.Now().Add(-time.Hour)))
	show(routes, "GET", "/orders", "")
	show(routes, "GET", "/orders", reader)
	show(routes, "GET", "/catalog", "")
	show(routes, "GET", "/catalog", old)
	show(routes, "GET", "/admin", "") // nothing tells it from a route
	show(routes, "GET", "/admin", reader)
	show(routes, "DELETE", "/orders/7", as.AccessToken(app, validatortest.Scope("orders.cancel")))
	// Output:
	// protected  GET /orders                       scopes orders.read
	// protected  DELETE /orders/{id}               scopes orders.cancel; acr mfa; authenticated within 5m0s
	// optional   GET /catalog                      any token
	// public     GET /healthz
	// GET /orders 401 Bearer
	// GET /orders 200
	// GET /catalog 200
	// GET /catalog 401 Bearer error="invalid_token", error_description="The access token expired"
	// GET /admin 401 Bearer
	// GET /admin 403 Bearer error="insufficient_scope", error_description="The access token does not permit this request"
	// DELETE /orders/7 401 Bearer error="insufficient_user_authentication", error_description="A different authentication is required", acr_values="mfa", max_age="300"
}

// A stricter policy, tried on real requests before it is enforced.
func ExampleGuard_Shadow() {
	as, v := startOrders()
	defer as.Close()
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	guard, err := middleware.New(v, middleware.Config{Logger: logger})
	if err != nil {
		log.Fatal(err)
	}
	listOrders := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

	routes := guard.Routes()
	today := validator.Policy{Scopes: []string{"read"}}
	tomorrow := guard.Shadow(validator.Policy{Scopes: []string{"orders.read"}})
	routes.Handle("GET /orders", today, tomorrow.Handler(listOrders))

	app := validatortest.ClientID("orders-app")
	show(routes, "GET", "/orders", as.AccessToken(app, validatortest.Scope("read", "orders.read")))
	show(routes, "GET", "/orders", as.AccessToken(app, validatortest.Scope("read")))
	seen, refused := tomorrow.Counts()
	fmt.Println(seen, "requests, would be refused:", refused)
	// Output:
	// GET /orders 200
	// level=INFO msg="access token would be refused" pattern="GET /orders" reason=insufficient_scope error="validator: insufficient scope: insufficient_scope: the policy asks for all of [\"orders.read\"], found \"read\""
	// GET /orders 200
	// 2 requests, would be refused: map[insufficient_scope:1]
}

// Clients find out where to get a token (RFC 9728).
func ExampleGuard_ResourceMetadata() {
	as, v := startOrders()
	defer as.Close()
	resource := middleware.Resource{
		URL: "https://api.example.com/orders", Name: "Orders", Scopes: []string{"orders.read", "orders.cancel"},
	}
	guard, err := middleware.New(v, middleware.Config{Resource: resource})
	if err != nil {
		log.Fatal(err)
	}
	path, err := middleware.ResourceMetadataPath(resource.URL)
	if err != nil {
		log.Fatal(err)
	}
	routes := guard.Routes()
	routes.Public("GET "+path, guard.ResourceMetadata())

	show(routes, "GET", "/orders", "")
	show(routes, "GET", path, "")
	// Output:
	// GET /orders 401 Bearer resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/orders"
	// GET /.well-known/oauth-protected-resource/orders 200
}

// Answers of one's own: the cause for the log, the status and the challenge as they
// are, and a body in the house's form.
func ExampleErrorHandler() {
	as, v := startOrders()
	defer as.Close()
	guard, err := middleware.New(v, middleware.Config{
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, cause *validator.Error, answer middleware.Answer) {
			fmt.Println("log:", r.Method, r.URL.Path, cause)
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(answer.Status)
			fmt.Fprintln(w, "Please sign in.")
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	show(guard.Routes(), "GET", "/orders", "")
	// Output:
	// log: GET /orders validator: no access token: no_token
	// GET /orders 401 Bearer
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}
