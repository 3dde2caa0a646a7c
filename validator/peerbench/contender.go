package main

import (
	"context"
	"net/http"
	"runtime/debug"
)

// verify decides on a raw token: signature, alg, iss, aud, exp, client and scope.
type verify func(ctx context.Context, raw string) error

// contender is one way to decide on access tokens, set up as its documentation shows.
type contender struct {
	name    string
	modules []string // whose versions the report names
	cache   bool     // it remembers tokens it has seen
	// keysOnce: it leaves the fetching of keys to its callers.
	keysOnce bool
	// algorithms that it verifies; nil: all of them.
	algorithms []string
	// verifier sets the contender up for the tokens of f. size is how many tokens its
	// cache is to hold, if it has one.
	verifier func(f *fixture, size int) (verify, error)
	// handler is the same as a middleware, where the contender has one, or shows how
	// to write one. What it found out is in the context of the request.
	handler func(f *fixture, size int) (func(next http.Handler) http.Handler, error)
	// introspector asks the server about an opaque token (RFC 7662), where the
	// contender can.
	introspector func(f *fixture) (verify, error)
}

const ours = "bearerguard"

// contenders is the table of all that is measured. Each is one function in a file of
// its own.
var contenders = []contender{
	{name: ours, cache: true, verifier: bearerguard, handler: bearerguardHandler, introspector: bearerguardIntrospection},
	{name: "golang-jwt + keyfunc", modules: []string{"github.com/golang-jwt/jwt/v5", "github.com/MicahParks/keyfunc/v3"},
		verifier: golangJWT, handler: golangJWTHandler},
	{name: "coreos/go-oidc", modules: []string{"github.com/coreos/go-oidc/v3"}, verifier: coreosOIDC},
	{name: "lestrrat-go/jwx", modules: []string{"github.com/lestrrat-go/jwx/v3"}, verifier: jwx, handler: jwxHandler},
	{name: "auth0/go-jwt-middleware", modules: []string{"github.com/auth0/go-jwt-middleware/v2"},
		verifier: auth0, handler: auth0Handler},
	{name: "zitadel/oidc", modules: []string{"github.com/zitadel/oidc/v3"}, verifier: zitadel, introspector: zitadelIntrospection},
	{name: "hashicorp/cap", modules: []string{"github.com/hashicorp/cap"}, verifier: hashicorpCap},
	{name: "go-jose", modules: []string{"github.com/go-jose/go-jose/v4"}, keysOnce: true, verifier: goJOSE},
	{name: "okta-jwt-verifier-golang", modules: []string{"github.com/okta/okta-jwt-verifier-golang/v2"},
		algorithms: []string{"RS256"}, verifier: okta},
	{name: "tink-go", modules: []string{"github.com/tink-crypto/tink-go/v2"},
		algorithms: []string{"RS256", "ES256"}, keysOnce: true, verifier: tink},
	{name: "kubernetes token cache", modules: []string{"k8s.io/apiserver"}, cache: true,
		verifier: kubernetes, handler: kubernetesHandler, introspector: kubernetesIntrospection},
	{name: "golang-lru by token (keeps it)", modules: []string{"github.com/hashicorp/golang-lru/v2"}, cache: true, verifier: lruByToken},
	{name: "golang-lru by SHA-256", modules: []string{"github.com/hashicorp/golang-lru/v2"}, cache: true,
		verifier: lruByHash, handler: lruHandler},
}

// verifies reports whether the contender can judge tokens of the algorithm.
func (c *contender) verifies(algorithm string) bool {
	if c.algorithms == nil {
		return true
	}
	for _, a := range c.algorithms {
		if a == algorithm {
			return true
		}
	}
	return false
}

// only returns the contenders that pass.
func only(pass func(*contender) bool) []contender {
	var list []contender
	for _, c := range contenders {
		if pass(&c) {
			list = append(list, c)
		}
	}
	return list
}

// versions are those of the modules this program was built with.
func versions() map[string]string {
	found := map[string]string{}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return found
	}
	for _, m := range info.Deps {
		if m.Replace != nil && m.Replace.Version != "" {
			m = m.Replace
		}
		found[m.Path] = m.Version
	}
	return found
}
