// Command routers serves the same API by four routers, ServeMux, chi, gin and echo,
// each with its own listener on loopback, beside an authorization server. It sends
// each the same requests, prints the answers, and serves on:
//
//	go run ./examples/routers
//	go run ./examples/routers -once
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

var (
	readers    = validator.Policy{Scopes: []string{"orders.read"}}
	cancellers = validator.Policy{Scopes: []string{"orders.cancel"}}
)

// routers are the four, each in a file of its own.
var routers = []struct {
	name    string
	handler func(*middleware.Guard) http.Handler
}{
	{"ServeMux", serveMux}, {"chi", chiRouter}, {"gin", ginRouter}, {"echo", echoRouter},
}

// tell answers with the order and whose it is.
func tell(w http.ResponseWriter, ctx context.Context, order string) {
	token, _ := validator.FromContext(ctx)
	fmt.Fprintf(w, "order %s of %s\n", order, token.Subject())
}

func healthy(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "healthy") }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		log.Fatal(err)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("routers", flag.ContinueOnError)
	once := flags.Bool("once", false, "end after the requests")
	if err := flags.Parse(args); err != nil {
		return err
	}
	as, err := validatortest.Start(validatortest.Options{Audience: "api://orders"})
	if err != nil {
		return err
	}
	defer as.Close()
	v, err := validator.New(validator.Config{
		Issuers:           []validator.Issuer{{URL: as.Issuer(), Audiences: []string{"api://orders"}, ClientIDs: []string{"orders-app"}}},
		InsecureAllowHTTP: true, // as is on loopback, without TLS
	})
	if err != nil {
		return err
	}
	guard, err := middleware.New(v, middleware.Config{Realm: "orders"})
	if err != nil {
		return err
	}
	apis, stop, err := serve(guard)
	if err != nil {
		return err
	}
	defer stop()
	if err := show(ctx, out, as, apis); err != nil || *once {
		return err
	}
	invite(out, as, apis)
	<-ctx.Done()
	return nil
}
