// Command grpc is a gRPC server whose interceptor calls Validate itself, without
// package grpcauth. It starts an authorization server and the API on loopback, calls
// it with good and bad tokens, and prints each answer:
//
//	go run ./examples/grpc
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"text/tabwriter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
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
	client, stop, err := serve(v)
	if err != nil {
		return err
	}
	defer stop()
	return show(ctx, out, as, client)
}

// serve serves the orders on a free port of loopback. TLS is left out because this
// is a demonstration: tokens are secrets.
func serve(v *validator.Validator) (client *grpc.ClientConn, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	server := grpc.NewServer(grpc.ChainUnaryInterceptor(authenticate(v)))
	server.RegisterService(&orders, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	stop = func() {
		if conn != nil {
			conn.Close()
		}
		server.Stop()
		<-done
	}
	if err != nil {
		stop()
		return nil, nil, err
	}
	return conn, stop, nil
}

// show makes the calls of the table.
func show(ctx context.Context, out io.Writer, as *validatortest.Server, client *grpc.ClientConn) error {
	app := validatortest.ClientID("orders-app")
	good := "Bearer " + as.AccessToken(app, validatortest.Scope("orders.read"))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, call := range []struct {
		what          string
		authorization []string
	}{
		{"no token", nil},
		{"a good token", []string{good}},
		{"two of them", []string{good, good}},
		{"another scheme", []string{"Basic dTpw"}},
		{"not a token", []string{"Bearer x"}},
		{"expired", []string{"Bearer " + as.AccessToken(app, validatortest.Expiry(time.Now().Add(-time.Hour)))}},
		{"of another client", []string{"Bearer " + as.AccessToken(validatortest.ClientID("another-app"))}},
		{"without the scope", []string{"Bearer " + as.AccessToken(app, validatortest.Scope("profile"))}},
	} {
		answer := new(wrapperspb.StringValue)
		err := client.Invoke(metadata.NewOutgoingContext(ctx, metadata.MD{"authorization": call.authorization}), list, new(emptypb.Empty), answer)
		text := answer.GetValue()
		if err != nil {
			text = status.Convert(err).Message()
		}
		fmt.Fprintf(table, "%s\t%v\t%s\n", call.what, status.Code(err), text)
	}
	return table.Flush()
}
