package dpoptest_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// The whole corpus of proofs against an API.
func ExampleCorpus() {
	as, err := validatortest.Start(validatortest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer as.Close()
	api := newAPI(as)

	key := dpoptest.NewKey("ES256")
	token := as.AccessToken(key.Bind())
	wrong := 0
	for _, c := range dpoptest.Corpus(key, "GET", "https://api.example.com/orders/list", token) {
		r := httptest.NewRequest("GET", "/orders/list", nil)
		r.Header.Set("Authorization", "DPoP "+token)
		r.Header["Dpop"] = c.Proofs
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if accepted := w.Code == http.StatusOK; accepted != (c.Reason == "") {
			fmt.Println(c.Name, w.Code)
			wrong++
		}
	}
	fmt.Println(wrong, "wrong answers")
	// Output: 0 wrong answers
}

// A request of a client with a key, and one of a thief of its token.
func ExampleKey() {
	as, err := validatortest.Start(validatortest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer as.Close()
	api := newAPI(as)

	client, thief := dpoptest.NewKey("ES256"), dpoptest.NewKey("ES256")
	token := as.AccessToken(client.Bind())
	for _, key := range []*dpoptest.Key{client, thief} {
		r := httptest.NewRequest("GET", "/orders/list", nil)
		key.Authorize(r, "https://api.example.com", token)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 401
}

func newAPI(as *validatortest.Server) http.Handler {
	v, err := validator.New(validator.Config{
		Issuers:           []validator.Issuer{{URL: as.Issuer(), Audiences: []string{"api://default"}, AnyClient: true}},
		InsecureAllowHTTP: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	proofs, err := dpop.New(dpop.Config{Origins: []string{"https://api.example.com"}})
	if err != nil {
		log.Fatal(err)
	}
	guard, err := middleware.New(v, middleware.Config{DPoP: proofs})
	if err != nil {
		log.Fatal(err)
	}
	routes := guard.Routes()
	routes.Handle("GET /orders/list", validator.Policy{Scopes: []string{"read"}}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return routes
}
