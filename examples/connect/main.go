// Command connect is a Connect service, for Connect, gRPC and gRPC-Web clients,
// whose procedures are protected by access tokens. It starts the authorization
// servers that it trusts too, all on loopback, sends good and bad requests, and
// prints what became of them.
//
//	go run ./examples/connect         # a table; fails if an answer is not as expected
//	go run ./examples/connect -serve  # then serves on, and prints curl lines to try
//
// What a service of your own needs is newAPI, in this file, and gate.go, expiry.go
// and refusal.go. README.md explains it.
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

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const audience = "api://orders" // the name of this API, as the authorization servers know it

// newAPI returns the service: who may issue tokens for it, and what each procedure
// asks of them. There are two products with an authorization server each; the
// scopes of one say nothing about the other, so each policy names its issuer.
func newAPI(ordersIssuer, invoicesIssuer string, j *journal) (http.Handler, error) {
	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{
			{Name: "orders", URL: ordersIssuer, Audiences: []string{audience}, ClientIDs: []string{ordersApp.id}, Profile: validator.RFC9068()},
			{Name: "invoices", URL: invoicesIssuer, Audiences: []string{audience}, ClientIDs: []string{invoicesApp.id}, Profile: validator.RFC9068()},
		},
		InsecureAllowHTTP: true, // our authorization servers are on loopback, without TLS
	})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(v, middleware.Config{Realm: "orders"})
	if err != nil {
		return nil, err
	}
	read := validator.Policy{Issuers: []string{"orders"}, Scopes: []string{"orders.read"}}
	write := validator.Policy{Issuers: []string{"orders"}, Scopes: []string{"orders.write"}}
	g, err := newGate(v, guard, access{
		public:   []string{"/grpc.health.v1.Health/Check"},
		policies: map[string]validator.Policy{listProcedure: read, exportProcedure: read, cancelProcedure: write},
	}, j.write)
	if err != nil {
		return nil, err
	}

	options := connect.WithInterceptors(g)
	mux := http.NewServeMux()
	mux.Handle(listProcedure, connect.NewUnaryHandler(listProcedure, list, options))
	mux.Handle(exportProcedure, connect.NewServerStreamHandler(exportProcedure, export, options))
	mux.Handle(cancelProcedure, connect.NewUnaryHandler(cancelProcedure, cancel, options))
	mux.Handle(grpchealth.NewHandler(grpchealth.NewStaticChecker("orders.v1.Orders"), options))
	return g.wrap(mux, options), nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "connect:", err)
		stop()
		os.Exit(1)
	}
}

// run is the program: it ends with an error, after the table, or with -serve when
// ctx does.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("connect", flag.ContinueOnError)
	serveOn := flags.Bool("serve", false, "serve on after the table")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	d, stop, err := start()
	if err != nil {
		return err
	}
	defer stop()
	fmt.Fprintf(stdout, "authorization server     %s\nof another product       %s\nprotected Connect API    %s\n\n", d.orders.Issuer(), d.invoices.Issuer(), d.address)
	if err := d.showTable(ctx, stdout); err != nil || !*serveOn {
		return err
	}
	return d.serveOn(ctx, stdout)
}

// demo is what the requests of the table need.
type demo struct {
	orders   *validatortest.Server
	invoices *validatortest.Server // of another product
	stranger *validatortest.Server // nobody trusts it
	address  string                // of the API
	journal  *journal
	clients
}

// start starts everything, until stop is called.
func start() (d *demo, stop func(), err error) {
	var stops []func()
	stop = func() {
		for _, one := range stops {
			defer one()
		}
	}
	defer func() {
		if err != nil {
			stop()
		}
	}()
	d = &demo{journal: newJournal(), clients: newClients()}
	stops = append(stops, d.clients.close)
	for _, as := range []**validatortest.Server{&d.orders, &d.invoices, &d.stranger} {
		if *as, err = validatortest.Start(validatortest.Options{Audience: audience, Algorithm: "ES256"}); err != nil {
			return nil, nil, err
		}
		stops = append(stops, (*as).Close)
	}
	d.orders.AddClient(ordersApp.id, ordersApp.secret, "orders.read", "orders.write")
	d.invoices.AddClient(invoicesApp.id, invoicesApp.secret, "orders.read")
	api, err := newAPI(d.orders.Issuer(), d.invoices.Issuer(), d.journal)
	if err != nil {
		return nil, nil, err
	}
	address, close, err := serve(api)
	if err != nil {
		return nil, nil, err
	}
	d.address, stops = address, append(stops, close)
	return d, stop, nil
}

// serve serves the handler on a free port of loopback until stop is called: HTTP/1.1
// for Connect clients, and HTTP/2 without TLS (h2c), which gRPC clients need.
func serve(handler http.Handler) (address string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.Serve(listener)
	}()
	return "http://" + listener.Addr().String(), func() { server.Close(); <-ended }, nil
}
