package main

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/mtls"
	"github.com/bearerguard/bearerguard/middleware/signals"
	"github.com/bearerguard/bearerguard/validator"
)

// Paths of the API.
const (
	pathAny     = "/any/thing"    // every token of a trusted issuer
	pathOrders  = "/orders/list"  // scope read
	pathAdmin   = "/admin/things" // a scope that nobody has
	pathLogout  = "/signals/logout"
	pathEvents  = "/signals/events"
	pathNowhere = "/nowhere"
)

// headerBytes is what the server reads of a request's headers; it grants 4 KiB more.
const headerBytes = 64 << 10

// origin is the API's address in DPoP proofs: with one, Host does not matter.
const origin = "https://api.example.com"

// api is the guarded service on a real listener.
type api struct {
	http    *http.Server
	address string // of https
	proofs  *dpop.Verifier
	current atomic.Pointer[http.Handler]
	ended   chan struct{}
}

// startAPI serves HTTPS with a certificate, until close. Nothing is served before use.
func startAPI(certificate tls.Certificate) (*api, error) {
	// One for all configurations: which proofs were used must survive a reload.
	proofs, err := dpop.New(dpop.Config{Origins: []string{origin}})
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &api{address: "https://" + l.Addr().String(), proofs: proofs, ended: make(chan struct{})}
	a.http = &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*a.current.Load()).ServeHTTP(w, r) }),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequestClientCert},
		ReadHeaderTimeout: 10 * time.Second,
		MaxHeaderBytes:    headerBytes,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	go func() {
		defer close(a.ended)
		_ = a.http.ServeTLS(l, "", "") // ends with close
	}()
	return a, nil
}

func (a *api) close() {
	_ = a.http.Close()
	<-a.ended
}

// use serves by a validator from the next request on.
func (a *api) use(v *validator.Validator, wrap func(http.Handler) http.Handler) error {
	certificates, err := mtls.New(mtls.Config{})
	if err != nil {
		return err
	}
	guard, err := middleware.New(v, middleware.Config{Realm: "soak", DPoP: a.proofs, MutualTLS: certificates})
	if err != nil {
		return err
	}
	routes, whoami := guard.Routes(), http.HandlerFunc(whoami)
	routes.Handle("GET "+pathAny, validator.Policy{AnyToken: true, AnyTrustedIssuer: true}, whoami)
	routes.Handle("GET "+pathOrders, validator.Policy{Scopes: []string{"read"}, AnyTrustedIssuer: true}, whoami)
	routes.Handle("GET "+pathAdmin, validator.Policy{Scopes: []string{"admin"}, AnyTrustedIssuer: true}, whoami)
	routes.Public(pathLogout, signals.Logout(v))
	routes.Public(pathEvents, signals.Events(v))
	handler := wrap(routes)
	a.current.Store(&handler)
	return nil
}

// whoami answers with whom the token is about.
func whoami(w http.ResponseWriter, r *http.Request) {
	token, _ := validator.FromContext(r.Context())
	_, _ = io.WriteString(w, token.Subject())
}
