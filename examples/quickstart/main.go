// Command quickstart is a protected API together with the authorization server
// that it trusts, both on loopback. It sends good and bad requests over HTTP,
// prints what became of them, then serves on and prints curl lines to try.
//
//	go run ./examples/quickstart        # a table, then curl lines
//	go run ./examples/quickstart -once  # the table only; fails if an answer is not as expected
//
// What a service of your own needs is in this file: newAPI. The authorization
// server is the one that validatortest has for tests.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const audience = "api://orders" // the name of this API, as the authorization server knows it

const opaquePrefix = "opaque_" // how the authorization server's opaque tokens begin

// newAPI returns the protected API: who may issue tokens for it, and what each
// endpoint asks of them.
func newAPI(issuer string, log *journal) (http.Handler, error) {
	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			URL:       issuer,
			Audiences: []string{audience},
			ClientIDs: []string{ordersApp.id},
			Profile:   validator.RFC9068(),
			// Tokens that are no JWT: the authorization server is asked what they are.
			Introspection: &introspect.Config{
				Auth:   introspect.ClientSecretBasic(ordersAPI.id, introspect.StaticSecret(ordersAPI.secret)),
				Format: introspect.Format{Prefix: opaquePrefix, MinLength: 50, MaxLength: 50},
			},
		}},
		InsecureAllowHTTP: true, // our authorization server is on loopback, without TLS
		Observer:          validator.Observer{Decision: log.decision},
	})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(v, middleware.Config{Realm: "orders"})
	if err != nil {
		return nil, err
	}
	readers := guard.Require(validator.Policy{Scopes: []string{"orders.read"}})
	writers := guard.Require(validator.Policy{Scopes: []string{"orders.write"}})

	mux := http.NewServeMux()
	mux.Handle("GET /orders", readers(http.HandlerFunc(listOrders)))
	mux.Handle("POST /orders", writers(http.HandlerFunc(createOrder)))
	return log.watch(mux), nil
}

// listOrders is reached only with a good token that has orders.read.
func listOrders(w http.ResponseWriter, r *http.Request) {
	token, _ := validator.FromContext(r.Context())
	fmt.Fprintf(w, "the orders of %q\n", token.Subject())
}

// createOrder is reached only with a good token that has orders.write.
func createOrder(w http.ResponseWriter, r *http.Request) {
	token, _ := validator.FromContext(r.Context())
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, "an order of %q\n", token.Subject())
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		stop()
		os.Exit(1)
	}
}

// run is the program: it ends with an error, after the table with -once, or with ctx.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	once := flags.Bool("once", false, "end after the table")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}

	as, err := validatortest.Start(validatortest.Options{Audience: audience, OpaquePrefix: opaquePrefix})
	if err != nil {
		return err
	}
	defer as.Close()
	for _, app := range []app{ordersApp, otherApp} {
		as.AddClient(app.id, app.secret, "orders.read", "orders.write")
	}
	as.AddClient(ordersAPI.id, ordersAPI.secret) // it asks about tokens, and is given none

	log := newJournal()
	api, err := newAPI(as.Issuer(), log)
	if err != nil {
		return err
	}
	address, stop, err := serve(api)
	if err != nil {
		return err
	}
	defer stop()

	browser := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	defer browser.CloseIdleConnections()
	fmt.Fprintf(stdout, "authorization server  %s\nprotected API         %s\n\n", as.Issuer(), address)
	if err := showTable(ctx, stdout, demo{as, browser, address, log}); err != nil || *once {
		return err
	}
	return serveOn(ctx, stdout, demo{as, browser, address, log})
}

// serve serves the handler on a free port of loopback until stop is called.
func serve(handler http.Handler) (address string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.Serve(listener)
	}()
	return "http://" + listener.Addr().String(), func() { server.Close(); <-ended }, nil
}
