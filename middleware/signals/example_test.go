package signals_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/middleware/signals"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// newReceiver serves what an authorization server tells, at addresses that it is given.
func newReceiver(v *validator.Validator) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/events", signals.Events(v))      // Shared Signals, RFC 8935
	mux.Handle("/oidc/logout", signals.Logout(v)) // OpenID Connect Back-Channel Logout
	return mux
}

// The authorization server pushes an event, and it counts once.
func ExampleEvents() {
	as, v := startReceiver()
	defer as.Close()
	event := as.EventToken("https://api.example.com/events", "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
		map[string]any{"subject": map[string]any{"format": "iss_sub", "iss": as.Issuer(), "sub": "jane"}})
	for _, body := range []string{event, event, "junk"} {
		fmt.Println(deliver(newReceiver(v), "/events", "application/secevent+jwt", body))
	}
	// Output:
	// 202
	// 202
	// 400
}

// A user signs out, and the authorization server tells.
func ExampleLogout() {
	as, v := startReceiver()
	defer as.Close()
	for _, client := range []string{"orders-api", "another"} {
		body := url.Values{"logout_token": {as.LogoutToken(client)}}.Encode()
		fmt.Println(deliver(newReceiver(v), "/oidc/logout", "application/x-www-form-urlencoded", body))
	}
	// Output:
	// 200
	// 400
}

// startReceiver starts an authorization server, and a validator that listens to it.
func startReceiver() (*validatortest.Server, *validator.Validator) {
	as, err := validatortest.Start(validatortest.Options{Audience: "api://orders"})
	if err != nil {
		log.Fatal(err)
	}
	revocations, err := validator.NewRevocations(validator.RevocationsConfig{})
	if err != nil {
		log.Fatal(err)
	}
	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			URL: as.Issuer(), Audiences: []string{"api://orders"}, AnyClient: true,
			MaxTokenLifetime: time.Hour,
			EventAudiences:   []string{"https://api.example.com/events"}, // what it calls us there
			LogoutClientIDs:  []string{"orders-api"},                     // as which it knows us
		}},
		Revocations:       revocations,
		InsecureAllowHTTP: true, // for a server on loopback
	})
	if err != nil {
		log.Fatal(err)
	}
	return as, v
}

func deliver(handler http.Handler, target, contentType, body string) int {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code
}
