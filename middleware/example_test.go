package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// newOrdersAPI is an API under test: its configuration comes from outside, so
// that a test can name an authorization server of its own.
func newOrdersAPI(issuer validator.Issuer, insecureHTTP bool) (http.Handler, *validator.Validator, error) {
	v, err := validator.New(validator.Config{Issuers: []validator.Issuer{issuer}, InsecureAllowHTTP: insecureHTTP})
	if err != nil {
		return nil, nil, err
	}
	guard, err := middleware.New(v, middleware.Config{Realm: "orders"})
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	readers := guard.Require(validator.Policy{Scopes: []string{"orders.read"}})
	mux.Handle("GET /orders", readers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := validator.FromContext(r.Context())
		fmt.Fprintf(w, "the orders of %q", token.Subject())
	})))
	return mux, v, nil
}

// A test of an API of your own.
func ExampleGuard_Require() {
	as, err := validatortest.Start(validatortest.Options{Audience: "api://orders"})
	if err != nil {
		log.Fatal(err)
	}
	defer as.Close()
	api, _, err := newOrdersAPI(validator.Issuer{
		URL: as.Issuer(), Audiences: []string{"api://orders"}, ClientIDs: []string{"orders-app"},
	}, true)
	if err != nil {
		log.Fatal(err)
	}

	get := func(rawToken string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+rawToken)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return w
	}
	good := get(as.AccessToken(validatortest.ClientID("orders-app"), validatortest.Scope("orders.read")))
	weak := get(as.AccessToken(validatortest.ClientID("orders-app"), validatortest.Scope("profile")))
	as.SetMode(validatortest.ModeDown)
	undecided := get(as.MintWith(as.Prepare("ES256"), validatortest.ClientID("orders-app")))

	fmt.Println(good.Code, good.Body)
	fmt.Println(weak.Code, weak.Header().Get("WWW-Authenticate"))
	fmt.Println(undecided.Code, undecided.Header().Get("Retry-After"))
	// Output:
	// 200 the orders of "user"
	// 403 Bearer realm="orders", error="insufficient_scope", error_description="The access token does not permit this request", scope="orders.read"
	// 503 1
}

// The hostile corpus against a configuration of your own.
func ExampleNew() {
	as, err := validatortest.Start(validatortest.Options{Audience: "api://orders"})
	if err != nil {
		log.Fatal(err)
	}
	defer as.Close()
	_, v, err := newOrdersAPI(validator.Issuer{
		URL: as.Issuer(), Audiences: []string{"api://orders"}, ClientIDs: []string{"orders-app"}, Profile: validator.RFC9068(),
	}, true)
	if err != nil {
		log.Fatal(err)
	}

	report := validatortest.Run(context.Background(), as.Corpus("orders-app"),
		func(ctx context.Context, rawToken string) error {
			_, err := v.Validate(ctx, rawToken)
			return err
		})
	if failed := report.Failed(); len(failed) > 0 {
		fmt.Println(report) // what was tried, and in words what was wrong
	}
	fmt.Println(len(report.Failed()), "wrong answers")
	// Output: 0 wrong answers
}

// The decision without a handler, for a router or protocol of your own.
func ExampleGuard_Authorize() {
	as, err := validatortest.Start(validatortest.Options{Audience: "api://orders"})
	if err != nil {
		log.Fatal(err)
	}
	defer as.Close()
	v, err := validator.New(validator.Config{
		Issuers:           []validator.Issuer{{URL: as.Issuer(), Audiences: []string{"api://orders"}, AnyClient: true}},
		InsecureAllowHTTP: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	guard, err := middleware.New(v, middleware.Config{})
	if err != nil {
		log.Fatal(err)
	}

	r, w := httptest.NewRequest("GET", "/orders", nil), httptest.NewRecorder()
	r.Header.Set("Authorization", "Bearer "+as.AccessToken(validatortest.Scope("orders.write")))
	token, err := guard.Authorize(r, validator.Policy{Scopes: []string{"orders.read"}})
	if err != nil {
		guard.Refuse(w, err)
	}
	fmt.Println(token == nil, errors.Is(err, validator.ErrInsufficientScope), w.Code)
	// Output: true true 403
}
