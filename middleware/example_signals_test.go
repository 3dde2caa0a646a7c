package middleware_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/middleware/signals"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// The authorization server tells that a user has logged out, and the user's token is
// refused.
func Example_signals() {
	as, err := validatortest.Start(validatortest.Options{Audience: "api://orders"})
	if err != nil {
		log.Fatal(err)
	}
	defer as.Close()
	revocations, err := validator.NewRevocations(validator.RevocationsConfig{})
	if err != nil {
		log.Fatal(err)
	}
	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			URL:              as.Issuer(),
			Audiences:        []string{"api://orders"},
			AnyClient:        true,
			MaxTokenLifetime: time.Hour,
			LogoutClientIDs:  []string{"orders-api"},                     // as which it knows us
			EventAudiences:   []string{"https://api.example.com/events"}, // what it calls us there
		}},
		Revocations:       revocations,
		InsecureAllowHTTP: true, // for a server on loopback
	})
	if err != nil {
		log.Fatal(err)
	}
	guard, err := middleware.New(v, middleware.Config{})
	if err != nil {
		log.Fatal(err)
	}

	mux := http.NewServeMux()
	mux.Handle("/oidc/logout", signals.Logout(v)) // OpenID Connect Back-Channel Logout
	mux.Handle("/events", signals.Events(v))      // Shared Signals, RFC 8935
	mux.Handle("/", guard.Require(validator.Policy{AnyToken: true})(http.HandlerFunc(orders)))

	rawToken := as.AccessToken()
	fmt.Println(call(mux, rawToken))
	logout := url.Values{"logout_token": {as.LogoutToken("orders-api")}}.Encode()
	r := httptest.NewRequest(http.MethodPost, "/oidc/logout", strings.NewReader(logout))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code)
	fmt.Println(call(mux, rawToken))
	// Output:
	// 200
	// 200
	// 401
}

func orders(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "orders") }

func call(handler http.Handler, rawToken string) int {
	r := httptest.NewRequest(http.MethodGet, "/orders", nil)
	r.Header.Set("Authorization", "Bearer "+rawToken)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code
}
