package dpop_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// newOrdersAPI is an API that accepts DPoP-bound tokens.
func newOrdersAPI(v *validator.Validator, secret []byte) (http.Handler, error) {
	proofs, err := dpop.New(dpop.Config{
		Origins: []string{"https://api.example.com"}, // as clients address this API
		Nonces:  &dpop.Nonces{Secret: secret},        // the same on every replica
	})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(v, middleware.Config{Realm: "orders", DPoP: proofs})
	if err != nil {
		return nil, err
	}
	routes := guard.Routes()
	routes.Handle("GET /orders", validator.Policy{Scopes: []string{"read"}}, http.HandlerFunc(listOrders))
	return routes, nil
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	token, _ := validator.FromContext(r.Context())
	fmt.Fprintf(w, "the orders of %q", token.Subject())
}

// newValidator is one that trusts an authorization server for tests.
func newValidator(as *validatortest.Server) *validator.Validator {
	v, err := validator.New(validator.Config{
		Issuers:           []validator.Issuer{{URL: as.Issuer(), Audiences: []string{"api://default"}, AnyClient: true}},
		InsecureAllowHTTP: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// An API, and what its test does with a client's key.
func Example() {
	as, err := validatortest.Start(validatortest.Options{Algorithm: "ES256"})
	if err != nil {
		log.Fatal(err)
	}
	defer as.Close()
	secret := make([]byte, dpop.MinNonceSecret)
	rand.Read(secret)
	api, err := newOrdersAPI(newValidator(as), secret)
	if err != nil {
		log.Fatal(err)
	}

	key := dpoptest.NewKey("ES256")
	token := as.AccessToken(key.Bind())
	get := func(edits ...validatortest.Edit) *http.Response {
		r := httptest.NewRequest("GET", "/orders?page=2", nil)
		key.Authorize(r, "https://api.example.com", token, edits...)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return w.Result()
	}
	first := get()
	nonce := first.Header.Get("DPoP-Nonce")
	second := get(validatortest.Claim("nonce", nonce))

	fmt.Println(first.StatusCode, first.Header.Values("WWW-Authenticate")[0][:46])
	fmt.Println(second.StatusCode, second.Header.Get("DPoP-Nonce") != "")
	// Output:
	// 401 DPoP realm="orders", error="use_dpop_nonce", e
	// 200 true
}

// An API of two names, behind a proxy that has a name of its own for it.
func ExampleNew() {
	proofs, err := dpop.New(dpop.Config{
		Origins:        []string{"https://api.example.com", "https://eu.api.example.com"},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(proofs.Algorithms())
	// Output: [RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519]
}

// A gate that a proxy asks about each request, before it passes the request on to an API
// that decides for itself (forward authentication).
func ExampleVerifier_WithoutConsuming() {
	as, err := validatortest.Start(validatortest.Options{Algorithm: "ES256"})
	if err != nil {
		log.Fatal(err)
	}
	defer as.Close()
	v := newValidator(as)
	proofs, err := dpop.New(dpop.Config{Origins: []string{"https://api.example.com"}})
	if err != nil {
		log.Fatal(err)
	}

	gate := proofs.WithoutConsuming() // or the API would refuse the proof as used
	ask := func(r *http.Request) error {
		scheme, token, err := validator.ParseAuthorization(r.Header["Authorization"])
		if err != nil {
			return err
		}
		_, err = v.ValidateWith(r.Context(), token, validator.Requirements{Proofs: []validator.Proof{gate.Proof(dpop.Request{
			Method: r.Header.Get("X-Original-Method"), // of what the proxy was asked, not of its question
			URL:    r.Header.Get("X-Original-URL"),
			Proofs: r.Header["Dpop"],
			Scheme: scheme,
		})}})
		return err
	}

	key := dpoptest.NewKey("ES256")
	token := as.AccessToken(key.Bind())
	r := httptest.NewRequest("GET", "/auth", nil)
	r.Header.Set("X-Original-Method", "DELETE")
	r.Header.Set("X-Original-URL", "https://api.example.com/orders/7")
	r.Header.Set("Authorization", "DPoP "+token)
	r.Header.Set("DPoP", key.Proof("DELETE", "https://api.example.com/orders/7", token))
	fmt.Println(ask(r), ask(r))
	// Output: <nil> <nil>
}

// redis is what a shared store needs of a client library: SET key value NX EXAT at.
type redis interface {
	SetNX(ctx context.Context, key string, expireAt time.Time) (set bool, err error)
}

// sharedReplays makes one use of a proof hold for all replicas.
type sharedReplays struct{ redis redis }

func (s sharedReplays) Add(ctx context.Context, jkt string, jti [sha256.Size]byte, until time.Time) (fresh bool, err error) {
	return s.redis.SetNX(ctx, "dpop:"+jkt+":"+base64.RawURLEncoding.EncodeToString(jti[:]), until)
}

// A store that replicas share.
func ExampleReplayStore() {
	shared := &fakeRedis{}
	for range 2 { // replicas
		if _, err := dpop.New(dpop.Config{
			Origins: []string{"https://api.example.com"},
			Replays: sharedReplays{shared},
		}); err != nil {
			log.Fatal(err)
		}
	}
	fresh, err := sharedReplays{shared}.Add(context.Background(), "jkt", sha256.Sum256([]byte("jti")), time.Now().Add(time.Minute))
	again, err2 := sharedReplays{shared}.Add(context.Background(), "jkt", sha256.Sum256([]byte("jti")), time.Now().Add(time.Minute))
	fmt.Println(fresh, err, again, err2)
	// Output: true <nil> false <nil>
}

// fakeRedis is one for this example: it never forgets.
type fakeRedis struct{ keys map[string]bool }

func (f *fakeRedis) SetNX(_ context.Context, key string, _ time.Time) (bool, error) {
	set := !f.keys[key]
	f.keys = map[string]bool{key: true}
	return set, nil
}
