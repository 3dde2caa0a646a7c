package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// ordersAPI is the API of main with a validator of the caller's, so that a test
// can name an authorization server of its own.
func ordersAPI(v *validator.Validator) http.Handler {
	guard, err := middleware.New(v, middleware.Config{Realm: "orders"})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	readers := guard.Require(validator.Policy{Scopes: []string{"orders.read"}})
	mux.Handle("GET /orders", readers(http.HandlerFunc(listOrders)))
	return mux
}

func TestOrders(t *testing.T) {
	as, err := validatortest.Start(validatortest.Options{Audience: "api://orders"})
	if err != nil {
		t.Fatal(err)
	}
	defer as.Close()
	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			URL: as.Issuer(), Audiences: []string{"api://orders"}, ClientIDs: []string{"orders-app"},
		}},
		InsecureAllowHTTP: true, // as is on loopback, without TLS
	})
	if err != nil {
		t.Fatal(err)
	}
	api, app := ordersAPI(v), validatortest.ClientID("orders-app")
	for raw, want := range map[string]int{
		as.AccessToken(app, validatortest.Scope("orders.read")):                 200,
		as.AccessToken(app, validatortest.Scope("profile")):                     403,
		as.AccessToken(app, validatortest.Expiry(time.Now().Add(-time.Minute))): 401,
	} {
		r := httptest.NewRequest("GET", "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+raw)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%d, want %d: %s", w.Code, want, w.Header().Get("WWW-Authenticate"))
		}
	}
}
